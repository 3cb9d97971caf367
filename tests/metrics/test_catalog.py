"""The catalogue names every metric, and its documentation is up to date."""

import pytest
from django.core.management import CommandError, call_command

from metrics.catalog import METRICS, OWNERS, REASONS, sections, variants_of
from metrics.catalog.entry import Metric
from metrics.formulas.definition import KEYS
from metrics.formulas.result import REASONS as CODES
from metrics.management.columns import COLUMNS
from metrics.management.metric_pages import BETTER, UNITS, pages
from metrics.queries.metric_values import KNOWN, answered_by

# keys of the specification, sections 3 to 19, in its order
SPECIFIED = """
    mrr arr committed_mrr usage_mrr logo_churn_rate gross_mrr_churn_rate net_mrr_churn_rate churn_by_kind annual_churn
    contract_base_churn customer_retention_rate nrr_12m nrr grr_12m grr logo_retention_12m renewal_rate cohort_table
    survival arpa_close asp arpu_revenue expansion_rate expansion_growth mrr_growth customer_growth net_new_mrr
    quick_ratio steady_state_customers ltv clv_retail customer_lifetime cac ltv_cac cac_payback_months
    customer_retention_cost net_customer_value nps nps_interval nps_change csat ces survey_response_rate active stickiness
    licence_use feature_adoption user_lifecycle nday_retention contact_frequency trial_to_paid_rate activation_rate
    time_to_value_median_days onboarding_time fcr_rate first_response time_to_resolve ticket_load repeat_purchase_rate
    referral_cover advocacy ebr_cover outcome_attainment customer_outcome_growth feedback_loop book_results work_rhythm
    one_time_revenue survival_to_date
"""


def test_every_specified_metric_has_an_entry():
    assert set(SPECIFIED.split()) <= set(METRICS)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.key)
def test_an_entry_is_complete(metric: Metric):
    assert metric.title
    assert metric.meaning.endswith(".")
    assert metric.formula
    assert metric.section
    assert metric.rows
    assert metric.unit in UNITS
    assert metric.better in BETTER
    assert metric.inputs or metric.missing
    assert set(metric.reasons) <= CODES
    assert not metric.missing or "not_configured" in metric.reasons


def test_reasons_are_all_said_in_words():
    assert set(REASONS) == CODES


def test_a_key_belongs_to_one_metric():
    parts = [part for metric in METRICS.values() for part in metric.parts]
    assert len(parts) == len(set(parts))
    assert sum(len(metrics) for metrics in sections().values()) == len(METRICS)


def test_every_key_that_is_answered_or_printed_has_its_metric():
    ends = {"open_mrr", "close_mrr", "open_logos", "close_logos"}  # the bridge's two ends
    assert (KNOWN | set(COLUMNS)) - ends <= set(OWNERS)


def test_every_metric_is_answered_by_key_but_those_that_are_tables_of_their_own():
    unanswered = {key for key in METRICS if not set(answered_by(key)) <= KNOWN}
    assert unanswered == {"churn_by_kind", "cohort_table", "feature_adoption", "plan_movements"}


def test_config_keys_touch_metrics_of_the_catalogue():
    assert {name for key in KEYS.values() for name in key.touches} <= set(OWNERS)
    assert [key.name for key in variants_of(METRICS["cac"])] == [
        "fiscal_year_start_month",
        "cac_period",
        "cac_lag_months",
    ]


def test_the_documentation_is_up_to_date(capsys):
    call_command("metric_docs", "--check")
    assert f"{len(pages())} pages are up to date" in capsys.readouterr().out


def test_pages_that_are_out_of_date_are_named_and_written_again(tmp_path, capsys):
    call_command("metric_docs", "--to", str(tmp_path))
    (tmp_path / "cac.md").write_text("old", encoding="utf-8")
    (tmp_path / "gone.md").write_text("gone", encoding="utf-8")
    with pytest.raises(CommandError, match=r"cac\.md, gone\.md"):
        call_command("metric_docs", "--check", "--to", str(tmp_path))
    call_command("metric_docs", "--to", str(tmp_path))
    call_command("metric_docs", "--check", "--to", str(tmp_path))
    assert not (tmp_path / "gone.md").exists()


def test_a_page_says_what_it_is_made_of_and_what_may_be_chosen():
    page = pages()["trial_to_paid_rate.md"]
    for words in ("# Trial conversion", "ended_in_period", "`no_data`", "commonly published"):
        assert words in page
    assert all("\n\n\n" not in text and text.endswith("\n") for text in pages().values())
