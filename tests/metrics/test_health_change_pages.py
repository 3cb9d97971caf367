"""Why a score changed, and its receipt, as pages: who sees what, what adds up, and what a recompute says."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.html import escape

from metrics.formulas.health_cards import body_hash
from metrics.models import HealthScore, Override, ScorecardVersion
from metrics.queries.scorecards import live_version
from metrics.rollups.checks.scores import scores
from metrics.services.score_receipts import recheck
from metrics.services.scorecards import with_weights
from tests.factories.customers import NOW, make_customer, make_pulse, make_ticket, make_touchpoint
from tests.factories.health import TODAY, make_answer, make_scored_customer, score_now

pytestmark = pytest.mark.django_db
BEFORE = NOW - timedelta(days=20)
FIRST = BEFORE.date()
PEOPLE = {"anna": 200, "mia": 200, "vera": 200, "vic": 200, "ben": 404, "carl": 404}


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW + timedelta(hours=1), tick=False)


@pytest.fixture
def changed(anna, vera):
    """Worse in every way: pulse, tickets, an answer, an old reading that expired, another version and a cap."""
    customer = make_scored_customer(owner=anna, name="Larch")
    make_answer(customer, 9, at=BEFORE - timedelta(days=353))
    make_pulse(customer, level=5, now=BEFORE - timedelta(days=35))
    score_now(now=BEFORE)
    make_ticket(customer, opened_at=NOW - timedelta(days=12), priority="urgent")
    publish_usage(60)
    Override.objects.create(
        customer=customer,
        kind="cap",
        value=60,
        reason="risk",
        text="the sponsor has left the company",
        author=vera,
        started_at=NOW,
        ends_on=TODAY + timedelta(days=30),
        computed_then=70,
    )
    score_now()
    return customer


def publish_usage(weight):
    live = live_version()
    ScorecardVersion.objects.filter(pk=live.pk).update(state="superseded", live_to=NOW)
    body = with_weights(live.body, {"usage": weight * 10_000}, {})
    return ScorecardVersion.objects.create(
        scorecard=live.scorecard,
        kind="weighted",
        number=2,
        state="live",
        live_from=NOW,
        edited_at=NOW,
        body=body,
        body_hash=body_hash(body),
    )


def get(client, user, name, *args, query="", part=False):
    client.force_login(user)
    headers = {"HX-Request": "true"} if part else {}
    return client.get(reverse(f"metrics:{name}", args=args) + query, headers=headers)


def text_of(response):
    return " ".join(response.content.decode().replace("\N{NO-BREAK SPACE}", " ").split())


def between(first, last):
    return f"?from={first}&to={last}"


def test_hx_9_the_shown_parts_add_up_and_say_what_happened(client, anna, changed):
    response = get(client, anna, "health_change", changed.pk, query=between(FIRST, TODAY), part=True)
    text, rows = text_of(response), response.context["rows"]
    old, new = HealthScore.objects.filter(customer=changed).order_by("from_at")
    shown = sum(row["points"] for row in rows)
    assert shown == response.context["total"] == round(new.score - old.score, 1)
    for row in rows:
        assert not row["parts"] or sum(part["points"] for part in row["parts"]) == row["points"]
    by_cause = {row["cause"]: row for row in rows}
    assert by_cause["config"]["note"] == "config v1 → v2"
    assert by_cause["override"]["note"] == "at most 60.0 until 15 Apr 2026"
    assert "CSM pulse is" in by_cause["decay"]["note"]
    assert "Relationship NPS" in text
    assert all(escape(row["note"]) in response.content.decode() for row in rows)
    assert 'fill="url(#cause-config)"' in text
    assert "style=" not in text


def test_hx_9_every_data_part_opens_its_facts(client, anna, changed):
    response = get(client, anna, "health_change", changed.pk, query=between(FIRST, TODAY), part=True)
    data = [row for row in response.context["rows"] if row["cause"] == "data"]
    assert data
    for row in data:
        assert client.get(row["href"]).status_code == 200


def test_the_change_opens_over_the_last_thirty_days_or_as_far_as_there_are_scores(client, anna, changed):
    response = get(client, anna, "health_change", changed.pk)
    assert (response.context["first"], response.context["last"]) == (FIRST, TODAY)
    assert "<h1>Why the health of Larch changed</h1>" in text_of(response)
    week = get(client, anna, "health_change", changed.pk, query=between(TODAY - timedelta(days=7), TODAY))
    assert [span["current"] for span in week.context["spans"]] == [True, False, False]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?from=yesterday&to=2026-03-16", "That is no day."),
        ("?from=2026-03-16&to=2026-03-01", "not before the last one"),
        ("?from=2026-03-01&to=2030-01-01", "lies ahead"),
        ("?from=2020-03-01&to=2026-03-16", "The first score is of 2026-02-24"),
    ],
)
def test_days_that_cannot_be_compared_are_answered_in_a_sentence(client, anna, changed, query, said):
    response = get(client, anna, "health_change", changed.pk, query=query, part=True)
    assert response.status_code == 200
    assert said in text_of(response)


def test_a_customer_without_any_score_is_told_so(client, anna):
    response = get(client, anna, "health_change", make_customer(owner=anna).pk)
    assert (response.status_code, "one day of scores" in text_of(response)) == (200, True)


def test_hx_7_what_made_a_customer_scorable_is_listed(client, anna):
    customer = make_scored_customer(owner=anna)
    score_now(now=NOW - timedelta(days=200))
    score_now()
    query = between(TODAY - timedelta(days=200), TODAY)
    response = get(client, anna, "health_change", customer.pk, query=query)
    assert "There was too little data for a score then" in text_of(response)
    assert "Last seen" in [one["title"] for one in response.context["differences"]]
    assert response.context["rows"] == []


# The receipt


def clock():
    """The clock of the database, by which facts are recorded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@pytest.fixture
def recorded(anna):
    """A customer scored today from facts that were recorded before."""
    customer = make_scored_customer(owner=anna, name="Alder")
    make_answer(customer, 9)
    score_now(customer, now=clock(), as_of=TODAY)
    return newest(customer)


def newest(customer):
    return HealthScore.objects.filter(customer=customer).order_by("-from_at").first()


def test_hh_1_the_receipt_names_version_engine_hashes_and_every_input(client, anna, changed):
    score = newest(changed)
    text = text_of(get(client, anna, "health_receipt", score.pk))
    for said in (
        "Core v2",
        score.inputs_hash[:12],
        score.version.body_hash[:12],
        "Active seats",
        "CSM pulse",
    ):
        assert said in text
    assert f"{score.score:.6f}" in text
    assert "at most 60.0 until" in text


def test_hh_4_recompute_says_identical(client, anna, recorded):
    text = text_of(get(client, anna, "health_receipt_check", recorded.pk, part=True))
    assert "Same inputs: identical." in text
    assert "Readings as known then: identical." in text
    assert "differs" not in text


def test_hh_4_an_input_altered_in_the_database_is_named(client, anna, recorded):
    measures = [one["measure"] for group in recorded.version.body["groups"] for one in group["measures"]]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE metrics_healthscore SET inputs = jsonb_set(inputs, %s, '1000000') WHERE id = %s",
            [["values", str(measures.index("pulse"))], recorded.pk],
        )
        cursor.execute("SET session_replication_role = DEFAULT")
    response = get(client, anna, "health_receipt_check", recorded.pk, part=True)
    text = text_of(response)
    assert "The stored inputs were altered" in text
    assert "Parts that differ: " in text
    assert [row["title"] for row in response.context["rows"] if row["then_differs"]] == ["CSM pulse"]


def test_hh_8_facts_recorded_later_are_what_differs_now(client, anna, recorded):
    make_touchpoint(recorded.customer, occurred_at=NOW - timedelta(days=2))
    response = get(client, anna, "health_receipt_check", recorded.pk, part=True)
    assert "Readings as known then: identical." in text_of(response)
    rows = response.context["rows"]
    assert [row["title"] for row in rows if row["now_differs"]] == ["Last meaningful touch"]
    assert [row["title"] for row in rows if row["then_differs"]] == []


def test_hh_5_the_receipt_of_another_engine_says_by_how_much_it_differs(client, anna, changed):
    old = newest(changed)
    old.engine, old.arithmetic = 0, old.arithmetic - Decimal("0.4")
    found = recheck(old, day=TODAY, now=NOW)
    assert (found.is_identical, found.difference) == (False, 400_000)


def test_hh_7_the_receipt_of_a_past_day_is_the_one_in_force_then(client, anna, changed):
    old = HealthScore.objects.filter(customer=changed).order_by("from_at").first()
    day = FIRST + timedelta(days=3)
    response = get(client, anna, "health_receipt_of_day", changed.pk, query=f"?day={day}")
    assert response.headers["Location"] == reverse("metrics:health_receipt", args=[old.pk]) + f"?day={day}"
    assert get(client, anna, "health_receipt", old.pk, query=f"?day={day}").context["day"] == day
    statuses = [
        get(client, anna, "health_receipt_of_day", changed.pk, query=f"?day={day}").status_code
        for day in ("2020-01-01", "0001-01-01", "9999-12-31", "x")
    ]
    assert statuses == [404, 404, 302, 302]
    assert (
        get(client, anna, "health_change", changed.pk, query=between("0001-01-01", TODAY)).status_code == 200
    )


@pytest.mark.parametrize("who", PEOPLE)
def test_change_and_receipts_are_for_readers_of_the_customer(request, client, changed, who):
    user, score = request.getfixturevalue(who), newest(changed)
    for name, pk, query in [
        ("health_change", changed.pk, ""),
        ("health_receipt", score.pk, ""),
        ("health_receipt_check", score.pk, ""),
        ("health_receipt_of_day", changed.pk, "?day=2026-03-16"),
    ]:
        response = get(client, user, name, pk, query=query)
        expected = 302 if (PEOPLE[who], name) == (200, "health_receipt_of_day") else PEOPLE[who]
        assert (name, response.status_code) == (name, expected)
        assert "Larch" not in response.content.decode() or PEOPLE[who] == 200


def test_the_pages_cost_the_same_however_long_the_history_is(
    client, anna, changed, django_assert_max_num_queries
):
    score = newest(changed)
    client.force_login(anna)
    for name, pk, most in [
        ("health_change", changed.pk, 14),
        ("health_receipt", score.pk, 9),
        ("health_receipt_check", score.pk, 22),
    ]:
        href = reverse(f"metrics:{name}", args=[pk])
        client.get(href)
        with django_assert_max_num_queries(most):
            client.get(href, headers={"HX-Request": "true"})


def test_hh_4_integrity_works_out_scores_in_force_and_of_the_past(changed):
    assert scores(share=1.0) == (2, [])
    old = HealthScore.objects.filter(customer=changed).order_by("from_at").first()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE metrics_healthscore SET inputs = jsonb_set(inputs, '{values, 0}', '0') WHERE id = %s",
            [old.pk],
        )
        cursor.execute("SET session_replication_role = DEFAULT")
    counted, wrong = scores(share=1.0)
    assert (counted, [(table, pk) for table, pk, _ in wrong]) == (2, [("metrics_healthscore", old.pk)])
    assert "no longer match their hash; other parts: active_seat_share" in wrong[0][2]
