"""MRR churn summed over the days of a month."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from metrics.formulas.definition import DEFAULT, with_values
from metrics.formulas.periods import month_period
from metrics.queries.metric_rows import metric_rows
from metrics.services.recompute import recompute_all
from tests.factories.ledgers import make_payer, make_version

AS_OF = date(2024, 3, 31)
pytestmark = pytest.mark.django_db


def test_each_day_is_divided_by_its_own_start():
    larch, oak = make_payer("Larch"), make_payer("Oak")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100")
    make_version(larch, date(2024, 2, 10), None, "80")
    make_version(oak, date(2024, 2, 5), date(2024, 2, 20), "20")
    recompute_all(as_of=AS_OF, now=datetime(2024, 4, 1, tzinfo=UTC))
    definition = with_values(DEFAULT, {"mrr_churn_formula": "daily_sum"})
    (row,) = metric_rows(
        [month_period(date(2024, 2, 1))], as_of=AS_OF, complete_to=AS_OF, definition=definition
    )
    lost = Decimal(20) / Decimal(120) + Decimal(20) / Decimal(100)
    assert round(row.values["gross_mrr_churn_rate"].value - lost, 25) == 0
    assert round(row.values["net_mrr_churn_rate"].value - lost, 25) == 0
