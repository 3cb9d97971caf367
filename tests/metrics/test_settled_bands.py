"""Settled bands and alerts: what is told, to whom, and how often."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.work.models import OutgoingMail
from customers.choices import AlertState
from customers.models import Alert, CustomerSummary, UsageEvent
from metrics.choices import AlertKind
from metrics.formulas.health_cards import body_hash
from metrics.models import AlertRule, Override, ScorecardVersion, SettledBand
from metrics.services.scores import rescore
from tests.factories.customers import NOW, make_customer, make_pulse, make_subscription
from tests.factories.health import TODAY, make_scored_customer, score_now, starter
from tests.metrics.test_ledger_races import meanwhile

pytestmark = pytest.mark.django_db

GOLDEN = ("71", "69.5", "70.5", "69.8", "69.2", "69.0", "70.1", "69.9", "72.0", "67.9", "39.0", "38.0")
SETTLED = ["healthy"] * 5 + ["moderate"] * 3 + ["healthy", "moderate", "moderate", "weak"]


def rule(kind):
    return AlertRule.objects.get(kind=kind)


def only(*kinds):
    """Turn every other rule off."""
    starter()
    AlertRule.objects.exclude(kind__in=kinds).update(is_on=False)
    AlertRule.objects.filter(kind__in=kinds).update(is_on=True)


def set_score(customer, points, *, by, at=NOW):
    """An override is the straight way to a score of one's own choice."""
    Override.objects.filter(customer=customer, ended_at=None).update(ended_at=at)
    Override.objects.create(
        customer=customer, kind="value", value=Decimal(points), reason="other", text="a score for a test",
        author=by, started_at=at, ends_on=TODAY + timedelta(days=80), computed_then=Decimal(50),
    )  # fmt: skip


def play(customer, scores, *, by, first=NOW):
    """One score a day, evaluated once a day; returns the settled band of each day."""
    bands = []
    for number, points in enumerate(scores):
        at = first + timedelta(days=number)
        set_score(customer, points, by=by, at=at)
        score_now(customer, now=at, as_of=at.date())
        bands.append(SettledBand.objects.get().band)
    return bands


def alerts(kind=None):
    rows = Alert.objects.order_by("opened_at", "pk")
    return list(rows.filter(kind=kind) if kind else rows)


def test_hl_3_a_score_that_goes_back_and_forth_over_an_edge(anna, vera):
    only(AlertKind.BAND_WORSE)
    customer = make_scored_customer(owner=anna)
    assert play(customer, GOLDEN, by=vera) == SETTLED
    found = alerts()
    assert [alert.opened_at.date() for alert in found] == [TODAY + timedelta(days=day) for day in (5, 9, 11)]
    assert {alert.receiver for alert in found} == {anna}
    assert [alert.state for alert in found] == [AlertState.CLEARED, AlertState.CLEARED, AlertState.OPEN]
    assert CustomerSummary.objects.get().settled_band == "weak"


def test_hl_2_the_day_counts_once_however_often_it_is_scored(anna, vera):
    only(AlertKind.BAND_WORSE)
    customer = make_scored_customer(owner=anna)
    play(customer, ("71",), by=vera)
    for hour in range(5):
        at = NOW + timedelta(days=1, hours=hour)
        set_score(customer, "69.5", by=vera, at=at)
        score_now(customer, now=at, as_of=at.date())
    row = SettledBand.objects.get()
    assert (row.band, row.candidate, row.streak) == ("healthy", "moderate", 1)


def test_hl_2_the_last_score_of_a_day_decides(anna, vera):
    only(AlertKind.BAND_WORSE)
    customer = make_scored_customer(owner=anna)
    play(customer, ("71",), by=vera)
    for hour, points in enumerate(("50", "75", "50", "75")):
        at = NOW + timedelta(days=1, hours=hour)
        set_score(customer, points, by=vera, at=at)
        score_now(customer, now=at, as_of=at.date())
    row = SettledBand.objects.get()
    assert (row.band, row.since) == ("healthy", TODAY)
    assert [alert.state for alert in alerts()] == [AlertState.CLEARED]


def test_hl_4_every_alert_carries_its_causes_and_a_link(anna, client):
    only(AlertKind.BAND_WORSE)
    customer = make_scored_customer(owner=anna, level=5)
    score_now()
    later = NOW + timedelta(hours=3)
    make_pulse(customer, level=1, note="they told us they leave", now=later)
    score_now(now=later)
    (alert,) = alerts()
    assert alert.title == "Health fell to Watch, now 68.3"
    assert alert.causes == [{"cause": "data", "text": "CSM pulse 5 → 1", "points": "\N{MINUS SIGN}20.0"}]
    client.force_login(anna)
    assert client.get(alert.link.partition("#")[0]).status_code == 200


def test_hl_4_kinds_and_receivers(anna, mia, vera):
    starter()
    customer = make_scored_customer(owner=anna)
    make_subscription(customer, product="More", to_on=TODAY + timedelta(days=60))
    CustomerSummary.objects.update(renewal_on=TODAY + timedelta(days=60))
    play(customer, ("80", "35", "85"), by=vera)
    got = {(alert.kind, alert.receiver.name) for alert in alerts()}
    assert got == {
        (AlertKind.BAND_WORSE, "Anna Berg"),
        (AlertKind.DROP, "Anna Berg"),
        (AlertKind.RED_BEFORE_RENEWAL, "Anna Berg"),
        (AlertKind.RED_BEFORE_RENEWAL, "Mia Holm"),
    }  # a better band is off by default
    assert {alert.state for alert in alerts()} == {AlertState.CLEARED}


def test_hl_4_a_customer_that_loses_its_score_is_told(anna):
    only(AlertKind.UNSCORED)
    customer = make_scored_customer(owner=anna)
    score_now()
    UsageEvent.objects.all().delete()
    score_now(customer, now=NOW + timedelta(hours=1))
    (alert,) = alerts()
    assert alert.title == "No score any more: too little of the weight has a reading"
    assert {cause["text"] for cause in alert.causes} == {
        "Active seats: no facts", "Usage change: no facts", "Last seen: no facts",
    }  # fmt: skip
    assert SettledBand.objects.get().band == "insufficient"


def test_hl_4_a_scope_is_a_segment(anna, vera):
    only(AlertKind.BAND_WORSE)
    AlertRule.objects.update(scope="phase=adoption & country=DE")
    inside = make_scored_customer(owner=anna, country="DE")
    outside = make_scored_customer(owner=anna, country="FR")
    for number, points in enumerate(("80", "50")):
        at = NOW + timedelta(days=number)
        for customer in (inside, outside):
            set_score(customer, points, by=vera, at=at)
        score_now(now=at, as_of=at.date())
    assert [alert.customer for alert in alerts()] == [inside]


def test_hl_4_a_mail_goes_out_where_the_rule_says_so(anna, vera):
    only(AlertKind.BAND_WORSE)
    AlertRule.objects.update(by_mail=True)
    customer = make_scored_customer(owner=anna, name="Aurora")
    play(customer, ("80", "50", "50"), by=vera)
    (mail,) = OutgoingMail.objects.all()
    assert (mail.recipient, mail.mail_class) == (anna.email, "alert")
    assert mail.subject == "Aurora: Health fell to Watch, now 50.0"
    assert f"/customers/{customer.pk}/" in bytes(mail.raw).decode()


def test_hl_5_scoring_again_tells_nothing_twice(anna, vera):
    starter()
    customer = make_scored_customer(owner=anna)
    play(customer, ("80", "50"), by=vera)
    before = [(alert.pk, alert.state) for alert in alerts()]
    assert len(before) == 2  # worse, and dropped
    later = NOW + timedelta(days=1, hours=3)
    for _ in range(2):
        score_now(customer, now=later, as_of=later.date())
        rescore(as_of=later.date(), now=later)
    assert [(alert.pk, alert.state) for alert in alerts()] == before


def test_hl_5_the_drop_rule_rearms_after_half_the_way_back(anna, vera):
    only(AlertKind.DROP)
    customer = make_scored_customer(owner=anna)
    play(customer, ("90", "80", "78", "82", "83", "72", "71"), by=vera)
    found = alerts()
    assert [alert.opened_at.date() for alert in found] == [TODAY + timedelta(days=day) for day in (1, 5)]
    assert [alert.state for alert in found] == [AlertState.CLEARED, AlertState.OPEN]
    assert found[1].title == "Health fell from 83.0 to 72.0 within 14 days"


def test_hl_5_the_drop_rule_rearms_after_its_days(anna, vera):
    only(AlertKind.DROP)
    customer = make_scored_customer(owner=anna)
    AlertRule.objects.update(days=3)
    play(customer, ("90", *["79"] * 4, "69"), by=vera)
    assert [alert.opened_at.date() for alert in alerts()] == [TODAY + timedelta(days=day) for day in (1, 5)]


def publish(version, **weights):
    """Another version of the card in force, by the rows it is made of."""
    body = {**version.body, "groups": [dict(group) for group in version.body["groups"]]}
    for group in body["groups"]:
        group["weight"] = weights.get(group["key"], 0)
    at = NOW + timedelta(hours=1)
    ScorecardVersion.objects.filter(pk=version.pk).update(state="superseded", live_to=at)
    return ScorecardVersion.objects.create(
        scorecard=version.scorecard, number=2, state="live", body=body, body_hash=body_hash(body), edited_at=at, live_from=at,
    )  # fmt: skip


def test_hl_6_a_publish_gives_each_csm_one_summary(anna, ben):
    version = starter()
    for owner in (anna, anna, ben):
        make_scored_customer(owner=owner, level=1)
    score_now()
    before = {row.pk: row.band for row in SettledBand.objects.all()}
    publish(version, sentiment=1_000_000)
    later = NOW + timedelta(hours=1)
    rescore(as_of=TODAY, now=later)
    rescore(as_of=TODAY, now=later)
    after = {row.pk: row.band for row in SettledBand.objects.all()}
    assert all(before[pk] != after[pk] for pk in before)
    found = {(alert.receiver.name, alert.kind, alert.title) for alert in alerts()}
    assert found == {
        ("Anna Berg", AlertKind.CARD_PUBLISHED, "Core v2 moved 2 of your customers"),
        ("Ben Ode", AlertKind.CARD_PUBLISHED, "Core v2 moved 1 of your customers"),
    }


def test_the_first_score_and_a_customer_without_csm_tell_nobody(vera):
    starter()
    customer = make_scored_customer()
    play(customer, ("80", "20"), by=vera)
    make_customer()
    score_now()
    assert alerts() == []


def test_judging_takes_the_same_number_of_queries_for_one_and_for_three():
    starter()
    first = make_scored_customer()
    score_now()
    others = [make_scored_customer() for _ in range(3)]
    score_now()
    at, counts = NOW + timedelta(days=1), []
    for customers in ([first], others):
        with CaptureQueriesContext(connection) as counted:
            score_now(*customers, now=at, as_of=at.date())
        counts.append(len(counted))
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_hl_5_two_workers_at_once_send_once(anna, vera):
    starter()
    customer = make_scored_customer(owner=anna)
    play(customer, ("80",), by=vera)
    AlertRule.objects.update(by_mail=True)
    at = NOW + timedelta(days=1)
    set_score(customer, "50", by=vera, at=at)
    UsageEvent.objects.all().delete()  # no test's end empties the table
    meanwhile(*[lambda: rescore(as_of=at.date(), now=at)] * 2)
    assert [alert.kind for alert in alerts()] == [AlertKind.BAND_WORSE, AlertKind.DROP]
    assert OutgoingMail.objects.count() == 2
