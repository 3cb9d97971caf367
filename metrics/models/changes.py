"""What customers add to the company's months: additive rows, appended by every refresh and folded at the fill.

A month is a number here (year x 12 + month - 1). Rows of a currency hold native running sums as differences: the sum of
all rows up to a month is the state at its close. Rows of currency '' belong to one customer with several currencies (or
with locked factors) each; they hold values in the reporting currency, complete for each month.
"""

from django.db import models

from metrics.models.movement import VALUED


class BridgeChange(models.Model):
    """Movements of a month, and what the running sums of money and customers do in it."""

    month = models.IntegerField()
    currency = models.CharField(max_length=3, blank=True)
    customer_id = models.BigIntegerField(null=True)
    folded = models.BooleanField(default=False)
    new = models.DecimalField(**VALUED)
    reactivation = models.DecimalField(**VALUED)
    expansion = models.DecimalField(**VALUED)
    contraction = models.DecimalField(**VALUED)
    churn = models.DecimalField(**VALUED)
    new_n = models.BigIntegerField()
    reactivation_n = models.BigIntegerField()
    expansion_n = models.BigIntegerField()
    contraction_n = models.BigIntegerField()
    churn_n = models.BigIntegerField()
    base_expansion = models.DecimalField(**VALUED)
    base_contraction = models.DecimalField(**VALUED)
    base_churn = models.DecimalField(**VALUED)
    lost = models.DecimalField(**VALUED)  # what the opening base lost between both ends
    base_net = models.DecimalField(**VALUED)  # closing less opening of the opening base
    lost_logos = models.BigIntegerField()
    ever_paid = models.BigIntegerField()
    mrr = models.DecimalField(**VALUED)
    paying = models.BigIntegerField()
    now_12m = models.DecimalField(**VALUED)
    kept_12m = models.DecimalField(**VALUED)
    kept_logos_12m = models.BigIntegerField()
    opening_at_close = models.DecimalField(**VALUED)  # of currency '' only, as the next two
    then_12m = models.DecimalField(**VALUED)
    logos_12m = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(
                fields=["customer_id"],
                condition=models.Q(customer_id__isnull=False),
                name="metrics_bridgechange_own",
            )
        ]

    def __str__(self) -> str:
        return f"{self.month} {self.currency}"


class CohortChange(models.Model):
    """What the customers first paid in `cohort` do in `month`."""

    cohort = models.IntegerField()
    month = models.IntegerField()
    currency = models.CharField(max_length=3, blank=True)
    customer_id = models.BigIntegerField(null=True)
    folded = models.BooleanField(default=False)
    size = models.BigIntegerField()
    paying = models.BigIntegerField()
    initial = models.DecimalField(**VALUED)
    kept = models.DecimalField(**VALUED)
    mrr = models.DecimalField(**VALUED)

    class Meta:
        indexes = [
            models.Index(
                fields=["customer_id"],
                condition=models.Q(customer_id__isnull=False),
                name="metrics_cohortchange_own",
            )
        ]

    def __str__(self) -> str:
        return f"{self.cohort} {self.month} {self.currency}"
