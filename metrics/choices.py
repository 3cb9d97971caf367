"""Closed vocabularies of the metrics app; stored values are lower case and never renamed."""

from django.db.models import TextChoices


class CardKind(TextChoices):
    """How a scorecard adds up: shares of 100 points, or impact x count."""

    WEIGHTED = "weighted"
    ACTIONS = "actions"
    RULES = "rules", "card rules"


class VersionState(TextChoices):
    """Life of a scorecard version. Content is final from `in_review` on."""

    DRAFT = "draft"
    IN_REVIEW = "in_review", "in review"
    SCHEDULED = "scheduled"
    LIVE = "live"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class MovementKind(TextChoices):
    """What a customer's net change of a day is."""

    NEW = "new"
    REACTIVATION = "reactivation"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"


class ChurnKind(TextChoices):
    """Why MRR went to zero."""

    LEFT = "left"
    DOWNGRADED_TO_FREE = "downgraded_to_free", "downgraded to free"
    PAUSED = "paused"
    INVOLUNTARY = "involuntary", "payment failed"


class OverrideKind(TextChoices):
    """What an override does to a computed score."""

    VALUE = "value", "replaces the score"
    CAP = "cap", "at most"


class OverrideReason(TextChoices):
    """Why a person sets another score than the computed one."""

    SPONSOR = "sponsor", "sponsor changed or left"
    COMMITMENT = "commitment", "renewal promised or refused"
    INCIDENT = "incident", "incident or escalation"
    COMPANY = "company", "merger, cuts or insolvency"
    LATE_DATA = "late_data", "data is wrong or late"
    OTHER = "other"


class MeasureKind(TextChoices):
    """Where an own measure takes its value from."""

    FIELD = "field", "custom field"
    EVENT = "event", "usage event"
    ACTIONS = "actions", "action points"


class AlertKind(TextChoices):
    """What a health alert tells."""

    BAND_WORSE = "band_worse", "band worse"
    BAND_BETTER = "band_better", "band better"
    DROP = "drop", "score dropped"
    UNSCORED = "unscored", "no score any more"
    RED_BEFORE_RENEWAL = "red_before_renewal", "red before renewal"
    CARD_PUBLISHED = "card_published", "a new version moved customers"


class FeedState(TextChoices):
    """What the guard thinks of a source feed."""

    LEARNING = "learning"
    OK = "ok"
    BROKEN = "broken"


class MissLabel(TextChoices):
    """What the team says about a loss, looking back."""

    SEEN_ACTED = "seen_acted", "seen, acted"
    SCORED_NOT_ACTED = "scored_not_acted", "scored, not acted"
    PRESENT_NOT_SCORED = "present_not_scored", "present, not scored"
    NOT_VISIBLE = "not_visible", "not visible"
    OUTSIDE_CONTROL = "outside_control", "outside control"


class Closing(TextChoices):
    """How a disagreement between views of a customer ended."""

    EVIDENCE = "evidence", "new evidence"
    OVERRIDE = "override"
    CARD_CHANGE = "card_change", "scorecard change"
    BOTH_RIGHT = "both_right", "both right"
