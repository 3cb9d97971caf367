"""The change rows that the company's months are folded from, against what each customer does (part of VM-4)."""

from collections import defaultdict
from datetime import date
from typing import Any

from metrics.formulas import recount
from metrics.formulas.recount import KINDS, ZERO, Month, Piece
from metrics.models import BridgeChange, CohortChange
from metrics.queries.checks.comparison import Check, Key, not_zero, plain
from metrics.queries.recounts import Recounted

YEAR = 12  # months
BRIDGE = (
    *KINDS, *(f"{kind}_n" for kind in KINDS), "base_expansion", "base_contraction", "base_churn", "lost", "base_net",
    "lost_logos", "ever_paid", "mrr", "paying", "now_12m", "kept_12m", "kept_logos_12m", "opening_at_close", "then_12m",
    "logos_12m",
)  # fmt: skip
COHORT = ("size", "paying", "initial", "kept", "mrr")
Sums = dict[Key, list[Any]]


def change_rows(check: Check, counted: Recounted) -> None:
    """Compare the sums of the stored change rows, by month and currency, or customer by customer where they are own."""
    last = _number(counted.as_of)
    bridge: Sums = defaultdict(lambda: [0] * len(BRIDGE))
    cohorts: Sums = defaultdict(lambda: [0] * len(COHORT))
    for pk, moves in counted.moves.items():
        if not moves:
            continue
        if _is_single(counted, pk):
            _single(counted, pk, bridge, cohorts)
        else:
            _several(counted, pk, bridge, cohorts)
    for table, model, columns, again in (
        ("bridge_change", BridgeChange, BRIDGE, bridge),
        ("cohort_change", CohortChange, COHORT, cohorts),
    ):
        check.compare(table, columns, not_zero(_stored(model, columns, last)), not_zero(again))


def _stored(model: Any, columns: tuple[str, ...], last: int) -> Sums:
    found: Sums = defaultdict(lambda: [0] * len(columns))
    keys = ("cohort", "month") if model is CohortChange else ("month",)
    for row in model.objects.filter(month__lte=last):
        key = (*(_name(getattr(row, name)) for name in keys), _owner(row.currency, row.customer_id))
        _add(found[key], [plain(getattr(row, name)) for name in columns])
    return found


def _owner(currency: str, pk: int | None) -> str:
    return currency if pk is None else f"customer {pk}"


def _number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _name(number: int) -> str:
    return f"{number // 12}-{number % 12 + 1:02}"


def _add(sums: list[Any], values: list[Any]) -> None:
    for place, value in enumerate(values):
        sums[place] += value


def _is_single(counted: Recounted, pk: int) -> bool:
    """One currency ever, at the rates of each day: such a customer is folded into the rows of its currency."""
    pieces = _begun(counted, pk)
    if any(piece.factor is not None for piece in pieces):
        return False
    changes = recount.changes_of(pieces, as_of=counted.as_of)
    return len({name for change in changes for name in (*change.moved, *change.differs)}) == 1


def _begun(counted: Recounted, pk: int) -> list[Piece]:
    """The pieces up to the last counted day: what starts later, perhaps in another currency, says nothing yet."""
    return [piece for piece in counted.pieces[pk] if piece.from_on <= counted.as_of]


def _closings(pieces: list[Piece], counted: Recounted, first: date) -> dict[int, Any]:
    """{month number: native MRR at its close} from the first paid month on."""
    found, start = {}, first
    while start <= counted.as_of:
        sums = recount.native_sums(pieces, recount.month_end(start, counted.as_of))
        found[_number(start)] = sum(sums.values(), ZERO)
        start = recount.later(start, 1)
    return found


def _flows(month: Month | None) -> list[Any]:
    if month is None:
        return [0] * (2 * len(KINDS) + 3)
    return [*(month.sums[kind] for kind in KINDS), *(month.counts[kind] for kind in KINDS), *month.base]


def _single(counted: Recounted, pk: int, bridge: Sums, cohorts: Sums) -> None:
    first = counted.moves[pk][0].day.replace(day=1)
    closings = _closings(counted.pieces[pk], counted, first)
    currency = next(piece.currency for piece in _begun(counted, pk) if piece.value)
    cohort, initial = _number(first), closings[_number(first)]
    states = {number: _state(closings, number, initial) for number in closings}
    start = first
    for number in sorted(closings):
        before, now = closings.get(number - 1, ZERO), closings[number]
        was = states.get(number - 1, [0] * 5)
        moved = [after - earlier for after, earlier in zip(states[number], was, strict=True)]
        _add(
            bridge[_name(number), currency],
            [
                *_flows(counted.months[pk].get(start)),
                max(before - now, ZERO),
                now - before if before else 0,
                int(bool(before) and not now),
                int(number == cohort),
                now - before,
                moved[0],
                *moved[1:4],
                *([0] * 3),
            ],
        )
        is_first = number == cohort
        _add(
            cohorts[_name(cohort), _name(number), currency],
            [int(is_first), moved[0], initial if is_first else 0, moved[4], now - before],
        )
        start = recount.later(start, 1)


def _state(closings: dict[int, Any], number: int, initial: Any) -> list[Any]:
    """Running values at a close: paying, MRR now of who paid a year ago, the part kept, their number, kept of k = 0."""
    now, then = closings[number], closings.get(number - YEAR, ZERO)
    both = bool(now) and bool(then)
    return [
        int(bool(now)),
        now if both else 0,
        min(now, then),
        int(both),
        min(initial, now),
    ]


def _several(counted: Recounted, pk: int, bridge: Sums, cohorts: Sums) -> None:
    first = counted.moves[pk][0].day.replace(day=1)
    owner, cohort = _owner("", pk), _number(first)
    initial = recount.native_sums(counted.pieces[pk], recount.month_end(first, counted.as_of))
    start = first
    while start <= counted.as_of:
        number, month = _number(start), counted.months[pk].get(start)
        close = recount.month_end(start, counted.as_of)
        begun = recount.worth(initial, close, counted.rates)
        closing = month.closing if month else ZERO
        if month is not None:
            _add(bridge[_name(number), owner], _own(month, is_first=number == cohort))
        _add(
            cohorts[_name(cohort), _name(number), owner],
            [int(number == cohort), int(bool(closing)), begun, min(begun, closing), closing],
        )
        start = recount.later(start, 1)


def _own(month: Month, *, is_first: bool) -> list[Any]:
    both = bool(month.then_12m and month.closing)
    return [
        *_flows(month),
        max(month.opening_at_close - month.closing, ZERO),
        month.closing - month.opening_at_close if month.opening else 0,
        int(bool(month.opening) and not month.closing),
        int(is_first),
        month.closing,
        int(bool(month.closing)),
        month.closing if month.then_12m else 0,
        min(month.then_12m, month.closing),
        int(both),
        month.opening_at_close,
        month.then_12m,
        int(bool(month.then_12m)),
    ]
