"""Closed vocabularies of the metrics app; stored values are lower case and never renamed."""

from django.db.models import TextChoices


class CardKind(TextChoices):
    """How a scorecard adds up: shares of 100 points, or impact x count."""

    WEIGHTED = "weighted"
    ACTIONS = "actions"


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
