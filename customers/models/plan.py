from django.db import models

from customers.choices import Interval


class Plan(models.Model):
    """A plan or product on the price list; lines name it by its key."""

    key = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    family = models.CharField(max_length=100, blank=True)
    price = models.DecimalField(max_digits=20, decimal_places=8, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    interval = models.CharField(max_length=10, choices=Interval, default=Interval.MONTH)
    is_archived = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(price=None) | models.Q(price__gte=0, price__lt=10**12),
                name="customers_plan_price",
            ),
        ]

    def __str__(self) -> str:
        return self.name
