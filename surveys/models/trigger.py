from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models import Contact, Customer
from customers.models.scoped import ScopedQuerySet
from surveys.choices import FiringOutcome, FiringReason
from surveys.models.campaign import Campaign
from surveys.models.invitation import Invitation


class Firing(models.Model):
    """One object (a ticket, a phase, a renewal) that a triggered campaign looked at, and what came of it.

    `object_key` names the object and the contact asked for it, so that a tick that runs twice finds its own row.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="firings")
    object_key = models.CharField(max_length=200)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="firings")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="+")
    invitation = models.OneToOneField(Invitation, null=True, on_delete=models.PROTECT, related_name="firing")
    occurred_at = models.DateTimeField()  # when the event happened in the world
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=FiringOutcome)
    reason = models.CharField(max_length=20, choices=FiringReason, blank=True)
    recorded_at = models.DateTimeField(db_default=Now())

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "object_key"], name="surveys_firing_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=FiringOutcome.values) & Q(reason__in=["", *FiringReason.values]),
                name="surveys_firing_words",
            ),
        ]
        indexes = [models.Index(fields=["campaign", "-recorded_at"], name="surveys_firing_newest")]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.object_key}"
