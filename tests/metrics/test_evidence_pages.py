"""The pages of evidence: asking, results with and without enough outcomes, and drafts from suggestions."""

import pytest
from django.urls import reverse

from config.work.models import Job
from metrics.formulas.health_starter import starter_body
from metrics.models import Backtest, Calibration, ScorecardVersion, Suggestion
from metrics.services.scorecards import ensure_default_scorecard
from tests.factories.customers import NOW, make_customer

pytestmark = pytest.mark.django_db
ASKED = {
    "horizon": 90, "population": "paying", "first": "2024-03-16", "last": "2026-03-16", "as_of": "2026-03-16",
    "half": "",
}  # fmt: skip
BAND = {
    "band": "weak", "label": "At risk", "tone": "red", "outcomes": 20, "churned": 9, "rate": 0.45, "low": 0.26,
    "high": 0.66, "mrr": "1200.00", "expansion_rate": 0.1,
}  # fmt: skip


@pytest.fixture
def version():
    return ensure_default_scorecard(now=NOW)


def kept(model, version, **result):
    return model.objects.create(
        version=version, body_hash=version.body_hash, engine=1, parameters=ASKED, result=result
    )


def enough(*misses):
    return {
        "outcomes": 60, "churned": 12, "open": 4, "unscored": 1, "enough": True, "said": "", "backfilled_share": 0.25,
        "bands": [BAND], "auc": {"value": 0.55, "se": 0.05, "low": 0.45, "high": 0.65, "ranks": False},
        "worst": [{"share": 0.1, "size": 6, "caught": 0.25, "caught_mrr": 0.3, "lift": 2.5}, None],
        "lead_time_days": 41.0, "misses": list(misses), "difference": {"value": 0.02, "low": -0.01, "high": 0.05},
    }  # fmt: skip


def lost(customer):
    return {
        "customer": customer.pk, "name": customer.name, "mrr": "100.00", "scored_on": "2025-11-30", "score": "71.5",
        "band": "healthy", "coverage": 0.8, "churned_on": "2026-01-05",
    }  # fmt: skip


def test_asking_starts_a_job_whose_progress_the_page_shows(client, mia, version):
    client.force_login(mia)
    assert b"No backtest yet" in client.get(reverse("metrics:evidence")).content
    said = {"version": version.pk, "what": "curves", "other": "", "horizon": 90, "population": "paying"}
    assert client.post(reverse("metrics:evidence"), said).status_code == 302
    job = Job.objects.get(kind="metrics.evidence")
    assert (job.args["what"], job.args["curves"], job.args["version"]) == ("suggest", True, version.pk)
    assert f"job-progress-{job.pk}" in client.get(reverse("metrics:evidence")).content.decode()
    assert client.post(reverse("metrics:evidence"), said | {"horizon": 7}).status_code == 422


def test_csms_and_viewers_see_no_evidence(client, anna, vic, version):
    row = kept(Backtest, version, **enough())
    for user in (anna, vic):
        client.force_login(user)
        assert client.get(reverse("metrics:evidence")).status_code in {403, 404}
        assert client.get(reverse("metrics:backtest", args=[row.pk])).status_code in {403, 404}


def test_hb_7_a_backtest_that_does_not_rank_says_so_in_red(client, mia, version):
    row = kept(Backtest, version, **enough())
    client.force_login(mia)
    page = client.get(reverse("metrics:backtest", args=[row.pk])).content.decode()
    for text in ("AUC 0.550", "does not rank churners", "At risk", "45.0", "41 days"):
        assert text in page
    assert client.get(reverse("metrics:backtest", args=[row.pk + 1])).status_code == 404


def test_misses_name_only_customers_of_the_reader(client, mia, anna, carl, version):
    mine, theirs = make_customer(owner=anna, name="Fern"), make_customer(owner=carl, name="Gorse")
    row = kept(Backtest, version, **enough(lost(mine), lost(theirs)))
    client.force_login(mia)
    page = client.get(reverse("metrics:backtest", args=[row.pk])).content.decode()
    assert "Fern" in page
    assert ("Gorse" in page) != ("1 more belong" in page)


def test_hb_5_too_few_outcomes_show_the_plain_list(client, vera, anna, version):
    customer = make_customer(owner=anna, name="Fern")
    said = "not enough outcomes (12 of 30 renewals, 3 of 10 churns)"
    row = kept(
        Backtest, version, outcomes=12, churned=3, enough=False, said=said, rows=[lost(customer)], misses=[],
        backfilled_share=None,
    )  # fmt: skip
    client.force_login(vera)
    page = client.get(reverse("metrics:backtest", args=[row.pk])).content.decode()
    assert said in page
    assert "Fern" in page
    assert "AUC" not in page


def test_hz_5_only_admins_make_a_draft_of_a_suggestion(client, vera, mia, version):
    body = starter_body()
    body["groups"][0]["weight"] += 10_000
    share = {"measure": "pulse", "version": 1, "title": "CSM pulse", "present": 0.1, "weight": 0.4, "low": 0.2,
             "high": 0.5, "label": "more weight"}  # fmt: skip
    row = kept(
        Suggestion, version, outcomes=60, churned=12, enough=True, better=True, said="", curves=False, body=body,
        auc_before=0.6, auc_after=0.7, loss_before=0.4, loss_after=0.3, measures=[share],
    )  # fmt: skip
    client.force_login(mia)
    page = client.get(reverse("metrics:suggestion", args=[row.pk])).content.decode()
    assert "CSM pulse" in page
    assert "Make draft" not in page
    href = reverse("metrics:draft_from_suggestion", args=[row.pk])
    assert client.post(href).status_code in {403, 404}
    client.force_login(vera)
    assert "Make draft" in client.get(reverse("metrics:suggestion", args=[row.pk])).content.decode()
    assert client.post(href).status_code == 302
    assert f"suggestion {row.pk}" in ScorecardVersion.objects.get(state="draft").note


def test_hz_4_nothing_better_shows_no_bars(client, vera, version):
    row = kept(
        Suggestion, version, outcomes=60, churned=12, enough=True, better=False, said="no better weights found",
        curves=False, measures=[],
    )  # fmt: skip
    client.force_login(vera)
    page = client.get(reverse("metrics:suggestion", args=[row.pk])).content.decode()
    assert "no better weights found" in page
    assert "Make draft" not in page
    assert client.post(reverse("metrics:draft_from_suggestion", args=[row.pk])).status_code == 302
    assert not ScorecardVersion.objects.filter(state="draft").exists()


def test_hf_3_probabilities_and_reliability(client, mia, version):
    band = {"band": "weak", "label": "At risk", "tone": "red", "renewed": 6, "due": 10, "probability": 0.7278,
            "low": 0.3, "high": 0.8}  # fmt: skip
    point = {"predicted": 0.73, "observed": 0.6, "n": 10, "low": 0.3, "high": 0.8}
    row = kept(
        Calibration, version, outcomes=90, churned=13, enough=True, said="", bands=[band], brier=0.11,
        reliability=[point],
    )  # fmt: skip
    client.force_login(mia)
    page = client.get(reverse("metrics:calibration", args=[row.pk])).content.decode()
    assert "72.8" in page
    assert "0.1100" in page
    assert b"73" in client.get(reverse("metrics:evidence")).content
    none = kept(Calibration, version, outcomes=5, churned=1, enough=False, said="not enough outcomes")
    assert "not calibrated" in client.get(reverse("metrics:calibration", args=[none.pk])).content.decode()


def test_the_list_costs_the_same_for_one_result_as_for_many(
    client, mia, version, django_assert_max_num_queries
):
    for _ in range(6):
        kept(Backtest, version, **enough())
    client.force_login(mia)
    client.get(reverse("metrics:evidence"))
    with django_assert_max_num_queries(25):
        client.get(reverse("metrics:evidence"))
