from django.conf import settings
from django.db import models

from customers.choices import Direction, TouchpointKind
from customers.models.contact import Contact
from customers.models.customer import Customer
from customers.models.facts import CURRENT, Fact, append_only
from customers.models.scoped import ScopedFactQuerySet


class Touchpoint(Fact):
    """A contact made with the customer. An edit is a new row; the original stays readable."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="touchpoints")
    contact = models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.PROTECT, related_name="touchpoints"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    occurred_at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=TouchpointKind)
    direction = models.CharField(max_length=10, choices=Direction, default=Direction.OUT)
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    is_meaningful = models.BooleanField(default=True)

    objects = ScopedFactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"],
                condition=CURRENT & ~models.Q(source_key=""),
                name="customers_touchpoint_source",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=TouchpointKind.values) & models.Q(direction__in=Direction.values),
                name="customers_touchpoint_words",
            ),
        ]
        indexes = [
            models.Index(
                fields=["customer", "-occurred_at"], condition=CURRENT, name="customers_touchpoint_recent"
            ),
        ]
        triggers = [append_only(words=["subject", "body"])]

    def __str__(self) -> str:
        return self.subject or self.kind
