"""The rows that the numbers of the metric pages are made of. Each receipt's sum equals its number."""

from datetime import date
from typing import Any

from django.db.models import DecimalField, F, Min, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from customers.models.customer import CustomerQuerySet
from metrics.choices import MovementKind
from metrics.formulas.money import ZERO
from metrics.formulas.periods import Period
from metrics.models import CurrencyFactor, CustomerMonth, CustomerStart, Movement
from metrics.models.movement import VALUED

FX = "fx"


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
