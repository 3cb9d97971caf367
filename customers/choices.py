"""Closed vocabularies of the customers app; stored values are lower case and never renamed."""

from django.db.models import TextChoices


class Interval(TextChoices):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TERM = "term"


class LineStatus(TextChoices):
    """State of a line version. `active` and `past_due` count as MRR; the others do not."""

    ACTIVE = "active"
    PAST_DUE = "past_due"
    TRIAL = "trial"
    FREE = "free"
    PAUSED = "paused"
    UNPAID = "unpaid"


class LineKind(TextChoices):
    """What a line charges for: MRR is made of recurring lines only."""

    RECURRING = "recurring"
    USAGE = "usage", "usage charge of a service month"
    ONE_TIME = "one_time", "one-time charge"


class AssignmentRole(TextChoices):
    PRIMARY = "primary"
    CO_OWNER = "co_owner"
    COVER = "cover"


class Attribute(TextChoices):
    """Dated attributes of a customer."""

    PHASE = "phase"
    TIER = "tier"
    SEGMENT = "segment"
    REGION = "region"
    PARENT = "parent"


class Phase(TextChoices):
    """Lifecycle phases in order."""

    SALES = "sales"
    ONBOARDING = "onboarding"
    ADOPTION = "adoption"
    VALUE = "value"
    RENEWAL = "renewal"
    EXPANSION = "expansion"
    ADVOCACY = "advocacy"


class LegalBasis(TextChoices):
    """Why a contact may be asked."""

    LEGITIMATE_INTEREST = "legitimate_interest", "legitimate interest"
    CONSENT = "consent"
    SOFT_OPT_IN = "soft_opt_in", "soft opt-in of a customer"


class TouchpointKind(TextChoices):
    CALL = "call"
    MEETING = "meeting"
    EMAIL = "email"
    REVIEW = "review", "business review"
    NOTE = "note"


class Direction(TextChoices):
    IN = "in"
    OUT = "out"
    INTERNAL = "internal"


class FollowUpKind(TextChoices):
    TODO = "todo", "to do"
    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    SURVEY = "survey", "survey answer"
    RENEWAL = "renewal"


class FollowUpState(TextChoices):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class FollowUpPriority(TextChoices):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class AlertState(TextChoices):
    OPEN = "open"
    SEEN = "seen"
    CLEARED = "cleared"


class TicketPriority(TextChoices):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class CustomFieldType(TextChoices):
    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    CHOICE = "choice"
    BOOLEAN = "boolean", "yes or no"


class CostKind(TextChoices):
    ACQUISITION = "acquisition"
    RETENTION = "retention"


# Categories that pages suggest per kind; a file may bring words of its own.
COST_CATEGORIES = {
    CostKind.ACQUISITION: ("sales", "marketing", "other acquisition"),
    CostKind.RETENTION: (
        "payroll CS",
        "payroll service",
        "adoption programmes",
        "services and training",
        "customer marketing",
        "tools",
    ),
}


class ImportKind(TextChoices):
    CUSTOMERS = "customers"
    CONTACTS = "contacts"
    SUBSCRIPTIONS = "subscriptions"
    USAGE = "usage"
    TICKETS = "tickets"
    TOUCHPOINTS = "touchpoints"
    COSTS = "costs"
    RESPONSES = "responses", "survey answers"
    RATES = "rates"
    ORDERS = "orders"


class BatchState(TextChoices):
    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    REFUSED = "refused"
    UNDONE = "undone"


PULSE_POINTS = {1: 0, 2: 25, 3: 50, 4: 75, 5: 100}
PULSE_WORDS = {
    1: "expect to lose",
    2: "at risk",
    3: "uncertain",
    4: "likely to renew",
    5: "would renew today and recommend",
}


class PulseReason(TextChoices):
    """Why a customer stands where it stands; a pulse names up to three."""

    VALUE_SEEN = "value_seen", "sees the value"
    SPONSOR_STRONG = "sponsor_strong", "sponsor behind us"
    EXPANDING = "expanding", "wants more"
    ADOPTION_LOW = "adoption_low", "hardly used"
    SPONSOR_LOST = "sponsor_lost", "sponsor left or doubts"
    PRODUCT_GAP = "product_gap", "something is missing"
    SUPPORT = "support", "trouble with support"
    PRICE = "price", "price or budget"
    COMPETITOR = "competitor", "looks at a competitor"
    COMPANY_CHANGE = "company_change", "changes at the company"


MOST_PULSE_REASONS = 3
