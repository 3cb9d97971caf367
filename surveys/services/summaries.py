"""The survey part of CustomerSummary; called by the refresh of stale customers."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from customers.services import summaries
from surveys.choices import SurveyKind
from surveys.models import Response

COLUMNS = {
    SurveyKind.NPS: "last_nps",
    SurveyKind.CSAT5: "last_csat",
    SurveyKind.CSAT7: "last_csat",
    SurveyKind.CES7: "last_ces",
    SurveyKind.CES5: "last_ces",
}


def publish_answers(*, customer_ids: Iterable[int]) -> int:
    """Write each customer's newest counted NPS, CSAT and CES answer; without one the column is empty."""
    ids = sorted(set(customer_ids))
    empty: dict[str, Any] = {"last_nps": None, "last_nps_at": None, "last_csat": None, "last_ces": None}
    rows = {pk: dict(empty) for pk in ids}
    newest = (
        Response.objects.counted()
        .filter(~Q(kind=SurveyKind.NPS) | Q(scale_min=0, scale_max=10), kind__in=COLUMNS, customer__in=ids)
        .order_by("customer", "kind", "-answered_at", "-pk")
        .distinct("customer", "kind")
        .values_list("customer", "kind", "score", "answered_at")
    )
    for customer, kind, score, answered_at in sorted(newest, key=lambda row: row[3]):
        rows[customer][COLUMNS[SurveyKind(kind)]] = score
        if kind == SurveyKind.NPS:
            rows[customer]["last_nps_at"] = answered_at
    return summaries.publish(rows)
