from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models import Contact, Customer
from customers.models.scoped import ScopedQuerySet
from surveys.choices import ResponseState
from surveys.models.campaign import CampaignText
from surveys.models.wave import Wave


class Invitation(models.Model):
    """One address asked in one wave. `email_norm` is the address key, `email_hash` its keyed hash (empty after erasure)."""

    wave = models.ForeignKey(Wave, db_index=False, on_delete=models.PROTECT, related_name="invitations")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="invitations")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT, related_name="invitations")
    text = models.ForeignKey(CampaignText, on_delete=models.PROTECT, related_name="+")
    email_norm = models.CharField(max_length=254)
    email_hash = models.CharField(max_length=64, blank=True)
    email_domain = models.CharField(max_length=253, blank=True)
    language = models.CharField(max_length=10, default="en")
    phase_at_send = models.CharField(max_length=20, blank=True)
    owner_at_send = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    response_state = models.CharField(max_length=12, choices=ResponseState, default=ResponseState.NONE)
    expires_at = models.DateTimeField()
    is_test = models.BooleanField(default=False)
    trigger_key = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wave", "email_norm"],
                condition=Q(trigger_key="", is_test=False),
                name="surveys_invitation_one_per_address",
            ),
            models.UniqueConstraint(
                fields=["wave", "trigger_key"],
                condition=~Q(trigger_key="") & Q(is_test=False),
                name="surveys_invitation_one_per_trigger",
            ),
            models.CheckConstraint(
                condition=Q(response_state__in=ResponseState.values), name="surveys_invitation_known_state"
            ),
            models.CheckConstraint(
                condition=Q(is_test=True) | Q(customer__isnull=False), name="surveys_invitation_customer"
            ),
        ]
        indexes = [
            models.Index(fields=["email_hash"], name="surveys_invitation_person"),
            models.Index(fields=["customer", "-created_at"], name="surveys_invitation_customer_at"),
            models.Index(fields=["wave", "response_state"], name="surveys_invitation_funnel"),
            models.Index(
                fields=["wave", "customer", "response_state"],
                condition=Q(is_test=False),
                name="surveys_invitation_asked",
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"


class SendClock(models.Model):
    """A row that exists only to be locked, so that two campaigns cannot ask one person at the same moment."""

    PERSON, CUSTOMER = "person", "customer"

    scope = models.CharField(max_length=10, choices=[(PERSON, PERSON), (CUSTOMER, CUSTOMER)])
    key = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "key"], name="surveys_sendclock_one"),
            models.CheckConstraint(
                condition=Q(scope__in=["person", "customer"]), name="surveys_sendclock_scope"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
