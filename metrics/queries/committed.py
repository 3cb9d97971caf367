"""Committed MRR: what runs on a day, without what is known to end and with what is signed to begin (N-12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q

from customers.models import LineVersion
from metrics.formulas.money import ZERO, convert, exactly, total
from metrics.models import LineSegment
from metrics.queries import definitions
from metrics.queries.usage_windows import Ids, within
from metrics.queries.valuation import factors_of

COUNTED = frozenset({"active", "past_due", "trial"})  # states in which a signed line brings its price


@dataclass(frozen=True, slots=True)
class CommittedLine:
    """One line: its MRR on the day, and on the last day that is known. `ends` says that an end is known."""

    customer_id: int
    subscription_id: int
    mrr: Decimal
    later: Decimal
    ends: bool

    @property
    def committed(self) -> Decimal:
        """What it brings once everything known has happened."""
        return ZERO if self.ends else self.later


@dataclass(frozen=True, slots=True)
class Committed:
    """Committed MRR of a day, line by line; `kept` leaves out what is signed but does not run yet."""

    day: date
    lines: tuple[CommittedLine, ...]

    @property
    def mrr(self) -> Decimal:
        """MRR of the day."""
        return total(line.mrr for line in self.lines)

    @property
    def kept(self) -> Decimal:
        """MRR of the day without lines whose end is known."""
        return total(line.mrr for line in self.lines if not line.ends)

    @property
    def committed(self) -> Decimal:
        """Without known ends, with signed starts and changes."""
        return total(line.committed for line in self.lines)


@exactly
def committed_at(day: date, *, known_at: datetime | None = None, customers: Ids = None) -> Committed:
    """Lines that run on the day, or are known to start after it, as known at a moment (None: now).

    A line whose term renews by itself has no known end until it is cancelled.
    """
    running = _running(day, customers)
    known = _known(day, known_at, customers)
    currencies = {row[0] for row in running.values()} | {row[0] for row in known.values()}
    factors = factors_of(
        ((currency, day) for currency in currencies), reporting=definitions.current().reporting_currency
    )
    lines = []
    for pk in sorted(running.keys() | known.keys()):
        currency, customer_id, mrr = running.get(pk, ("", 0, ZERO))
        last_currency, last_customer, last_mrr, ends = known.get(pk, (currency, customer_id, mrr, False))
        now = _valued(mrr, currency, day, factors)
        starts_later = pk in known and last_mrr is not None
        later = (
            _valued(last_mrr, last_currency, day, factors) if starts_later and last_mrr is not None else now
        )
        if now or (later and not ends):
            lines.append(CommittedLine(customer_id or last_customer, pk, now, later, ends))
    return Committed(day, tuple(lines))


def _running(day: date, customers: Ids) -> dict[int, tuple[str, int, Decimal]]:
    """Line -> (currency, customer, MRR) of what counts on the day; a locked value is in the reporting currency."""
    rows = within(LineSegment.objects.order_by(), customers).filter(
        Q(to_on=None) | Q(to_on__gt=day), from_on__lte=day, counted=True, mrr__gt=0
    )
    return {
        pk: (currency, customer_id, mrr)
        for pk, currency, customer_id, mrr in rows.values_list(
            "subscription_id", "currency", "customer_id", "mrr"
        )
    }


def _known(
    day: date, known_at: datetime | None, customers: Ids
) -> dict[int, tuple[str, int, Decimal | None, bool]]:
    """Line -> (currency, customer, MRR of a last version that begins after the day or None, whether it ends)."""
    facts = LineVersion.objects.current() if known_at is None else LineVersion.objects.known_at(known_at)
    rows = within(facts, customers).filter(Q(to_on=None) | Q(to_on__gt=day))
    last = rows.order_by("subscription_id", "-from_on").distinct("subscription_id")
    found: dict[int, tuple[str, int, Decimal | None, bool]] = {}
    for version in last.select_related("subscription"):
        renews = bool(version.subscription.auto_renew) and version.cancelled_on is None
        later = None
        if version.from_on > day:
            later = version.mrr if version.status in COUNTED else ZERO
        ends = version.to_on is not None and not renews
        found[version.subscription_id] = (version.currency, version.customer_id, later, ends)
    return found


def _valued(
    amount: Decimal, currency: str, day: date, factors: Mapping[tuple[str, date], Decimal]
) -> Decimal:
    by_factor = factors.get((currency, day))
    return convert(amount, by_factor) if by_factor is not None else ZERO
