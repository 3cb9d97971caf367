from django.db import models

from customers.models.facts import CURRENT, Fact, append_only


class FxRate(Fact):
    """Units of `currency` per one unit of `base` on a day; an empty base is the reporting currency."""

    day = models.DateField()
    currency = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=24, decimal_places=12)
    base = models.CharField(max_length=3, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "day", "base"], condition=CURRENT, name="customers_fxrate_one_per_day"
            ),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0, rate__lt=10**9), name="customers_fxrate_positive"
            ),
            models.CheckConstraint(
                condition=~models.Q(base=models.F("currency")), name="customers_fxrate_other_base"
            ),
        ]
        triggers = [append_only()]

    def __str__(self) -> str:
        return f"{self.base}{self.currency} {self.day}"
