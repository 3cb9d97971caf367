from django.db import models

from customers.models.customer import Customer
from customers.models.facts import Fact, append_only
from customers.models.scoped import ScopedFactQuerySet


class FieldValue(Fact):
    """The value of a custom field from a day on, until a later row says otherwise; empty text takes it away."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="field_values")
    key = models.CharField(max_length=50)
    value = models.TextField(blank=True)
    from_on = models.DateField()

    objects = ScopedFactQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["customer", "key", "-from_on"], name="customers_fieldvalue_recent")]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.key} = {self.value} from {self.from_on}"
