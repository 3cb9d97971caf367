from datetime import datetime

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from surveys.choices import ALL_SURVEYS, SuppressionReason, SurveyKind


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    """Filters over the list of addresses that must not be asked."""

    def in_force(self, now: datetime) -> "SuppressionQuerySet":
        """Not lifted and not over."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), lifted_at=None)

    def covering(self, kind: str) -> "SuppressionQuerySet":
        """Of this survey kind or of all."""
        return self.filter(scope__in=[ALL_SURVEYS, kind])


class Suppression(models.Model):
    """An address that must not be asked, by its keyed hash. Append-only except for the lift and the erased address."""

    email_hash = models.CharField(max_length=64)
    email = models.CharField(max_length=254, null=True, blank=True)  # noqa: DJ001 - third-party-type
    scope = models.CharField(max_length=10, default=ALL_SURVEYS)
    reason = models.CharField(max_length=15, choices=SuppressionReason)
    source = models.CharField(max_length=60)
    occurred_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    lift_reason = models.CharField(max_length=300, blank=True)
    recorded_at = models.DateTimeField(db_default=Now())

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["email_hash", "scope", "reason"],
                condition=Q(lifted_at=None, expires_at=None),
                name="surveys_suppression_once",
            ),
            models.CheckConstraint(
                condition=Q(reason__in=SuppressionReason.values)
                & Q(scope__in=[ALL_SURVEYS, *SurveyKind.values]),
                name="surveys_suppression_words",
            ),
        ]
        indexes = [models.Index(fields=["email_hash"], name="surveys_suppression_person")]
        triggers = [
            pgtrigger.Trigger(
                name="append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'UPDATE' AND (OLD.lifted_at IS NULL OR OLD.email IS NOT NULL)
                       AND to_jsonb(OLD) - '{lifted_at,lifted_by_id,lift_reason,email}'::text[]
                         = to_jsonb(NEW) - '{lifted_at,lifted_by_id,lift_reason,email}'::text[]
                       AND (NEW.email IS NULL OR NEW.email = OLD.email) THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'suppressions are only lifted, never changed: % refused', TG_OP
                        USING ERRCODE = 'integrity_constraint_violation';
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} ({self.scope})"
