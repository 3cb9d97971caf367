from django.db import models
from django.db.models import Q

from customers.models.customer import Customer
from customers.models.facts import CURRENT, Fact, append_only
from customers.models.scoped import ScopedFactQuerySet


class Order(Fact):
    """A one-off purchase; `source_key` is the id of the order. A fully refunded order does not count."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    day = models.DateField()
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    currency = models.CharField(max_length=3)
    refunded = models.BooleanField(default=False)

    objects = ScopedFactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"], condition=CURRENT, name="customers_order_source"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0),
                name="customers_order_amount",
                violation_error_message="An order is worth zero or more.",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "day"], condition=CURRENT, name="customers_order_current"),
            models.Index(fields=["day"], condition=CURRENT, name="customers_order_day"),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return self.source_key
