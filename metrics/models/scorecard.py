import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models.functions import Now

from metrics.choices import CardKind, VersionState

NUMBERED = (VersionState.LIVE, VersionState.SUPERSEDED)


class IdRange(models.Func):
    """The range [id, id], so that a core GiST index can compare ids for equality."""

    template = "int8range(%(expressions)s, %(expressions)s, '[]')"
    output_field = models.Field()


class MomentRange(models.Func):
    """The half-open range of two instants; NULL is an open end."""

    function = "tstzrange"
    output_field = DateTimeRangeField()


class Scorecard(models.Model):
    """A named set of versions. One card is the default, which scores every customer without a card of its own."""

    key = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=80)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="metrics_scorecard_one_default",
            ),
        ]

    def __str__(self) -> str:
        return self.title


def published_is_final() -> pgtrigger.Trigger:
    """Content of a version that has left the draft never changes, its number is given once, it is never deleted.

    From review it may go back to the draft; after that nothing leads back.
    """
    return pgtrigger.Trigger(
        name="published_is_final",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func="""
            IF OLD.state = 'draft' THEN
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                RETURN NEW;
            END IF;
            IF TG_OP = 'UPDATE' AND NEW.body = OLD.body AND NEW.body_hash = OLD.body_hash AND NEW.kind = OLD.kind
               AND NEW.scorecard_id = OLD.scorecard_id
               AND (NEW.note = OLD.note OR OLD.number IS NULL) AND (NEW.state <> 'draft' OR OLD.state = 'in_review')
               AND (OLD.number IS NULL OR NEW.number = OLD.number)
               AND (OLD.live_from IS NULL OR NEW.live_from = OLD.live_from)
               AND (OLD.live_to IS NULL OR NEW.live_to = OLD.live_to) THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'scorecard versions are final once published: % of version % is refused', TG_OP, OLD.id
                USING ERRCODE = 'integrity_constraint_violation';
        """,
    )


class ScorecardVersion(models.Model):
    """One body of a scorecard. Drafts carry no number; going live gives the next one, and the content is final.

    `version` counts the saves of a draft, so that a second editor is told instead of overwriting the first.
    """

    scorecard = models.ForeignKey(Scorecard, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(null=True)
    kind = models.CharField(max_length=10, choices=CardKind, default=CardKind.WEIGHTED)
    state = models.CharField(max_length=12, choices=VersionState, default=VersionState.DRAFT)
    body = models.JSONField()
    body_hash = models.CharField(max_length=64)
    base = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    rollback_of = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    edited_at = models.DateTimeField()
    acknowledged = models.JSONField(default=dict, blank=True)  # {finding: note} of the linter's warnings
    preview = models.JSONField(null=True, blank=True)  # {"body_hash", "at", what it promised}
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    sent_at = models.DateTimeField(null=True)
    review_note = models.CharField(max_length=500, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True)
    approved_alone = models.CharField(max_length=500, blank=True)  # the reason, when nobody else could
    effective_on = models.DateField(null=True)
    live_from = models.DateTimeField(null=True)
    live_to = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scorecard", "number"], name="metrics_scorecardversion_number"),
            models.UniqueConstraint(
                fields=["scorecard"],
                condition=models.Q(state="live"),
                name="metrics_scorecardversion_one_live",
            ),
            ExclusionConstraint(
                name="metrics_scorecardversion_no_overlap",
                expressions=[
                    (IdRange("scorecard_id"), RangeOperators.OVERLAPS),
                    (MomentRange("live_from", "live_to"), RangeOperators.OVERLAPS),
                ],
                condition=models.Q(live_from__isnull=False),
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=NUMBERED, number__isnull=False, live_from__isnull=False)
                | (~models.Q(state__in=NUMBERED) & models.Q(number=None)),
                name="metrics_scorecardversion_numbered_when_live",
            ),
            models.CheckConstraint(
                condition=models.Q(state="live", live_to=None)
                | models.Q(state="superseded", live_to__gte=models.F("live_from"))
                | ~models.Q(state__in=NUMBERED),
                name="metrics_scorecardversion_live_range",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=VersionState.values) & models.Q(kind__in=CardKind.values),
                name="metrics_scorecardversion_words",
            ),
        ]
        triggers = [published_is_final()]

    def __str__(self) -> str:
        return f"{self.scorecard_id} {self.label}"

    @property
    def label(self) -> str:
        """v3, or "draft"."""
        return f"v{self.number}" if self.number else "draft"
