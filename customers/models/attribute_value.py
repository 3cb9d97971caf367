from django.db import models

from customers.choices import Attribute
from customers.models.customer import Customer
from customers.models.facts import CURRENT, Fact, append_only, range_is_forward
from customers.models.scoped import ScopedFactQuerySet


class AttributeValue(Fact):
    """Phase, tier, segment, region or parent of a customer during [from_on, to_on)."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="attribute_values")
    key = models.CharField(max_length=20, choices=Attribute)
    value = models.CharField(max_length=200, blank=True)
    from_on = models.DateField()
    to_on = models.DateField(null=True)

    objects = ScopedFactQuerySet.as_manager()

    class Meta:
        constraints = [
            range_is_forward("customers_attributevalue_forward"),
            models.CheckConstraint(
                condition=models.Q(key__in=Attribute.values), name="customers_attributevalue_known_key"
            ),
            models.UniqueConstraint(
                fields=["customer", "key", "from_on"],
                condition=CURRENT,
                name="customers_attributevalue_one_per_day",
            ),
            models.UniqueConstraint(
                fields=["customer", "key"],
                condition=CURRENT & models.Q(to_on=None),
                name="customers_attributevalue_one_open",
            ),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.key} = {self.value} from {self.from_on}"
