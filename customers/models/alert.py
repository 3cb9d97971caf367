from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from customers.choices import AlertState
from customers.models.customer import Customer
from customers.models.scoped import ScopedQuerySet


class Alert(models.Model):
    """One message about one customer to one person; while it is open the same rule does not speak again."""

    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT, related_name="alerts")
    receiver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="alerts")
    kind = models.CharField(max_length=20)
    rule = models.CharField(max_length=60)
    dedupe_key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    causes = models.JSONField(default=list)  # [{"cause", "text", "points"}], what moved the score
    link = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=AlertState, default=AlertState.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    useful = models.BooleanField(null=True)  # thumbs of the receiver
    created_at = models.DateTimeField(db_default=Now())

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key", "receiver"],
                condition=models.Q(state="open"),
                name="customers_alert_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=AlertState.values), name="customers_alert_words"
            ),
        ]
        indexes = [
            models.Index(
                fields=["receiver", "-opened_at"],
                condition=models.Q(state="open"),
                name="customers_alert_mine",
            ),
            models.Index(fields=["customer", "-opened_at"], name="customers_alert_customer"),
        ]

    def __str__(self) -> str:
        return self.title
