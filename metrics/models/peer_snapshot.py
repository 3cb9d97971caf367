from django.contrib.postgres.fields import ArrayField
from django.db import models


class PeerSnapshot(models.Model):
    """Readings of a measure over the customers of a segment on a day, in rising order: percentiles compare with them."""

    day = models.DateField()
    slot = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=200, blank=True)
    customer_ids = ArrayField(models.BigIntegerField())
    values = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "slot", "label"], name="metrics_peersnapshot_one")
        ]

    def __str__(self) -> str:
        return f"peers {self.label or 'all'} of slot {self.slot} on {self.day}"
