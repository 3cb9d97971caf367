from django.db import models

from customers.choices import Attribute
from customers.models.customer import Customer
from customers.models.facts import CURRENT, Fact, append_only, no_overlap, range_is_forward
from customers.models.scoped import ScopedFactQuerySet

# One number per customer and attribute: the attribute's place in the list stands in the last digit.
SERIES = models.F("customer_id") * 10 + models.Case(
    *[models.When(key=key, then=place) for place, key in enumerate(Attribute.values)],
    output_field=models.BigIntegerField(),
)


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
            no_overlap(
                "customers_attributevalue_no_overlap",
                key=SERIES,
                condition=CURRENT,
                message="This customer already has another value during these days.",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "key"], condition=CURRENT, name="customers_attributevalue_now"),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.key} = {self.value} from {self.from_on}"
