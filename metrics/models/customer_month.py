from django.db import models

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet
from metrics.models.movement import VALUED


class CustomerStart(models.Model):
    """When a customer first paid, and its MRR per currency at the end of that month: the cohort it belongs to."""

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="starts"
    )
    currency = models.CharField(max_length=3)
    first_paid_on = models.DateField()
    cohort = models.DateField()
    initial = models.DecimalField(max_digits=20, decimal_places=8)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "currency"], name="metrics_customerstart_one"),
        ]
        indexes = [models.Index(fields=["cohort"], name="metrics_customerstart_cohort")]

    def __str__(self) -> str:
        return f"{self.customer_id} since {self.first_paid_on}"


class CustomerMonth(models.Model):
    """One customer in one month: closing = opening + movements + fx, exact to the last digit.

    Rows exist where the customer paid at either end, moved, or paid twelve months before. The open month closes on
    `close_on`. `*_at_close` values and `then_12m` are earlier amounts at the closing day's factors. The `base_*`
    columns are positive and hold flows of customers paying at opening, with a churn and return inside the month
    counted as its difference.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="months"
    )
    month = models.DateField()
    close_on = models.DateField()
    opening = models.DecimalField(**VALUED)
    new = models.DecimalField(**VALUED)
    reactivation = models.DecimalField(**VALUED)
    expansion = models.DecimalField(**VALUED)
    contraction = models.DecimalField(**VALUED)
    churn = models.DecimalField(**VALUED)
    fx = models.DecimalField(**VALUED)
    closing = models.DecimalField(**VALUED)
    new_n = models.PositiveSmallIntegerField()
    reactivation_n = models.PositiveSmallIntegerField()
    expansion_n = models.PositiveSmallIntegerField()
    contraction_n = models.PositiveSmallIntegerField()
    churn_n = models.PositiveSmallIntegerField()
    base_expansion = models.DecimalField(**VALUED)
    base_contraction = models.DecimalField(**VALUED)
    base_churn = models.DecimalField(**VALUED)
    opening_at_close = models.DecimalField(**VALUED)
    kept = models.DecimalField(**VALUED)
    then_12m = models.DecimalField(**VALUED)
    kept_12m = models.DecimalField(**VALUED)
    cohort = models.DateField(null=True)
    initial_at_close = models.DecimalField(**VALUED)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "month"], name="metrics_customermonth_one"),
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
                name="metrics_customermonth_adds_up",
            ),
            models.CheckConstraint(
                condition=models.Q(opening__gte=0, closing__gte=0), name="metrics_customermonth_no_negative"
            ),
        ]
        indexes = [models.Index(fields=["month"], name="metrics_customermonth_month")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.month:%Y-%m}"
