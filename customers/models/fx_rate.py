from django.db import models

from customers.models.facts import CURRENT, Fact, append_only


class FxRate(Fact):
    """Units of `currency` per one unit of the reporting currency on a day."""

    day = models.DateField()
    currency = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=24, decimal_places=12)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "day"], condition=CURRENT, name="customers_fxrate_one_per_day"
            ),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0, rate__lt=10**9), name="customers_fxrate_positive"
            ),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.currency} {self.day}"
