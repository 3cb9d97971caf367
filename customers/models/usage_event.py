from django.db import models
from django.db.models.functions import Now

from customers.models.customer import Customer


class UsageEvent(models.Model):
    """Something a user did in the product, or a day's total of it. Partitioned by month of `occurred_at`.

    The table itself is made in a migration by SQL: unique (customer, source, message_id, occurred_at), because
    PostgreSQL wants the partition key in a unique key and a resend repeats the sender's time.
    `user_ref` is empty for totals; `users` then carries the number of distinct users the source counted.
    """

    pk = models.CompositePrimaryKey("customer_id", "source", "message_id", "occurred_at")
    customer = models.ForeignKey(Customer, on_delete=models.DO_NOTHING, related_name="+")
    source = models.CharField(max_length=60)
    message_id = models.CharField(max_length=120)
    occurred_at = models.DateTimeField()
    day = models.DateField()
    user_ref = models.CharField(max_length=200, blank=True)
    event = models.CharField(max_length=200, blank=True)
    feature = models.CharField(max_length=200, blank=True)
    count = models.PositiveIntegerField(default=1)
    users = models.PositiveIntegerField(null=True)
    value = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    batch_id = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "customers_usageevent"

    def __str__(self) -> str:
        return f"{self.event} by {self.user_ref} on {self.day}"
