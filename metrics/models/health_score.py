import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet
from metrics.models.scorecard import IdRange, MomentRange, ScorecardVersion


class LinesTotal(models.Func):
    """Sum of the points of stored lines, in points; the database function is made in a migration."""

    function = "metrics_lines_total"
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

    `inputs` hold the readings in card order and what picked the curves; the same inputs and version give the same
    lines for ever. Without enough data `score` is NULL and `arithmetic` keeps what would have come out.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="health_scores")
    version = models.ForeignKey(ScorecardVersion, on_delete=models.PROTECT, related_name="scores")
    engine = models.PositiveSmallIntegerField()
    from_at = models.DateTimeField()
    to_at = models.DateTimeField(null=True)
    as_of = models.DateField()
    inputs = models.JSONField()
    inputs_hash = models.CharField(max_length=64)
    score = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    arithmetic = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    band = models.CharField(max_length=40)
    reason = models.CharField(max_length=20, blank=True)
    coverage = models.DecimalField(max_digits=7, decimal_places=6)
    lines = models.JSONField()

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
                condition=models.Q(arithmetic=None, lines=[])
                | models.Q(arithmetic__isnull=False, arithmetic=LinesTotal(models.F("lines"))),
                name="metrics_healthscore_lines_add_up",
            ),
            models.CheckConstraint(
                condition=models.Q(score=None, band="insufficient") & ~models.Q(reason="")
                | models.Q(score__isnull=False, score=models.F("arithmetic"), reason="")
                & ~models.Q(band="insufficient"),
                name="metrics_healthscore_band_fits",
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
