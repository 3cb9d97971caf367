from django.db import models

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet
from metrics.choices import MovementKind

VALUED = {"max_digits": 44, "decimal_places": 24}  # native money (8 decimals) x a factor (16), never rounded


class Movement(models.Model):
    """The net change of a customer's MRR on one local day, valued at that day's factors; churn is negative.

    `event` numbers the changes of a day where the definition does not net them; else it is 0. `native_amount` is given
    when lines of a single currency moved, `native_after` when the customer has ever had one currency only.
    """

    pk = models.CompositePrimaryKey("customer_id", "day", "event")
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="movements"
    )
    day = models.DateField()
    event = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=12, choices=MovementKind)
    churn_kind = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=30, blank=True)
    stated_reason = models.CharField(max_length=200, blank=True)
    amount = models.DecimalField(**VALUED)
    mrr_before = models.DecimalField(**VALUED)
    mrr_after = models.DecimalField(**VALUED)
    currency = models.CharField(max_length=3, blank=True)
    native_amount = models.DecimalField(max_digits=20, decimal_places=8, null=True)
    native_after = models.DecimalField(max_digits=20, decimal_places=8, null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(mrr_after=models.F("mrr_before") + models.F("amount"))
                & ~models.Q(amount=0),
                name="metrics_movement_adds_up",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=MovementKind.values), name="metrics_movement_known_kind"
            ),
        ]
        indexes = [models.Index(fields=["day", "kind"], name="metrics_movement_day")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.customer_id} on {self.day}"


class CurrencyFactor(models.Model):
    """Reporting units per native unit on a day, made once in Python with 16 decimals.

    `rate_day` is the day of the rate used: the latest earlier one when the day has none.
    """

    currency = models.CharField(max_length=3)
    day = models.DateField()
    factor = models.DecimalField(max_digits=30, decimal_places=16)
    rate_day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["currency", "day"], name="metrics_currencyfactor_one_per_day"),
            models.CheckConstraint(
                condition=models.Q(factor__gt=0, factor__lt=10**9), name="metrics_currencyfactor_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.day}"
