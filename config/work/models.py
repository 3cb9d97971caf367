"""Rows of work. PostgreSQL is the only truth; Celery is a doorbell."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Job(models.Model):
    """One piece of background or long work with its progress; `kind` is the name of a registered task."""

    kind = models.CharField(max_length=100)
    args = models.JSONField(default=dict)
    title = models.CharField(max_length=200, blank=True)
    dedupe_key = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    due_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    result = models.JSONField(default=dict, blank=True)
    result_url = models.CharField(max_length=300, blank=True)
    last_error = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"],
                condition=models.Q(state__in=["queued", "running"]) & ~models.Q(dedupe_key=""),
                name="work_job_one_active_per_key",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=JobState.values), name="work_job_known_state"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="queued"), name="work_job_due"),
            models.Index(fields=["lease_until"], condition=models.Q(state="running"), name="work_job_leases"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk} ({self.state})"

    @property
    def is_over(self) -> bool:
        return self.state in {JobState.DONE, JobState.DEAD, JobState.CANCELLED}


class Ticker(models.Model):
    """Last success of one interval task."""

    name = models.CharField(max_length=100, primary_key=True)
    last_ok_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class MailState(models.TextChoices):
    QUEUED = "queued"
    CLAIMED = "claimed"
    TRANSMITTING = "transmitting"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


class OutgoingMail(models.Model):
    """A mail that is no survey: invitation to a user, password reset, alert, digest.

    `security` mails (reset, invite, code) may be sent once more when their fate is unknown; all others never.
    The body is blanked in every final state.
    """

    mail_class = models.CharField(max_length=20, default="notice")
    recipient = models.EmailField(max_length=254)
    subject = models.CharField(max_length=300)
    message_id = models.CharField(max_length=200, unique=True)
    raw = models.BinaryField(default=b"")
    dedupe_key = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=15, choices=MailState, default=MailState.QUEUED)
    not_before = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    reply = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"], condition=~models.Q(dedupe_key=""), name="work_outgoingmail_dedupe"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=MailState.values), name="work_outgoingmail_known_state"
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=models.Q(state__in=["queued", "deferred"]),
                name="work_outgoingmail_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipient} ({self.state})"


class MailAttempt(models.Model):
    """One try to hand a mail to the server; never updated after its result."""

    mail = models.ForeignKey(OutgoingMail, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField(db_default=Now())
    phase = models.CharField(max_length=20, blank=True)
    code = models.CharField(max_length=10, blank=True)
    text = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mail", "number"], name="work_mailattempt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.mail_id} try {self.number}"


class CapturedMail(models.Model):
    """A mail taken by the built-in outbox instead of a mail server (development and demos)."""

    message_id = models.CharField(max_length=200, unique=True)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=300)
    raw = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"{self.subject} to {self.recipient}"


class AuditEntry(models.Model):
    """Who did what to which object, with before and after; append-only."""

    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=20, default="user")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=100)
    object_type = models.CharField(max_length=100, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["-at", "-id"], name="work_auditentry_newest"),
            models.Index(fields=["object_type", "object_id", "-at"], name="work_auditentry_object"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'UPDATE' AND current_setting('tend.erasing', true) = 'on'
                       AND to_jsonb(OLD) - '{before,after,object_label}'::text[]
                         = to_jsonb(NEW) - '{before,after,object_label}'::text[] THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'the log of changes is only added to: % refused', TG_OP
                        USING ERRCODE = 'integrity_constraint_violation';
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_label}"


class RateCounter(models.Model):
    """How often something happened in the current window; unlogged, so a crash empties it by design."""

    key = models.CharField(max_length=128, primary_key=True)
    used = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
