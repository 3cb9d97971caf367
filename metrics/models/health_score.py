import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models.functions import Coalesce

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet
from metrics.models.override import Override
from metrics.models.scorecard import IdRange, MomentRange, ScorecardVersion


class LinesTotal(models.Func):
    """Sum of lines as they were stored first; only an early migration asks for it."""

    function = "metrics_lines_total"
    output_field = models.DecimalField(max_digits=14, decimal_places=6)


class LinesSum(models.Func):
    """Sum of stored lines and a further part, in points; the database function is made in a migration."""

    function = "metrics_lines_sum"
    output_field = models.DecimalField(max_digits=14, decimal_places=6)


def closed_once() -> pgtrigger.Trigger:
    """A score is closed once and never rewritten or deleted."""
    return pgtrigger.Trigger(
        name="closed_once",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func="""
            IF TG_OP = 'UPDATE' AND OLD.to_at IS NULL AND NEW.to_at IS NOT NULL
               AND to_jsonb(OLD) - 'to_at' = to_jsonb(NEW) - 'to_at' THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'scores are history: % of score % is refused', TG_OP, OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        """,
    )


class HealthScore(models.Model):
    """The score of one customer during [from_at, to_at), with everything that gave it.

    `inputs` hold the readings in card order and what picked card and curves; the same inputs and version give the same
    lines for ever. `computed` comes from the card, `score` is after the override; without enough data both are NULL and
    `arithmetic` keeps what would have come out. `lines` are micro-points in card order.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="health_scores")
    version = models.ForeignKey(ScorecardVersion, on_delete=models.PROTECT, related_name="scores")
    rules = models.ForeignKey(ScorecardVersion, null=True, on_delete=models.PROTECT, related_name="+")
    rule = models.PositiveSmallIntegerField(
        null=True
    )  # place of the card rule that fitted; NULL the default card
    engine = models.PositiveSmallIntegerField()
    from_at = models.DateTimeField()
    to_at = models.DateTimeField(null=True)
    as_of = models.DateField()
    inputs = models.JSONField()
    inputs_hash = models.CharField(max_length=64)
    computed = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    score = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    arithmetic = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    band = models.CharField(max_length=40)
    reason = models.CharField(max_length=20, blank=True)
    coverage = models.DecimalField(max_digits=7, decimal_places=6)
    lines = ArrayField(models.BigIntegerField())
    cap = models.BigIntegerField(null=True)
    override = models.ForeignKey(Override, null=True, on_delete=models.PROTECT, related_name="scores")
    override_part = models.BigIntegerField(default=0)
    held = models.BooleanField(default=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=models.Q(to_at=None), name="metrics_healthscore_one_open"
            ),
            ExclusionConstraint(
                name="metrics_healthscore_no_overlap",
                expressions=[
                    (IdRange("customer_id"), RangeOperators.OVERLAPS),
                    (MomentRange("from_at", "to_at"), RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(
                condition=models.Q(to_at=None) | models.Q(to_at__gt=models.F("from_at")),
                name="metrics_healthscore_forward",
            ),
            models.CheckConstraint(
                condition=models.Q(arithmetic=None, lines__len=0, cap=None)
                | models.Q(
                    arithmetic__isnull=False,
                    arithmetic=LinesSum(
                        models.F("lines"), Coalesce("cap", 0, output_field=models.BigIntegerField())
                    ),
                ),
                name="metrics_healthscore_lines_sum",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    computed=None, score=None, override=None, override_part=0, band="insufficient"
                )
                & ~models.Q(reason="")
                | models.Q(computed__isnull=False, computed=models.F("arithmetic"), reason="")
                & models.Q(
                    score__isnull=False,
                    score=LinesSum(
                        models.F("lines"),
                        Coalesce("cap", 0, output_field=models.BigIntegerField()) + models.F("override_part"),
                    ),
                )
                & (models.Q(override__isnull=False) | models.Q(override_part=0))
                & ~models.Q(band="insufficient"),
                name="metrics_healthscore_parts_sum",
            ),
            models.CheckConstraint(
                condition=models.Q(coverage__gte=0, coverage__lte=1), name="metrics_healthscore_coverage"
            ),
        ]
        indexes = [
            models.Index(
                fields=["version", "band"], condition=models.Q(to_at=None), name="metrics_healthscore_bands"
            ),
            models.Index(fields=["customer", "from_at"], name="metrics_healthscore_history"),
        ]
        triggers = [closed_once()]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.score}"
