from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from customers.models import Customer


class CurrentReading(models.Model):
    """All readings of a customer packed into one row: arrays aligned to the slots of the measures.

    `values` are in millionths, `days` count from 2000-01-01, `reasons` are positions in the list of reasons; 0 means
    that there is a value. Without a value the element is 0, without a day it is `NO_DAY`, so that all rows have one
    width. `labels` are the segments held ("tier=gold"). Rebuilt from facts at any time.
    """

    customer = models.OneToOneField(
        Customer, primary_key=True, on_delete=models.CASCADE, related_name="readings"
    )
    values = ArrayField(models.BigIntegerField())
    days = ArrayField(models.IntegerField())
    reasons = ArrayField(models.SmallIntegerField())
    phase = models.CharField(max_length=20, blank=True)
    tenure_months = models.IntegerField(null=True)
    labels = ArrayField(models.TextField(), default=list)
    as_of = models.DateField()
    changed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"readings of {self.customer_id}"
