"""Pages of measures and of coverage: the catalogue, one measure with its past, adding and retiring, what is missing."""

from decimal import Decimal

import pytest
from django.urls import reverse

from config.work import jobs
from config.work.models import Job
from customers.models import CustomerSummary
from customers.services.custom_fields import define_custom_field
from metrics import tasks  # noqa: F401 - registers the jobs
from metrics.formulas.health_measures import MEASURES
from metrics.models import OwnMeasure
from metrics.queries.coverage_gains import coverage_gains
from metrics.queries.measure_use import catalog_rows
from metrics.queries.measures import catalog
from metrics.services.measure_charts import history_of
from metrics.services.measure_worth import start
from metrics.services.own_measures import add
from tests.factories.customers import NOW, make_customer, make_pulse, make_touchpoint, make_usage
from tests.factories.health import TODAY, days_before, make_scored_customer, score_now, starter

pytestmark = pytest.mark.django_db


def make_own(title="Bug reports", **spec):
    return add(
        title=title,
        kind="event",
        spec=spec or {"event": "bug"},
        better="down",
        window_days=30,
        by=None,
        now=NOW,
        as_of=TODAY,
    )


def get(client, user, name, *args):
    client.force_login(user)
    return client.get(reverse(f"metrics:{name}", args=args))


def test_the_catalogue_shows_share_feed_and_cards_of_every_measure():
    starter()
    make_scored_customer()
    make_customer()
    score_now()
    rows = {row.measure.key: row for row in catalog_rows()}
    assert rows.keys() == {measure.key for measure in MEASURES}
    assert (rows["pulse"].share, rows["pulse"].last_on, rows["pulse"].cards) == (
        Decimal("0.5"),
        TODAY,
        ["Core"],
    )
    assert (rows["ces_mean"].share, rows["ces_mean"].last_on, rows["ces_mean"].cards) == (0, None, [])


def test_the_catalogue_takes_the_same_queries_for_any_number_of_measures(django_assert_num_queries):
    starter()
    make_own()
    with django_assert_num_queries(4):
        catalog_rows()
    make_own("More", event="more")
    with django_assert_num_queries(4):
        catalog_rows()


def test_hr_4_twelve_month_ends_and_today_come_at_once():
    customer = make_customer()
    for day in (21, 23):
        make_touchpoint(customer, occurred_at=NOW.replace(month=1, day=day))
    found = history_of(catalog()["touches", 1], [customer], as_of=TODAY, now=NOW)
    assert (len(found.days), found.days[0], found.days[-2], found.days[-1]) == (
        13, days_before(350), days_before(16), TODAY,
    )  # fmt: skip
    assert found.lines[0][1][-3:] == [2, 2, 2]
    assert set(found.lines[0][1][:-3]) == {None}


@pytest.mark.parametrize("name", ["measures", "new_measure", "coverage"])
def test_pages_are_for_admins(client, anna, vera, name):
    assert get(client, anna, name).status_code == 403
    assert get(client, vera, name).status_code == 200


def test_a_measure_page_shows_what_it_reads_today_and_its_past(client, vera):
    customer = make_scored_customer(name="Halden Freight")
    score_now()
    page = get(client, vera, "measure", "stickiness", 1).content.decode()
    assert "mean of daily users by users of 28 days" in page
    assert "1 customer, and every reading is" in page
    make_scored_customer(mrr="10")
    make_usage(customer, day=days_before(1), user="b")
    score_now()
    page = get(client, vera, "measure", "stickiness", 1).content.decode()
    assert "Readings of Stickiness today, 2 customers" in page
    chart = get(client, vera, "measure_chart", "stickiness", 1).content.decode()
    assert customer.name in chart
    assert get(client, vera, "measure", "stickiness", 2).status_code == 404


@pytest.mark.parametrize(
    ("given", "spec"),
    [
        (
            {"kind": "event", "event": "bug", "window_days": 30},
            {"event": "bug", "feature": "", "first_uses": False},
        ),
        ({"kind": "field", "field": "fit"}, {"field": "fit", "type": "number", "options": []}),
        (
            {"kind": "actions", "actions": "bug, , -2.5, 4\n\ninvite,rota,3\n", "window_days": 30},
            {
                "actions": [
                    {"event": "bug", "feature": "", "first_uses": False, "impact": -25_000, "max_count": 4},
                    {
                        "event": "invite",
                        "feature": "rota",
                        "first_uses": False,
                        "impact": 30_000,
                        "max_count": None,
                    },
                ]
            },
        ),
    ],
)
def test_an_admin_adds_a_measure_of_each_kind(client, vera, given, spec):
    define_custom_field(key="fit", label="Fit", kind="number", by=None, now=NOW)
    client.force_login(vera)
    response = client.post(reverse("metrics:new_measure"), {"title": "Mine", "better": "up", **given})
    assert response.url == reverse("metrics:measure", args=["mine", 1])
    assert OwnMeasure.objects.get().spec == spec
    assert get(client, vera, "measure", "mine", 1).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "event", "window_days": 30},
        {"kind": "event", "event": "bug", "window_days": 0},
        {"kind": "actions", "actions": "bug, , many", "window_days": 30},
        {"kind": "actions", "actions": "bug, , NaN", "window_days": 30},
        {"kind": "actions", "actions": "bug, , 1e99", "window_days": 30},
        {"kind": "actions", "actions": "bug, , 1, 2, 3", "window_days": 30},
        {"kind": "field", "field": "none"},
    ],
)
def test_bad_input_is_told_and_nothing_is_stored(client, vera, given):
    client.force_login(vera)
    response = client.post(reverse("metrics:new_measure"), {"title": "Mine", "better": "up", **given})
    assert response.status_code == 422
    assert not OwnMeasure.objects.exists()


def test_a_kind_that_does_not_exist_is_not_found(client, vera):
    client.force_login(vera)
    assert client.get(reverse("metrics:new_measure"), {"kind": "sql"}).status_code == 404


def test_an_admin_retires_a_measure_and_built_in_ones_stay(client, vera, anna):
    make_own()
    client.force_login(anna)
    url = reverse("metrics:retire_measure", args=["bug_reports", 1])
    assert client.post(url).status_code == 403
    client.force_login(vera)
    client.post(url)
    assert OwnMeasure.objects.get().retired_at is not None
    assert "Retired:" in client.get(reverse("metrics:measures")).content.decode()
    assert client.post(reverse("metrics:retire_measure", args=["pulse", 1])).status_code == 404


def test_hw_10_the_gain_of_a_measure_is_its_share_of_the_mrr_without_it():
    starter()
    full, empty = make_scored_customer(mrr="300"), make_customer(mrr="100")
    make_usage(empty, day=days_before(1), user="a")
    make_pulse(empty, level=4, now=NOW)
    score_now()
    CustomerSummary.objects.filter(customer=full).update(mrr=300)
    CustomerSummary.objects.filter(customer=empty).update(mrr=100)
    feeds, gains = coverage_gains(as_of=TODAY)
    found = {one.measure.key: (float(one.gain), one.customers) for one in gains}
    assert found["nps_customer"] == (0.1, 2), "nobody has an answer: the whole 10 % of the weight"
    assert found["severe_tickets"] == (0.0125, 1), "5 % of the weight, a quarter of the MRR"
    assert found["days_since_seen"] == (0, 0)
    assert [one.gain for one in gains] == sorted((one.gain for one in gains), reverse=True)
    assert {one.feed: float(one.gain) for one in feeds}["tickets"] == 0.025


def test_hw_10_an_expired_reading_counts_as_missing():
    starter()
    customer = make_scored_customer(mrr="300")
    score_now(customer)
    CustomerSummary.objects.filter(customer=customer).update(mrr=300)
    later = TODAY.replace(month=6, day=20)
    for day, gain in ((TODAY, 0), (later, 0.1)):
        _, gains = coverage_gains(as_of=day)
        assert {one.measure.key: float(one.gain) for one in gains}["pulse"] == gain


def test_hd_5_an_admin_lets_a_worker_judge_a_measure_and_reads_it_on_its_page(client, vera, anna):
    url = reverse("metrics:judge_measure", args=["pulse", 1])
    client.force_login(anna)
    assert client.post(url).status_code == 403
    client.force_login(vera)
    page = reverse("metrics:measure", args=["pulse", 1])
    assert client.post(url).url == page
    job = start(measure=catalog()["pulse", 1], as_of=TODAY, by=vera, url=page)
    assert Job.objects.count() == 1, "an equal question that waits is not asked twice"
    jobs.run(job.pk)
    assert "Not enough outcomes (0 of 30 outcomes" in client.get(page).content.decode()
