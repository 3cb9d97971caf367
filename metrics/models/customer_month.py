from django.db import models

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet
from metrics.models.movement import VALUED


class CustomerMonth(models.Model):
    """One customer in one month: closing = opening + movements + fx, exact to the last digit. A view, nothing is stored.

    Rows exist where the customer paid at either end, moved, or paid twelve months before, for every month the company
    has. The open month closes on `close_on`. `*_at_close` values and `then_12m` are earlier amounts at the closing day's
    factors. The `base_*` columns are positive and hold flows of customers paying at opening, with a churn and return
    inside the month counted as its difference.
    """

    id = models.BigIntegerField(primary_key=True)
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

    objects = ScopedQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "metrics_customermonth"

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.month:%Y-%m}"
