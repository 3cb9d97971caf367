from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models import Contact, Customer
from customers.models.scoped import ScopedQuerySet
from surveys.choices import SkipReason, WaveState
from surveys.models.campaign import Campaign, CampaignVersion


class Wave(models.Model):
    """One round of asking with a frozen audience. `eligible_count` = invitations + skips at the snapshot."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="waves")
    version = models.ForeignKey(CampaignVersion, on_delete=models.PROTECT, related_name="waves")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=WaveState, default=WaveState.PLANNED)
    rule_hash = models.CharField(max_length=64, blank=True)
    seed = models.PositiveIntegerField(default=0)
    eligible_count = models.PositiveIntegerField(default=0)
    planned_count = models.PositiveIntegerField(default=0)
    confirmed_count = models.PositiveIntegerField(
        null=True, blank=True
    )  # people a person agreed to ask; NULL: nobody looked at this wave before
    starts_at = models.DateTimeField(null=True, blank=True)  # when its first mails may leave
    snapshot_at = models.DateTimeField(null=True, blank=True)
    canary_until = models.DateTimeField(null=True, blank=True)
    canary_passed = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False)
    turned_back = models.PositiveIntegerField(
        default=0
    )  # presses of anonymous forms that looked like a machine's
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="surveys_wave_number"),
            models.CheckConstraint(condition=Q(state__in=WaveState.values), name="surveys_wave_known_state"),
        ]

    def __str__(self) -> str:
        return f"wave {self.number} of {self.campaign_id}"


class WaveSkip(models.Model):
    """A contact the audience rule named and another rule left out, with the reason."""

    wave = models.ForeignKey(Wave, on_delete=models.PROTECT, related_name="skips")
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="survey_skips")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="survey_skips")
    reason = models.CharField(max_length=20, choices=SkipReason)
    recorded_at = models.DateTimeField(db_default=Now())

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["wave", "contact"], name="surveys_waveskip_once"),
            models.CheckConstraint(condition=Q(reason__in=SkipReason.values), name="surveys_waveskip_reason"),
        ]
        indexes = [models.Index(fields=["customer", "-recorded_at"], name="surveys_waveskip_customer")]

    def __str__(self) -> str:
        return f"{self.contact_id} skipped: {self.reason}"
