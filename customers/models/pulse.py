from django.db import models

from customers.models.customer import Customer
from customers.models.facts import Fact, append_only
from customers.models.scoped import ScopedFactQuerySet


class Pulse(Fact):
    """A CSM's own judgement: 1 "expect to lose" to 5 "would renew today and recommend"; NULL level = unset."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="pulses")
    occurred_at = models.DateTimeField()
    level = models.PositiveSmallIntegerField(null=True)
    reasons = models.JSONField(default=list, blank=True)
    note = models.TextField(blank=True)

    objects = ScopedFactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(level=None) | models.Q(level__gte=1, level__lte=5),
                name="customers_pulse_level",
                violation_error_message="A pulse has a level from 1 to 5.",
            ),
            models.CheckConstraint(
                condition=models.Q(level=None) | models.Q(level__gte=3) | ~models.Q(note=""),
                name="customers_pulse_low_needs_note",
                violation_error_message="Levels 1 and 2 need a note: what happened, and what would help?",
            ),
        ]
        indexes = [models.Index(fields=["customer", "-occurred_at"], name="customers_pulse_recent")]
        triggers = [append_only(words=["note"])]

    def __str__(self) -> str:
        return f"pulse {self.level}"
