"""Closed months on pages: as reported, as restated, the difference, and the facts that made it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse

from customers.queries.access import customers_for
from metrics.catalog import METRICS
from metrics.queries.closed_months import Reported, reported_months
from metrics.views import formats
from metrics.views.frame import Frame
from metrics.views.wording import month_word

# parts of the bridge are kept by the name of the part; losses with their sign
KEPT_AS = {
    **{f"{kind}_mrr": kind for kind in ("new", "reactivation", "expansion", "contraction", "churn", "fx")},
    "churn_by_kind": "churn",
}
SHOWN_KEYS = (
    "mrr", "new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churn_mrr", "fx_mrr",
    "paying_customers", "nrr_12m", "grr_12m", "logo_churn_rate", "gross_mrr_churn_rate", "net_mrr_churn_rate",
)  # fmt: skip


@dataclass(frozen=True)
class ReportedRow:
    """A number of a closed month in three columns, ready to print."""

    month: str
    title: str
    as_reported: str
    restated: str
    difference: str
    difference_exact: str
    why: str
    facts: list[dict[str, Any]]
    href: str


def reported_rows(
    frame: Frame, keys: Collection[str], user: Any, *, only_changed: bool = False
) -> list[ReportedRow]:
    """Rows of the closed months of the span, newest first; numbers of the whole company only."""
    if not frame.can_report:
        return []
    wanted = {key: KEPT_AS.get(key, key) for key in keys}
    months = reported_months([p.start for p in frame.periods], keys=[*wanted, *wanted.values()])
    found = [
        (month, key, row)
        for month in sorted(months, reverse=True)
        for key in wanted
        if (row := months[month].get(key) or months[month].get(wanted[key]))
        and (row.difference or not only_changed)
    ]
    names = _names([row for _, _, row in found], user)
    return [_row(frame, month, key, row, names) for month, key, row in found]


def _row(frame: Frame, month: date, key: str, row: Reported, names: dict[int, str]) -> ReportedRow:
    facts = [fact for step in row.steps for fact in step.facts]
    state = frame.span.query(first=month, last=month)
    return ReportedRow(
        month=month_word(month),
        title=formats.title_of(key),
        as_reported=_text(key, row.as_reported, frame.currency, row.reason),
        restated=_text(key, row.restated, frame.currency),
        difference=_difference(key, row, frame.currency),
        difference_exact=formats.exact(row.difference),
        why=_why(row, facts),
        facts=[_fact(fact, names) for fact in facts],
        href=f"{reverse('metrics:metric', args=[key])}?{state}#reported" if key in METRICS else "",
    )


def _text(key: str, value: Decimal | None, currency: str, reason: str = "") -> str:
    if value is None:
        return f"n/a: {reason.replace('_', ' ')}" if reason else "n/a"
    return (
        formats.cell("money", value, currency)
        if formats.unit_of(key) == "money"
        else formats.shown(key, value, currency)
    )


def _difference(key: str, row: Reported, currency: str) -> str:
    if not row.difference:
        return "0"
    text = _text(key, row.difference, currency)
    return text if row.difference < 0 else f"+{text}"


def _why(row: Reported, facts: Sequence[dict[str, Any]]) -> str:
    if not row.steps:
        return "No late facts"
    if not facts:
        return "It could still grow when the month was closed"
    return f"{len(facts)} late fact{'' if len(facts) == 1 else 's'}"


def _names(rows: Sequence[Reported], user: Any) -> dict[int, str]:
    """Names of the customers in the reader's scope; others are told of without a name."""
    ids = {
        fact["customer"] for row in rows for step in row.steps for fact in step.facts if fact.get("customer")
    }
    return dict(customers_for(user).filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def _fact(fact: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    pk = fact.get("customer")
    return {
        "words": fact["fact"],
        "day": date.fromisoformat(fact["day"]),
        "recorded_at": datetime.fromisoformat(fact["recorded_at"]),
        "customer_id": pk if pk in names else None,
        "customer": names.get(pk or 0, "a customer outside your book" if pk else ""),
    }
