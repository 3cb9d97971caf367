"""Why a stored score changed: the command, the panel part and the states behind them."""

import json
from datetime import date, timedelta
from random import Random

import pytest
from django.core.management import CommandError, call_command

from config.web.errors import DomainError
from customers.models import ExternalId
from metrics.formulas.health_cards import body_hash
from metrics.formulas.health_change import CAUSES, UNIT
from metrics.formulas.health_numbers import MICRO
from metrics.models import HealthScore, Override, ScorecardVersion
from metrics.queries.score_changes import NoScoreError, change_between, first_scored_day
from metrics.queries.scorecards import live_version
from metrics.services.scorecards import with_weights
from tests.factories.customers import NOW, make_pulse, make_ticket, make_touchpoint
from tests.factories.health import TODAY, make_answer, make_scored_customer, score_now

pytestmark = pytest.mark.django_db
BEFORE = NOW - timedelta(days=20)
FIRST = BEFORE.date()


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW + timedelta(hours=1), tick=False)


@pytest.fixture
def changed(anna):
    """A customer scored twenty days ago and today, with a worse pulse, an answer and an override in between."""
    customer = make_scored_customer(owner=anna, name="Larch")
    ExternalId.objects.create(customer=customer, value="A-7")
    make_pulse(customer, level=5, now=NOW - timedelta(days=60))
    score_now(now=BEFORE)
    make_pulse(customer, level=2, note="they told us they may leave")
    make_answer(customer, 3)
    make_ticket(customer, opened_at=NOW - timedelta(days=12), priority="urgent")
    score_now()
    return customer


def run(capsys, *arguments):
    call_command("explain_change", *arguments)
    return capsys.readouterr().out


def test_hx_8_the_ends_are_the_stored_scores_of_both_days(changed):
    found = change_between(changed.pk, first=FIRST, last=TODAY, now=NOW)
    old, new = HealthScore.objects.filter(customer=changed).order_by("from_at")
    assert (found.before.score, found.after.score) == (old, new)
    assert found.change.total == int((new.score - old.score) * MICRO) * UNIT
    lines = {line.key: line for line in found.change.lines}
    assert [lines[one.key].after for one in found.after.card.measures] == new.lines
    assert [lines[one.key].before for one in found.before.card.measures] == old.lines
    assert found.change.of("data") < 0
    assert found.change.of("coverage") != 0


def test_hx_2_an_override_is_its_own_part(changed, vera):
    Override.objects.create(
        customer=changed,
        kind="cap",
        value=30,
        reason="risk",
        text="the sponsor has left the company",
        author=vera,
        started_at=NOW,
        ends_on=TODAY + timedelta(days=30),
        computed_then=60,
    )
    score_now(now=NOW + timedelta(minutes=1), as_of=TODAY)
    found = change_between(changed.pk, first=FIRST, last=TODAY, now=NOW + timedelta(hours=1))
    score = found.after.score
    assert found.change.after == 30 * MICRO
    assert found.change.of("override") == score.override_part * UNIT != 0
    assert found.change.total == int((score.score - found.before.score.score) * MICRO) * UNIT


def test_hx_1_another_version_is_config(changed):
    live = live_version()
    ScorecardVersion.objects.filter(pk=live.pk).update(state="superseded", live_to=NOW)
    body = with_weights(live.body, {"usage": 600_000}, {})
    ScorecardVersion.objects.create(
        scorecard=live.scorecard,
        kind="weighted",
        number=2,
        state="live",
        live_from=NOW,
        edited_at=NOW,
        body=body,
        body_hash=body_hash(body),
    )
    score_now(now=NOW + timedelta(minutes=1), as_of=TODAY)
    found = change_between(changed.pk, first=FIRST, last=TODAY, now=NOW + timedelta(hours=1))
    assert (found.before.score.version.number, found.after.score.version.number) == (1, 2)
    scores = found.before.score.score, found.after.score.score
    assert found.change.of("config") != 0
    assert found.change.total == int((scores[1] - scores[0]) * MICRO) * UNIT


def test_explain_change_prints_parts_that_add_up(capsys, changed):
    text = run(capsys, "--customer", "A-7", "--from", str(FIRST), "--to", str(TODAY), "--json")
    document = json.loads(text)
    assert (document["name"], document["kind"], document["id"]) == ("Larch", "change", changed.pk)
    micro = [round(one["points"] * MICRO) for one in document["causes"]]
    assert sum(micro) == round(document["change"] * MICRO)
    assert round(document["after"]["score"] * MICRO) - round(document["before"]["score"] * MICRO) == sum(
        micro
    )
    assert [one["cause"] for one in document["causes"]] == list(CAUSES)
    for one in document["causes"]:
        assert sum(round(row["points"] * MICRO) for row in one["lines"]) == round(one["points"] * MICRO)
        assert sum(row["exact"] for row in one["lines"]) == one["exact"]
    plain = run(capsys, "--customer", str(changed.pk), "--from", str(FIRST), "--to", str(TODAY))
    assert "data" in plain
    assert "sum" in plain


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--customer", "nobody", "--from", "2026-03-01", "--to", "2026-03-16"], "No customer nobody"),
        (["--customer", "A-7", "--from", "yesterday", "--to", "2026-03-16"], "Write it as 2026-03-31"),
        (["--customer", "A-7", "--from", "2026-03-16", "--to", "2026-03-01"], "two days in order"),
        (["--customer", "A-7", "--from", "2026-03-01", "--to", "2026-03-17"], "lies ahead"),
        (
            ["--customer", "A-7", "--from", "2020-03-01", "--to", "2026-03-16"],
            f"The first score is of {FIRST}",
        ),
    ],
)
def test_explain_change_says_what_to_do(capsys, changed, options, said):
    with pytest.raises(CommandError, match=said) as refused:
        call_command("explain_change", *options)
    assert refused.value.returncode == 2


def test_hx_7_a_customer_that_gets_its_first_data_became_scorable(capsys, anna):
    customer = make_scored_customer(owner=anna)
    score_now(now=NOW - timedelta(days=200))
    score_now()
    found = change_between(customer.pk, first=TODAY - timedelta(days=200), last=TODAY, now=NOW)
    assert found.change.kind == "became_scorable"
    assert "days_since_seen" in {one.key for one in found.change.differences}
    first = str(TODAY - timedelta(days=200))
    text = run(capsys, "--customer", str(customer.pk), "--from", first, "--to", str(TODAY))
    assert "became scorable" in text


def test_days_in_the_wrong_order_and_before_the_first_score_are_refused(changed):
    assert first_scored_day(changed.pk) == FIRST
    with pytest.raises(DomainError):
        change_between(changed.pk, first=TODAY, last=TODAY, now=NOW)
    with pytest.raises(NoScoreError):
        change_between(changed.pk, first=date(2020, 1, 1), last=TODAY, now=NOW)


def test_hx_6_any_two_days_of_a_history_add_up(anna):
    customer, rng = make_scored_customer(owner=anna), Random(8)
    for back in range(40, -1, -8):
        moment = NOW - timedelta(days=back)
        make_touchpoint(customer, occurred_at=moment - timedelta(hours=1))
        make_pulse(customer, level=rng.randint(3, 5), now=moment)
        score_now(now=moment)
    days = [TODAY - timedelta(days=back) for back in range(40, -1, -4)]
    for first, last in zip(days, days[3:], strict=False):
        found = change_between(customer.pk, first=first, last=last, now=NOW)
        scores = [found.before.score.score, found.after.score.score]
        if None not in scores:
            assert found.change.total == int((scores[1] - scores[0]) * MICRO) * UNIT
