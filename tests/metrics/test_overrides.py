"""Overrides: who may set what, for how long, and that both scores are shown everywhere."""

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.urls import reverse

from config.work.models import AuditEntry
from customers.models import CustomerSummary, FollowUp
from customers.services.locks import lock_summaries
from metrics.models import HealthScore, Override
from metrics.services import overrides
from metrics.services.overrides import OverrideError
from tests.factories.customers import NOW, make_customer
from tests.factories.health import TODAY, make_scored_customer, score_now

pytestmark = pytest.mark.django_db
WHY = "Their board decided to leave us this spring."


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def override(customer, by, *, kind="value", value="45", days=30, text=WHY, reason="commitment", now=NOW):
    return overrides.set_override(
        customer=customer,
        kind=kind,
        value=Decimal(value),
        reason=reason,
        text=text,
        ends_on=TODAY + timedelta(days=days),
        by=by,
        now=now,
    )


def current(customer):
    return HealthScore.objects.get(customer=customer, to_at=None)


def test_hp_6_both_scores_are_stored_and_shown_at_once(client, anna):
    customer = make_scored_customer(owner=anna)
    score_now()
    computed = current(customer).computed
    assert computed > 45
    override(customer, anna)
    row, summary = current(customer), CustomerSummary.objects.get(customer=customer)
    assert (row.score, row.computed, row.band) == (Decimal(45), computed, "moderate")
    assert row.override_part == int((45 - computed) * 10**6)
    assert (summary.score, summary.computed_score) == (Decimal(45), computed)
    assert summary.override_until == TODAY + timedelta(days=30)
    client.force_login(anna)
    panel = client.get(reverse("metrics:health_panel", args=[customer.pk]), headers={"HX-Request": "true"})
    text = " ".join(panel.content.decode().split())
    assert f"45.0 (computed {round(computed, 1)}), until" in text
    assert panel.context["sum"] == Decimal(45)
    assert WHY in text


def test_hp_6_a_cap_takes_the_lower_one_and_a_value_replaces(anna):
    customer = make_scored_customer(owner=anna)
    score_now()
    computed = current(customer).computed
    override(customer, anna, kind="cap", value="99")
    assert current(customer).score == computed
    overrides.end_override(customer=customer, by=anna, now=NOW)
    override(customer, anna, kind="cap", value="30")
    assert current(customer).score == Decimal(30)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": "too short"}, "text"),
        ({"text": " " * 40}, "text"),
        ({"reason": "because"}, "reason"),
        ({"kind": "wish"}, "kind"),
        ({"days": 0}, "ends_on"),
        ({"days": -3}, "ends_on"),
        ({"days": 91}, "ends_on"),
        ({"value": "100.5"}, "value"),
        ({"value": "-1"}, "value"),
        ({"value": "99"}, "value"),  # above the computed score, by a CSM
    ],
)
def test_hp_5_what_an_override_needs(anna, changes, field):
    customer = make_scored_customer(owner=anna)
    with pytest.raises(OverrideError) as refused:
        override(customer, anna, **changes)
    assert refused.value.field == field
    assert not Override.objects.exists()


def test_hp_5_ninety_days_are_allowed_and_managers_may_raise(anna, mia, vera):
    for by in (mia, vera):
        customer = make_scored_customer(owner=anna)
        override(customer, by, value="99", days=90)
        assert current(customer).score == Decimal(99)


def test_hp_5_a_customer_without_enough_data_cannot_be_overridden(anna):
    with pytest.raises(OverrideError, match="not enough data"):
        override(make_customer(owner=anna), anna)


def test_hp_5_one_at_a_time(anna):
    customer = make_scored_customer(owner=anna)
    override(customer, anna)
    with pytest.raises(OverrideError, match="already has"):
        override(customer, anna, value="20")
    assert Override.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_hp_5_two_at_once_leave_one(anna):
    customer = make_scored_customer(owner=anna)
    score_now()
    start, refused = threading.Barrier(2), []

    def press():
        start.wait()
        try:
            override(customer, anna)
        except OverrideError as error:
            refused.append(error)
        finally:
            connection.close()

    people = [threading.Thread(target=press) for _ in range(2)]
    [one.start() for one in people]
    [one.join() for one in people]
    assert len(refused) == 1
    assert Override.objects.filter(ended_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_hh_6_an_override_waits_for_a_scoring_that_has_begun(anna):
    customer = make_scored_customer(owner=anna)
    score_now()

    def press():
        try:
            override(customer, anna)
        finally:
            connection.close()

    person = threading.Thread(target=press)
    with transaction.atomic():
        lock_summaries([customer.pk])
        person.start()
        person.join(timeout=0.5)
        assert person.is_alive()
        score_now()
    person.join()
    assert current(customer).score == Decimal(45)


def test_hp_6_it_ends_by_itself_at_midnight(anna, time_machine):
    customer = make_scored_customer(owner=anna)
    override(customer, anna, days=2)
    computed = current(customer).computed
    almost = NOW.replace(hour=23, minute=59) + timedelta(days=1)
    assert overrides.end_due(now=almost - timedelta(hours=2)) == 0
    after = NOW + timedelta(days=2)
    time_machine.move_to(after, tick=False)
    assert overrides.end_due(now=after) == 1
    assert overrides.end_due(now=after) == 0
    row, summary = current(customer), CustomerSummary.objects.get(customer=customer)
    assert row.override is None
    assert row.score == row.computed
    assert summary.override_until is None
    ended = Override.objects.get().ended_at
    assert ended.astimezone(ended.tzinfo) <= after
    assert abs(row.computed - computed) < 20
    assert AuditEntry.objects.filter(action="override.expired").count() == 1


def test_hp_6_a_score_after_midnight_ignores_an_override_the_worker_has_not_ended_yet(anna):
    customer = make_scored_customer(owner=anna)
    override(customer, anna, days=1)
    score_now(customer, now=NOW + timedelta(days=1))
    assert current(customer).override is None


def test_hp_6_the_author_is_told_seven_days_before_once(anna, mia):
    customer = make_scored_customer(owner=anna)
    row = override(customer, mia, days=30)
    assert overrides.tell_authors(now=NOW + timedelta(days=22)) == 0
    assert overrides.tell_authors(now=NOW + timedelta(days=23)) == 1
    assert overrides.tell_authors(now=NOW + timedelta(days=24)) == 0
    told = FollowUp.objects.get()
    assert (told.owner, told.due_on) == (mia, row.ends_on)
    FollowUp.objects.update(state="done")
    assert overrides.tell_authors(now=NOW + timedelta(days=25)) == 0


def test_hp_6_ending_it_drops_the_notice(anna):
    customer = make_scored_customer(owner=anna)
    override(customer, anna, days=8)
    overrides.tell_authors(now=NOW + timedelta(days=1))
    overrides.end_override(customer=customer, by=anna, now=NOW + timedelta(days=1))
    assert FollowUp.objects.get().state == "cancelled"


def post(client, user, customer, **changes):
    client.force_login(user)
    fields = {
        "kind": "cap",
        "value": "40",
        "reason": "incident",
        "text": WHY,
        "ends_on": (TODAY + timedelta(days=10)).isoformat(),
    }
    return client.post(reverse("metrics:override_form", args=[customer.pk]), fields | changes)


def test_hp_5_the_form_sets_and_the_button_ends(client, anna):
    customer = make_scored_customer(owner=anna)
    score_now()
    assert post(client, anna, customer, text="short").status_code == 422
    assert post(client, anna, customer, value="nonsense").status_code == 422
    assert post(client, anna, customer, ends_on=date.max.isoformat()).status_code == 422
    assert post(client, anna, customer).status_code == 302
    assert current(customer).score == Decimal(40)
    assert post(client, anna, customer).status_code == 422
    end = reverse("metrics:end_override", args=[customer.pk])
    assert client.post(end).status_code == 302
    assert client.post(end).status_code == 302  # a second click says that it is over
    assert Override.objects.get().ended_by == anna


def test_hp_5_strangers_get_404_and_readers_403(client, anna, carl, vic):
    customer = make_scored_customer(owner=anna)
    for user, status in ((carl, 404), (vic, 403)):
        assert post(client, user, customer).status_code == status
        assert client.get(reverse("metrics:override_form", args=[customer.pk])).status_code == status
        assert client.post(reverse("metrics:end_override", args=[customer.pk])).status_code == status
