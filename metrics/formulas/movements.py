"""Movements of a customer per local day, and the bridge identity (section 5, M-1 to M-7)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from metrics.formulas.money import ZERO, convert, exactly
from metrics.formulas.mrr import Stretch

KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
CHURN_KINDS = ("left", "downgraded_to_free", "paused", "involuntary")
INVOLUNTARY_STATES = frozenset({"unpaid"})


@dataclass(frozen=True, slots=True)
class Movement:
    """The net change of one customer on one local day; contraction and churn are negative."""

    day: date
    kind: str
    amount: Decimal
    mrr_before: Decimal
    mrr_after: Decimal
    churn_kind: str = ""


def movement_kind(before: Decimal, after: Decimal, *, paid_before: bool) -> str | None:
    """Kind of MRR(d-1) -> MRR(d): from 0 new or reactivation, to 0 churn, else expansion or contraction.

    Both sides in native amounts, so that a change of rates makes no movement (X-6). Equal: None. Source: section 5.
    """
    if before == after:
        return None
    if before == 0:
        return "reactivation" if paid_before else "new"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"


def churn_kind(
    states_after: Iterable[str], *, has_free_line: bool, ended_for_non_payment: bool = False
) -> str:
    """Kind of a churn from what became of the lines that paid the day before. Source: M-2.

    Any now unpaid or ended for non-payment: involuntary; else any paused: paused; else an active line at MRR 0 that
    is no trial: downgraded_to_free; else left.
    """
    states = set(states_after)
    if ended_for_non_payment or states & INVOLUNTARY_STATES:
        return "involuntary"
    if "paused" in states:
        return "paused"
    return "downgraded_to_free" if has_free_line else "left"


@exactly
def mrr_on(stretches: Iterable[Stretch], day: date) -> Decimal:
    """Sum of the counted stretches valid at the end of the local day. Source: G-6, N-11."""
    return sum(
        (
            stretch.mrr
            for stretch in stretches
            if stretch.counted and stretch.from_on <= day and (stretch.to_on is None or day < stretch.to_on)
        ),
        ZERO,
    )


@exactly
def movements(
    stretches: Sequence[Stretch], *, factors: Mapping[date, Decimal] | None = None
) -> list[Movement]:
    """The ledger of one customer in one currency: one net movement per local day with a change. Source: M-1, H-11.

    Back-to-back stretches at one price give none (H-18), a swap on one day gives its net (H-16). `factors` value a
    movement at its day's factor; without them amounts are native.
    """
    days = {day for item in stretches for day in (item.from_on, item.to_on) if day is not None}
    found: list[Movement] = []
    before, paid = ZERO, False
    for day in sorted(days):
        after = mrr_on(stretches, day)
        kind = movement_kind(before, after, paid_before=paid)
        if kind is not None:
            factor = Decimal(1) if factors is None else factors[day]
            found.append(
                Movement(
                    day=day,
                    kind=kind,
                    amount=convert(after - before, factor),
                    mrr_before=convert(before, factor),
                    mrr_after=convert(after, factor),
                    churn_kind=_kind_of_churn(stretches, day) if kind == "churn" else "",
                )
            )
        before, paid = after, paid or after > 0
    return found


def _kind_of_churn(stretches: Sequence[Stretch], day: date) -> str:
    running = [item for item in stretches if item.from_on <= day and (item.to_on is None or day < item.to_on)]
    free = any(item.counted and item.mrr == 0 for item in running)
    return churn_kind([item.state for item in running], has_free_line=free)


@exactly
def closing_mrr(opening: Decimal, parts: Iterable[Decimal], fx: Decimal = ZERO) -> Decimal:
    """Closing = opening + new + reactivation + expansion + contraction + churn + fx, signed. Source: M-1."""
    return opening + sum(parts, ZERO) + fx


@exactly
def fx_residual(opening: Decimal, closing: Decimal, parts: Iterable[Decimal]) -> Decimal:
    """Fx = closing - opening - signed movements: what rates alone did. Source: X-4, X-7."""
    return closing - opening - sum(parts, ZERO)


def closing_logos(opening: int, *, new: int, reactivated: int, churned: int) -> int:
    """Closing = opening + new + reactivated - churned customers. Source: M-7."""
    return opening + new + reactivated - churned


@exactly
def net_new_mrr(
    *, new: Decimal, reactivation: Decimal, expansion: Decimal, contraction: Decimal, churn: Decimal
) -> Decimal:
    """New + reactivation + expansion + contraction + churn, the last two negative; fx stays outside. Source: section 12."""
    return new + reactivation + expansion + contraction + churn
