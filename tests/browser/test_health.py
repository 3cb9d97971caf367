"""Health scores as people meet them: a card from draft to roll back, a score that fell, a silent feed, a past list."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts.queries.organisation import local_day
from config.work import jobs, partitions
from config.work.models import Job
from config.work.pg import recorded_at
from customers.models import Alert, UsageEvent
from metrics import tasks  # noqa: F401 - the kinds of jobs
from metrics.formulas.health_cards import body_hash
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.models import HealthScore, ScorecardVersion
from metrics.services import scorecard_review
from metrics.services.feeds import check_feeds
from metrics.services.scores import score_customers
from tests.factories.customers import make_customer, make_pulse, make_subscription, make_touchpoint
from tests.factories.health import make_scored_customer, score_now, starter
from tests.factories.users import PASSWORD, make_user

pytestmark = pytest.mark.browser

NOTE = "What people say tells more about renewals than we thought."
DAY = timedelta(days=1)


@pytest.fixture
def now():
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def nora(admin):
    return make_user("Nora Falk", "admin", email="nora@tend.example", password=PASSWORD)


@pytest.fixture
def anna(admin):
    return make_user("Anna Berg", "csm", email="anna@tend.example", password=PASSWORD)


def run_jobs():
    while job := Job.objects.filter(state="queued").order_by("pk").first():
        jobs.run(job.pk)


def test_a_card_goes_from_draft_over_review_to_force_and_back(visit, admin, nora, anna, now):
    starter(now=now - DAY)
    for level in (1, 3, 5):
        score_now(make_scored_customer(owner=anna, level=level), now=now)
    vera = visit()
    page = vera.page
    vera.sign_in()
    vera.go("/health/")
    page.locator("button", has_text="New draft").first.click()
    page.locator("input[name=group-sentiment]").fill("900")
    page.locator("button", has_text="Save draft").click()
    page.locator("#card-checks", has_text="L-17").wait_for()  # the pulse decides too much
    page.locator("button", has_text="Preview effect").click()
    page.locator("h1", has_text="If the draft were published today").wait_for()
    assert page.locator("table.matrix tfoot td b").last.inner_text() == "3"
    page.locator("a", has_text="Send to review").first.click()
    page.fill("textarea[name=note]", NOTE)
    tomorrow = local_day(now) + DAY
    page.fill("input[name=effective_on]", tomorrow.isoformat())
    for warning in page.locator("input[name^=note-], textarea[name^=note-]").all():
        warning.fill("Seen and meant")
    page.locator("button", has_text="Send to review").click()
    page.locator("h1", has_text="in review").wait_for()
    draft = ScorecardVersion.objects.get(state="in_review")
    vera.go(f"/health/versions/{draft.pk}/review/")
    assert page.locator("button", has_text="Approve").count() == 0  # not by the one who edited it

    second = visit()
    second.sign_in("nora@tend.example")
    second.go(f"/health/versions/{draft.pk}/review/")
    second.page.locator("button", has_text="Approve").click()
    second.page.locator("main", has_text="scheduled").first.wait_for()
    draft.refresh_from_db()
    assert (draft.state, draft.effective_on, draft.approved_by) == ("scheduled", tomorrow, nora)

    first = ScorecardVersion.objects.get(number=1)
    with time_machine.travel(now + DAY):
        scorecard_review.put_live_due(now=timezone.now())
        run_jobs()
        draft.refresh_from_db()
        assert (draft.state, draft.number) == ("live", 2)
        vera.sign_in()  # a session lasts a working day
        vera.go(f"/health/versions/{first.pk}/")
        page.locator("summary, button, a", has_text="Roll back").first.click()
        page.fill("textarea[name=reason]", "Nobody can work with these weights")
        page.locator("button", has_text="Roll back").last.click()
        page.locator("main", has_text="v3").first.wait_for()
    third = ScorecardVersion.objects.get(state="live", scorecard=first.scorecard)
    assert (third.number, third.rollback_of, third.body_hash) == (3, first, first.body_hash)
    assert vera.complaints == second.complaints == []


def plain_card(now):
    """A card of two measures: the pulse, and 100 less the days since the last meaningful touch."""
    live = starter(now=now - 120 * DAY)

    def measure(key, *points):
        curve = {"type": "linear", "points": [[value * MICRO, score * MICRO] for value, score in points]}
        return {"measure": key, "version": 1, "weight": WEIGHT_UNIT, "curve": curve}

    body = {
        **live.body,
        "groups": [
            {
                "key": "both",
                "title": "Both",
                "weight": WEIGHT_UNIT,
                "rule": "mean",
                "measures": [
                    measure("pulse", (1, 0), (5, 100)),
                    measure("days_since_meaningful_touch", (0, 100), (100, 0)),
                ],
            }
        ],
    }
    draft = ScorecardVersion.objects.create(
        scorecard=live.scorecard, body=body, body_hash=body_hash(body), edited_at=now
    )
    ScorecardVersion.objects.filter(pk=live.pk).update(state="superseded", live_to=now - 119 * DAY)
    ScorecardVersion.objects.filter(pk=draft.pk).update(state="live", number=2, live_from=now - 119 * DAY)


def test_a_csm_sees_why_a_score_fell_from_72_to_58_and_the_list_of_last_quarter(visit, admin, anna, now):
    plain_card(now)
    long_ago = now - 131 * DAY
    with transaction.atomic(), recorded_at(long_ago):
        customer = make_customer(owner=anna, name="Larch & Sons", phase="adoption", now=long_ago)
        make_subscription(customer, mrr="100.00", from_on=long_ago.date(), now=long_ago)
        make_touchpoint(customer, occurred_at=long_ago, now=long_ago)
        make_pulse(customer, level=4, now=long_ago)
    score_customers(
        customer_ids=[customer.pk], as_of=local_day(now - 100 * DAY), now=now - 100 * DAY
    )  # 75 and 69
    make_touchpoint(customer, occurred_at=now - 34 * DAY, now=now)
    score_customers(customer_ids=[customer.pk], as_of=local_day(now - 3 * DAY), now=now - 3 * DAY)
    make_pulse(customer, level=3, now=now - 2 * DAY)
    score_customers(customer_ids=[customer.pk], as_of=local_day(now), now=now)
    scores = HealthScore.objects.order_by("from_at").values_list("score", flat=True)
    assert list(scores) == [Decimal(72), Decimal(72), Decimal(58)]

    window = visit()
    page = window.page
    window.sign_in("anna@tend.example")
    window.go(f"/customers/{customer.pk}/")
    change = page.locator("#health-change")
    change.locator("a", has_text="7 days").click()
    change.locator("b", has_text="14").first.wait_for()
    text = change.inner_text()
    assert "72" in text
    assert "58" in text
    for part in change.locator("details").all():
        if part.get_attribute("open") is None:
            part.locator("summary").click()
    rows = change.locator("a.link", has_text="CSM pulse")
    assert rows.count() >= 1
    rows.first.click()
    page.wait_for_load_state()
    assert "Page not found" not in page.inner_text("main")

    window.go(f"/portfolio/as-of/?as_of={local_day(now - 92 * DAY).isoformat()}&known=then")
    row = page.locator("main tbody tr", has_text="Larch & Sons")
    assert "72" in row.inner_text()
    assert page.locator("[role=status]", has_text="as known then").count() == 1
    assert window.complaints == []


def test_hk_2_a_silent_feed_is_told_once_to_admins_and_alarms_no_csm(visit, admin, anna, now):
    starter(now=now - 40 * DAY)
    customers = [make_customer(owner=anna, name=f"Harbour {n}") for n in range(3)]
    for customer in customers:
        make_subscription(customer, mrr="100.00", quantity=Decimal(10))
        make_pulse(customer, level=4, now=now - 40 * DAY)
        make_touchpoint(customer, occurred_at=now - 5 * DAY, now=now)
    UsageEvent.objects.all().delete()
    days = [now - back * DAY for back in range(24, 1, -1)]
    partitions.ensure_months(UsageEvent._meta.db_table, {at.date() for at in days})
    UsageEvent.objects.bulk_create(
        UsageEvent(
            customer=customer, source="app", message_id=f"{customer.pk} {at} {user}", occurred_at=at, day=at.date(),
            user_ref=f"u{user}", recorded_at=at,
        )
        for customer in customers
        for at in days
        for user in range(6)
    )  # fmt: skip
    score_customers(customer_ids=None, as_of=local_day(now - 2 * DAY), now=now - 2 * DAY)
    before = dict(HealthScore.objects.filter(to_at=None).values_list("customer_id", "score"))
    check_feeds(now=now)
    score_customers(customer_ids=None, as_of=local_day(now), now=now)
    assert Alert.objects.filter(receiver=anna).count() == 0
    assert Alert.objects.filter(receiver=admin).count() == 1
    held = HealthScore.objects.filter(to_at=None)
    assert all(score.held for score in held)
    assert {score.customer_id for score in held} == set(before)

    window = visit()
    window.sign_in("anna@tend.example")
    window.go("/portfolio/")
    window.page.locator("main", has_text="usage feed silent").first.wait_for()
    window.go(f"/customers/{customers[0].pk}/")
    window.page.locator("main", has_text="held").first.wait_for()
    assert window.complaints == []
