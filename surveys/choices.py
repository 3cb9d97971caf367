"""Closed lists of asking and answering. Lower-case values are stored and never renamed."""

from django.db.models import TextChoices


class SurveyKind(TextChoices):
    NPS = "nps", "NPS, 0–10"
    CSAT5 = "csat5", "CSAT, 1–5"
    CSAT7 = "csat7", "CSAT, 1–7"
    CES7 = "ces7", "CES, 1–7"
    CES5 = "ces5", "CES, 1–5"


class OtherScale(TextChoices):
    """Imported answers on a scale Tend does not ask: kept as their own series, never pooled."""

    CSAT = "csat", "CSAT, other scale"
    CES = "ces", "CES, other scale"


class Direction(TextChoices):
    HIGH_IS_GOOD = "high_is_good", "high is good"
    LOW_IS_GOOD = "low_is_good", "low is good"


class Nature(TextChoices):
    """Relationship asks about the whole; transactional asks about one event."""

    RELATIONSHIP = "relationship", "Relationship"
    TRANSACTIONAL = "transactional", "Transactional"


class OnThrottle(TextChoices):
    SKIP = "skip", "Leave out"
    DEFER = "defer", "Wait, up to the last day"


class CampaignState(TextChoices):
    DRAFT = "draft", "Draft"
    SCHEDULED = "scheduled", "Scheduled"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"
    ARCHIVED = "archived", "Archived"


class WaveState(TextChoices):
    PLANNED = "planned", "Planned"
    SENDING = "sending", "Sending"
    PAUSED = "paused", "Paused"
    COLLECTING = "collecting", "Collecting"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"


class SkipReason(TextChoices):
    SUPPRESSED = "suppressed", "Unsubscribed or bounced"
    DO_NOT_SURVEY = "do_not_survey", "Marked “do not survey”"
    THROTTLED = "throttled", "Asked too recently"
    CUSTOMER_CAP = "customer_cap", "Enough people asked at this customer"
    DUPLICATE_ADDRESS = "duplicate_address", "Same address twice"
    NO_VALID_ADDRESS = "no_valid_address", "No usable address"
    NO_LANGUAGE = "no_language", "No text in their language"
    CONTACT_INACTIVE = "contact_inactive", "Contact has left"
    CUSTOMER_INACTIVE = "customer_inactive", "Customer has left"
    CUSTOMER_ESCALATED = "customer_escalated", "Customer in escalation"
    STAFF_ADDRESS = "staff_address", "Address of a user"
    SAMPLED_OUT = "sampled_out", "Not in the sample"
    EXCLUDED_BY_HAND = "excluded_by_hand", "Left out by hand"


class ResponseState(TextChoices):
    """How far one invitation came; delivery events never undo it."""

    NONE = "none", "Nothing yet"
    VISITED = "visited", "Visited"
    SUSPECT = "suspect", "Suspect"
    ANSWERED = "answered", "Answered"
    LOCKED = "locked", "Locked"
    EXPIRED = "expired", "Expired"
    DISCARDED = "discarded", "Discarded"
    REVOKED = "revoked", "Revoked"
    VOID = "void", "Void"
    ANONYMISED = "anonymised", "Anonymised"


class MessageKind(TextChoices):
    FIRST = "first", "Invitation"
    REMINDER = "reminder", "Reminder"


class DeliveryState(TextChoices):
    PLANNED = "planned", "Planned"
    QUEUED = "queued", "Queued"
    SENDING = "sending", "Sending"
    RETRY_WAIT = "retry_wait", "Waiting for another try"
    UNCERTAIN = "uncertain", "Uncertain"
    SENT = "sent", "Sent"
    DELIVERED = "delivered", "Delivered"
    SOFT_BOUNCED = "soft_bounced", "Soft bounce"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complaint"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    REVOKED = "revoked", "Withdrawn"
    EXPIRED_UNSENT = "expired_unsent", "Too late to send"


WAITING = (DeliveryState.PLANNED, DeliveryState.QUEUED, DeliveryState.RETRY_WAIT)
ACCEPTED = (
    DeliveryState.SENT,
    DeliveryState.DELIVERED,
    DeliveryState.SOFT_BOUNCED,
    DeliveryState.COMPLAINED,
)
# States that keep the clock of a person running (S-50): asked, or perhaps asked.
ON_THE_CLOCK = (DeliveryState.SENDING, DeliveryState.UNCERTAIN, *ACCEPTED)


class Phase(TextChoices):
    """Where a message in `sending` stands: before the final dot nothing can have been delivered."""

    CONNECT = "connect", "Before the dot"
    DOT = "dot", "Dot allowed"


class FailureKind(TextChoices):
    RENDER = "render", "The mail did not pass its checks"
    POLICY = "policy", "The server refuses our mails"
    CONTENT = "content", "The server refused this mail"
    ATTEMPTS = "attempts", "Five tries used up"
    CLOSED = "closed", "Closed by a person"


class TokenPurpose(TextChoices):
    ANSWER = "answer", "Answer"
    UNSUBSCRIBE = "unsubscribe", "Unsubscribe"
    HONEYPOT = "honeypot", "Honeypot"


class ResponseStatus(TextChoices):
    """Only `counted` answers are in scores, follow-ups and health."""

    COUNTED = "counted", "Counted"
    SUSPECT = "suspect", "Suspect"
    DISCARDED = "discarded", "Discarded"
    VOID = "void", "Void"
    TEST = "test", "Test"


class ResponseEventKind(TextChoices):
    SUSPECTED = "suspected", "Suspect answer"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    DISCARDED = "discarded", "Discarded at the end of the link"
    SET_ASIDE = "set_aside", "Suspect change set aside"
    VOIDED = "voided", "Voided"
    RESTORED = "restored", "Restored"
    LOCKED = "locked", "Locked"
    ANONYMISED = "anonymised", "Anonymised"


class Channel(TextChoices):
    EMAIL = "email", "Mail"
    IMPORT = "import", "Import"


class SuppressionReason(TextChoices):
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    HARD_BOUNCE = "hard_bounce", "Address bounced"
    SOFT_BOUNCE = "soft_bounce", "Address bounced repeatedly"
    COMPLAINT = "complaint", "Complained"
    MANUAL = "manual", "Set by hand"
    ERASED = "erased", "Erased"
    DOMAIN_BLOCK = "domain_block", "Domain blocked"


class CaseState(TextChoices):
    OPEN = "open", "Open"
    CONTACTED = "contacted", "Contacted"
    CLOSED = "closed", "Closed"


class CaseOutcome(TextChoices):
    RESOLVED = "resolved", "Resolved"
    NO_REPLY = "no_reply", "No reply"
    NOT_ACTIONABLE = "not_actionable", "Nothing to be done"


class CaseEventKind(TextChoices):
    OPENED = "opened", "Opened"
    ANSWERED = "answered", "Further answer"
    CONTACTED = "contacted", "Contacted"
    REASSIGNED = "reassigned", "Reassigned"
    WAITING = "waiting", "Waiting for the customer"
    WAIT_OVER = "wait_over", "Wait over"
    REMINDED = "reminded", "Reminder"
    ESCALATED = "escalated", "Escalated"
    CLOSED = "closed", "Closed"
    REOPENED = "reopened", "Reopened"
    NOTED = "noted", "Note"
    ERASED = "erased", "Person erased"


class TriggerEvent(TextChoices):
    """What happens to a customer that may send one survey (S-200)."""

    PHASE_ENDED = "phase_ended", "A lifecycle phase is completed"
    TICKET_SOLVED = "ticket_solved", "A ticket is solved"
    AFTER_GO_LIVE = "after_go_live", "Days after go-live"
    BEFORE_RENEWAL = "before_renewal", "Before the renewal"
    DOWNGRADED = "downgraded", "A downgrade"
    CANCELLED = "cancelled", "A cancellation"
    USAGE_EVENT = "usage_event", "A usage event"


class FiringReason(TextChoices):
    """Why an object that a trigger looked at asked nobody: a reason of the snapshot, or one of triggers alone."""

    SUPPRESSED = SkipReason.SUPPRESSED.value, SkipReason.SUPPRESSED.label
    DO_NOT_SURVEY = SkipReason.DO_NOT_SURVEY.value, SkipReason.DO_NOT_SURVEY.label
    THROTTLED = SkipReason.THROTTLED.value, SkipReason.THROTTLED.label
    CUSTOMER_CAP = SkipReason.CUSTOMER_CAP.value, SkipReason.CUSTOMER_CAP.label
    DUPLICATE_ADDRESS = SkipReason.DUPLICATE_ADDRESS.value, SkipReason.DUPLICATE_ADDRESS.label
    NO_VALID_ADDRESS = SkipReason.NO_VALID_ADDRESS.value, SkipReason.NO_VALID_ADDRESS.label
    NO_LANGUAGE = SkipReason.NO_LANGUAGE.value, SkipReason.NO_LANGUAGE.label
    CONTACT_INACTIVE = SkipReason.CONTACT_INACTIVE.value, SkipReason.CONTACT_INACTIVE.label
    CUSTOMER_INACTIVE = SkipReason.CUSTOMER_INACTIVE.value, SkipReason.CUSTOMER_INACTIVE.label
    CUSTOMER_ESCALATED = SkipReason.CUSTOMER_ESCALATED.value, SkipReason.CUSTOMER_ESCALATED.label
    STAFF_ADDRESS = SkipReason.STAFF_ADDRESS.value, SkipReason.STAFF_ADDRESS.label
    SAMPLED_OUT = SkipReason.SAMPLED_OUT.value, SkipReason.SAMPLED_OUT.label
    EXCLUDED_BY_HAND = SkipReason.EXCLUDED_BY_HAND.value, SkipReason.EXCLUDED_BY_HAND.label
    NOT_IN_AUDIENCE = "not_in_audience", "Nobody there belongs to the audience"
    MAX_DELAY = "max_delay", "Seen too late"
    UNDONE = "undone", "No longer true"


class FiringOutcome(TextChoices):
    """What came of one object that a trigger looked at."""

    INVITED = "invited", "Asked"
    SKIPPED = "skipped", "Not asked"
    TOO_LATE = "too_late", "Too late to ask"
    REVOKED = "revoked", "Undone before the mail"


class TopicSource(TextChoices):
    AUTOMATIC = "automatic", "By its terms"
    MANUAL = "manual", "By hand"


class SenderMode(TextChoices):
    COMPANY = "company", "The company"
    CSM = "csm", "The CSM, via the company"


ALL_SURVEYS = "all"  # scope of a suppression that covers every kind
