"""Random companies under random definitions: the stored rows are what an independent recount finds."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings

from metrics.queries.checks.company import company_checks
from metrics.queries.checks.customers import customer_checks
from metrics.queries.recounts import recounted
from metrics.rollups import company_months
from metrics.services.refresh import rebuild_revenue
from metrics.sql.engine import Frame
from tests.factories.random_ledgers import AS_OF, defined, definitions, ledgers, undone, write

pytestmark = pytest.mark.django_db
EVER = (date.min, date.max)
COMPANIES = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def fill(ids=None, *, definition, as_of=AS_OF):
    frame = Frame(ids, as_of, definition)
    rebuild_revenue(frame)
    company_months.fill(frame)


def differences(definition, as_of=AS_OF):
    counted = recounted(as_of=as_of, definition=definition)
    checks = [*customer_checks(counted, sorted(counted.pieces), EVER), *company_checks(counted, EVER)]
    return [
        (check.code, item.key, item.column, item.stored, item.recounted)
        for check in checks
        for item in check.differences
    ]


@COMPANIES
@given(ledger=ledgers(), spec=definitions())
def test_stored_rows_are_what_the_recount_finds_under_any_definition(ledger, spec):
    definition = defined(*spec)
    with undone():
        write(ledger)
        fill(definition=definition)
        assert differences(definition) == []
