"""Stored scores: what is written, when, and what the database refuses."""

import json
from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from customers.models import CustomerSummary
from metrics.formulas.health import level
from metrics.formulas.health_cards import read_card
from metrics.formulas.health_curves import Percentile
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.cards import CardInForce, CardSet
from metrics.queries.explanation import explanation_of
from metrics.queries.health_inputs import arithmetic_of, inputs_hash, readings_matrix
from metrics.queries.health_matrix import load_matrix
from metrics.queries.peers import among, groups_of
from metrics.queries.score_summaries import summary_fields_for
from metrics.queries.scores import current_score, sampled, scores_at, stretches_of
from metrics.rollups import readings
from metrics.services.score_columns import score_columns, slots_of
from metrics.services.score_rows import score_rows
from metrics.services.scores import score_customers, setting_in_force
from tests.factories.customers import NOW, make_customer, make_pulse, make_touchpoint
from tests.factories.health import TODAY, make_answer, make_scored_customer, score_now, starter

pytestmark = pytest.mark.django_db


def test_a_fresh_database_scores_under_the_starter_card():
    customer = make_scored_customer()
    assert score_now() == 1
    score = current_score(customer.pk)
    assert (score.version.number, score.version.state, score.version.scorecard.key) == (1, "live", "core")
    weights = {group["key"]: group["weight"] // 10_000 for group in score.version.body["groups"]}
    assert weights == {"usage": 35, "outcomes": 20, "sentiment": 20, "support": 10, "commercial": 15}


def test_he_1_the_lines_of_a_stored_score_add_up_to_it():
    customer = make_scored_customer()
    score_now()
    score = current_score(customer.pk)
    assert Decimal(sum(score.lines)) / 1_000_000 == score.score
    assert (score.coverage, score.band, score.reason) == (Decimal("0.9"), "healthy", "")
    assert score.score == Decimal("83.333333")


def test_hh_4_the_stored_inputs_give_the_same_score_again():
    customer = make_scored_customer()
    score_now()
    score = current_score(customer.pk)
    again = level(read_card(score.version.body), *arithmetic_of(score.inputs, score.as_of))
    assert [line.points for line in again.lines] == score.lines
    assert inputs_hash(score.inputs) == score.inputs_hash


def test_hw_8_too_little_data_is_no_score_and_keeps_the_arithmetic():
    customer = make_customer(mrr="100", phase="adoption")
    score_now()
    score = current_score(customer.pk)
    assert (score.score, score.band, score.reason, score.coverage) == (
        None,
        "insufficient",
        "coverage",
        Decimal("0.175"),
    )
    assert score.arithmetic == Decimal(sum(score.lines)) / 1_000_000


def test_hh_2_scoring_again_writes_nothing():
    make_scored_customer()
    score_now()
    assert score_now() == 0
    assert score_now(now=NOW + timedelta(hours=2)) == 0
    assert HealthScore.objects.count() == 1


def test_hh_2_a_change_closes_the_old_row_and_opens_a_new_one():
    customer = make_scored_customer(level=5)
    score_now()
    later = NOW + timedelta(hours=1)
    make_pulse(customer, level=1, note="they told us they leave", now=later)
    assert score_now(now=later) == 1
    old, new = HealthScore.objects.order_by("from_at")
    assert (old.from_at, old.to_at, new.from_at, new.to_at) == (NOW, later, later, None)
    assert (old.score, new.score) == (Decimal("88.333333"), Decimal("68.333333"))


def test_a_second_change_at_the_same_instant_keeps_its_order():
    customer = make_scored_customer()
    score_now()
    make_answer(customer, 0)
    assert score_now() == 1
    old, new = HealthScore.objects.order_by("from_at")
    assert (old.to_at, new.from_at - old.from_at) == (new.from_at, timedelta(microseconds=1))


def test_an_earlier_day_never_rewrites_history():
    customer = make_scored_customer()
    score_now()
    before = list(HealthScore.objects.values())
    make_touchpoint(customer, occurred_at=NOW - timedelta(days=30))
    assert score_now(as_of=TODAY - timedelta(days=3)) == 0
    assert list(HealthScore.objects.values()) == before


def test_the_answer_of_a_survey_moves_the_score():
    customer = make_scored_customer()
    score_now()
    before = current_score(customer.pk)
    make_answer(customer, 1)
    score_now()
    after = current_score(customer.pk)
    assert after.score < before.score
    assert after.coverage == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE metrics_healthscore SET score = 1",
        "UPDATE metrics_healthscore SET lines = '{}'",
        "DELETE FROM metrics_healthscore",
    ],
)
def test_sql_cannot_rewrite_a_score(change):
    make_scored_customer()
    score_now()
    with pytest.raises(IntegrityError, match="scores are history"), transaction.atomic():
        execute(change)


def execute(sql, values=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def insert(customer, **changes):
    row = {
        "customer_id": customer.pk,
        "version_id": ScorecardVersion.objects.get().pk,
        "engine": 1,
        "from_at": NOW - timedelta(days=9),
        "to_at": NOW - timedelta(days=8),
        "as_of": TODAY,
        "inputs": "{}",
        "inputs_hash": "x",
        "computed": Decimal(50),
        "score": Decimal(50),
        "arithmetic": Decimal(50),
        "band": "moderate",
        "reason": "",
        "coverage": 1,
        "lines": [50_000_000],
        "override_part": 0,
        "held": False,
        **changes,
    }
    places = ", ".join(["%s"] * len(row))
    execute(f"INSERT INTO metrics_healthscore ({', '.join(row)}) VALUES ({places})", list(row.values()))


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"lines": [50_000_001]}, "lines_sum"),
        ({"lines": []}, "lines_sum"),
        ({"cap": -1}, "lines_sum"),
        (
            {
                "arithmetic": None,
                "computed": None,
                "score": None,
                "band": "insufficient",
                "reason": "no_data",
            },
            "lines_sum",
        ),
        ({"score": Decimal(51)}, "parts_sum"),
        ({"computed": Decimal(51)}, "parts_sum"),
        ({"score": None}, "parts_sum"),
        ({"computed": None, "score": None}, "parts_sum"),
        ({"override_part": 1_000_000, "score": Decimal(51)}, "parts_sum"),
        ({"band": "insufficient"}, "parts_sum"),
        ({"coverage": Decimal("1.1")}, "coverage"),
        ({"to_at": NOW - timedelta(days=9)}, "forward"),
        ({"to_at": NOW + timedelta(days=1)}, "no_overlap"),
        ({"to_at": None, "from_at": NOW + timedelta(days=9)}, "one_open|no_overlap"),
    ],
)
def test_the_database_refuses_a_score_that_breaks_a_rule(changes, constraint):
    customer = make_scored_customer()
    score_now()
    insert(customer)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        insert(customer, **{"from_at": NOW - timedelta(days=5), "to_at": NOW - timedelta(days=4), **changes})


def test_scoring_some_customers_leaves_the_others_alone():
    first, second = make_scored_customer(), make_scored_customer()
    assert score_customers(customer_ids=[second.pk], as_of=TODAY, now=NOW) == 1
    assert current_score(first.pk) is None


def test_scoring_takes_the_same_number_of_queries_for_one_and_for_three(django_assert_num_queries):
    starter()
    first = make_scored_customer()
    with django_assert_num_queries(33):
        score_now(first)
    others = [make_scored_customer() for _ in range(3)]
    with django_assert_num_queries(33):
        score_now(*others)


def test_he_2_the_explanation_adds_up_and_puts_the_costliest_first():
    customer = make_scored_customer(level=2)
    make_answer(customer, 8)
    score_now()
    found = explanation_of(current_score(customer.pk))
    assert sum(driver.contribution for driver in found.drivers) == found.score.score
    assert sum(driver.base_share for driver in found.drivers) == 1
    lost = [driver.lost for driver in found.drivers]
    assert lost == sorted(lost, reverse=True)
    first = found.drivers[0]
    assert (first.measure.key, first.value, first.points) == (
        "active_seat_share",
        Decimal("0.4"),
        Decimal("33.333333"),
    )
    assert (first.base_share, first.effective_share, first.tone) == (
        Decimal("0.175"),
        Decimal("0.175"),
        "red",
    )
    assert found.cap is None


def test_missing_measures_stand_last_with_their_reason():
    customer = make_scored_customer()
    score_now()
    found = explanation_of(current_score(customer.pk))
    assert [(driver.measure.key, driver.reason, driver.effective_share) for driver in found.missing] == [
        ("nps_customer", "no_facts", 0)
    ]
    assert found.drivers[-1].measure.key == "nps_customer"


def test_hw_5_an_old_pulse_ages_in_the_score():
    customer = make_scored_customer()
    make_pulse(customer, level=5, now=NOW + timedelta(seconds=1))
    moment = NOW + timedelta(days=60)
    score_now(now=moment)
    driver = next(d for d in explanation_of(current_score(customer.pk)).drivers if d.measure.key == "pulse")
    assert (driver.age, driver.raw_points, driver.points) == (60, Decimal(100), Decimal(75))
    assert driver.is_ageing


def test_summary_fields_of_a_customer_without_a_score():
    customer = make_customer()
    assert summary_fields_for([customer.pk], TODAY) == {
        customer.pk: {
            "score": None,
            "computed_score": None,
            "override_until": None,
            "card": "",
            "held": False,
            "band": "insufficient",
            "band_label": "",
            "tone": "none",
            "coverage": Decimal(0),
            "trend_30d": None,
            "trend_points": [None] * 12,
            "top_cause": "",
        }
    }


def test_hn_6_many_customers_at_once_get_what_each_alone_gets(monkeypatch):
    for pulse in (1, 3, 5):
        make_scored_customer(level=pulse)
    make_customer()
    setting = setting_in_force(as_of=TODAY, now=NOW)
    readings.fill(customer_ids=None, as_of=TODAY, now=NOW)
    alone = score_rows(readings_matrix(), setting)
    monkeypatch.setattr("metrics.services.score_rows.FEW", 0)
    together = score_rows(readings_matrix(), setting)
    assert [plain_row(row) for row in together] == [plain_row(row) for row in alone]


def test_hn_6_whole_columns_give_the_rows_of_one_after_the_other():
    for pulse in (1, 3, 5):
        make_scored_customer(level=pulse)
    make_customer()
    starter()
    setting = setting_in_force(as_of=TODAY, now=NOW)
    readings.fill(customer_ids=None, as_of=TODAY, now=NOW)
    feeds = {measure.feed for measure in setting.catalog.values()}
    cards = setting.cards
    card = cards.default.card
    ranked = replace(card.measures[0], curve=Percentile(2, low_is_good=False), curves=())
    group = replace(card.groups[0], measures=(ranked, *card.groups[0].measures[1:]))
    by_rank = CardInForce(cards.default.version, replace(card, groups=(group, *card.groups[1:])))
    compared = replace(setting, cards=CardSet(by_rank))
    peers = among(readings_matrix(), groups_of([by_rank], setting.catalog))
    held = replace(setting, holds=dict.fromkeys(feeds, TODAY - timedelta(days=3)))
    for each in (setting, held, replace(compared, peers=peers)):
        found = score_columns(load_matrix(each.catalog, slots=slots_of(each)), each)
        assert found.rows == score_rows(readings_matrix(), each)
    assert any("peers" in json.loads(row.inputs) for row in found.rows)
    packed = {one.customer_id: frozenset(one.labels) for one in readings_matrix()}
    assert found.labels == packed


def plain_row(row):
    return {field.name: getattr(row, field.name) for field in fields(row)}


def test_summary_fields_carry_score_trend_and_cause():
    customer = make_scored_customer(level=5)
    score_now()
    later = NOW + timedelta(days=20)
    make_pulse(customer, level=1, note="sponsor has left", now=later)
    score_now(now=later)
    fields = summary_fields_for([customer.pk], later.date())[customer.pk]
    score = current_score(customer.pk)
    assert (fields["score"], fields["band"], fields["tone"]) == (score.score, score.band, "amber")
    assert fields["trend_30d"] < 0
    assert [point is not None for point in fields["trend_points"]] == [False] * 9 + [True] * 3
    assert fields["top_cause"].startswith("CSM pulse costs")


def test_the_top_cause_is_the_line_that_changed_most_in_30_days():
    customer = make_scored_customer(level=5)
    score_now()
    make_pulse(customer, level=1, note="sponsor has left", now=NOW + timedelta(hours=1))
    score_now(now=NOW + timedelta(days=40))
    later = NOW + timedelta(days=40)
    fields = summary_fields_for([customer.pk], later.date())[customer.pk]
    assert fields["top_cause"].split(" \N{MINUS SIGN}")[0] in {"CSM pulse", "Last seen", "Usage change"}


def test_summary_fields_take_five_queries_for_any_number(django_assert_num_queries):
    customers = [make_scored_customer() for _ in range(3)]
    score_now()
    with django_assert_num_queries(5):
        summary_fields_for([customer.pk for customer in customers], TODAY)


def test_sampling_takes_the_stretch_in_force_at_each_moment():
    customer = make_scored_customer()
    score_now()
    later = NOW + timedelta(days=2)
    make_pulse(customer, level=2, note="quiet since the last call", now=later)
    score_now(now=later)
    history = stretches_of([customer.pk], NOW - timedelta(days=5))[customer.pk]
    moments = [NOW - timedelta(days=1), NOW, later - timedelta(seconds=1), later, later + timedelta(days=9)]
    assert [history.index(one) if one else None for one in sampled(history, moments)] == [None, 0, 0, 1, 1]
    assert scores_at([customer.pk], NOW)[customer.pk].score == history[0].score
    assert scores_at(None, NOW - timedelta(days=1)) == {}


def test_scoring_shows_the_result_in_the_summary_row():
    customer = make_scored_customer()
    score_now()
    summary = CustomerSummary.objects.get(pk=customer.pk)
    assert (summary.score, summary.band, summary.tone, summary.coverage) == (
        Decimal("83.333333"), "healthy", "green", Decimal("0.9"),
    )  # fmt: skip
    assert (summary.computed_at, summary.inputs_as_of) == (NOW, TODAY)
    assert summary.trend_points == [None] * 11 + [83.3]
