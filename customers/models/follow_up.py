from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from customers.choices import FollowUpKind, FollowUpPriority, FollowUpState
from customers.models.customer import Customer
from customers.models.scoped import ScopedQuerySet

CASE_KEY = "survey-case:"  # dedupe keys of follow-ups that mirror a survey case


class FollowUp(models.Model):
    """A CSM's to-do for a customer. The same open item is never made twice (`dedupe_key`)."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="follow_ups")
    title = models.CharField(max_length=200)
    note = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=FollowUpKind, default=FollowUpKind.TODO)
    priority = models.CharField(max_length=10, choices=FollowUpPriority, default=FollowUpPriority.NORMAL)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="follow_ups"
    )
    due_on = models.DateField()
    origin = models.CharField(max_length=60, default="user")
    dedupe_key = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=FollowUpState, default=FollowUpState.OPEN)
    outcome = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    version = models.PositiveIntegerField(default=1)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"],
                condition=models.Q(state="open") & ~models.Q(dedupe_key=""),
                name="customers_followup_one_open_per_key",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=FollowUpState.values)
                & models.Q(kind__in=FollowUpKind.values)
                & models.Q(priority__in=FollowUpPriority.values),
                name="customers_followup_words",
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "due_on"], condition=models.Q(state="open"), name="customers_followup_mine"
            ),
            models.Index(fields=["customer", "due_on"], name="customers_followup_customer"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def case_pk(self) -> int | None:
        """The survey case this one mirrors: it is worked on and ends there."""
        return int(self.dedupe_key.removeprefix(CASE_KEY)) if self.dedupe_key.startswith(CASE_KEY) else None
