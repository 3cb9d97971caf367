"""People against the score: overrides with outcomes, the rater page, and the reminder that a pulse ends."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from customers.choices import PULSE_POINTS
from customers.models import FollowUp
from metrics.models import HealthScore, Override
from metrics.queries.override_outcomes import override_months_for
from metrics.queries.raters import raters_for
from metrics.services.pulse_reminders import remind_of_pulses
from metrics.services.refresh import refresh_all_stale
from tests.factories.customers import NOW, START, make_customer, make_pulse, make_subscription
from tests.factories.health import TODAY, make_scored_customer, score_now

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def make_override(customer, by, *, value, days_ago, computed="60"):
    started = NOW - timedelta(days=days_ago)
    return Override.objects.create(
        customer=customer,
        kind="value",
        value=Decimal(value),
        reason="other",
        text="as the person who knows says",
        author=by,
        started_at=started,
        ends_on=started.date() + timedelta(days=30),
        ended_at=min(NOW, started + timedelta(days=30)),
        computed_then=Decimal(computed),
    )


def test_hp_7_overrides_per_author_and_month_with_the_later_outcome(anna, ben, mia, carl):
    gone = make_customer(owner=anna, mrr="100", until=TODAY - timedelta(days=200))
    stayed = make_customer(owner=anna, mrr="100")
    refresh_all_stale(as_of=TODAY, now=NOW)
    make_override(gone, anna, value="20", days_ago=300)
    make_override(stayed, anna, value="20", days_ago=300)
    make_override(stayed, mia, value="90", days_ago=300)
    make_override(stayed, mia, value="90", days_ago=10)
    make_override(make_customer(owner=carl), carl, value="20", days_ago=10)
    rows = {(row.author, row.month): row for row in override_months_for(mia, today=TODAY)}
    assert len(rows) == 3
    of_anna = next(row for (author, _), row in rows.items() if author == anna)
    assert (of_anna.lowered, of_anna.raised, of_anna.lost, of_anna.kept, of_anna.open) == (2, 0, 1, 1, 0)
    assert (of_anna.agreed, of_anna.decided) == (1, 2)
    latest = rows[mia, TODAY.replace(day=1)]
    assert (latest.raised, latest.open, latest.decided) == (1, 1, 0)


def test_hp_4_distribution_gap_and_share_expired(anna, ben, mia):
    fresh, old, other = (make_scored_customer(owner=anna) for _ in range(3))
    for customer in (fresh, old, other):
        score_now(customer)
    make_pulse(fresh, level=5, by=anna, now=NOW + timedelta(seconds=1))
    make_pulse(other, level=3, by=ben, now=NOW + timedelta(seconds=1))
    make_pulse(make_customer(owner=anna), level=4, by=anna, now=NOW - timedelta(days=95))
    computed = HealthScore.objects.get(customer=fresh, to_at=None).computed
    found = {rater.user: rater for rater in raters_for(mia, today=TODAY, now=NOW + timedelta(minutes=1))}
    assert dict(found[anna].distribution) == {5: 1, 4: 1, 3: 0, 2: 0, 1: 0}
    assert found[anna].gap == PULSE_POINTS[5] - computed
    assert found[anna].expired_share == Decimal("0.5")
    assert found[ben].customers == 1


def test_hp_4_renewal_rate_per_level_with_wilson_interval(anna, mia):
    ends = TODAY - timedelta(days=40)
    judged = NOW - timedelta(days=170)
    for number, stays in enumerate((True, True, False)):
        customer = make_customer(owner=anna)
        make_subscription(customer, mrr="100", from_on=ends.replace(year=ends.year - 1), to_on=ends)
        if stays:
            make_subscription(customer, mrr="100", from_on=ends, external_id=f"next-{number}")
        make_pulse(customer, level=4, by=anna, now=judged)
    refresh_all_stale(as_of=TODAY, now=NOW)
    (rater,) = raters_for(mia, today=TODAY, now=NOW)
    row = next(row for row in rater.outcomes if row.level == 4)
    assert (row.due, row.renewed) == (3, 2)
    assert row.interval.low < row.rate < row.interval.high
    assert ends > START


def test_hp_4_the_pages_are_for_managers_and_admins_and_keep_to_their_customers(
    client, anna, carl, mia, vera, vic
):
    mine, strange = make_customer(owner=anna, name="Larch"), make_customer(owner=carl, name="Zyx")
    for customer, by in ((mine, anna), (strange, carl)):
        make_override(customer, by, value="20", days_ago=10)
        make_pulse(customer, level=4, by=by)
    for name in ("override_outcomes", "raters"):
        for user, status in ((anna, 403), (vic, 403), (mia, 200), (vera, 200)):
            client.force_login(user)
            page = client.get(reverse(f"metrics:{name}"))
            assert page.status_code == status
            if user == mia:
                assert "Anna Berg" in page.content.decode()
                assert "Carl Voss" not in page.content.decode()
                assert "Zyx" not in page.content.decode()


def test_hp_2_the_csm_is_told_seven_days_before_a_pulse_expires_once(anna):
    customer = make_scored_customer(owner=anna)  # its pulse is of today
    score_now()
    assert remind_of_pulses(now=NOW + timedelta(days=82)) == 0
    assert remind_of_pulses(now=NOW + timedelta(days=83)) == 1
    assert remind_of_pulses(now=NOW + timedelta(days=84)) == 0
    told = FollowUp.objects.get(origin="pulse")
    assert (told.customer, told.owner, told.due_on) == (customer, anna, TODAY + timedelta(days=90))
    told.delete()
    assert remind_of_pulses(now=NOW + timedelta(days=90)) == 0  # it is over
    make_pulse(customer, level=3, by=anna, now=NOW + timedelta(days=50))
    assert remind_of_pulses(now=NOW + timedelta(days=85)) == 0
