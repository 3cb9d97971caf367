from django.db import models

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet


class DailyUsage(models.Model):
    """Usage of one customer on one local day: events, and product users seen.

    Where single events of users are known they count; else the totals the source sent.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="daily_usage"
    )
    day = models.DateField()
    events = models.PositiveBigIntegerField()
    users = models.PositiveIntegerField(null=True)
    is_total = models.BooleanField(default=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "day"], name="metrics_dailyusage_one_per_day"),
        ]
        indexes = [models.Index(fields=["day"], name="metrics_dailyusage_day")]

    def __str__(self) -> str:
        return f"{self.customer_id} on {self.day}"


class MonthlyUsage(models.Model):
    """Days of one month on which one product user was active: bit d - 1 stands for day d."""

    customer = models.ForeignKey(
        Customer,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="monthly_usage",
    )
    user_ref = models.CharField(max_length=200)
    month = models.DateField()
    days = models.IntegerField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "user_ref", "month"], name="metrics_monthlyusage_one_per_month"
            ),
        ]
        indexes = [models.Index(fields=["month", "customer"], name="metrics_monthlyusage_month")]

    def __str__(self) -> str:
        return f"{self.user_ref} of {self.customer_id} in {self.month:%Y-%m}"
