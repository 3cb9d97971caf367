"""Measures that an organisation adds: what they read, their versions, and the job that reads them for everybody."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from config.work import jobs
from config.work.models import AuditEntry, Job
from config.work.pg import recorded_at
from customers.models import CustomField, FieldValue
from customers.services.custom_fields import define_custom_field
from customers.services.customers import update_customer
from metrics import tasks  # noqa: F401 - registers the job
from metrics.formulas.health_cards import read_card
from metrics.formulas.health_measures import FIRST_OWN_SLOT
from metrics.models import OwnMeasure
from metrics.queries.cards import only
from metrics.queries.health_inputs import readings_matrix
from metrics.queries.measures import catalog
from metrics.rollups import readings
from metrics.services.own_measures import OwnMeasureError, add, retire
from metrics.services.score_rows import Setting, score_rows
from metrics.services.starter_actions import install_starter_actions
from tests.factories.customers import NOW, make_customer, make_usage
from tests.factories.health import TODAY, days_before, score_now, starter
from tests.factories.readings import reading

pytestmark = pytest.mark.django_db


def make_measure(title="Bug reports", *, kind="event", spec=None, window_days=30, better="up", by=None):
    spec = {"event": "bug"} if spec is None else spec
    return add(
        title=title, kind=kind, spec=spec, better=better, window_days=window_days, by=by, now=NOW, as_of=TODAY
    )


def define(key, kind, **more):
    return define_custom_field(key=key, label=key.title(), kind=kind, by=None, now=NOW, **more)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", "12.5", Decimal("12.5")),
        ("date", "2026-03-06", Decimal(10)),
        ("date", "2026-03-20", Decimal(-4)),
        ("choice", "good", Decimal(2)),
        ("boolean", "yes", Decimal(1)),
        ("boolean", "no", Decimal(0)),
    ],
)
def test_a_custom_field_reads_as_a_number(kind, value, expected):
    define("fit", kind, options=["bad", "fair", "good"] if kind == "choice" else ())
    make_measure("Fit", kind="field", spec={"field": "fit"})
    customer, other = make_customer(custom={"fit": value}), make_customer()
    assert reading(customer, "fit") == (expected, TODAY, "")
    assert reading(other, "fit") == (None, None, "no_facts")


def test_hr_3_a_field_reads_as_it_was_held_and_known_on_the_day(vera):
    define("fit", "choice", options=["bad", "good"])
    make_measure("Fit", kind="field", spec={"field": "fit"})
    with transaction.atomic(), recorded_at(NOW):
        customer = make_customer(custom={"fit": "bad"})
        later = NOW + timedelta(days=5)
    for value, day in (("good", 5), (None, 9)):
        moment = NOW + timedelta(days=day)
        with transaction.atomic(), recorded_at(moment):
            customer = update_customer(
                customer=customer,
                version=customer.version,
                changes={"custom": {"fit": value}},
                by=vera,
                now=moment,
            )
    held = {"as_of": later.date(), "now": NOW + timedelta(days=20)}
    assert reading(customer, "fit", as_of=TODAY, now=NOW + timedelta(days=20))[0] == 0
    assert reading(customer, "fit", **held)[:2] == (1, later.date())
    assert reading(customer, "fit", **held, known_at=NOW + timedelta(days=1))[0] == 0
    assert reading(customer, "fit", as_of=TODAY + timedelta(days=9), now=held["now"])[2] == "unset"


def test_hr_5_history_counts_as_known_at_its_day_unless_it_is_strict():
    define("seats", "number")
    make_measure("Seats", kind="field", spec={"field": "seats"})
    customer = make_customer()
    FieldValue.objects.create(
        customer=customer, key="seats", value="7", from_on=days_before(40), backfilled=True
    )
    past = {"as_of": days_before(30), "known_at": NOW - timedelta(days=30)}
    assert reading(customer, "seats", **past)[0] == 7
    assert reading(customer, "seats", **past, strict_known=True)[2] == "no_facts"


def test_choices_and_yes_or_no_are_labels():
    define("fit", "choice", options=["good"])
    define("pilot", "boolean")
    define("note", "text")
    make_customer(custom={"fit": "good", "pilot": "yes", "note": "hello"})
    (row,) = readings.read(customer_ids=None, as_of=TODAY, now=NOW)
    assert [label for label in row.labels if label.startswith("cf_")] == ["cf_fit=good", "cf_pilot=true"]


def test_an_event_counts_in_its_window_with_its_feature():
    make_measure("Exports", spec={"event": "export", "feature": "rota"}, window_days=70)
    customer = make_customer()
    for day, event, feature, count in (
        (1, "export", "rota", 2),
        (70, "export", "rota", 3),
        (71, "export", "rota", 100),
        (2, "export", "clock", 100),
        (2, "login", "rota", 100),
        (0, "export", "rota", 100),
    ):
        make_usage(customer, day=days_before(day), event=event, feature=feature, count=count)
    assert reading(customer, "exports") == (5, days_before(1), "")
    assert reading(customer, "usage_change_pct")[2] == "", "a longer window leaves the others alone"


def test_ha_4_an_event_never_seen_is_no_reading_and_one_that_fell_silent_is_0():
    make_measure()
    never, silent = make_customer(), make_customer()
    make_usage(never, day=days_before(2), event="login")
    make_usage(silent, day=days_before(200), event="bug")
    assert reading(never, "bug_reports") == (None, None, "no_facts")
    assert reading(silent, "bug_reports") == (0, days_before(1), "")


def test_first_uses_count_features_that_were_new_in_the_window():
    make_measure("New features", spec={"first_uses": True})
    customer = make_customer()
    for day, feature in ((200, "rota"), (3, "rota"), (4, "clock"), (3, "clock"), (9, "export"), (9, "")):
        make_usage(customer, day=days_before(day), feature=feature)
    assert reading(customer, "new_features")[0] == 2


def test_ha_1_action_points_are_the_sum_of_impact_times_count():
    actions = [
        {"event": "invite", "impact": 30_000},
        {"event": "bug", "impact": -50_000, "max_count": 2},
        {"event": "never", "impact": 10_000},
    ]
    make_measure("Points", kind="actions", spec={"actions": actions})
    customer = make_customer()
    make_usage(customer, day=days_before(3), event="invite", count=7)
    make_usage(customer, day=days_before(3), event="bug", count=9)
    assert reading(customer, "points")[0] == 11
    assert reading(make_customer(), "points") == (None, None, "no_facts")


def test_a_new_meaning_is_a_new_version_with_a_slot_of_its_own(vera):
    first, second = make_measure(by=vera), make_measure(spec={"event": "defect"}, by=vera)
    customer = make_customer()
    make_usage(customer, day=days_before(3), event="bug", count=4)
    make_usage(customer, day=days_before(3), event="defect", count=5)
    assert [(one.version, one.slot) for one in (first, second)] == [
        (1, FIRST_OWN_SLOT),
        (2, FIRST_OWN_SLOT + 1),
    ]
    assert [reading(customer, "bug_reports", version=number)[0] for number in (1, 2)] == [4, 5]
    assert AuditEntry.objects.filter(action="measure.added", actor=vera).count() == 2


def test_hr_4_a_job_reads_a_new_measure_for_everybody():
    customer = make_customer()
    make_usage(customer, day=days_before(3), event="bug", count=4)
    score_now(customer)
    measure = make_measure()
    job = jobs.run(Job.objects.get(kind="metrics.fill_readings").pk)
    job.refresh_from_db()
    assert (job.state, job.progress_done, job.progress_total) == ("done", 1, 1)
    assert readings_matrix([customer.pk])[0].at(measure.slot)[2] == 0


def test_hr_4_the_past_of_a_new_measure_is_there_at_once():
    customer = make_customer()
    make_usage(customer, day=days_before(100), event="bug", count=4)
    make_measure()
    assert reading(customer, "bug_reports", as_of=days_before(99))[0] == 4


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"title": "Pulse"}, "built-in"),
        ({"title": "!!"}, "title"),
        ({"kind": "field", "spec": {"field": "nothing"}}, "field"),
        ({"spec": {"event": " "}}, "event"),
        ({"window_days": 0}, "window"),
        ({"window_days": 367}, "window"),
        ({"kind": "actions", "spec": {"actions": []}}, "actions"),
        ({"kind": "actions", "spec": {"actions": [{"event": "a", "impact": 10**9}]}}, "impact"),
        ({"kind": "sql"}, "kind"),
    ],
)
def test_what_cannot_be_a_measure_is_refused(more, word):
    with pytest.raises(OwnMeasureError, match=word):
        make_measure(**more)
    assert not OwnMeasure.objects.exists()


def test_a_text_field_is_no_measure():
    define("note", "text")
    with pytest.raises(OwnMeasureError):
        make_measure(kind="field", spec={"field": "note"})


def test_options_of_a_choice_are_part_of_the_meaning():
    field = define("fit", "choice", options=["bad", "good"])
    make_measure("Fit", kind="field", spec={"field": "fit"})
    CustomField.objects.filter(pk=field.pk).update(options=["best", "bad", "good"])
    assert reading(make_customer(custom={"fit": "good"}), "fit")[0] == 1


def test_a_measure_on_a_card_in_force_cannot_be_retired(vera):
    measure = make_measure()
    body = starter().body
    body["groups"][0]["measures"].append(
        {**body["groups"][0]["measures"][0], "measure": measure.key, "version": 1}
    )
    draft = install_starter_actions(by=vera, now=NOW, as_of=TODAY)
    type(draft).objects.filter(pk=draft.pk).update(body=body, kind="weighted", state="in_review")
    with pytest.raises(OwnMeasureError, match="Starter actions"):
        retire(measure=measure, by=vera, now=NOW)
    other = make_measure("Others", spec={"event": "other"})
    assert retire(measure=other, by=vera, now=NOW).retired_at == NOW
    assert reading(make_customer(), "others")[2] == "no_facts", "scores of the past still read it"


def test_ha_4_the_starter_of_actions_scores_who_did_something_once(vera):
    active, silent, unknown = make_customer(), make_customer(), make_customer()
    make_usage(active, day=days_before(3), event="worked", feature="rota", count=12)
    make_usage(active, day=days_before(3), event="bug_reported", count=2)
    make_usage(silent, day=days_before(90), event="worked")
    make_usage(unknown, day=days_before(3), event="login")
    draft = install_starter_actions(by=vera, now=NOW, as_of=TODAY, events={"core_event": {"event": "worked"}})
    read_card(draft.body)
    packed = readings.read(customer_ids=None, as_of=TODAY, now=NOW)
    found = score_rows(packed, Setting(cards=only(draft), catalog=catalog(), as_of=TODAY))
    points = {row.customer_id: (row.score, row.reason) for row in found}
    assert points == {
        active.pk: (7_000_000, ""),
        silent.pk: (0, ""),
        unknown.pk: (None, "no_data"),
    }
    assert OwnMeasure.objects.count() == 5
    again = install_starter_actions(by=vera, now=NOW, as_of=TODAY)
    assert (again.body, OwnMeasure.objects.count()) == (draft.body, 5)
