from django.db import models
from django.db.models import Q


class ValueEvent(models.Model):
    """The usage event that says a customer of a segment is activated, or has reached its first value.

    An empty segment is the rule of all segments without one of their own; an empty event or feature matches any.
    Without a row the first usage of any kind counts.
    """

    ACTIVATION, FIRST_VALUE = "activation", "first_value"

    purpose = models.CharField(
        max_length=12, choices=[(ACTIVATION, "activation"), (FIRST_VALUE, "first value")]
    )
    segment = models.CharField(max_length=100, blank=True)
    event = models.CharField(max_length=200, blank=True)
    feature = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purpose", "segment"], name="metrics_valueevent_one_per_segment"),
            models.CheckConstraint(
                condition=Q(purpose__in=["activation", "first_value"]), name="metrics_valueevent_purpose"
            ),
            models.CheckConstraint(
                condition=~Q(event="", feature=""),
                name="metrics_valueevent_named",
                violation_error_message="Name an event or a feature.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of {self.segment or 'all'}: {self.event or self.feature}"
