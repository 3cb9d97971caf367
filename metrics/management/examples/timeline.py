"""Events of an example as the line versions they lead to: what each subscription costs when (section 4.2)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from metrics.formulas.money import quantise
from metrics.formulas.mrr import Discount, discounted, exact
from metrics.formulas.periods import period_end_after
from metrics.management.examples.inputs import InputError, Inputs

STATUSES = frozenset({"active", "past_due", "unpaid", "paused"})
WHOLE, RUNNING, STANDING = "", "running", "standing"  # parts of a line, see Timeline.parts
PERCENT_DIGITS = 4  # decimals of a percentage that a line version keeps
KINDS = frozenset({"start", "change", "status", "cancel"})
CHANGING = ("amount", "quantity", "interval", "interval_count")


class UnknownWordError(Exception):
    """An event type or config key the product does not know; the text names it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subscription costs from a day on, and its state."""

    from_on: date
    amount: Decimal
    interval: str
    quantity: Decimal = Decimal(1)
    interval_count: int = 1
    status: str = "active"

    @property
    def price(self) -> Decimal:
        """Price of all units for one interval."""
        return self.amount * self.quantity


@dataclass(slots=True)
class Timeline:
    """One subscription: its terms in order of days, trial, discounts and end."""

    customer: str
    sub: str
    started_on: date
    terms: list[Terms]
    trial_until: date | None = None
    discounts: Sequence[Discount] = ()
    cancelled_on: date | None = None
    ends_on: date | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The lines it is recorded as: one, or two when some discounts last for ever and others do not.

        A line version keeps discounts of one duration. What the lasting ones take off is then a line of its own that
        they bring to 0; splitting a line in two that sum to it changes no movement (M-9).
        """
        lasting = {discount.until_on is None for discount in self.discounts}
        return (RUNNING, STANDING) if len(lasting) > 1 else (WHOLE,)

    @property
    def cuts(self) -> set[date]:
        """Days on which another line version begins."""
        days = {term.from_on for term in self.terms}
        ends = {discount.until_on for discount in self.discounts}
        if len(ends) > 1:
            days |= {day for day in ends if day is not None}
        if self.trial_until and any(
            term.status != "active" for term in self.terms if term.from_on < self.trial_until
        ):
            days.add(self.trial_until)  # whatever state it is in, a trial counts from its end on
        return days

    def terms_on(self, day: date) -> Terms:
        """What holds on a day."""
        return [term for term in self.terms if term.from_on <= day][-1]

    def cancel(self, day: date, *, ends_on: date) -> None:
        """The line ends on a day; of several ends the earliest holds."""
        if self.ends_on is None or ends_on < self.ends_on:
            self.cancelled_on, self.ends_on = day, ends_on

    def set_from(self, day: date, **changes: Any) -> None:
        """Other terms from a day on; the last of one day holds."""
        if day < self.started_on:
            raise InputError(f"{self.sub} changes on {day}, before it starts")
        new = replace(self.terms[-1], from_on=day, **changes)
        if self.terms[-1].from_on == day:
            self.terms.pop()
        self.terms.append(new)


@dataclass(frozen=True, slots=True)
class Version:
    """One stretch of a line, as a line version says it."""

    from_on: date
    to_on: date | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    cancelled_on: date | None = None


def timelines(events: Iterable[Inputs]) -> list[Timeline]:
    """The subscriptions of an example. An unknown event type is an UnknownWordError, an unknown sub an InputError."""
    found: dict[str, Timeline] = {}
    for event in sorted(events, key=lambda one: one.day("at")):
        kind = event.text("type")
        if kind not in KINDS:
            raise UnknownWordError(f"event type {kind}")
        sub = event.text("sub")
        if kind == "start":
            _refuse_twice(found, sub)
            found[sub] = _started(event)
        elif sub in found:
            _APPLY[kind](found[sub], event)
        else:
            raise InputError(f"{event.path}: {sub} has not started")
    return list(found.values())


def versions(line: Timeline, part: str = WHOLE) -> list[Version]:
    """The line, or a part of it, cut wherever its price, state or discounts change; nothing when it never runs."""
    days = sorted(day for day in line.cuts if line.ends_on is None or day < line.ends_on)
    ends = [*days[1:], line.ends_on] if days else []
    return [
        Version(
            begin,
            end,
            _fields(line, line.terms_on(begin), begin, part),
            line.cancelled_on if line.cancelled_on and (end is None or end >= line.cancelled_on) else None,
        )
        for begin, end in zip(days, ends, strict=True)
    ]


def last_day(lines: Iterable[Timeline]) -> date | None:
    """The latest day on which anything changes."""
    days = [
        day
        for line in lines
        for day in (
            line.started_on,
            line.trial_until,
            line.ends_on,
            *(term.from_on for term in line.terms),
            *(discount.until_on for discount in line.discounts),
        )
        if day is not None
    ]
    return max(days, default=None)


def discount_fields(price: Decimal, discounts: Sequence[Discount]) -> dict[str, Any]:
    """Discounts as a line version keeps them: one percentage and one amount of the interval's price.

    Several percentages, or one with more digits than are kept, become the amount they take off.
    """
    percents = [discount for discount in discounts if discount.kind == "percent"]
    fixed = sum((discount.value for discount in discounts if discount.kind == "fixed"), Decimal(0))
    found: dict[str, Any] = {}
    if len(percents) == 1 and _fits(percents[0].value):
        found["discount_percent"] = percents[0].value
    elif percents:
        fixed += price - exact(discounted(Fraction(price), percents))
    if fixed:
        found["discount_amount"] = fixed
    untils = [discount.until_on for discount in discounts]
    if untils and all(untils):
        found["discount_until"] = max(day for day in untils if day is not None)
    return found


def discounts_of(holder: Inputs) -> list[Discount]:
    """The list `discounts` of a line or a start event."""
    if "discounts" not in holder:
        return []
    found = []
    for item in holder.maps("discounts"):
        kind = item.text("type")
        if kind not in {"percent", "fixed"}:
            raise InputError(f"{item.path}: a discount is percent or fixed, not {kind}")
        duration = item.text("duration", "forever")
        found.append(Discount(kind, item.decimal("value"), duration, until_on=item.day_or_none("until")))
    return found


def _started(event: Inputs) -> Timeline:
    day = event.day("at")
    terms = Terms(
        from_on=day,
        amount=event.decimal("amount"),
        interval=event.text("interval"),
        quantity=event.decimal("quantity", 1),
        interval_count=event.whole("interval_count", 1),
    )
    return Timeline(
        customer=event.text("customer"),
        sub=event.text("sub"),
        started_on=day,
        terms=[terms],
        trial_until=event.day_or_none("trial_until"),
        discounts=[one for one in discounts_of(event) if one.until_on is None or one.until_on > day],
    )


def _change(line: Timeline, event: Inputs) -> None:
    read: dict[str, Callable[[str], Any]] = {
        "amount": event.decimal,
        "quantity": event.decimal,
        "interval": event.text,
        "interval_count": event.whole,
    }
    line.set_from(event.day("at"), **{key: read[key](key) for key in CHANGING if key in event})


def _status(line: Timeline, event: Inputs) -> None:
    status = event.text("status")
    if status not in STATUSES:
        raise InputError(f"{event.path}: unknown status {status}")
    line.set_from(event.day("at"), status=status)


def _cancel(line: Timeline, event: Inputs) -> None:
    day, effective = event.day("at"), event.text("effective")
    if effective == "immediate":
        line.cancel(day, ends_on=day)
    elif effective == "period_end":
        now = line.terms[-1]
        end = period_end_after(line.started_on, now.interval, now.interval_count, day)
        line.cancel(day, ends_on=end)
    else:
        raise InputError(f"{event.path}: effective is immediate or period_end, not {effective}")


_APPLY = {"change": _change, "status": _status, "cancel": _cancel}


def _fields(line: Timeline, terms: Terms, begin: date, part: str) -> dict[str, Any]:
    discounts = [discount for discount in line.discounts if discount.in_force(begin)]
    price, discounts = _part_of(terms.price, discounts, part)
    in_trial = line.trial_until is not None and begin < line.trial_until
    return {
        "amount": price,
        "quantity": terms.quantity,
        "interval": terms.interval,
        "interval_count": terms.interval_count,
        "status": "active" if in_trial else terms.status,
        "trial_end": line.trial_until if in_trial else None,
        "discount_percent": None,
        "discount_amount": None,
        "discount_until": None,
    } | discount_fields(price, discounts)


def _part_of(price: Decimal, discounts: Sequence[Discount], part: str) -> tuple[Decimal, list[Discount]]:
    """Price and discounts of a part of the line."""
    if part == WHOLE:
        return price, list(discounts)
    lasting = [discount for discount in discounts if discount.until_on is None]
    kept = quantise(exact(discounted(Fraction(price), lasting)))
    if part == STANDING:
        return price - kept, [Discount("fixed", price - kept)]
    rest = kept - quantise(exact(discounted(Fraction(price), discounts)))
    untils = [discount.until_on for discount in discounts if discount.until_on is not None]
    return kept, [Discount("fixed", rest, until_on=max(untils))] if untils else []


def _refuse_twice(found: Mapping[str, Timeline], sub: str) -> None:
    if sub in found:
        raise InputError(f"{sub} starts twice")


def _fits(percent: Decimal) -> bool:
    return percent == round(percent, PERCENT_DIGITS)
