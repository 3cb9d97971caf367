"""Which fields each kind of file has, how each is read, and which are needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from customers.choices import (
    CostKind,
    Direction,
    Interval,
    LineKind,
    LineStatus,
    Phase,
    TicketPriority,
    TouchpointKind,
)
from customers.connectors import cells
from customers.connectors.cells import Reader

CUSTOM_PREFIX = "cf_"
AMOUNT_DIGITS = 8
GIVEN_MRR_DIGITS = 30  # a computed figure; rounded once to 8 when it is stored
SURVEYS = ("nps", "csat", "ces")
HIGH_IS_GOOD, LOW_IS_GOOD = "high_is_good", "low_is_good"
LARGEST_SCORE = 100
MONTHS_OF_INTERVALS = 120  # a billing interval of more than ten years is a mistake


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind: its name, how a cell becomes a value, and what people read about it."""

    name: str
    read: Reader
    about: str
    needed: bool = False


@dataclass(frozen=True)
class Layout:
    """The fields of one kind of file.

    `one_of`: of each group exactly one field must be given. `together`: a field that needs others beside it.
    """

    kind: str
    fields: tuple[Field, ...]
    one_of: tuple[tuple[str, ...], ...] = ()
    together: Mapping[str, tuple[str, ...]] | None = None
    custom: bool = False

    def field(self, name: str) -> Field | None:
        """The field of that name; `cf_` fields are read as text and checked by their definition."""
        found = next((field for field in self.fields if field.name == name), None)
        if found is None and self.custom and name.startswith(CUSTOM_PREFIX):
            return Field(name, cells.text(2000, lines=True), "custom field")
        return found

    @property
    def names(self) -> list[str]:
        """Names of all fields."""
        return [field.name for field in self.fields]


AMOUNT = cells.number(least=Decimal(0), digits=AMOUNT_DIGITS, what="amount")
COUNT = cells.number(least=Decimal(0), digits=AMOUNT_DIGITS, what="quantity")
PERCENT = cells.number(least=Decimal(0), most=Decimal("100.0001"), digits=4, what="percentage")

CUSTOMERS = Layout(
    "customers",
    (
        Field("customer_id", cells.identifier(), "id in the source system", needed=True),
        Field("name", cells.text(200), "name of the company"),
        Field("domain", cells.text(253), "web domain"),
        Field("parent_id", cells.identifier(), "customer_id of the parent"),
        Field("segment", cells.text(100), "segment label"),
        Field("tier", cells.text(100), "tier"),
        Field("industry", cells.text(100), "industry"),
        Field("region", cells.text(100), "region"),
        Field("country", cells.country, "country code"),
        Field("currency", cells.currency, "billing currency"),
        Field("time_zone", cells.time_zone, "time zone"),
        Field("lifecycle_phase", cells.one_of(Phase.values), "lifecycle phase"),
        Field("phase_since", cells.day, "first day of the phase"),
        Field("csm_email", cells.email, "address of the CSM in Tend"),
        Field("created_on", cells.day, "customer since"),
    ),
    custom=True,
)
CONTACTS = Layout(
    "contacts",
    (
        Field("contact_id", cells.identifier(), "id in the source system", needed=True),
        Field("customer_id", cells.identifier(), "customer_id of the company", needed=True),
        Field("email", cells.email, "address", needed=True),
        Field("name", cells.text(200), "full name"),
        Field("role", cells.text(60), "role at the customer"),
        Field("language", cells.text(10), "language code"),
        Field("time_zone", cells.time_zone, "time zone"),
        Field("do_not_survey", cells.yes_or_no, "never ask this person"),
        Field("left_on", cells.day, "day the person left"),
    ),
)
SUBSCRIPTIONS = Layout(
    "subscriptions",
    (
        Field("customer_id", cells.identifier(), "customer_id of the company", needed=True),
        Field("start_date", cells.day, "first day", needed=True),
        Field("subscription_id", cells.identifier(), "id in the billing system"),
        Field("product", cells.text(100), "product or add-on"),
        Field("plan", cells.text(100), "plan"),
        Field("end_date", cells.day, "first day that no longer counts; empty = open"),
        Field("amount", AMOUNT, "price of one interval for the whole line"),
        Field(
            "mrr",
            cells.number(least=Decimal(0), digits=GIVEN_MRR_DIGITS, what="amount"),
            "monthly amount, instead of amount and interval",
        ),
        Field("quantity", COUNT, "seats or units, for information"),
        Field("currency", cells.currency, "currency of the amount", needed=True),
        Field("interval", cells.one_of(Interval.values), "billing interval of the amount"),
        Field("interval_count", cells.whole_between(1, MONTHS_OF_INTERVALS), "intervals per billing period"),
        Field("status", cells.one_of(LineStatus.values), "state of the line"),
        Field("kind", cells.one_of(LineKind.values), "recurring (the default), usage or one_time"),
        Field("discount_percent", PERCENT, "discount in per cent"),
        Field("discount_amount", AMOUNT, "discount per interval"),
        Field("discount_until", cells.day, "first day without the discount"),
        Field("trial_end", cells.day, "first paid day after a trial"),
        Field("cancelled_on", cells.day, "day of notice"),
        Field("auto_renew", cells.yes_or_no, "renews by itself"),
        Field("notice_days", cells.whole_between(0, 3650), "days of notice"),
        Field("reason", cells.text(200), "reason of the change or end"),
    ),
    one_of=(("amount", "mrr"),),
    together={"amount": ("interval",)},
)
USAGE = Layout(
    "usage",
    (
        Field("customer_id", cells.identifier(), "customer_id of the company", needed=True),
        Field("occurred_at", cells.moment, "moment of the event"),
        Field("day", cells.day, "local day of a total"),
        Field("user_id", cells.identifier(), "user inside the customer"),
        Field("event", cells.text(200), "name of the event"),
        Field("feature", cells.text(200), "feature it belongs to"),
        Field("count", cells.whole, "how many times"),
        Field("users", cells.whole, "distinct users of a day's total"),
        Field(
            "value",
            cells.number(least=Decimal(-(10**13)), most=Decimal(10**13), digits=6, what="value"),
            "a measured value",
        ),
        Field("message_id", cells.identifier(120), "id of the event, so that a resend counts once"),
    ),
    one_of=(("occurred_at", "day"),),
)
TICKETS = Layout(
    "tickets",
    (
        Field("ticket_id", cells.identifier(), "id in the support system", needed=True),
        Field("customer_id", cells.identifier(), "customer_id of the company", needed=True),
        Field("opened_at", cells.moment, "moment it was opened", needed=True),
        Field("solved_at", cells.moment, "moment it was solved"),
        Field("first_response_at", cells.moment, "moment of the first reply"),
        Field("priority", cells.one_of(TicketPriority.values), "priority"),
        Field("agent_replies", cells.whole, "replies by agents"),
        Field("reopened", cells.whole, "times it was reopened"),
        Field("transferred", cells.yes_or_no, "passed on to another team"),
        Field("csat", cells.whole_between(1, 5), "satisfaction from 1 to 5"),
        Field("escalated", cells.yes_or_no, "escalated"),
    ),
)
TOUCHPOINTS = Layout(
    "touchpoints",
    (
        Field("customer_id", cells.identifier(), "customer_id of the company", needed=True),
        Field("occurred_at", cells.moment, "moment", needed=True),
        Field("kind", cells.one_of(TouchpointKind.values), "kind of contact"),
        Field("direction", cells.one_of(Direction.values), "who reached out"),
        Field("subject", cells.text(200), "subject"),
        Field("body", cells.text(100_000, lines=True), "notes"),
        Field("contact_email", cells.email, "address of the contact"),
        Field("author_email", cells.email, "address of the user in Tend"),
    ),
)
COSTS = Layout(
    "costs",
    (
        Field("period", cells.month, "month the cost belongs to, YYYY-MM", needed=True),
        Field("kind", cells.one_of(CostKind.values), "acquisition or retention", needed=True),
        Field("amount", AMOUNT, "amount of the month", needed=True),
        Field("currency", cells.currency, "currency of the amount", needed=True),
        Field("category", cells.text(60), "for instance sales, marketing, tools"),
        Field("segment", cells.text(100), "segment it was spent on; empty = unallocated"),
        Field("channel", cells.text(60), "channel it was spent on"),
    ),
)
RESPONSES = Layout(
    "responses",
    (
        Field("answered_at", cells.moment, "moment of the answer", needed=True),
        Field("kind", cells.one_of(SURVEYS), "nps, csat or ces", needed=True),
        Field("score", cells.whole_between(0, LARGEST_SCORE), "the answer", needed=True),
        Field("customer_id", cells.identifier(), "customer_id of the company, where known"),
        Field("contact_email", cells.email, "address of the contact"),
        Field("comment", cells.text(20_000, lines=True), "what was written"),
        Field("scale_min", cells.whole_between(0, LARGEST_SCORE), "lowest score one could give"),
        Field("scale_max", cells.whole_between(1, LARGEST_SCORE), "highest score one could give"),
        Field("direction", cells.one_of((HIGH_IS_GOOD, LOW_IS_GOOD)), "which end of the scale is good"),
        Field("campaign", cells.text(120), "name of the survey"),
        Field("phase", cells.one_of(Phase.values), "lifecycle phase asked about"),
        Field("language", cells.text(10), "language code"),
        Field("sent_at", cells.moment, "moment of the invitation; without it the answer's"),
        Field("response_id", cells.identifier(150), "id in the survey tool"),
    ),
)
ORDERS = Layout(
    "orders",
    (
        Field("order_id", cells.identifier(), "id in the shop", needed=True),
        Field("customer_id", cells.identifier(), "customer_id of the buyer", needed=True),
        Field("day", cells.day, "day of the order", needed=True),
        Field("amount", AMOUNT, "amount of the order", needed=True),
        Field("currency", cells.currency, "currency; without it the customer's, else the reporting currency"),
        Field("refunded", cells.yes_or_no, "fully refunded"),
    ),
)
RATES = Layout(
    "rates",
    (
        Field("day", cells.day, "day of the rate", needed=True),
        Field("currency", cells.currency, "currency", needed=True),
        Field(
            "rate",
            cells.number(least=Decimal(0), most=Decimal(10**9), digits=12, what="rate"),
            "units of the currency for one unit of the base",
            needed=True,
        ),
        Field("base", cells.currency, "base currency; without it the reporting currency"),
    ),
)

LAYOUTS = {
    layout.kind: layout
    for layout in (
        CUSTOMERS,
        CONTACTS,
        SUBSCRIPTIONS,
        USAGE,
        TICKETS,
        TOUCHPOINTS,
        COSTS,
        RESPONSES,
        RATES,
        ORDERS,
    )
}
