"""Which keys of a definition change what is stored, and which only how it is read."""

from metrics.formulas.definition import Definition, differences

# keys that decide how stored rows are read or divided, not what is in them
READING_KEYS = frozenset(
    {
        "week_start", "fiscal_year_start_month", "period_close_days", "gross_margin", "usage_policy",
        "count_zero_mrr_active", "logo_churn_formula", "mrr_churn_formula", "net_churn_includes_reactivation",
        "event_group_minutes", "same_period_new_churn", "nrr_window", "nrr_method",
        "quick_ratio_includes_reactivation", "ltv_method", "ltv_churn_months", "ltv_cap_months", "ltv_discount",
        "cac_period", "cac_lag_months", "cac_payback_arpa", "crc_base", "nps_window_days", "nps_alpha", "fpc",
        "csat_scale", "csat_cut", "ces_scale", "ces_cut", "ces_method", "answer_rate_base", "score_cohort",
        "survey_weighting", "active_event", "stickiness_mode", "retention_rule", "retention_day",
        "adoption_min_uses", "activation_days", "trial_definition", "trial_within_days", "trial_tail_days",
        "fcr_reopen_days", "fcr_base", "ebr_days", "min_n_rates", "min_n_answers",
    }
)  # fmt: skip


def changes_ledger(before: Definition, after: Definition) -> bool:
    """Whether line segments or movements differ between two definitions.

    The grains `day` and `month` read the same movements; only `event` writes others.
    """
    for key, old, new in differences(before, after):
        if key in READING_KEYS or (key == "movement_grain" and "event" not in {old, new}):
            continue
        return True
    return False
