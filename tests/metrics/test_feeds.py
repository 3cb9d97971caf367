"""The guard of source feeds: a break is nobody's fault, so nobody is alarmed and no score moves."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from config.web.errors import DomainError
from config.work import partitions
from customers.choices import BatchState
from customers.models import Alert, CustomerSummary, ImportBatch, StaleMark, UsageEvent
from customers.services.usage import UsageRow, record_events
from metrics.choices import FeedState
from metrics.models import CurrentReading, FeedHold, FeedWatch, HealthScore
from metrics.queries.cards import cards_in_force
from metrics.services.feeds import check_feed, check_feeds, end_hold, start_hold
from metrics.services.refresh import refresh_all_stale
from metrics.services.scores import computed_scores, score_customers
from tests.factories.customers import NOW, make_customer, make_pulse, make_subscription, make_ticket
from tests.factories.health import TODAY, starter

pytestmark = pytest.mark.django_db

LEARNT = 16  # days of usage before the test begins
USAGE_SLOTS = (0, 2)  # active seats, last seen
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def moment(day, hour):
    return datetime.combine(day, time(hour), tzinfo=UTC)


def rows_of(customer, day, users):
    return [
        UsageRow(customer.pk, f"{customer.pk} {day} {user}", moment(day, 9), user_ref=f"u{user}")
        for user in range(users)
    ]


def send(customers, day, *, users=4, at=None):
    """Every customer's events of a day, as they come in that morning (or late, at a moment)."""
    events = [row for customer in customers for row in rows_of(customer, day, users)]
    record_events(source="app", events=events, now=at or moment(day, 9))


def steady(customers, days, *, users=4):
    """Past days of events, each received on its morning, in one statement."""
    partitions.ensure_months(UsageEvent._meta.db_table, set(days))
    UsageEvent.objects.bulk_create(
        UsageEvent(
            customer_id=row.customer_id, source="app", message_id=row.message_id, occurred_at=row.occurred_at,
            day=day, user_ref=row.user_ref, recorded_at=row.occurred_at,
        )
        for customer in customers
        for day in days
        for row in rows_of(customer, day, users)
    )  # fmt: skip


@pytest.fixture
def people(anna, ben, vera):
    UsageEvent.objects.all().delete()  # the end of a test that commits does not empty the table
    starter()
    return anna, ben


@pytest.fixture
def book(people):
    """Four customers with a month of steady usage, scored this morning."""
    customers = [make_customer(owner=owner, phase="adoption") for owner in people * 2]
    for customer in customers:
        make_subscription(customer, mrr="100.00", quantity=Decimal(10))
        make_pulse(customer, level=4)
        make_ticket(customer, opened_at=NOW - 20 * DAY, solved_at=NOW - 18 * DAY)
    steady(customers, [TODAY - back * DAY for back in range(LEARNT, -1, -1)])
    refresh_all_stale(as_of=TODAY, now=NOW)
    return customers


def night(day):
    """The nightly run, just after local midnight."""
    score_customers(customer_ids=None, as_of=day, now=moment(day, 0) + timedelta(minutes=5))


def usage_of(customer):
    row = CurrentReading.objects.get(customer=customer)
    return [(row.values[slot], row.days[slot], row.reasons[slot]) for slot in USAGE_SLOTS]


def results():
    """Every open score without what names its rows."""
    rows = HealthScore.objects.filter(to_at=None).order_by("customer__name")
    return list(rows.values_list("customer__name", "score", "coverage", "band", "inputs", "lines"))


def check_through(day, hours=range(0, 24, 4)):
    for hour in hours:
        check_feed(feed="usage", now=moment(day, hour))


def drain(day, at):
    refresh_all_stale(as_of=day, now=at)


def test_hk_1_a_new_feed_is_learning(people):
    customer = make_customer(owner=people[0])
    steady([customer], [TODAY - back * DAY for back in range(10)], users=20)
    check_feed(feed="usage", now=NOW)
    watch = FeedWatch.objects.get()
    assert (watch.state, watch.seen["history_days"]) == (FeedState.LEARNING, 9)
    check_feed(feed="usage", now=NOW + 3 * DAY)  # silent since three days, and still nothing is judged
    assert not FeedHold.objects.exists()


def test_hk_1_the_check_looks_once_an_hour(book):
    assert check_feeds(now=NOW) == 5
    assert check_feeds(now=NOW + timedelta(minutes=55)) == 0
    assert check_feeds(now=NOW + HOUR) == 5
    watch = FeedWatch.objects.get(feed="usage")
    assert (watch.state, watch.seen["received"], watch.seen["usual"]) == (FeedState.OK, 16, "16")


def test_hk_1_a_single_silent_customer_is_data(book):
    tomorrow = TODAY + DAY
    send(book[1:], tomorrow)
    check_through(tomorrow)
    assert FeedWatch.objects.get().state == FeedState.OK
    assert not FeedHold.objects.exists()
    before = usage_of(book[0])
    night(TODAY + 2 * DAY)
    assert usage_of(book[0]) != before


def test_hk_1_customers_that_go_silent_at_once_break_the_feed(book):
    tomorrow = TODAY + DAY
    send(book[2:], tomorrow, users=8)  # as much as ever, from half of them
    check_through(tomorrow)
    hold = FeedHold.objects.get()
    assert hold.reason == "usage: 2 of 4 usually active customers went silent at once"


def test_hk_1_refused_rows_break_the_feed(book):
    ImportBatch.objects.create(
        kind="usage", file_name="usage.csv", state=BatchState.APPLIED, rows=100, rejected=30, applied_at=NOW
    )
    check_feed(feed="usage", now=NOW)
    assert FeedHold.objects.get().reason == "usage: 30 of 100 rows were refused"


def test_hk_2_held_readings_stand_still_with_their_age(book):
    check_through(TODAY + DAY)
    hold = FeedHold.objects.get()
    assert hold.from_at == moment(TODAY, 9)  # the last fact
    drain(TODAY + DAY, moment(TODAY + DAY, 20))
    before = usage_of(book[0])
    scores = HealthScore.objects.filter(to_at=None)
    coverage = {score.customer_id: score.coverage for score in scores}
    for ahead in (2, 9):
        night(TODAY + ahead * DAY)
        assert usage_of(book[0]) == before
    assert {score.customer_id: score.coverage for score in scores.all()} == coverage
    assert set(CustomerSummary.objects.values_list("held", flat=True)) == {True}
    held = scores[0].inputs["held"]
    assert set(held.values()) == {(TODAY - datetime(2000, 1, 1, tzinfo=UTC).date()).days}


def test_hr_3_a_past_day_inside_a_hold_reads_as_known_then(book):
    check_through(TODAY + DAY)
    day, later = TODAY + 2 * DAY, TODAY + 4 * DAY
    known_then = moment(day, 20)
    FeedHold.objects.update(to_at=moment(later, 9))

    def score(known_at):
        rows = computed_scores(
            customer_ids=[book[0].pk],
            as_of=day,
            now=moment(later, 12),
            known_at=known_at,
            cards=cards_in_force(),
        )
        return rows[book[0].pk]

    then, now = score(known_then), score(None)
    assert ("held" in then.inputs, "held" in now.inputs) == (True, False)
    assert (then.held, now.held) == (True, False)


def run_of_days(customers, *, broken):
    """Three days: the second without usage when broken, its events sent late on the third."""
    days = [TODAY + ahead * DAY for ahead in range(1, 4)]
    told = []
    for number, day in enumerate(days):
        night(day)
        if number == 1 and broken:
            check_through(day, range(1, 24, 2))
            drain(day, moment(day, 23))
            told.append((results(), set(Alert.objects.values_list("kind", "receiver__name"))))
            continue
        if number == 2 and broken:
            send(customers, days[1], users=5, at=moment(day, 8))
        send(customers, day, users=5 if number == 1 else 4)
        check_through(day, (10, 11, 12))
        drain(day, moment(day, 23))
    return told


def test_hk_4_a_day_without_usage_alarms_no_csm_and_leaves_no_trace(book):
    before = [(name, score, band) for name, score, _, band, *_ in results()]
    with transaction.atomic():
        run_of_days(book, broken=False)
        without_gap = results()
        transaction.set_rollback(True)
    ((during, alerts),) = run_of_days(book, broken=True)
    assert alerts == {("feed_broken", "Vera Lund")}
    assert [(name, score, band) for name, score, _, band, *_ in during] == before
    assert all("held" in inputs for *_, inputs, _ in during)
    assert results() == without_gap
    hold = FeedHold.objects.get()
    assert (hold.end_reason, hold.lost) == ("the feed is back", False)
    assert not StaleMark.objects.exists()
    assert list(Alert.objects.values_list("kind", "state")) == [("feed_broken", "cleared")]


def test_hk_3_one_good_check_is_not_enough(book):
    day = TODAY + DAY
    check_through(day)
    send(book, day + DAY)
    check_feed(feed="usage", now=moment(day + DAY, 10))
    assert FeedHold.objects.get().to_at is None
    check_feed(feed="usage", now=moment(day + DAY, 11))
    assert FeedHold.objects.get().to_at == moment(day + DAY, 11)


def test_hk_3_a_feed_that_stays_away_is_given_up_and_found_again(book, anna):
    check_through(TODAY + DAY)
    late = TODAY + 15 * DAY
    check_feed(feed="usage", now=moment(late, 10))
    hold = FeedHold.objects.get()
    assert (hold.lost, hold.to_at) == (True, moment(late, 10))
    drain(late, moment(late, 10))
    assert {reason for _, _, reason in usage_of(book[0])} == {6}  # feed_lost
    assert not Alert.objects.filter(receiver=anna).exists()
    for hour in (11, 12):
        send(book, late, at=moment(late, 10))
        check_feed(feed="usage", now=moment(late, hour))
    hold.refresh_from_db()
    assert hold.found_at == moment(late, 12)
    drain(late, moment(late, 13))
    assert 6 not in {reason for _, _, reason in usage_of(book[0])}


def test_hk_3_an_admin_starts_and_ends_a_hold_with_a_reason(book, vera):
    with pytest.raises(DomainError, match="at least 10"):
        start_hold(feed="usage", reason="broken", by=vera, now=NOW)
    start_hold(feed="usage", reason="the exporter moves today", by=vera, now=NOW)
    with pytest.raises(DomainError, match="held already"):
        start_hold(feed="usage", reason="the exporter moves today", by=vera, now=NOW)
    check_through(TODAY, range(11, 16))  # all is well, and the hold stays
    assert FeedHold.objects.get().to_at is None
    drain(TODAY, moment(TODAY, 16))
    assert set(CustomerSummary.objects.values_list("held", flat=True)) == {True}
    end_hold(feed="usage", reason="the exporter has moved", by=vera, now=moment(TODAY, 17))
    drain(TODAY, moment(TODAY, 18))
    assert set(CustomerSummary.objects.values_list("held", flat=True)) == {False}
    assert not Alert.objects.exists()


def test_a_hold_that_an_admin_ended_is_not_started_again_by_the_same_break(book, vera):
    day = TODAY + DAY
    check_through(day)
    end_hold(feed="usage", reason="it was a holiday for all of them", by=vera, now=moment(day, 23))
    check_through(day + DAY, range(6))
    assert FeedHold.objects.filter(to_at=None).count() == 0
    assert FeedWatch.objects.get().state == FeedState.BROKEN
