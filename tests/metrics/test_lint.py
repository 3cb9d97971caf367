"""The linter on stored drafts: what readings, history, feeds and backtests add to the body."""

from datetime import timedelta

import pytest

from customers.models import CustomerSummary
from metrics.formulas.health_measures import NO_DAY
from metrics.models import Backtest, CurrentReading, FeedWatch, OwnMeasure
from metrics.queries.measures import catalog, width
from metrics.services import lint, scorecards
from tests.factories.customers import NOW, make_customer
from tests.factories.health import TODAY, starter

pytestmark = pytest.mark.django_db

CUSTOMERS = 24
MICRO = 1_000_000


@pytest.fixture
def readings(vera):
    """Active seats from 0 to 92 %, everything else missing; every customer pays 100."""
    starter()
    customers = [make_customer() for _ in range(CUSTOMERS)]
    slots = width(catalog())
    rows = []
    for number, customer in enumerate(customers):
        values, reasons = [0] * slots, [1] * slots
        values[0], reasons[0] = number * 40_000, 0
        rows.append(
            CurrentReading(
                customer=customer,
                values=values,
                days=[NO_DAY] * slots,
                reasons=reasons,
                phase="adoption",
                labels=[],
                as_of=TODAY,
            )
        )
    CurrentReading.objects.all().delete()
    CurrentReading.objects.bulk_create(rows)
    CustomerSummary.objects.update(mrr=100, renewal_on=TODAY + timedelta(days=30))
    return customers


def draft(by, **changes):
    made = scorecards.start_draft(scorecard=starter().scorecard, by=by, now=NOW)
    return scorecards.save_body(draft=made, body={**made.body, **changes}, version=1, by=by, now=NOW)


def codes(version):
    return {lint.name_of(one) for one in lint.findings_of(version, now=NOW)}


def test_readings_of_today_are_judged(vera, readings):
    found = codes(draft(vera))
    assert {"L-13:", "L-20:insufficient"} & found == {"L-13:"}
    assert {"L-16:pulse", "L-16:nps_customer"} <= found
    assert "L-16:active_seat_share" not in found
    assert "L-19:" not in found  # something commercial is on the card


def test_l_09_a_measure_that_is_never_red_is_named(vera, readings):
    for row in CurrentReading.objects.all():
        row.values[0] = 900_000
        row.save()
    assert {"L-09:active_seat_share", "L-10:active_seat_share"} <= codes(draft(vera))


def test_l_14_a_cap_that_never_fires_and_one_that_fires_often(vera, readings):
    caps = [
        {"of": "active_seat_share", "below": 50 * MICRO, "at_most": 60 * MICRO},
        {"of": "support", "below": 10 * MICRO, "at_most": 60 * MICRO},
    ]
    assert {"L-14:active_seat_share", "L-14:support"} <= codes(draft(vera, caps=caps))


def test_l_04_a_silent_feed_and_a_retired_measure_stop_publishing(vera, readings):
    watch = FeedWatch.objects.create(feed="usage", state="ok", last_fact_at=NOW - timedelta(days=15))
    version = draft(vera)
    assert "L-04:active_seat_share" in codes(version)
    watch.last_fact_at = NOW - timedelta(days=14)
    watch.save()
    assert "L-04:active_seat_share" not in codes(version)
    own = OwnMeasure.objects.create(
        key="seats", slot=60, title="Seats", kind="field", unit="number", better="up", spec={"field": "x"}
    )
    body = version.body
    body["groups"][0]["measures"][0] |= {"measure": "seats"}
    used = draft(vera, groups=body["groups"])
    assert "L-04:seats" not in codes(used)
    own.retired_at = NOW
    own.save()
    assert "L-04:seats" in codes(used)
    body["groups"][0]["measures"][0] |= {"measure": "nothing"}
    assert codes(draft(vera, groups=body["groups"])) == {"L-04:nothing"}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "No backtest"),
        ({"enough": False}, "not enough outcomes"),
        ({"enough": True, "auc": {"value": 0.55}}, "did not rank churners"),
        ({"enough": True, "auc": {"value": "0.81"}}, ""),
    ],
)
def test_l_21_the_last_backtest_of_this_body(vera, result, said):
    version = draft(vera, min_coverage=4_000)
    if result is not None:
        Backtest.objects.create(body_hash=version.body_hash, engine=1, parameters={}, result=result)
    texts = " ".join(one.text for one in lint.findings_of(version, now=NOW) if one.code == "L-21")
    assert said in texts
    assert bool(texts) == bool(said)
