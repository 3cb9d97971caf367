import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models import Contact, Customer, FollowUp
from customers.models.scoped import ScopedQuerySet
from surveys.choices import CaseEventKind, CaseOutcome, CaseState
from surveys.models.response import Response


class Case(models.Model):
    """An unhappy answer, or a wish to be called, until somebody has closed it. One open case per customer and contact.

    `due_at` is the deadline of the first contact, `close_by` that of closing, both in business time of the assignee.
    `waited_s` is business time already spent waiting for the customer, which the clock leaves out. `contact_s` is
    business time to the very first contact and `contact_in_time` its verdict; a reopened case keeps both.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="cases")
    contact = models.ForeignKey(Contact, null=True, on_delete=models.PROTECT, related_name="cases")
    response = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="cases")  # the newest one
    state = models.CharField(max_length=10, choices=CaseState, default=CaseState.OPEN)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="cases"
    )
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    close_by = models.DateTimeField()
    contacted_at = models.DateTimeField(null=True, blank=True)
    contact_s = models.PositiveIntegerField(null=True)
    contact_in_time = models.BooleanField(null=True)
    waiting_since = models.DateTimeField(null=True, blank=True)
    waited_s = models.PositiveIntegerField(default=0)
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=15, choices=CaseOutcome, blank=True)
    follow_up = models.ForeignKey(FollowUp, null=True, on_delete=models.PROTECT, related_name="+")
    reopened = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "contact"],
                condition=~Q(state="closed"),
                nulls_distinct=False,
                name="surveys_case_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=CaseState.values) & Q(outcome__in=["", *CaseOutcome.values]),
                name="surveys_case_words",
            ),
            models.CheckConstraint(
                condition=(Q(state="closed", closed_at__isnull=False) & ~Q(outcome=""))
                | (~Q(state="closed") & Q(closed_at=None, outcome="")),
                name="surveys_case_closed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["assignee", "due_at"], condition=~Q(state="closed"), name="surveys_case_mine"
            ),
            models.Index(fields=["customer", "-opened_at"], name="surveys_case_customer"),
            models.Index(fields=["-opened_at"], name="surveys_case_opened"),
        ]

    def __str__(self) -> str:
        return f"case {self.pk}"


class CaseEvent(models.Model):
    """What happened in a case. Append-only; an erased person's words are blanked, nothing else."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12, choices=CaseEventKind)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    response = models.ForeignKey(Response, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=2000, blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=CaseEventKind.values), name="surveys_caseevent_kind"),
        ]
        indexes = [models.Index(fields=["case", "occurred_at"], name="surveys_caseevent_case")]
        triggers = [
            pgtrigger.Trigger(
                name="append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'UPDATE' AND NEW.note = ''
                       AND to_jsonb(OLD) - 'note' = to_jsonb(NEW) - 'note' THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'events of a case are only added: % refused', TG_OP
                        USING ERRCODE = 'integrity_constraint_violation';
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of case {self.case_id}"
