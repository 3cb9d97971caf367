from django.db import models

from customers.models import Customer, LineVersion, Subscription
from customers.models.scoped import ScopedQuerySet


class LineSegment(models.Model):
    """A stretch [from_on, to_on) in which one line has one MRR and one state; native currency, open end NULL.

    A stretch that does not count (trial, pause, unpaid) keeps its state and MRR 0. Where the definition locks the factor
    of a day, `mrr` is the locked value in the reporting currency, and `native_mrr` and `factor` say what it is made of.
    """

    pk = models.CompositePrimaryKey(
        "customer_id", "subscription_id", "from_on"
    )  # the only index: rows are many
    customer = models.ForeignKey(
        Customer,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="line_segments",
    )
    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="segments",
    )
    version = models.ForeignKey(
        LineVersion, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="segments"
    )
    from_on = models.DateField()
    to_on = models.DateField(null=True)
    mrr = models.DecimalField(max_digits=20, decimal_places=8)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=16)
    counted = models.BooleanField()
    plan = models.CharField(max_length=100, blank=True)
    quantity = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    discounted = models.BooleanField(default=False)
    reason = models.CharField(max_length=200, blank=True, db_default="")
    native_mrr = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    factor = models.DecimalField(max_digits=30, decimal_places=16, null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(to_on=None) | models.Q(to_on__gt=models.F("from_on")),
                name="metrics_linesegment_forward",
            ),
            models.CheckConstraint(
                condition=models.Q(mrr__gte=0, mrr__lt=10**12), name="metrics_linesegment_mrr"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} from {self.from_on}: {self.mrr} {self.currency}"
