import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from surveys.choices import ACCEPTED, DeliveryState, FailureKind, MessageKind, Phase, SkipReason
from surveys.models.invitation import Invitation


class Message(models.Model):
    """One mail of an invitation on its way. Only the holder of `lease_token` may change a row in `sending`."""

    invitation = models.ForeignKey(
        Invitation, db_index=False, on_delete=models.PROTECT, related_name="messages"
    )
    kind = models.CharField(max_length=10, choices=MessageKind, default=MessageKind.FIRST)
    seq = models.PositiveSmallIntegerField(default=0)
    delivery_state = models.CharField(max_length=15, choices=DeliveryState, default=DeliveryState.PLANNED)
    phase = models.CharField(max_length=10, choices=Phase, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    max_at = models.DateTimeField()
    message_id = models.CharField(max_length=200, unique=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    reply_code = models.PositiveSmallIntegerField(null=True, blank=True)
    reply_text = models.CharField(max_length=300, blank=True)
    settled_by = models.CharField(max_length=10, blank=True)  # reply, visit, answer, event, person
    skip_reason = models.CharField(max_length=20, choices=SkipReason, blank=True)
    failure = models.CharField(max_length=10, choices=FailureKind, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invitation", "kind", "seq"], name="surveys_message_once"),
            models.CheckConstraint(
                condition=Q(delivery_state__in=DeliveryState.values) & Q(kind__in=MessageKind.values),
                name="surveys_message_words",
            ),
            models.CheckConstraint(
                condition=(
                    Q(delivery_state="sending", phase__in=Phase.values, lease_until__isnull=False)
                    & ~Q(lease_token="")
                )
                | (~Q(delivery_state="sending") & Q(phase="", lease_token="", lease_until__isnull=True)),
                name="surveys_message_lease",
            ),
            models.CheckConstraint(
                condition=~Q(delivery_state__in=ACCEPTED) | Q(accepted_at__isnull=False) & ~Q(settled_by=""),
                name="surveys_message_accepted",
            ),
            models.CheckConstraint(
                condition=Q(delivery_state="skipped", skip_reason__in=SkipReason.values)
                | (~Q(delivery_state="skipped") & Q(skip_reason="")),
                name="surveys_message_skip_reason",
            ),
            models.CheckConstraint(
                condition=Q(delivery_state="failed", failure__in=FailureKind.values)
                | (~Q(delivery_state="failed") & Q(failure="")),
                name="surveys_message_failure",
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"], condition=Q(delivery_state="queued"), name="surveys_message_due"
            ),
            models.Index(
                fields=["not_before"],
                condition=Q(delivery_state__in=["planned", "retry_wait"]),
                name="surveys_message_waiting",
            ),
            models.Index(
                fields=["lease_until"], condition=Q(delivery_state="sending"), name="surveys_message_leases"
            ),
            models.Index(fields=["claimed_at"], name="surveys_message_claimed"),
            models.Index(
                fields=["changed_at"],
                condition=Q(delivery_state="uncertain"),
                name="surveys_message_uncertain",
            ),
            models.Index(
                fields=["delivery_state", "skip_reason", "invitation"],
                condition=Q(kind=MessageKind.FIRST) & ~Q(delivery_state__in=ACCEPTED),
                name="surveys_message_not_accepted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seq} of {self.invitation_id} ({self.delivery_state})"


class DeliveryEvent(models.Model):
    """What happened to a message: tries with their replies, provider events, a person's decision. Append-only."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="events")
    type = models.CharField(max_length=20)
    source = models.CharField(max_length=20)
    event_id = models.CharField(max_length=200)
    phase = models.CharField(max_length=15, blank=True)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    text = models.CharField(max_length=300, blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "event_id"], name="surveys_deliveryevent_once"),
        ]
        indexes = [models.Index(fields=["message", "occurred_at"], name="surveys_deliveryevent_message")]
        triggers = [
            pgtrigger.Trigger(
                name="append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'UPDATE' AND NEW.text = ''
                       AND to_jsonb(OLD) - 'text' = to_jsonb(NEW) - 'text' THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'events of a mail are only added: % refused', TG_OP
                        USING ERRCODE = 'integrity_constraint_violation';
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.message_id}"
