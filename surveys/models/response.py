import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from customers.models import Contact, Customer
from customers.models.facts import RecordedNow
from customers.models.scoped import ScopedQuerySet
from surveys.choices import (
    Channel,
    Direction,
    Nature,
    OtherScale,
    ResponseEventKind,
    ResponseStatus,
    SurveyKind,
)
from surveys.models.campaign import Campaign
from surveys.models.invitation import Invitation
from surveys.models.message import Message


class ResponseQuerySet(ScopedQuerySet):
    """Filters over answers."""

    def counted(self) -> "ResponseQuerySet":
        """Answers that are in scores, follow-ups and health (S-7)."""
        return self.filter(status=ResponseStatus.COUNTED)


class Response(models.Model):
    """The answer to one invitation (or an imported one): the newest revision's content, one row.

    `score` lies within `scale_min..scale_max`; answers of a mail carry the scale of their kind. Imported answers may
    have another scale, an unknown customer, and no invitation; `campaign_name` is what their file calls the survey.
    """

    invitation = models.OneToOneField(
        Invitation, null=True, on_delete=models.PROTECT, related_name="response"
    )
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="+")
    # Campaign and customer are found by indexes that begin with them.
    campaign = models.ForeignKey(
        Campaign, null=True, db_index=False, on_delete=models.PROTECT, related_name="responses"
    )
    customer = models.ForeignKey(
        Customer, null=True, db_index=False, on_delete=models.PROTECT, related_name="responses"
    )
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="responses")
    kind = models.CharField(max_length=10, choices=[*SurveyKind.choices, *OtherScale.choices])
    nature = models.CharField(max_length=15, choices=Nature, default=Nature.RELATIONSHIP)
    series_key = models.CharField(max_length=64)
    campaign_name = models.CharField(max_length=120, blank=True)
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL)
    status = models.CharField(max_length=10, choices=ResponseStatus, default=ResponseStatus.COUNTED)
    scale_min = models.SmallIntegerField()
    scale_max = models.SmallIntegerField()
    direction = models.CharField(max_length=12, choices=Direction, default=Direction.HIGH_IS_GOOD)
    score = models.SmallIntegerField()
    comment = models.TextField(blank=True)
    wants_contact = models.BooleanField(default=False)
    extra = models.JSONField(default=dict, blank=True)  # key of a further question: its answer
    is_anonymous = models.BooleanField(default=False)
    anonymous_key = models.UUIDField(null=True, blank=True, unique=True)  # tells nothing but that rows differ
    revision = models.PositiveSmallIntegerField(default=1)
    device_hash = models.CharField(max_length=64, blank=True)
    language = models.CharField(max_length=10, default="en")
    phase = models.CharField(max_length=20, blank=True)
    owner_at_answer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    first_answered_at = models.DateTimeField()
    answered_at = models.DateTimeField()
    needs_follow_up_at = models.DateTimeField(null=True, blank=True)
    edited_elsewhere_at = models.DateTimeField(null=True, blank=True)  # the owner is still to be told
    source = models.CharField(max_length=60, default="tend")
    external_id = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField(db_default=RecordedNow())
    updated_at = models.DateTimeField(db_default=Now())
    topics_at = models.DateTimeField(null=True, blank=True)  # when its comment was last looked through

    objects = ResponseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(score__gte=models.F("scale_min"), score__lte=models.F("scale_max")),
                name="surveys_response_score_on_scale",
                violation_error_message="The score lies outside its scale.",
            ),
            models.CheckConstraint(
                condition=Q(channel="import")
                | Q(kind="nps", scale_min=0, scale_max=10)
                | Q(kind__in=["csat5", "ces5"], scale_min=1, scale_max=5)
                | Q(kind__in=["csat7", "ces7"], scale_min=1, scale_max=7),
                name="surveys_response_scale_of_kind",
            ),
            models.CheckConstraint(
                condition=Q(status__in=ResponseStatus.values)
                & Q(channel__in=Channel.values)
                & Q(kind__in=[*SurveyKind.values, *OtherScale.values])
                & Q(nature__in=Nature.values),
                name="surveys_response_words",
            ),
            models.CheckConstraint(
                condition=Q(channel="import", is_anonymous=False)
                | Q(invitation__isnull=False, is_anonymous=False)
                | Q(
                    is_anonymous=True,
                    invitation=None,
                    message=None,
                    contact=None,
                    device_hash="",
                    anonymous_key__isnull=False,
                ),
                name="surveys_response_origin",
            ),
            models.CheckConstraint(
                condition=Q(status="test")
                | Q(channel="import")
                | Q(is_anonymous=True)
                | Q(customer__isnull=False),
                name="surveys_response_customer",
            ),
            models.CheckConstraint(
                condition=Q(direction="high_is_good")
                | Q(direction="low_is_good", kind__in=OtherScale.values),
                name="surveys_response_direction",
            ),
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=~Q(external_id=""),
                name="surveys_response_external_id",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "kind", "-answered_at"], name="surveys_response_customer_at"),
            models.Index(fields=["campaign", "-answered_at"], name="surveys_response_campaign_at"),
            models.Index(fields=["kind", "answered_at"], name="surveys_response_kind_at"),
            models.Index(
                fields=["series_key", "answered_at"],
                condition=Q(status="counted"),
                name="surveys_response_series_at",
            ),
            models.Index(
                fields=["-answered_at", "-id"], condition=Q(status="counted"), name="surveys_response_feed"
            ),
            # What pages of results count by, and nothing else: small enough to be read instead of the answers.
            models.Index(
                fields=["series_key", "customer", "score"],
                condition=Q(status="counted"),
                name="surveys_response_of_series",
            ),
            models.Index(
                fields=["series_key", "contact", "score"],
                condition=Q(status="counted"),
                name="surveys_response_of_people",
            ),
            models.Index(
                fields=["campaign", "customer", "contact", "score"],
                condition=Q(status="counted"),
                name="surveys_response_of_campaign",
            ),
            models.Index(
                fields=["invitation"],
                include=["customer", "contact", "score", "answered_at", "id"],
                condition=Q(status="counted"),
                name="surveys_response_of_wave",
            ),
            models.Index(
                fields=["campaign", "invitation"],
                condition=Q(status="counted") & ~Q(comment=""),
                name="surveys_response_commented",
            ),
            models.Index(
                models.F("series_key"),
                Coalesce("sent_at", "answered_at"),
                condition=Q(status="counted"),
                name="surveys_response_cohort",
            ),
            models.Index(
                fields=["series_key"],
                condition=Q(status="counted", is_anonymous=True),
                name="surveys_response_anonymous",
            ),
            models.Index(fields=["updated_at", "id"], name="surveys_response_updated"),
            models.Index(
                fields=["answered_at"], condition=Q(status="suspect"), name="surveys_response_suspect"
            ),
            models.Index(
                fields=["id"],
                condition=Q(topics_at=None) & ~Q(comment="")
                | Q(topics_at__isnull=False, topics_at__lt=models.F("updated_at")),
                name="surveys_response_unread",
            ),
            models.Index(
                fields=["needs_follow_up_at"],
                condition=Q(needs_follow_up_at__isnull=False),
                name="surveys_response_follow_up",
            ),
            models.Index(
                fields=["edited_elsewhere_at"],
                condition=Q(edited_elsewhere_at__isnull=False),
                name="surveys_response_elsewhere",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.score}"


class ResponseRevision(models.Model):
    """Every content an answer ever had. Append-only, except that an erased person's words are blanked."""

    response = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    score = models.SmallIntegerField()
    comment = models.TextField(blank=True)
    wants_contact = models.BooleanField(default=False)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=RecordedNow())
    device_hash = models.CharField(max_length=64, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    evidence = models.JSONField(default=dict)  # {"verdict": "counted"|"suspect", "reasons": ["E1", …], …}

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["response", "number"], name="surveys_responserevision_number"),
            models.CheckConstraint(
                condition=Q(number__gte=1) & Q(score__gte=-100, score__lte=100),
                name="surveys_responserevision_bounds",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'UPDATE' AND NEW.comment = '' AND NEW.device_hash = '' AND NEW.extra = '{}'::jsonb
                       AND to_jsonb(OLD) - '{comment,device_hash,extra}'::text[]
                         = to_jsonb(NEW) - '{comment,device_hash,extra}'::text[] THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'an answer is only revised, its words only erased: % refused', TG_OP
                        USING ERRCODE = 'integrity_constraint_violation';
                """,
            )
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.response_id}"


class ResponseEvent(models.Model):
    """A judgement on an answer: accepted, rejected, voided, restored, locked, anonymised. Append-only."""

    response = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12, choices=ResponseEventKind)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=RecordedNow())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=ResponseEventKind.values), name="surveys_responseevent_known_kind"
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} {self.response_id}"
