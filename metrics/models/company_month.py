from django.db import models
from django.db.models.functions import Now

from metrics.models.movement import VALUED


class CompanyMonth(models.Model):
    """Sums of all customer months of one month, with the counts and the parts of every monthly rate."""

    month = models.DateField(primary_key=True)
    close_on = models.DateField()
    opening = models.DecimalField(**VALUED)
    new = models.DecimalField(**VALUED)
    reactivation = models.DecimalField(**VALUED)
    expansion = models.DecimalField(**VALUED)
    contraction = models.DecimalField(**VALUED)
    churn = models.DecimalField(**VALUED)
    fx = models.DecimalField(**VALUED)
    closing = models.DecimalField(**VALUED)
    new_n = models.PositiveIntegerField()
    reactivation_n = models.PositiveIntegerField()
    expansion_n = models.PositiveIntegerField()
    contraction_n = models.PositiveIntegerField()
    churn_n = models.PositiveIntegerField()
    base_expansion = models.DecimalField(**VALUED)
    base_contraction = models.DecimalField(**VALUED)
    base_churn = models.DecimalField(**VALUED)
    opening_at_close = models.DecimalField(**VALUED)
    kept = models.DecimalField(**VALUED)
    now_of_base = models.DecimalField(**VALUED)
    then_12m = models.DecimalField(**VALUED)
    kept_12m = models.DecimalField(**VALUED)
    now_12m = models.DecimalField(**VALUED)
    open_logos = models.PositiveIntegerField()
    close_logos = models.PositiveIntegerField()
    lost_logos = models.PositiveIntegerField()
    logos_12m = models.PositiveIntegerField()
    kept_logos_12m = models.PositiveIntegerField()
    ever_paid = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    closing=models.F("opening")
                    + models.F("new")
                    + models.F("reactivation")
                    + models.F("expansion")
                    + models.F("contraction")
                    + models.F("churn")
                    + models.F("fx")
                ),
                name="metrics_companymonth_adds_up",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    close_logos=models.F("open_logos")
                    + models.F("new_n")
                    + models.F("reactivation_n")
                    - models.F("churn_n")
                ),
                name="metrics_companymonth_logos_add_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class CohortMonth(models.Model):
    """Customers first paid in `cohort`, k months later: how many pay and how much.

    `initial` is their MRR at k = 0 and `kept` the sum of min(initial, now), both at the factors of `close_on`.
    """

    cohort = models.DateField()
    k = models.PositiveSmallIntegerField()
    close_on = models.DateField()
    size = models.PositiveIntegerField()
    paying = models.PositiveIntegerField()
    initial = models.DecimalField(**VALUED)
    kept = models.DecimalField(**VALUED)
    mrr = models.DecimalField(**VALUED)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cohort", "k"], name="metrics_cohortmonth_one"),
        ]

    def __str__(self) -> str:
        return f"{self.cohort:%Y-%m} + {self.k}"


class DirtyMonth(models.Model):
    """Company and cohort months from `month` on wait to be filled again. Insert-only, so that nobody queues."""

    month = models.DateField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"from {self.month:%Y-%m}"


class RollupFill(models.Model):
    """When a company-wide rollup was last filled, up to which day, and the checksum of its rows."""

    rollup = models.CharField(max_length=40, primary_key=True)
    filled_at = models.DateTimeField()
    as_of = models.DateField()
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64)
    definition = models.PositiveIntegerField(default=0)
    checksum = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.rollup
