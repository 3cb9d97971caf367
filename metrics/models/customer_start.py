from django.db import models

from customers.models import Customer
from customers.models.scoped import ScopedQuerySet


class CustomerStart(models.Model):
    """When a customer first paid, and its MRR per currency at the end of that month: the cohort it belongs to."""

    pk = models.CompositePrimaryKey("customer_id", "currency")
    customer = models.ForeignKey(
        Customer, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="starts"
    )
    currency = models.CharField(max_length=3)
    first_paid_on = models.DateField()
    cohort = models.DateField()
    initial = models.DecimalField(max_digits=20, decimal_places=8)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["cohort"], name="metrics_customerstart_cohort")]

    def __str__(self) -> str:
        return f"{self.customer_id} since {self.first_paid_on}"
