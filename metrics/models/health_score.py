import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models.functions import Coalesce

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet
from metrics.formulas.health_numbers import MICRO
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


class Rewritten(pgtrigger.Condition):
    """Whether anything but the end of a score changes; bytes are compared, which spares taking documents apart."""

    def __init__(self) -> None:
        super().__init__("every column but one")

    def resolve(self, model: type[models.Model]) -> str:
        """The condition over the columns of a model."""
        columns = sorted(field.column for field in model._meta.fields if field.name != "to_at")
        old, new = (", ".join(f'{row}."{column}"' for column in columns) for row in ("OLD", "NEW"))
        return f"ROW({old})::record *<> ROW({new})::record"


def history_guards() -> list[pgtrigger.Trigger]:
    """A score is closed once and never rewritten or deleted.

    The conditions are the statement's own: to call a function for every closed row costs a third of a full run.
    """
    not_closing = pgtrigger.Q(old__to_at__isnull=False) | pgtrigger.Q(new__to_at__isnull=True)
    return [
        _refused("closed_once", pgtrigger.Update, not_closing),
        _refused("never_rewritten", pgtrigger.Update, Rewritten()),
        _refused("never_deleted", pgtrigger.Delete),
    ]


def _refused(
    name: str, operation: pgtrigger.Operation, condition: pgtrigger.Condition | None = None
) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=operation,
        condition=condition,
        func="""
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
                    override_part=(models.F("score") - models.F("arithmetic")) * MICRO,
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
        triggers = history_guards()

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.score}"
