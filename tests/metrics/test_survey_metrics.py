"""Survey scores of periods: scales apart, intervals, changes, phases, and answer rates."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from config.work.pg import recorded_at
from metrics.formulas.definition import DEFAULT
from metrics.queries.answers import CSAT, csat_of, nps_by_phase, tallies_in
from metrics.queries.satisfaction import change_metrics, survey_metrics
from surveys.models import Response, ResponseRevision
from tests.factories.customers import make_contact
from tests.factories.health import make_answer
from tests.factories.ledgers import make_payer
from tests.factories.operations import ask
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db
JAN, FEB, MAR = (date(2025, month, 1) for month in (1, 2, 3))


def at(month, day=10):
    return datetime(2025, month, day, 9, tzinfo=UTC)


@pytest.fixture
def customer(db):
    return make_payer()


def say(customer, *scores, kind="nps", month=1, **fields):
    for score in scores:
        make_answer(customer, score, kind=kind, at=at(month), **fields)


def test_nobody_answered(customer):
    (row,) = survey_metrics(ask(JAN))
    for key in ("nps", "nps_low", "csat", "csat_mean", "csat_index", "ces", "survey_response_rate"):
        assert row[key].reason == "no_data", key
    assert row["nps_n"].value == 0


def test_nps_takes_the_latest_answer_of_each_contact_within_the_window(customer):
    contact = make_contact(customer)
    say(customer, 3, contact=contact, month=1)
    say(customer, 9, contact=contact, month=2)
    say(customer, 8, 0, month=1)
    january, february, march = survey_metrics(ask(JAN, MAR))
    assert [row["nps_n"].value for row in (january, february, march)] == [3, 3, 3]
    assert (january["nps"].numerator, february["nps"].numerator) == (-2, 0)
    assert january["nps_low"].value < january["nps"].value < january["nps_high"].value
    (row,) = survey_metrics(ask(MAR, nps_window_days=60))
    assert row["nps_n"].value == 1


def test_a_finite_population_narrows_the_interval(customer):
    say(customer, 9, 9, 3)
    (plain,) = survey_metrics(ask(JAN))
    (narrow,) = survey_metrics(ask(JAN, fpc=True))
    assert narrow["nps_high"].value < plain["nps_high"].value


def test_csat_and_ces_count_from_their_cut_and_say_their_mean(customer):
    say(customer, 5, 4, 3, 1, kind="csat5")
    say(customer, 7, 5, 4, 1, kind="ces7")
    (row,) = survey_metrics(ask(JAN))
    assert (row["csat"].value, row["csat_mean"].value, row["csat_index"].value) == (
        50,
        Decimal("3.25"),
        Decimal("56.25"),
    )
    assert (row["ces"].value, row["ces_mean"].value) == (50, Decimal("4.25"))
    assert 0 < row["csat_low"].value < 50 < row["csat_high"].value < 100
    (row,) = survey_metrics(ask(JAN, csat_cut=5, ces_method="index"))
    assert (row["csat"].value, row["ces"].value, row["ces_low"].reason) == (25, 0, "no_data")
    (row,) = survey_metrics(ask(JAN, ces_method="mean"))
    assert row["ces"].value == Decimal("4.25")


def test_scales_are_never_pooled(customer):
    say(customer, 5, 5, kind="csat5")
    Response.objects.create(
        customer=customer, kind="csat", channel="import", series_key="x", scale_min=1, scale_max=10, score=2,
        first_answered_at=at(1), answered_at=at(1),
    )  # fmt: skip
    (tallies,) = tallies_in(ask(JAN).periods, CSAT, zone=ZoneInfo("UTC"))
    assert tallies == {5: {5: 2}, 10: {2: 1}}
    assert (csat_of(tallies).scale, csat_of(tallies).result.value) == (5, 100)


def test_an_answer_belongs_to_the_sending_unless_told_otherwise(customer):
    say(customer, 5, kind="csat5", month=2, sent_at=at(1, 30))
    values = [row["csat_n"].value for row in survey_metrics(ask(JAN, FEB))]
    assert values == [1, 0]
    values = [row["csat_n"].value for row in survey_metrics(ask(JAN, FEB, score_cohort="answered"))]
    assert values == [0, 1]


def test_scores_by_phase_are_those_of_its_answers(customer):
    say(customer, 10, phase="onboarding")
    say(customer, 2, phase="renewal")
    found = nps_by_phase(date(2025, 1, 31), zone=ZoneInfo("UTC"), definition=DEFAULT)
    assert {phase: int(score.result.value) for phase, score in found.items()} == {
        "onboarding": 100,
        "renewal": -100,
    }
    (tallies,) = tallies_in(ask(JAN).periods, CSAT, zone=ZoneInfo("UTC"), phase="renewal")
    assert tallies == {}


def test_a_change_of_nps_is_called_one_only_when_it_is_significant(customer):
    say(customer, *[2] * 12, month=1)
    say(customer, *[10] * 12, month=5)
    (row,) = change_metrics(ask(date(2025, 5, 1)))
    assert row["nps_change"].value > 100
    assert (row["nps_changed"].value, row["nps_change_p"].value < Decimal("0.05")) == (1, True)
    assert change_metrics(ask(JAN))[0]["nps_change"].reason == "no_data"
    strict = ask(date(2025, 5, 1), nps_alpha="0")
    assert change_metrics(strict)[0]["nps_changed"].value == 0


def test_the_answer_rate_is_by_delivered_or_by_visited_mails(anna, vera):
    first, _ = make_sent_message(anna, by=vera)
    answer(first, 9)
    question = ask(date(2026, 3, 1), as_of=date(2026, 3, 31))
    (row,) = survey_metrics(question)
    assert (row["survey_response_rate"].numerator, row["survey_response_rate"].denominator) == (1, 1)
    (row,) = survey_metrics(ask(date(2026, 3, 1), as_of=date(2026, 3, 31), answer_rate_base="visited"))
    assert row["survey_response_rate"].value == 1
    (row,) = survey_metrics(ask(JAN))
    assert row["survey_response_rate"].reason == "no_data"


def test_statements_do_not_grow_with_answers(customer, django_assert_num_queries):
    for number in (1, 5):
        say(customer, *[9] * number)
        with django_assert_num_queries(5):
            survey_metrics(ask(JAN))


def test_t_11_what_was_said_is_asked_as_it_was_known(customer):
    with recorded_at(at(2)):
        say(customer, 9, month=1)
    found = Response.objects.get()
    ResponseRevision.objects.create(response=found, number=1, score=9, occurred_at=at(1), recorded_at=at(2))
    ResponseRevision.objects.create(response=found, number=2, score=3, occurred_at=at(3), recorded_at=at(3))
    Response.objects.update(score=3, revision=2)
    for moment, value in ((None, -100), (at(3, 1), 100)):
        assert survey_metrics(ask(JAN, known_at=moment))[0]["nps"].value == value
    assert survey_metrics(ask(JAN, known_at=at(1)))[0]["nps"].reason == "no_data"
