"""The rows that the numbers of the metric pages are made of. Each receipt's sum equals its number."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import DecimalField, F, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from customers.models.customer import CustomerQuerySet
from metrics.choices import MovementKind
from metrics.formulas.money import ZERO
from metrics.formulas.periods import Period, add_months
from metrics.models import CurrencyFactor, CustomerMonth, CustomerStart, Movement
from metrics.models.movement import VALUED

FX = "fx"


@dataclass(frozen=True)
class Receipt:
    """Customers of one month with the amounts a metric takes from them. `columns` are (field, heading).

    `total` is the field whose sum is in the metric, and `total_words` its name.
    A flow is counted between the ends of the month; its rows are kept by month only.
    """

    condition: Q
    columns: tuple[tuple[str, str], ...]
    total: str
    order: str
    words: str
    total_words: str = "MRR"
    is_flow: bool = False


_LOST = Q(base_churn__gt=0) | Q(base_contraction__gt=0)
_PAYING = Receipt(
    Q(closing__gt=0), (("closing", "MRR at close"),), "closing", "-closing", "Paying at the close"
)
_YEAR = (("then_12m", "MRR a year ago"), ("kept_12m", "Kept of it"), ("closing", "MRR now"))
RECEIPTS: Mapping[str, Receipt] = {
    "mrr": _PAYING,
    "arpa_close": _PAYING,
    "nrr_12m": Receipt(
        Q(then_12m__gt=0), _YEAR, "closing", "-then_12m", "Paying 12 months before", "MRR now"
    ),
    "grr_12m": Receipt(
        Q(then_12m__gt=0), _YEAR, "kept_12m", "-then_12m", "Paying 12 months before", "kept MRR"
    ),
    "logo_churn_rate": Receipt(
        Q(opening__gt=0, closing=0),
        (("opening", "MRR at opening"),),
        "opening",
        "-opening",
        "Paying at the opening and not at the close",
        is_flow=True,
    ),
    "gross_mrr_churn_rate": Receipt(
        Q(opening__gt=0) & _LOST,
        (
            ("opening", "MRR at opening"),
            ("base_churn", "Churn"),
            ("base_contraction", "Contraction"),
            ("lost", "Lost in all"),
        ),
        "lost",
        "-lost",
        "Paying at the opening, less at the close",
        "lost MRR",
        is_flow=True,
    ),
}


def receipt_rows(key: str, month: date, *, customers: CustomerQuerySet | None = None) -> QuerySet[Any]:
    """Customer months behind a metric of one month, for a book or (None) the company, largest amount first."""
    receipt = RECEIPTS[key]
    rows = CustomerMonth.objects.filter(receipt.condition, month=month)
    if customers is not None:
        rows = rows.filter(customer__in=customers)
    return (
        rows.annotate(lost=F("base_churn") + F("base_contraction"))
        .select_related("customer")
        .order_by(receipt.order, "customer_id")
    )


def movements_between(
    period: Period, *, kind: str = "", customers: CustomerQuerySet | None = None
) -> QuerySet[Any]:
    """The ledger of a period's local days: all kinds or one, for a book or (None) the company."""
    rows = Movement.objects.filter(day__gte=period.start, day__lt=period.end)
    if kind in MovementKind.values:
        rows = rows.filter(kind=kind)
    if customers is not None:
        rows = rows.filter(customer__in=customers)
    return rows.select_related("customer")


def fx_between(period: Period, *, customers: CustomerQuerySet | None = None) -> QuerySet[Any]:
    """What exchange rates alone did, per customer and month; shaped like movements: day, amount, before, after."""
    rows = CustomerMonth.objects.filter(month__gte=period.start, month__lt=period.end).exclude(fx=0)
    if customers is not None:
        rows = rows.filter(customer__in=customers)
    return rows.select_related("customer").annotate(
        day=F("close_on"), amount=F("fx"), mrr_before=F("opening"), mrr_after=F("closing")
    )


def last_month_of(period: Period) -> date:
    """The month whose close is the period's close."""
    return add_months(period.end, -1)


def ledger_edges() -> tuple[date, date] | None:
    """First and last day with a movement, or None while nothing has moved."""
    first = Movement.objects.order_by("day").values_list("day", flat=True).first()
    last = Movement.objects.order_by("-day").values_list("day", flat=True).first()
    return (first, last) if first and last else None


def cohort_customers(
    cohort: date, close_on: date, *, customers: CustomerQuerySet | None = None
) -> QuerySet[Any]:
    """Customers first paid in the month `cohort`: first paid day, MRR of month 0 and MRR now, at the day's factors."""
    valued = DecimalField(**VALUED)
    factor = CurrencyFactor.objects.filter(currency=OuterRef("currency"), day=close_on).values("factor")
    closing = CustomerMonth.objects.filter(customer=OuterRef("customer"), close_on=close_on).values("closing")
    rows = CustomerStart.objects.filter(cohort=cohort)
    if customers is not None:
        rows = rows.filter(customer__in=customers)
    return (
        rows.order_by()
        .annotate(valued=F("initial") * Coalesce(Subquery(factor), ZERO, output_field=valued))
        .values("customer_id", "customer__name")
        .annotate(
            since=Min("first_paid_on"),
            start=Sum("valued", output_field=valued),
            now=Coalesce(Subquery(closing), ZERO, output_field=valued),
        )
    )
