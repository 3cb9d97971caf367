"""How one would first write it with an ORM: a row per customer and month, made in Python. Timed on a sample, extrapolated."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection, models
from django.db.models import Q

from bench.data import generate
from customers.models import Customer, LineVersion
from metrics.formulas.periods import add_months
from metrics.models import CurrencyFactor, CustomerMonth


class DenseMonth(models.Model):
    """The dense table of the two loops; made and dropped by them."""

    customer_id = models.BigIntegerField()
    month = models.DateField()
    opening = models.DecimalField(max_digits=44, decimal_places=24)
    closing = models.DecimalField(max_digits=44, decimal_places=24)
    kind = models.CharField(max_length=12)

    class Meta:
        app_label = "metrics"
        managed = False
        db_table = "bench_densemonth"
        unique_together = [("customer_id", "month")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.month:%Y-%m}"


def prepare() -> int:
    """An empty table; not timed."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_densemonth")
        cursor.execute(
            "CREATE TABLE bench_densemonth (id bigserial PRIMARY KEY, customer_id bigint NOT NULL, month date NOT NULL,"
            " opening numeric(44, 24) NOT NULL, closing numeric(44, 24) NOT NULL, kind varchar(12) NOT NULL,"
            " UNIQUE (customer_id, month))"
        )
    return len(_factors())


_cache: dict[tuple[str, date], Decimal] = {}


def _factors() -> dict[tuple[str, date], Decimal]:
    if not _cache:
        for currency, day, factor in CurrencyFactor.objects.values_list("currency", "day", "factor"):
            _cache[currency, day] = factor
    return _cache


def orm_loop(ids: Sequence[int]) -> int:
    """A query and an update_or_create per customer and month."""
    made = 0
    for customer in Customer.objects.filter(pk__in=ids):
        before, paid = Decimal(0), False
        for month, close in _months():
            lines = (
                customer.line_versions.current()
                .filter(from_on__lte=close)
                .filter(Q(to_on=None) | Q(to_on__gt=close))
            )
            now = sum((line.mrr * _factors()[line.currency, close] for line in lines), Decimal(0))
            kind = _kind(before, now, paid)
            DenseMonth.objects.update_or_create(
                customer_id=customer.pk,
                month=month,
                defaults={"opening": before, "closing": now, "kind": kind},
            )
            before, paid, made = now, paid or now > 0, made + 1
    return made


def prefetch_loop(ids: Sequence[int]) -> int:
    """All lines in one query, the months in Python, one bulk_create."""
    rows = []
    for customer in Customer.objects.filter(pk__in=ids).prefetch_related(
        models.Prefetch("line_versions", LineVersion.objects.current())
    ):
        before, paid = Decimal(0), False
        lines = list(customer.line_versions.all())
        for month, close in _months():
            now = sum(
                (
                    line.mrr * _factors()[line.currency, close]
                    for line in lines
                    if line.from_on <= close and (line.to_on is None or line.to_on > close)
                ),
                Decimal(0),
            )
            kind = _kind(before, now, paid)
            rows.append(
                DenseMonth(customer_id=customer.pk, month=month, opening=before, closing=now, kind=kind)
            )
            before, paid = now, paid or now > 0
    DenseMonth.objects.bulk_create(rows, batch_size=2000)
    return len(rows)


def closings() -> dict[str, str]:
    """Sum of the closings per month of what a loop wrote."""
    found = DenseMonth.objects.values_list("month").annotate(total=models.Sum("closing"))
    return {str(month.year * 12 + month.month - 1): str(total) for month, total in found}


def closings_of(ids: Sequence[int]) -> dict[str, str]:
    """The same from the product's rows: expanded months of these customers."""
    rows = CustomerMonth.objects.filter(customer_id__in=list(ids)).values_list("month")
    return {
        str(month.year * 12 + month.month - 1): str(total)
        for month, total in rows.annotate(total=models.Sum("closing"))
    }


def _months() -> list[tuple[date, date]]:
    months, month = [], generate.FIRST
    while month <= generate.AS_OF:
        months.append((month, add_months(month, 1) - timedelta(days=1)))
        month = add_months(month, 1)
    return months


def _kind(before: Decimal, now: Decimal, paid: bool) -> str:
    if before == now:
        return ""
    if before == 0:
        return "reactivation" if paid else "new"
    if now == 0:
        return "churn"
    return "expansion" if now > before else "contraction"
