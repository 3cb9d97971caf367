"""Numbers that once came out wrong, each with the facts that brought it out."""

from datetime import date

import pytest

from customers.services.attributes import NewValue, set_attributes
from metrics.models import CompanyMonth
from metrics.services import recompute, refresh
from tests.factories.ledgers import FIRST, make_payer, make_rate, make_version, mark

AS_OF = date(2025, 6, 15)
pytestmark = pytest.mark.django_db


def tier(customer, value, from_on, now):
    set_attributes(values=[NewValue(customer.pk, "tier", value, from_on)], by=None, now=now)


def drain(now, as_of=AS_OF):
    return refresh.refresh_stale(as_of=as_of, now=now)


def test_new_rates_reach_the_months_of_the_company(now):
    larch = make_payer("Larch")
    make_rate("USD", FIRST, "1.25")
    make_version(larch, FIRST, None, "500", currency="USD")
    recompute.recompute_all(as_of=AS_OF, now=now)
    make_rate("USD", date(2025, 6, 1), "1.00")
    mark(larch, cause="rate")
    drain(now)
    refresh.fill_company(as_of=AS_OF, now=now)
    assert CompanyMonth.objects.get(month=date(2025, 6, 1)).closing == 500
