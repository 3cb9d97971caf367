import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from surveys.choices import CampaignState, Nature, OnThrottle, SenderMode, SurveyKind, TriggerEvent


class Campaign(models.Model):
    """An asking plan. Wording and audience live in its version, which launch freezes."""

    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=CampaignState, default=CampaignState.DRAFT)
    current = models.ForeignKey(
        "surveys.CampaignVersion", null=True, on_delete=models.PROTECT, related_name="+"
    )
    pause_reason = models.CharField(max_length=300, blank=True)
    send_days = ArrayField(models.PositiveSmallIntegerField(), null=True, blank=True)  # NULL: the policy's
    send_from = models.TimeField(null=True, blank=True)
    send_until = models.TimeField(null=True, blank=True)
    cap_per_hour = models.PositiveIntegerField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)  # a scheduled campaign begins then
    ends_at = models.DateTimeField(null=True, blank=True)
    cloned_from = models.ForeignKey(
        "surveys.Campaign", null=True, blank=True, on_delete=models.PROTECT, related_name="clones"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    launched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    launched_at = models.DateTimeField(null=True, blank=True)
    watched_from = models.DateTimeField(
        null=True, blank=True
    )  # bounces before it have been looked at by a person
    extended_at = models.DateTimeField(
        null=True, blank=True
    )  # since then it only collects and reminds, it invites nobody
    reminders_most = models.PositiveSmallIntegerField(
        null=True, blank=True
    )  # fewer reminders than launched with; NULL: the version's
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=CampaignState.values), name="surveys_campaign_known_state"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "archived"]) | Q(launched_at__isnull=False),
                name="surveys_campaign_launched",
            ),
        ]
        indexes = [models.Index(fields=["state", "-created_at"], name="surveys_campaign_state")]

    def __str__(self) -> str:
        return self.name


class CampaignVersion(models.Model):
    """Kind, nature, audience rule, sender and limits of a campaign; immutable once frozen."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField(default=1)
    about = models.CharField(
        max_length=80, blank=True
    )  # CSAT: what one is satisfied with; CES: a lifecycle phase instead of an issue
    tested_at = models.DateTimeField(
        null=True, blank=True
    )  # when the server took a test mail with exactly these words
    kind = models.CharField(max_length=10, choices=SurveyKind)
    nature = models.CharField(max_length=15, choices=Nature, default=Nature.RELATIONSHIP)
    series_key = models.CharField(max_length=64)
    company = models.CharField(max_length=80)
    audience = models.JSONField(default=dict)
    on_throttle = models.CharField(max_length=10, choices=OnThrottle, default=OnThrottle.DEFER)
    reminders = models.PositiveSmallIntegerField(default=0)
    reminder_after_days = models.PositiveSmallIntegerField(default=5)
    link_days = models.PositiveSmallIntegerField(default=60)
    edit_days = models.PositiveSmallIntegerField(default=7)
    is_anonymous = models.BooleanField(default=False)
    has_honeypot = models.BooleanField(default=True)
    default_language = models.CharField(max_length=10, default="en")
    cadence_days = models.PositiveSmallIntegerField(
        default=0
    )  # days between the starts of waves; 0: one wave
    drip_days = models.PositiveSmallIntegerField(default=0)  # a wave is spread over so many days; 0: at once
    per_customer = models.PositiveSmallIntegerField(default=0)  # contacts asked per customer; 0: all
    per_role = models.JSONField(default=dict, blank=True)  # contacts asked per customer by role: {role: most}
    trigger_event = models.CharField(max_length=20, choices=TriggerEvent, blank=True)
    trigger_rule = models.JSONField(
        default=dict, blank=True
    )  # filter of the event, e.g. {"phase": "onboarding"}
    trigger_delay_hours = models.PositiveIntegerField(default=0)
    asks_escalated = models.BooleanField(
        default=False
    )  # customers in escalation are left out unless this is set
    sender_mode = models.CharField(max_length=10, choices=SenderMode, default=SenderMode.COMPANY)
    sender_name = models.CharField(max_length=60)
    sender_email = models.EmailField(max_length=254)
    reply_to = models.EmailField(max_length=254)
    legal_name = models.CharField(max_length=120)
    postal_address = models.CharField(max_length=200, blank=True)
    privacy_url = models.URLField(max_length=200, blank=True)
    frozen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="surveys_campaignversion_number"),
            models.CheckConstraint(
                condition=Q(kind__in=SurveyKind.values)
                & Q(nature__in=Nature.values)
                & Q(on_throttle__in=OnThrottle.values)
                & Q(sender_mode__in=SenderMode.values)
                & Q(trigger_event__in=["", *TriggerEvent.values]),
                name="surveys_campaignversion_words",
            ),
            models.CheckConstraint(condition=Q(reminders__lte=2), name="surveys_campaignversion_reminders"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="frozen",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__frozen_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} version {self.number}"


class CampaignText(models.Model):
    """Every word a contact reads, in one language; frozen with its version."""

    version = models.ForeignKey(CampaignVersion, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=10, default="en")
    question = models.CharField(max_length=300)
    labels = ArrayField(models.CharField(max_length=80))
    subject = models.CharField(max_length=60)
    preheader = models.CharField(max_length=90)
    intro = models.CharField(max_length=600, blank=True)
    prompt = models.CharField(max_length=200)
    prompt_negative = models.CharField(max_length=200, blank=True)
    prompt_neutral = models.CharField(max_length=200, blank=True)
    prompt_positive = models.CharField(max_length=200, blank=True)
    thank_you = models.CharField(max_length=300)
    extra = models.JSONField(default=list, blank=True)  # up to three further questions, see formulas/extra.py

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "language"], name="surveys_campaigntext_language"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                declare=[("known", "bigint")],
                func="""
                    IF TG_OP = 'INSERT' THEN known := NEW.version_id; ELSE known := OLD.version_id; END IF;
                    IF EXISTS (SELECT 1 FROM surveys_campaignversion WHERE id = known AND frozen_at IS NOT NULL) THEN
                        RAISE EXCEPTION 'the wording of a launched campaign is frozen: % refused', TG_OP
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return self.question
