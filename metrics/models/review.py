from django.conf import settings
from django.db import models

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet
from metrics.choices import Closing, MissLabel


class Disagreement(models.Model):
    """Two views of one customer two tones apart: computed score, pulse, latest survey, usage trend."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="disagreements")
    views = models.JSONField()  # {view: [tone, first day with it]} when it was last seen
    since = models.DateField()
    seen_on = models.DateField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    closing = models.CharField(max_length=12, choices=Closing, blank=True)
    note = models.TextField(blank=True)
    evidence = models.CharField(
        max_length=200, blank=True
    )  # the linked fact, override or draft, as "kind id"
    rests_until = models.DateField(null=True)  # "both right" silences the pair so long
    confirmed = models.CharField(max_length=20, blank=True)  # the view that the later outcome confirmed

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=models.Q(closed_at=None), name="metrics_disagreement_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(closed_at=None, closing="")
                | models.Q(closed_at__isnull=False, closing__in=Closing.values),
                name="metrics_disagreement_closing",
            ),
        ]

    def __str__(self) -> str:
        return f"disagreement about {self.customer_id} since {self.since}"


class Miss(models.Model):
    """A lost customer, or much lost MRR, with what could have been seen before."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="misses")
    day = models.DateField()
    lost_mrr = models.DecimalField(max_digits=20, decimal_places=8)
    is_churn = models.BooleanField()
    history = models.JSONField()  # {days before: what was known then}
    label = models.CharField(max_length=20, choices=MissLabel, blank=True)
    note = models.TextField(blank=True)
    labelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    labelled_at = models.DateTimeField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "day"], name="metrics_miss_one_per_loss"),
            models.CheckConstraint(
                condition=models.Q(label="", labelled_at=None)
                | models.Q(label__in=MissLabel.values, labelled_at__isnull=False),
                name="metrics_miss_label",
            ),
        ]
        indexes = [models.Index(fields=["day"], name="metrics_miss_day")]

    def __str__(self) -> str:
        return f"{self.customer_id} lost on {self.day}"
