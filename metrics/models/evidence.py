from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from metrics.models.scorecard import ScorecardVersion


class _Finding(models.Model):
    """A result about a card body, kept with everything that it depends on; never changed."""

    version = models.ForeignKey(ScorecardVersion, null=True, on_delete=models.CASCADE, related_name="+")
    body_hash = models.CharField(max_length=64)
    engine = models.PositiveSmallIntegerField()
    parameters = models.JSONField()  # horizon in days, population, first and last day, known clock
    result = models.JSONField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{type(self).__name__} of {self.body_hash[:8]}"


class Backtest(_Finding):
    """A card replayed over past month ends with what was known then, against who left."""


class Suggestion(_Finding):
    """Weights that past outcomes speak for, with intervals; adopted only by way of a draft."""


class Calibration(_Finding):
    """Renewal probability per band of a card."""
