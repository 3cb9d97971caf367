"""What an entry of the catalogue holds."""

from dataclasses import dataclass

MONEY, RATE, SCORE, SHARE, RATIO = "money", "rate", "score", "share", "ratio"
COUNT, DAYS, HOURS, MONTHS, YEARS, TABLE = "count", "days", "hours", "months", "years", "table"
UP, DOWN, NEITHER = "up", "down", ""

# Facts that metrics are made of, as one says them.
LINES = "subscriptions: line versions, discounts, states"
RATES = "exchange rates"
LEDGER = "movements of the ledger"
COSTS = "cost entries"
ORDERS = "orders"
ANSWERS = "survey answers"
MAILS = "survey invitations and their mails"
USAGE = "usage events"
TICKETS = "support tickets"
TOUCHES = "touchpoints"
FOLLOW_UPS = "follow-ups"
BOOKS = "assignments of CSMs"
PHASES = "lifecycle phases"
TRIALS = "trial stretches of lines"
SEATS = "quantities of lines"
CONTACTS = "contacts"


@dataclass(frozen=True)
class Hint:
    """What others report, for orientation only: never a colour, never an alarm."""

    text: str
    source: str
    year: str = "undated"


@dataclass(frozen=True)
class Metric:
    """One metric. `better` is up, down or empty; `rows` says what its receipt lists.

    `unit` is money, rate (a fraction shown as %), score (-100 to 100), share (0 to 100), ratio, count, days, hours,
    months, years or table. `parts` are further keys answered and shown with it. `missing` says which facts the product
    does not keep yet, where that is why there is no value.
    """

    key: str
    title: str
    unit: str
    better: str
    meaning: str
    formula: str
    section: str = ""
    inputs: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    rows: str = ""
    parts: tuple[str, ...] = ()
    hint: Hint | None = None
    missing: str = ""
