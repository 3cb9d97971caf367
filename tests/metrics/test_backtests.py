"""Cards replayed on a company of monthly payers whose pulse foretold who left."""

import io
import json
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer, ImportBatch, Pulse, Touchpoint, UsageEvent
from customers.services.imports.run import Request, run_import
from metrics.formulas.card_text import plain_of
from metrics.formulas.health_cards import body_hash, read_card
from metrics.models import Backtest, Movement, ScorecardVersion, Suggestion
from metrics.queries import outcomes
from metrics.services import backtests, calibrations, evidence_jobs, suggestions
from metrics.services.card_files import card_from_yaml, to_yaml
from metrics.services.replays import Candidate, replayed
from tests.factories.customers import make_touchpoint, make_usage

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 16, 10, 0, tzinfo=UTC)
AS_OF = date(2026, 2, 28)
ENDS = [date(2025, 5, 31), date(2025, 8, 31), date(2025, 11, 30)]
FIRST_PAID = date(2024, 1, 1)


def body(**weights):
    curves = {
        "pulse": [[1_000_000, 0], [5_000_000, 100_000_000]],
        "days_since_meaningful_touch": [[0, 100_000_000], [120_000_000, 0]],
    }
    return {
        "kind": "weighted",
        "groups": [
            {
                "key": key,
                "title": key,
                "weight": weight * 10_000,
                "rule": "mean",
                "measures": [
                    {
                        "measure": key,
                        "version": 1,
                        "weight": 10_000,
                        "curve": {"type": "linear", "points": curves[key]},
                    }
                ],
            }
            for key, weight in weights.items()
        ],
    }


def candidate(**weights):
    return Candidate(read_card(body(**weights)))


def filed(**weights):
    return to_yaml({"scorecard": "trial", "title": "Trial", "card": plain_of(body(**weights))})


def told(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def pay(customer, day, before, after, kind, churn_kind=""):
    Movement.objects.create(
        customer=customer, day=day, kind=kind, churn_kind=churn_kind, amount=after - before, mrr_before=before,
        mrr_after=after, currency="EUR",
    )  # fmt: skip


@pytest.fixture
def company():
    """24 customers at three month ends; a third leaves, most of those with a low pulse. History, told at its day."""
    source = random.Random(5)
    made = []
    for number in range(24):
        customer = Customer.objects.create(name=f"C{number}", currency="EUR", created_on=FIRST_PAID)
        pay(customer, FIRST_PAID, 0, 100 + number, "new")
        leaves = number % 3 == 0
        gone = ENDS[number % len(ENDS)] + timedelta(days=40 + number) if leaves else None
        for end in ENDS:
            if gone and end > gone:
                break
            low = leaves and gone <= end + timedelta(days=90)
            level = source.choice([1, 1, 2, 4] if low else [2, 3, 4, 5, 5])
            Pulse.objects.create(
                customer=customer, level=level, note="as seen", occurred_at=told(end), recorded_at=told(end)
            )
            touched = told(end - timedelta(days=source.randrange(1, 20)))
            Touchpoint.objects.create(
                customer=customer, kind="call", subject="Call", occurred_at=touched, recorded_at=touched
            )
        if gone:
            pay(customer, gone, 100 + number, 0, "churn", "left")
        made.append(customer)
    return made


def asked(**more):
    fields = {"horizon": 90, "population": "paying", "first": ENDS[0], "last": ENDS[-1], "as_of": AS_OF}
    return backtests.trial(**(fields | more))


def run(*cards, **more):
    return backtests.run(tested=cards, asked=asked(**more), now=NOW, seed=3)


def test_hb_3_month_ends_lie_a_horizon_apart_and_nobody_counts_twice_in_a_window(company):
    found = outcomes.outcomes_of("paying", horizon=90, first=ENDS[0], last=AS_OF, as_of=AS_OF)
    assert sorted({fate.scored_on for fate in found.rows}) == ENDS
    assert len({(fate.customer, fate.scored_on) for fate in found.rows}) == len(found.rows)
    assert sum(fate.churned for fate in found.rows) == 8
    assert found.open == 16
    assert found.months == 25


def test_hb_3_a_pause_is_no_churn(company):
    pay(company[1], date(2025, 12, 5), 101, 0, "churn", "paused")
    found = outcomes.outcomes_of("paying", horizon=90, first=ENDS[-1], last=ENDS[-1], as_of=AS_OF)
    assert not next(fate for fate in found.rows if fate.customer == company[1].pk).churned


def test_hb_5_too_few_outcomes_print_the_plain_list_and_no_verdict(company):
    (result,) = run(candidate(pulse=1, days_since_meaningful_touch=1))
    assert not result["enough"]
    assert result["said"] == f"not enough outcomes ({result['outcomes']} of 30 customers, 8 of 10 churns)"
    assert not {"auc", "worst", "bands", "lead_time_days"} & result.keys()
    assert len(result["rows"]) == result["outcomes"]


@pytest.fixture
def ready(monkeypatch):
    """The same few customers, as if they were enough."""
    monkeypatch.setattr("metrics.formulas.evidence.LEAST_CHURNS", 5)


def test_hb_6_to_9_the_tables_of_a_result(company, ready):
    (result,) = run(candidate(pulse=1, days_since_meaningful_touch=1))
    assert sum(band["outcomes"] for band in result["bands"]) == result["outcomes"]
    assert sum(band["churned"] for band in result["bands"]) == result["churned"] == 8
    assert result["auc"]["value"] > 0.6
    assert result["auc"]["ranks"]
    assert [worst["share"] for worst in result["worst"]] == [0.1, 0.2]
    assert result["worst"][0]["lift"] > 1
    assert result["backfilled_share"] == 0
    assert all(miss["churned_on"] for miss in result["misses"])
    assert result["lead_time_days"] > 0


def test_hb_10_two_cards_on_the_same_rows(company, ready):
    first, second = run(candidate(days_since_meaningful_touch=1), candidate(pulse=1))
    assert "difference" not in first
    found = second["difference"]
    assert found["value"] == pytest.approx(second["auc"]["value"] - first["auc"]["value"], abs=1e-5)
    assert found["low"] <= found["value"] <= found["high"]


def test_hb_12_facts_recorded_later_change_no_row(company):
    card = candidate(pulse=1, days_since_meaningful_touch=1)
    before = replayed([card], ENDS, now=NOW)
    source = random.Random(8)
    for customer in company:
        end = source.choice(ENDS)
        earlier = told(end - timedelta(days=source.randrange(30)))
        Pulse.objects.create(customer=customer, level=5, note="later", occurred_at=earlier)
        make_touchpoint(customer, occurred_at=earlier)
        make_usage(customer, day=earlier.date())
        Customer.objects.filter(pk=customer.pk).update(phase="onboarding", phase_since=end)
    Customer.objects.filter(pk=company[0].pk).update(archived_at=NOW)
    assert replayed([card], ENDS, now=NOW) == before


def test_hr_5_facts_loaded_as_history_count_from_their_day(company, tmp_path, now):
    path = tmp_path / "usage.csv"
    path.write_text("customer_id,day,count,users\nACME,2025-05-20,9,3\n")
    (tmp_path / "customers.csv").write_text("customer_id,created_on\nACME,2025-01-01\n")

    def bring(kind, file, **more):
        request = Request(kind=kind, path=tmp_path / file, file_name=file, **more)
        assert not run_import(request=request, by=None, now=now).problems

    bring("customers", "customers.csv")
    bring("usage", "usage.csv", is_history=True)
    usage = {"type": "linear", "points": [[0, 100_000_000], [60_000_000, 0]]}
    measure = {"measure": "days_since_seen", "version": 1, "weight": 10_000, "curve": usage}
    group = {"key": "u", "title": "U", "weight": 10_000, "rule": "mean", "measures": [measure]}
    card = Candidate(read_card({"kind": "weighted", "groups": [group]}))
    acme = Customer.objects.get(external_ids__value="ACME").pk
    assert replayed([card], ENDS[:1], now=NOW)[ENDS[0]][0][acme].score is not None
    assert run(card)[0]["backfilled_share"] == 1
    ImportBatch.objects.update(options={})
    assert UsageEvent.objects.filter(customer_id=acme).exists()
    assert replayed([card], ENDS[:1], now=NOW)[ENDS[0]][0][acme].score is None


def live(**weights):
    stored = ScorecardVersion.objects.filter(state="live").first()
    if stored is None:
        call_command("score", stdout=io.StringIO())
        stored = ScorecardVersion.objects.get(state="live")
    found = body(**weights)
    return ScorecardVersion.objects.create(
        scorecard=stored.scorecard,
        state="draft",
        body=found,
        body_hash=body_hash(found),
        base=stored,
        edited_at=NOW,
    )


def test_hz_4_and_5_a_suggestion_becomes_a_draft_that_cites_it(company, ready, vera, monkeypatch):
    monkeypatch.setattr("metrics.scoring.fit.BOOTSTRAPS", 20)
    monkeypatch.setattr("metrics.scoring.fit.ERRORS_BETTER", 0.5)
    version = live(pulse=1, days_since_meaningful_touch=3)
    result = suggestions.suggest(
        body=version.body, tested=candidate(pulse=1, days_since_meaningful_touch=3), asked=asked(), now=NOW
    )
    assert result["better"]
    assert {row["measure"] for row in result["measures"]} == {"pulse", "days_since_meaningful_touch"}
    assert result["measures"][0]["weight"] > 0.25
    kept = suggestions.store(version=version, body=version.body, asked=asked(), result=result, by=vera)
    draft = suggestions.make_draft(suggestion=kept, by=vera, now=NOW)
    assert draft.state == "draft"
    assert f"suggestion {kept.pk}" in draft.note
    assert draft.body == result["body"]


def test_hz_4_without_a_better_weight_there_is_no_draft_and_no_bar(company, ready, vera):
    version = live(pulse=1)
    result = suggestions.suggest(body=version.body, tested=candidate(pulse=1), asked=asked(), now=NOW)
    assert (result["better"], result["said"], result["measures"]) == (False, "no better weights found", [])
    kept = suggestions.store(version=version, body=version.body, asked=asked(), result=result, by=vera)
    with pytest.raises(suggestions.CannotSuggestError):
        suggestions.make_draft(suggestion=kept, by=vera, now=NOW)


def test_curves_are_proposed_for_the_card_with_its_edges(company, ready, monkeypatch):
    monkeypatch.setattr("metrics.scoring.fit.BOOTSTRAPS", 20)
    monkeypatch.setattr("metrics.scoring.fit.ERRORS_BETTER", 0.5)
    before = {**body(pulse=1), "bands": [{"key": "low", "label": "Low", "tone": "red"},
              {"key": "high", "label": "High", "tone": "green"}], "edges": [{"at": 50_000_000, "side": "upper"}]}  # fmt: skip
    result = suggestions.suggest(
        body=before, tested=Candidate(read_card(before)), asked=asked(), now=NOW, with_curves=True
    )
    proposed = result["body"]["groups"][0]["measures"][0]
    points = [height for _, height in proposed["curve"]["points"]]
    assert points == sorted(points)
    assert (points[0], points[-1], proposed["missing"]) == (0, 100_000_000, "neutral")
    assert read_card(result["body"]).bands.edges[0].at % 1_000_000 == 0


def test_hf_1_probabilities_rise_with_the_bands(company, ready):
    result = calibrations.calibrate(tested=candidate(pulse=1), asked=asked(), now=NOW)
    found = [band["probability"] for band in result["bands"]]
    assert found == sorted(found)
    assert result["brier"] < 0.25
    assert result["reliability"]


def test_hf_1_without_enough_outcomes_there_is_no_probability(company):
    result = calibrations.calibrate(tested=candidate(pulse=1), asked=asked(), now=NOW)
    assert "bands" not in result
    assert result["said"].startswith("not enough outcomes")


def test_a_job_keeps_the_result_with_what_it_depends_on(
    company, ready, vera, django_capture_on_commit_callbacks
):
    version = live(pulse=1)
    other = live(days_since_meaningful_touch=1)
    job = evidence_jobs.start(
        what="backtest", version=version, other=other, asked=asked(), url="/health/", by=vera
    )
    assert evidence_jobs.start(
        what="backtest", version=version, other=other, asked=asked(), url="/health/", by=vera
    ) == job  # fmt: skip
    job.lease_token, job.state = "x", "running"
    job.save()
    assert evidence_jobs.run_evidence_job(job, now=NOW) == {"url": "/health/"}
    first, second = Backtest.objects.order_by("pk")
    assert (first.version, second.version) == (other, version)
    assert (second.body_hash, second.parameters["horizon"]) == (version.body_hash, 90)
    assert "difference" in second.result
    job.refresh_from_db()
    assert job.progress_done == job.progress_total > 0


def said(*words):
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


COMMON = ("--population", "paying", "--from", "2025-05-31", "--to", "2025-11-30", "--as-of", "2026-02-28")


def test_the_command_backtest_says_what_is_missing(company, tmp_path):
    path = tmp_path / "card.yaml"
    path.write_text(filed(pulse=1))
    text = said("backtest", "--draft", str(path), "--horizon", "90", *COMMON)
    assert "8 of 10 churns" in text
    document = json.loads(said("backtest", "--draft", str(path), *COMMON, "--json"))
    assert (document["horizon"], document["enough"], document["churned"]) == (90, False, 8)
    with pytest.raises(CommandError) as refused:
        said("backtest", "--draft", str(path), "--horizon", "77")
    assert refused.value.returncode == 2


def test_the_command_backtest_prints_the_table(company, ready, tmp_path):
    path = tmp_path / "card.yaml"
    path.write_text(filed(pulse=1, days_since_meaningful_touch=1))
    text = said("backtest", "--draft", str(path), *COMMON)
    assert "AUC" in text
    assert "Worst 10.0 %" in text
    assert "Misses" in text


def test_the_command_suggest_weights_keeps_its_answer(company, ready, tmp_path, monkeypatch):
    monkeypatch.setattr("metrics.scoring.fit.BOOTSTRAPS", 10)
    monkeypatch.setattr("metrics.scoring.fit.ERRORS_BETTER", 0.0)
    path, out = tmp_path / "card.yaml", tmp_path / "new.yaml"
    path.write_text(filed(pulse=1, days_since_meaningful_touch=3))
    text = said("suggest_weights", "--draft", str(path), "--write", str(out), *COMMON)
    kept = Suggestion.objects.get()
    assert f"Suggestion {kept.pk}" in text
    assert read_card(card_from_yaml(out.read_text()).body)
    document = json.loads(said("suggest_weights", "--draft", str(path), *COMMON, "--half", "a", "--json"))
    assert document["half"] == "a"
    assert document["outcomes"] < kept.result["outcomes"]
