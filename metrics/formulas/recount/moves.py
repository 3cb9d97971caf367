"""Movements from pieces, and what rates alone did (sections 5 and 6)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby

from metrics.formulas.definition import Definition
from metrics.formulas.recount.lines import MONEY_DIGITS, Piece
from metrics.formulas.recount.numbers import ZERO, half_away
from metrics.formulas.recount.rates import Rates
from metrics.formulas.recount.worth import native_sums, worth

NON_PAYMENT = {"involuntary", "non_payment", "payment_failed", "unpaid"}
ENDED = {None, "non_renewing"}


@dataclass(frozen=True, slots=True)
class Change:
    """What one line did on one day: the piece before, the piece after, and its movement by currency."""

    day: date
    line: int
    was: Piece | None
    becomes: Piece | None
    moved: dict[str, Fraction]
    differs: dict[str, Fraction]


@dataclass(frozen=True, slots=True)
class Move:
    """The net change of one day (or of one line on a day); `native` when lines of one currency moved."""

    day: date
    kind: str
    churn_kind: str
    amount: Fraction
    before: Fraction
    after: Fraction
    native: Fraction | None


def changes_of(pieces: Iterable[Piece], *, as_of: date) -> list[Change]:
    """All changes of value up to a day, by day and line."""
    found: list[Change] = []
    for line, listed in groupby(
        sorted(pieces, key=lambda piece: (piece.line, piece.from_on)), lambda p: p.line
    ):
        last: Piece | None = None
        for piece in listed:
            if last is not None and last.to_on != piece.from_on:
                found.append(_change(last.to_on, line, last, None))
                last = None
            found.append(_change(piece.from_on, line, last, piece))
            last = piece
        if last is not None:
            found.append(_change(last.to_on, line, last, None))
    meant = (change for change in found if change.day <= as_of and (change.moved or change.differs))
    return sorted(meant, key=lambda change: (change.day, change.line))


def _change(day: date, line: int, was: Piece | None, becomes: Piece | None) -> Change:
    before, after = (piece.value if piece else ZERO for piece in (was, becomes))
    differs: dict[str, Fraction] = defaultdict(Fraction)
    if was:
        differs[was.currency] -= before
    if becomes:
        differs[becomes.currency] += after
    moved = dict(differs)
    if was and becomes and was.currency == becomes.currency and becomes.factor is not None:
        native = (becomes.native or ZERO) - (was.value if was.native is None else was.native)
        moved[becomes.currency] = half_away(native * becomes.factor, MONEY_DIGITS)
    return Change(day, line, was, becomes, _not_zero(moved), _not_zero(differs))


def _not_zero(sums: dict[str, Fraction]) -> dict[str, Fraction]:
    return {currency: value for currency, value in sums.items() if value}


def moves_of(pieces: Sequence[Piece], *, definition: Definition, as_of: date, rates: Rates) -> list[Move]:
    """All movements of a customer up to `as_of`, by comparing the end of each day with the evening before."""
    moves: list[Move] = []
    held: dict[str, Fraction] = defaultdict(Fraction)
    left_on: date | None = None  # the day MRR fell to 0, once somebody has paid
    for day, listed in groupby(changes_of(pieces, as_of=as_of), lambda change: change.day):
        changes = list(listed)
        for change in changes:
            for currency, value in change.differs.items():
                held[currency] += value
        after = worth(held, day, rates)
        events = list(_events(changes, day, by_line=definition.movement_grain == "event", rates=rates))
        state = after - sum((amount for amount, _ in events), ZERO)
        for amount, part in events:
            before, state = state, state + amount
            kind = _kind(before, state, since_left=_days(left_on, day), definition=definition)
            churn_kind = _churn_kind(part, pieces, day) if kind == "churn" else ""
            left_on = day if not state else left_on
            moves.append(Move(day, kind, churn_kind, amount, before, state, _native(part)))
    return moves


def _events(
    changes: list[Change], day: date, *, by_line: bool, rates: Rates
) -> Iterator[tuple[Fraction, list[Change]]]:
    """(amount, changes) of each event of the day: all of it, or each line, gains before losses."""
    groups = [[change] for change in changes] if by_line else [changes]
    amounts = [(sum((worth(change.moved, day, rates) for change in group), ZERO), group) for group in groups]
    for amount, group in sorted(amounts, key=lambda item: (item[0] < 0, item[1][0].line)):
        if amount:
            yield amount, group


def _native(changes: list[Change]) -> Fraction | None:
    touched = {currency for change in changes for currency in {**change.moved, **change.differs}}
    if len(touched) > 1:
        return None
    return sum((value for change in changes for value in change.moved.values()), ZERO)


def _days(left_on: date | None, day: date) -> int | None:
    return None if left_on is None else (day - left_on).days


def _kind(before: Fraction, after: Fraction, *, since_left: int | None, definition: Definition) -> str:
    window = definition.reactivation_window_days
    if not before:
        is_back = since_left is not None and (window is None or since_left <= window)
        return "reactivation" if is_back else "new"
    if not after:
        return "churn"
    return "expansion" if after > before else "contraction"


def _churn_kind(changes: list[Change], pieces: Sequence[Piece], day: date) -> str:
    gone = [(change.was, change.becomes) for change in changes if change.was and change.was.value]
    now = [(was.reason, becomes.state if becomes else None) for was, becomes in gone if was]
    if any(state == "unpaid" or (state in ENDED and reason in NON_PAYMENT) for reason, state in now):
        return "involuntary"
    if any(state == "paused" for _, state in now):
        return "paused"
    free = any(p.counted and not p.value and p.state == "active" and p.holds(day) for p in pieces)
    return "downgraded_to_free" if free else "left"


def fx_of(pieces: Sequence[Piece], *, open_on: date, close_on: date, rates: Rates) -> Fraction:
    """What rates did between two closes, in the closed form (X-4).

    Opening x (f_end - f_start) + each native movement x (f_end - f_day); a line that keeps a rate of its own adds what
    it moved by without a change of price.
    """

    def factor(currency: str, day: date) -> Fraction:
        return rates.factor(currency, day) or ZERO

    found = ZERO
    for currency, native in native_sums(pieces, open_on).items():
        found += native * (factor(currency, close_on) - factor(currency, open_on))
    for change in changes_of(pieces, as_of=close_on):
        if change.day <= open_on:
            continue
        for currency in {**change.moved, **change.differs}:
            native, moved = (part.get(currency, ZERO) for part in (change.differs, change.moved))
            found += moved * (factor(currency, close_on) - factor(currency, change.day))
            found += (native - moved) * factor(currency, close_on)
    return found
