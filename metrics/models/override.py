from django.conf import settings
from django.db import models

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet
from metrics.choices import OverrideKind, OverrideReason

LEAST_TEXT = 20  # characters of the reason


class Override(models.Model):
    """A person's word against a computed score, for a while: the score is `value`, or at most `value`.

    In force from `started_at` until midnight before `ends_on`, or until somebody ends it; one at a time per customer.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="overrides")
    kind = models.CharField(max_length=10, choices=OverrideKind)
    value = models.DecimalField(max_digits=14, decimal_places=6)
    reason = models.CharField(max_length=40)
    text = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    ends_on = models.DateField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    computed_then = models.DecimalField(
        max_digits=14, decimal_places=6
    )  # the computed score it was set against

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"],
                condition=models.Q(ended_at=None),
                name="metrics_override_one_active",
                violation_error_message="This customer already has an override. End it first.",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=OverrideKind.values), name="metrics_override_words"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at=None) | models.Q(ended_at__gte=models.F("started_at")),
                name="metrics_override_forward",
            ),
        ]
        indexes = [models.Index(fields=["customer", "started_at"], name="metrics_override_customer")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value} until {self.ends_on}"

    @property
    def reason_word(self) -> str:
        """The reason as people read it; codes that left the list stand for themselves."""
        known = self.reason in OverrideReason.values
        return str(OverrideReason(self.reason).label) if known else self.reason
