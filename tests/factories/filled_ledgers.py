"""Random companies through the real recompute, and what is stored of them in a form that can be compared."""

from datetime import date

from hypothesis import HealthCheck, Phase, settings

from metrics.formulas.definition import DEFAULT
from metrics.models import CompanyMonth, Movement
from metrics.queries.checks.company import company_checks
from metrics.queries.checks.customers import customer_checks
from metrics.queries.checks.rows import identities
from metrics.queries.recounts import recounted
from metrics.rollups import company_months
from metrics.services.refresh import rebuild_revenue
from metrics.sql.engine import Frame
from tests.factories.random_ledgers import AS_OF

EVER = (date.min, date.max)


def companies(number):
    """So many examples, the same ones in every run; none is made smaller, because each costs a recompute."""
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def fill(ids=None, *, definition=DEFAULT, as_of=AS_OF, known_at=None):
    """The numbers of some customers (None: all), and the months of the company."""
    frame = Frame(ids, as_of, definition, known_at)
    rebuild_revenue(frame)
    company_months.fill(frame)


def differences(definition=DEFAULT, as_of=AS_OF, known_at=None):
    """Everything in which the stored rows are not what the recount finds."""
    counted = recounted(as_of=as_of, definition=definition, known_at=known_at)
    chosen = sorted(counted.pieces)
    checks = [
        *customer_checks(counted, chosen, EVER),
        *company_checks(counted, EVER),
        identities(EVER, chosen, as_of),
    ]
    return [
        (check.code, item.table, item.key, item.column, item.stored, item.recounted)
        for check in checks
        for item in check.differences
    ]


def moves(ids, *columns):
    """[(place of the customer, day, event, kind, *columns)] of the stored movements."""
    places = {pk: place for place, pk in enumerate(ids)}
    rows = Movement.objects.filter(customer_id__in=ids).order_by("customer_id", "day", "event")
    found = rows.values_list("customer_id", "day", "event", "kind", *columns)
    return sorted((places[pk], *rest) for pk, *rest in found)


def company_parts(*columns):
    """{month: parts} of the company."""
    return {row[0]: row[1:] for row in CompanyMonth.objects.order_by("month").values_list("month", *columns)}
