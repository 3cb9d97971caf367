from django.conf import settings
from django.db import models

from metrics.choices import FeedState


class FeedWatch(models.Model):
    """What the hourly check last saw of a source feed."""

    feed = models.CharField(max_length=40, primary_key=True)
    state = models.CharField(max_length=10, choices=FeedState, default=FeedState.LEARNING)
    good_checks = models.PositiveSmallIntegerField(default=0)  # in a row, while a hold lasts
    seen = models.JSONField(default=dict)  # received, usual, share of customers gone silent, refused share
    checked_at = models.DateTimeField(null=True)
    last_fact_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.feed}: {self.state}"


class FeedHold(models.Model):
    """While it lasts, readings of the feed stay what they were at `from_at` and nobody is alarmed by them."""

    feed = models.CharField(max_length=40)
    from_at = models.DateTimeField()
    noted_at = models.DateTimeField(
        null=True
    )  # when the break was found; scores before that knew nothing of it
    to_at = models.DateTimeField(null=True)
    lost = models.BooleanField(
        default=False
    )  # ended by itself: the readings count as missing until facts come
    found_at = models.DateTimeField(null=True)  # when facts came after all
    reason = models.CharField(max_length=300)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    end_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["feed"], condition=models.Q(to_at=None), name="metrics_feedhold_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(to_at=None) | models.Q(to_at__gte=models.F("from_at")),
                name="metrics_feedhold_forward",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feed} held from {self.from_at}"
