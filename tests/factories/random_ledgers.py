"""Random companies as plain values: what a test may change (scale, split, reorder) before it is written as facts."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from hypothesis import strategies as st

from accounts.models import Organisation
from customers.models import Customer, FxRate, LineVersion, Subscription
from customers.services.pricing import set_mrr
from metrics.formulas.definition import DEFAULT, PRESETS, with_preset, with_values

FIRST = date(2024, 1, 1)
AS_OF = date(2025, 4, 10)
CURRENCIES = ("EUR", "EUR", "EUR", "USD", "CHF")
# days on which several things happen at once, at the ends of months, and anywhere
KNOWN_DAYS = [
    date(2024, 1, 31),
    date(2024, 2, 29),
    date(2024, 3, 1),
    date(2024, 12, 31),
    date(2025, 1, 1),
    date(2025, 3, 31),
]


@dataclass(frozen=True)
class Version:
    """One line version; `fields` are further columns of the fact."""

    from_on: date
    to_on: date | None
    amount: Decimal
    currency: str = "EUR"
    fields: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    product: str
    versions: tuple[Version, ...]


@dataclass(frozen=True)
class Rate:
    currency: str
    day: date
    rate: Decimal
    base: str = ""


@dataclass(frozen=True)
class Ledger:
    """Customers (each a tuple of lines) and rates."""

    customers: tuple[tuple[Line, ...], ...]
    rates: tuple[Rate, ...]

    def mapped(self, change):
        """The same ledger with every version changed."""
        return replace(
            self,
            customers=tuple(
                tuple(replace(line, versions=tuple(map(change, line.versions))) for line in lines)
                for lines in self.customers
            ),
        )


days = st.one_of(
    st.sampled_from(KNOWN_DAYS), st.integers(0, 460).map(lambda number: FIRST + timedelta(days=number))
)
amounts = st.one_of(
    st.sampled_from([Decimal(100), Decimal("49.99"), Decimal(0)]),
    st.integers(1, 10**7).map(lambda cents: Decimal(cents) / 100),
    st.integers(1, 10**9).map(lambda units: Decimal(units) / 10**6),
)
statuses = st.sampled_from(["active"] * 6 + ["past_due", "paused", "unpaid", "free", "trial"])
intervals = st.sampled_from(["month"] * 5 + ["year", "quarter", "week", "day", "term"])


@st.composite
def _fields(draw, from_on, to_on):
    """Status, interval, discount, trial, notice and reason: mostly none of it."""
    given = {
        "status": draw(statuses),
        "interval": draw(intervals),
        "interval_count": draw(st.sampled_from([1, 1, 1, 2, 3])),
    }
    if given["interval"] == "term":
        given["interval_count"] = 1
        if to_on is None:
            given["interval"] = "month"
    extra = draw(
        st.sampled_from(["", "", "", "percent", "fixed", "until", "trial", "notice", "reason", "all"])
    )
    inside = from_on + timedelta(days=draw(st.integers(0, 90)))
    if extra in {"percent", "until", "all"}:
        given["discount_percent"] = draw(st.sampled_from([Decimal(50), Decimal(100), Decimal("33.3333")]))
    if extra in {"fixed", "all"}:
        given["discount_amount"] = draw(st.sampled_from([Decimal(10), Decimal("99.99")]))
    if extra in {"until", "all"}:
        given["discount_until"] = inside
    if extra in {"trial", "all"}:
        given["trial_end"] = from_on + timedelta(days=draw(st.integers(1, 40)))
    if extra in {"notice", "all"}:
        given["cancelled_on"] = inside
    if extra in {"reason", "all"}:
        given["reason"] = draw(st.sampled_from(["too dear", "payment_failed"]))
    return given


@st.composite
def lines(draw, product, currencies, *, plain=False):
    """Versions one after the other, touching or with a gap."""
    day = draw(days)
    currency = draw(st.sampled_from(currencies))
    versions = []
    for _ in range(draw(st.integers(1, 4))):
        is_open = draw(st.integers(0, 3)) == 0
        if draw(st.booleans()):
            end = min((known for known in KNOWN_DAYS if known > day), default=day + timedelta(days=31))
        else:
            end = day + timedelta(days=draw(st.integers(1, 200)))
        to_on = None if is_open else end
        given = {} if plain else draw(_fields(day, to_on))
        versions.append(Version(day, to_on, draw(amounts), currency, given))
        if is_open:
            break
        day = end + timedelta(days=draw(st.sampled_from([0, 0, 0, 1, 20])))
        if draw(st.integers(0, 9)) == 0:
            currency = draw(st.sampled_from(currencies))
    return Line(product, tuple(versions))


@st.composite
def rate_tables(draw, currencies=("USD", "CHF")):
    """Rates per reporting unit or through a base; sometimes late, seldom none."""
    style = draw(st.sampled_from(["direct", "direct", "base", "late", "none"]))
    rates = []
    for currency in [*currencies, *(["EUR"] if style == "base" else [])]:
        if style == "none" and draw(st.booleans()):
            continue
        day = (
            FIRST - timedelta(days=5)
            if style != "late"
            else FIRST + timedelta(days=draw(st.integers(0, 150)))
        )
        for _ in range(draw(st.integers(1, 4))):
            rate = Decimal(draw(st.integers(50, 200))) / 100
            rates.append(Rate(currency, day, rate, "GBP" if style == "base" else ""))
            day += timedelta(days=draw(st.integers(1, 150)))
    return tuple(rates)


@st.composite
def ledgers(draw, *, customers=3, currencies=CURRENCIES, plain=False):
    """A company of a few customers with up to three lines each."""
    made = []
    for _ in range(draw(st.integers(1, customers))):
        count = draw(st.sampled_from([1, 1, 2, 3]))
        made.append(tuple(draw(lines(f"line {number}", currencies, plain=plain)) for number in range(count)))
    foreign = tuple(sorted(set(currencies) - {"EUR"}))
    return Ledger(tuple(made), draw(rate_tables(foreign)) if foreign else ())


KEYS = {
    "pause_policy": ["zero", "keep"],
    "unpaid_policy": ["churn", "keep"],
    "discount_policy": ["in_force", "forever_only", "list_price"],
    "weekly_factor": ["52/12", "4.33", "4"],
    "daily_factor": ["365/12", "30"],
    "term_policy": ["days", "first_partial_prorated"],
    "ramp_policy": ["step", "average"],
    "churn_recognition": ["service_end", "cancel_date"],
    "auto_churn_days": [None, 0, 15, 40],
    "renewal_grace_days": [0, 10, 30],
    "reactivation_window_days": [None, 0, 20, 60],
    "movement_grain": ["day", "event"],
    "fx_policy": ["period_end", "constant", "billing_start", "purchase"],
    "fiscal_year_start_month": [1, 4, 12],
}


@st.composite
def definitions(draw):
    """(preset or None, some keys set at random): see `defined`."""
    preset = draw(st.sampled_from([None, None, None, *sorted(PRESETS)]))
    names = draw(st.lists(st.sampled_from(sorted(KEYS)), max_size=4, unique=True))
    return preset, {name: draw(st.sampled_from(KEYS[name])) for name in names}


def defined(preset, config):
    """The definition of a preset (None: the defaults) with some keys set."""
    return with_values(with_preset(DEFAULT, preset) if preset else DEFAULT, config)


def write(ledger, *, order=None):
    """The ledger as facts; returns the customer ids in the order of the ledger. `order` sorts the versions written."""
    Organisation.objects.update_or_create(pk=1, defaults={"currency": "EUR", "time_zone": "UTC"})
    customers = Customer.objects.bulk_create(
        [Customer(name=f"Customer {number}", currency="EUR") for number in range(len(ledger.customers))]
    )
    pairs = [
        (customer, line)
        for customer, lines in zip(customers, ledger.customers, strict=True)
        for line in lines
    ]
    made = Subscription.objects.bulk_create(
        [Subscription(customer=customer, product=line.product, currency="EUR") for customer, line in pairs]
    )
    versions = [
        set_mrr(
            LineVersion(
                customer=customer,
                subscription=subscription,
                from_on=version.from_on,
                to_on=version.to_on,
                amount=version.amount,
                currency=version.currency,
                **version.fields,
            )
        )
        for (customer, line), subscription in zip(pairs, made, strict=True)
        for version in line.versions
    ]
    if order is not None:
        order(versions)
    LineVersion.objects.bulk_create(versions)
    FxRate.objects.bulk_create(
        [
            FxRate(currency=rate.currency, day=rate.day, rate=rate.rate, base=rate.base)
            for rate in ledger.rates
        ]
    )
    return [customer.pk for customer in customers]


@contextmanager
def undone():
    """Everything written inside the block is taken back at its end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
