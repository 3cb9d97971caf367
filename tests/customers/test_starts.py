"""Many customers and lines at once are the same facts as one by one."""

from datetime import date
from decimal import Decimal

import pytest

from config.work.models import AuditEntry
from customers.models import Customer, CustomerSummary, LineVersion, StaleMark, Subscription
from customers.services import starts, subscriptions
from customers.services.facts import RuleBrokenError
from customers.services.starts import NewLine
from customers.services.subscriptions import WrongRangeError

pytestmark = pytest.mark.django_db

DAY = date(2025, 1, 1)
FIELDS = {"amount": Decimal(30), "currency": "EUR", "interval": "quarter", "discount_percent": Decimal(10)}
LIKE = ("from_on", "to_on", "amount", "currency", "interval", "status", "mrr", "mrr_after_discount")


def create(*names, now):
    return starts.create_customers(names=names, created_on=DAY, by=None, now=now)


def test_customers_come_in_order_with_summary_search_words_mark_and_log(now):
    made = create("Beech", "Älder", now=now)
    assert [customer.name for customer in made] == ["Beech", "Älder"]
    stored = Customer.objects.get(pk=made[1].pk)
    assert (stored.created_on, "alder" in stored.search_text) == (DAY, True)
    ids = {customer.pk for customer in made}
    assert set(CustomerSummary.objects.values_list("customer_id", flat=True)) == ids
    assert set(StaleMark.objects.values_list("customer_id", flat=True)) == ids
    assert AuditEntry.objects.get(action="customers.created").after == {"customers": sorted(ids)}
    assert create(now=now) == []


def test_lines_are_the_same_facts_as_one_by_one(now):
    one, other = create("Beech", "Larch", now=now)
    subscriptions.start_line(customer=one, from_on=DAY, by=None, now=now, product="a", **FIELDS)
    later = date(2026, 1, 1)
    lines = starts.start_lines(
        lines=[
            NewLine(other.pk, later, product="a", fields=FIELDS),
            NewLine(other.pk, DAY, later, product="a", fields=FIELDS),
        ],
        by=None,
        now=now,
    )
    assert list(lines) == [(other.pk, "", "a")]
    assert Subscription.objects.count() == 2
    first = LineVersion.objects.get(customer=one)
    second = LineVersion.objects.get(customer=other, from_on=DAY)
    assert {name for name in LIKE if getattr(first, name) != getattr(second, name)} == {"to_on"}
    assert StaleMark.objects.filter(customer=other, cause="subscription").get().from_day == DAY


def test_a_line_that_overlaps_or_runs_backward_is_refused_with_all_others(now):
    (customer,) = create("Beech", now=now)
    good = NewLine(customer.pk, DAY, product="a", fields=FIELDS)
    with pytest.raises(WrongRangeError):
        starts.start_lines(
            lines=[good, NewLine(customer.pk, DAY, DAY, product="b", fields=FIELDS)], by=None, now=now
        )
    with pytest.raises(RuleBrokenError):
        starts.start_lines(lines=[good, good], by=None, now=now)
    assert not LineVersion.objects.exists()
