from django.db import models
from django.db.models.functions import Now

from customers.models.customer import Customer


class StaleMark(models.Model):
    """Recompute this customer from this day. Insert-only: one upserted row per customer would make writers queue."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="stale_marks")
    from_day = models.DateField()
    cause = models.CharField(max_length=40)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.customer_id} from {self.from_day}: {self.cause}"
