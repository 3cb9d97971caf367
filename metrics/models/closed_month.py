"""Months as they were reported: closed once, never changed, and what late facts did to them afterwards."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from customers.models.facts import FACT_SEQUENCE
from metrics.models.movement import VALUED

NEVER = pgtrigger.Update | pgtrigger.Delete


class RestatementCause(models.TextChoices):
    """Why a closed month's number is another one today."""

    LATE_FACT = "late_fact", "late facts"
    MATURED = "matured"


class ClosedMonth(models.Model):
    """A month whose numbers were frozen (T-2, T-3): when, under which definition, and what was known.

    Currency and time zone belong to the definition and can be changed apart from it. `known_at` is a moment before which every recorded fact was visible; `highest_seq` the highest number among them.
    """

    month = models.DateField(primary_key=True)
    closed_at = models.DateTimeField()
    known_at = models.DateTimeField()
    definition = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, db_default="")
    time_zone = models.CharField(max_length=64, db_default="")
    highest_seq = models.BigIntegerField(help_text=f"of {FACT_SEQUENCE}")
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        triggers = [pgtrigger.Protect(name="frozen", operation=NEVER)]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class FrozenValue(models.Model):
    """One number of a closed month as it was reported, or the reason why there was none.

    `maturing` marks numbers that could still grow when the month was closed (T-12).
    """

    month = models.ForeignKey(ClosedMonth, on_delete=models.PROTECT, related_name="values")
    key = models.CharField(max_length=60)
    value = models.DecimalField(**VALUED, null=True)
    numerator = models.DecimalField(**VALUED, null=True)
    denominator = models.DecimalField(**VALUED, null=True)
    reason = models.CharField(max_length=30, blank=True)
    maturing = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["month", "key"], name="metrics_frozenvalue_one"),
            models.CheckConstraint(
                condition=models.Q(value__isnull=False) | ~models.Q(reason=""),
                name="metrics_frozenvalue_says_why",
            ),
        ]
        triggers = [pgtrigger.Protect(name="frozen", operation=NEVER)]

    def __str__(self) -> str:
        return f"{self.month_id:%Y-%m} {self.key}"


class Restatement(models.Model):
    """One step of a closed month's number away from what was reported: before, after, and the facts that caused it (T-5).

    A number that is not computable is NULL; the difference counts it as 0.
    """

    month = models.ForeignKey(ClosedMonth, on_delete=models.PROTECT, related_name="restatements")
    key = models.CharField(max_length=60)
    as_reported = models.DecimalField(**VALUED, null=True)
    before = models.DecimalField(**VALUED, null=True)
    after = models.DecimalField(**VALUED, null=True)
    difference = models.DecimalField(**VALUED)
    cause = models.CharField(max_length=12, choices=RestatementCause)
    facts = models.JSONField(default=list)
    found_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["month", "key"], name="metrics_restatement_month")]
        triggers = [pgtrigger.Protect(name="append_only", operation=NEVER)]

    def __str__(self) -> str:
        return f"{self.month_id:%Y-%m} {self.key}"
