"""What the portfolio row of a customer says about revenue and usage, for many customers at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet

from metrics.formulas.engagement import WINDOW
from metrics.formulas.money import convert, quantise, total
from metrics.formulas.periods import trailing
from metrics.models import CurrencyFactor, CustomerStart, DailyUsage, LineSegment, MonthlyUsage
from metrics.queries.usage_windows import active_in

CHANGE_DAYS = 90  # the portfolio shows what MRR did in a quarter


def summary_facts_of(customer_ids: Sequence[int], *, as_of: date) -> dict[int, Mapping[str, Any]]:
    """{customer id: mrr, mrr_change_90d, is_paying, first_paid_on, plan, renewal_on, active_users_30d, last_seen_on}.

    Money is in the reporting currency at the factors of its day, rounded to 8 decimals; a line without a rate counts
    as nothing. `active_users_30d` is None where the source sends no users.
    """
    ids = list(customer_ids)
    now, lines = _mrr_on(ids, as_of), _lines_on(ids, as_of)
    before = _mrr_on(ids, as_of - timedelta(days=CHANGE_DAYS))
    started = dict(
        CustomerStart.objects.filter(customer_id__in=ids)
        .order_by()
        .values_list("customer_id")
        .annotate(first=Min("first_paid_on"))
    )
    seen = dict(
        DailyUsage.objects.filter(customer_id__in=ids, day__lte=as_of)
        .order_by()
        .values_list("customer_id")
        .annotate(last=Max("day"))
    )
    users = _users_in_window(ids, as_of)
    return {
        pk: {
            "mrr": now[pk],
            "mrr_change_90d": now[pk] - before[pk],
            "is_paying": now[pk] > 0,
            "first_paid_on": started.get(pk),
            "plan": _plan_of(lines[pk]),
            "renewal_on": _renewal_of(lines[pk], as_of),
            "active_users_30d": users.get(pk),
            "last_seen_on": seen.get(pk),
        }
        for pk in ids
    }


def in_force_on(day: date) -> QuerySet[LineSegment]:
    """Stretches that run at the end of the day."""
    return LineSegment.objects.filter(from_on__lte=day).filter(Q(to_on=None) | Q(to_on__gt=day))


def _mrr_on(ids: list[int], day: date) -> dict[int, Decimal]:
    factors = dict(CurrencyFactor.objects.filter(day=day).values_list("currency", "factor"))
    parts: dict[int, list[Decimal]] = defaultdict(list)
    running = in_force_on(day).filter(customer_id__in=ids, mrr__gt=0)
    for pk, currency, mrr in running.values_list("customer_id", "currency", "mrr"):
        if currency in factors:
            parts[pk].append(convert(mrr, factors[currency]))
    return {pk: quantise(total(parts[pk])) for pk in ids}


def _lines_on(ids: list[int], day: date) -> dict[int, list[dict[str, Any]]]:
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    running = in_force_on(day).filter(customer_id__in=ids, counted=True)
    for line in running.values(
        "customer_id", "plan", "mrr", "subscription_id", "subscription__product"
    ).annotate(ends=F("version__to_on")):
        lines[line["customer_id"]].append(line)
    return lines


def _plan_of(lines: list[dict[str, Any]]) -> str:
    """Plan (or product) of the largest line; ties by the older line."""
    if not lines:
        return ""
    largest = min(lines, key=lambda line: (-line["mrr"], line["subscription_id"]))
    return largest["plan"] or largest["subscription__product"]


def _renewal_of(lines: list[dict[str, Any]], day: date) -> date | None:
    """The next day on which a line of the customer comes to its end."""
    return min((line["ends"] for line in lines if line["ends"] and line["ends"] > day), default=None)


def _users_in_window(ids: list[int], as_of: date) -> dict[int, int]:
    """Product users of 30 days per customer; 0 for a customer whose users are known but silent."""
    known = (
        MonthlyUsage.objects.filter(customer_id__in=ids)
        .order_by()
        .values_list("customer_id", flat=True)
        .distinct()
    )
    found: dict[int, int] = dict.fromkeys(known, 0)
    active = active_in(trailing(as_of, WINDOW), customers=ids)
    counted = active.order_by().values_list("customer_id").annotate(n=Count("user_ref", distinct=True))
    return found | dict(counted)
