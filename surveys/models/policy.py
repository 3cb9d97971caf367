from datetime import time
from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from surveys.formulas.windows import WEEKDAYS

THE_ROW = 1  # one row per installation


def weekdays() -> list[int]:
    """Monday to Friday; Monday is 0."""
    return list(WEEKDAYS)


def known_scanners() -> list[str]:
    """Parts of the browser strings that mail gateways are known by."""
    return ["Barracuda", "Proofpoint", "CiscoSecureEmail", "TMES"]


def standard_role_weights() -> dict[str, int]:
    """Votes of a contact by role in the role-weighted method (S-210)."""
    return {"decision maker": 3, "influencer": 2, "user": 1}


class SurveyPolicy(models.Model):
    """How often people may be asked and when, for all campaigns. Immutable; the newest valid row rules."""

    any_gap_days = models.PositiveSmallIntegerField(default=30)
    relationship_gap_days = models.PositiveSmallIntegerField(default=90)
    customer_cap = models.PositiveSmallIntegerField(default=5)  # persons per rolling 30 days; 0 is off
    send_days = ArrayField(models.PositiveSmallIntegerField(), default=weekdays)
    send_from = models.TimeField(default=time(9))
    send_until = models.TimeField(default=time(16))
    max_delay_days = models.PositiveSmallIntegerField(default=3)
    reminder_count = models.PositiveSmallIntegerField(default=1)
    reminder_after_days = models.PositiveSmallIntegerField(default=5)
    link_days = models.PositiveSmallIntegerField(default=60)
    edit_days = models.PositiveSmallIntegerField(default=7)
    grace_minutes = models.PositiveSmallIntegerField(default=30)
    close_after_days = models.PositiveSmallIntegerField(default=30)
    typed_count_over = models.PositiveIntegerField(default=500)
    canary_size = models.PositiveIntegerField(default=50)
    canary_hold_minutes = models.PositiveSmallIntegerField(default=10)
    cap_per_hour = models.PositiveIntegerField(default=2000)  # 0 is off
    cap_per_domain_hour = models.PositiveIntegerField(default=500)  # 0 is off
    min_show_n = models.PositiveSmallIntegerField(default=5)
    normal_n = models.PositiveSmallIntegerField(default=30)
    nps_window_days = models.PositiveSmallIntegerField(default=90)
    visit_days = models.PositiveSmallIntegerField(default=30)
    anonymous_min_group = models.PositiveSmallIntegerField(default=5)
    nps_customer_window_days = models.PositiveSmallIntegerField(default=365)
    alpha = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.05"))
    case_first_contact_hours = models.PositiveSmallIntegerField(default=16)  # of business time
    case_close_days = models.PositiveSmallIntegerField(default=10)  # business days
    work_days = ArrayField(models.PositiveSmallIntegerField(), default=weekdays)
    work_from = models.TimeField(default=time(9))
    work_until = models.TimeField(default=time(17))
    holidays = ArrayField(models.DateField(), default=list, blank=True)
    many_scores = models.PositiveSmallIntegerField(default=3)  # E2: points of one link looked at
    many_scores_s = models.PositiveSmallIntegerField(default=60)
    form_ms = models.PositiveSmallIntegerField(default=1000)  # E3: quicker than any person
    accept_s = models.PositiveSmallIntegerField(default=15)  # E4: seconds after the server took the mail
    quick_look_s = models.PositiveSmallIntegerField(default=10)  # W1
    many_links = models.PositiveSmallIntegerField(default=5)  # W3: links of one domain by one client
    many_links_minutes = models.PositiveSmallIntegerField(default=10)
    scanners = ArrayField(
        models.CharField(max_length=80), default=known_scanners
    )  # E6, parts of browser strings
    role_weights = models.JSONField(default=standard_role_weights)  # contact role: weight
    valid_from = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(link_days__range=(1, 365)) & Q(edit_days__range=(1, 365)),
                name="surveys_policy_link_days",
                violation_error_message="Links and edits stay open between 1 and 365 days.",
            ),
            models.CheckConstraint(condition=Q(reminder_count__lte=2), name="surveys_policy_reminders"),
            models.CheckConstraint(
                condition=Q(anonymous_min_group__gte=3), name="surveys_policy_anonymous_group"
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"policy from {self.valid_from}"


class SenderIdentity(models.Model):
    """Who the mails come from. One row; until an admin saves it, the organisation and DEFAULT_FROM_EMAIL serve."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ROW)
    name = models.CharField(max_length=60)
    email = models.EmailField(max_length=254)
    reply_to = models.EmailField(max_length=254)
    legal_name = models.CharField(max_length=120)
    postal_address = models.CharField(max_length=200, blank=True)
    privacy_url = models.URLField(max_length=200, blank=True)
    review_url = models.URLField(max_length=200, blank=True)  # public review page, the same for every score

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=THE_ROW), name="surveys_senderidentity_one_row")]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class SendingState(models.Model):
    """Whether mail may leave: the hold after a restore or a copy, and the breaker against a broken server."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ROW)
    instance_id = models.CharField(max_length=200, blank=True)
    hold_reason = models.CharField(max_length=40, blank=True)
    hold_since = models.DateTimeField(null=True, blank=True)
    connect_failures = models.PositiveIntegerField(default=0)
    refusals = models.PositiveIntegerField(default=0)
    rest_until = models.DateTimeField(null=True, blank=True)
    rest_s = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=THE_ROW), name="surveys_sendingstate_one_row")]

    def __str__(self) -> str:
        return f"sending of {self.instance_id or 'this instance'}"


class AddressPepper(models.Model):
    """The 32 bytes that key address hashes. Made once, kept with the data and its backups, never rotated."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ROW)
    secret = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=THE_ROW), name="surveys_addresspepper_one_row")]
        triggers = [pgtrigger.Protect(name="never_rotated", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return "address pepper"
