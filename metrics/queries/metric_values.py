"""Any metric of any periods by its key: the one place that knows which query answers which key."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from metrics.catalog import METRICS
from metrics.choices import MovementKind
from metrics.formulas.result import Result, known
from metrics.queries.activation import activation_metrics, onboarding_metrics
from metrics.queries.charges import usage_charge_metrics
from metrics.queries.commerce import commerce_metrics
from metrics.queries.committed import committed_at
from metrics.queries.costs import cost_metrics
from metrics.queries.csm_work import work_metrics
from metrics.queries.engagement import (
    contact_metrics,
    licence_metrics,
    lifecycle_metrics,
    nday_retention,
    usage_metrics,
)
from metrics.queries.questions import Question, Values, day_after
from metrics.queries.rates import rate_metrics
from metrics.queries.renewals import renewal_metrics, survival_metrics
from metrics.queries.satisfaction import change_metrics, survey_metrics
from metrics.queries.spans import Span, spans_for
from metrics.queries.support import fcr_metrics, load_metrics, response_metrics
from metrics.queries.trials import trial_metrics
from metrics.queries.worth import lifetime_metrics

NDAYS = (1, 7, 30)  # days of nday_retention that are shown


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that one query answers together."""

    keys: frozenset[str]
    read: Callable[[Question], list[Values]]


def values_of(
    question: Question, *, keys: Collection[str], spans: Sequence[Span] | None = None
) -> list[Values]:
    """The asked metrics of each period in order, each a value or its reason; unknown keys are a KeyError.

    `spans` of the same periods are read when they are needed and not given. Only queries that answer one of the keys
    run; what they answer besides is in the values too.
    """
    wanted = {part for key in keys for part in answered_by(key)}
    if missing := wanted - KNOWN:
        raise KeyError(", ".join(sorted(missing)))
    rows: list[Values] = [{} for _ in question.periods]
    if not rows:
        return rows
    found = [_money(question, wanted, spans)] if wanted & MONEY else []
    found += [group.read(question) for group in GROUPS if wanted & group.keys]
    for answers in found:
        for row, values in zip(rows, answers, strict=True):
            row.update(values)
    return rows


def answered_by(key: str) -> tuple[str, ...]:
    """The keys that answer one of the catalogue: itself, or its parts where it is several numbers."""
    metric = METRICS.get(key)
    if key in KNOWN or metric is None:
        return (key,)
    return tuple(part for part in metric.parts if part in KNOWN) or (key,)


def series_of(key: str, question: Question) -> list[Result]:
    """One metric over the periods."""
    return [row[key] for row in values_of(question, keys=[key])]


def _money(question: Question, wanted: Collection[str], spans: Sequence[Span] | None) -> list[Values]:
    """Rates, lifetimes, orders and costs: each needs some of the one before."""
    if not set(wanted) & (RATES | BRIDGE | WORTH | COSTS):
        return commerce_metrics(question)
    if spans is None:
        spans = spans_for(
            question.periods,
            as_of=question.as_of,
            customers=question.customers,
            definition=question.definition,
        )
    rows = rate_metrics(question, spans=spans) if set(wanted) & RATES else [{} for _ in spans]
    _add(rows, _bridge(spans))
    if set(wanted) & (WORTH | COSTS):
        _add(rows, lifetime_metrics(question, spans=spans))
    if set(wanted) & (ORDERS | COSTS):
        _add(rows, commerce_metrics(question))
    if set(wanted) & COSTS:
        ltv, revenue = [row["ltv"] for row in rows], [row["arpu_revenue"] for row in rows]
        _add(rows, cost_metrics(question, spans=spans, ltv=ltv, revenue=revenue))
    return rows


def _add(rows: Sequence[Values], more: Sequence[Values]) -> None:
    for row, values in zip(rows, more, strict=True):
        row.update(values)


def _bridge(spans: Sequence[Span]) -> list[Values]:
    """The lines of the bridge; contraction, churn and transfers out are positive amounts."""
    return [
        {
            **{f"{kind}_mrr": known(getattr(span, kind).copy_abs()) for kind in MovementKind.values},
            **{f"{kind}_n": known(getattr(span, f"{kind}_n")) for kind in MovementKind.values},
            "fx_mrr": known(span.fx),
            "transfer_in": known(span.transfer_in),
            "transfer_out": known(span.transfer_out.copy_abs()),
        }
        for span in spans
    ]


def _committed(question: Question) -> list[Values]:
    """Committed MRR of each close as known then; of a close that is today as known now."""
    rows: list[Values] = []
    for period in question.periods:
        day = question.close_on(period)
        then = question.start_of(day_after(day)) if day < question.as_of else question.known_at
        found = committed_at(day, known_at=then, customers=question.customers)
        rows.append({"committed_mrr": known(found.committed)})
    return rows


def _days(question: Question) -> list[Values]:
    return [
        {f"nday_retention_{k}": result for k, result in found.items()}
        for found in nday_retention(question, ks=NDAYS)
    ]


RATES = frozenset(
    {
        "mrr", "arr", "paying_customers", "net_new_mrr", "mrr_growth", "customer_growth", "customer_retention_rate",
        "survival_to_date", "expansion_rate", "expansion_growth", "arpa_close", "asp", "quick_ratio",
        "logo_churn_rate", "gross_mrr_churn_rate", "net_mrr_churn_rate", "annual_churn", "customer_lifetime",
        "steady_state_customers", "nrr", "grr", "nrr_12m", "grr_12m", "logo_retention_12m",
    }
)  # fmt: skip
BRIDGE = frozenset(
    {"fx_mrr", "transfer_in", "transfer_out"}.union(
        *({f"{kind}_mrr", f"{kind}_n"} for kind in MovementKind.values)
    )
)
WORTH = frozenset({"ltv", "ltv_revenue"})
COSTS = frozenset(
    {
        "acquisition_cost", "cac", "ltv_cac", "ltv_cac_gain", "cac_payback_months", "retention_cost",
        "customer_retention_cost", "net_customer_value",
    }
)  # fmt: skip
ORDERS = frozenset(
    {
        "repeat_purchase_rate",
        "repeat_purchase_rate_in_period",
        "one_time_revenue",
        "arpu_revenue",
        "clv_retail",
    }
)
MONEY = RATES | BRIDGE | WORTH | COSTS | ORDERS
_TIMES = ("first_response", "time_to_resolve")
GROUPS = (
    Group(
        frozenset(
            {
                "renewal_rate", "logo_renewal_rate", "net_renewal_rate", "renewals_undecided", "contract_base_churn",
            }
        ),
        renewal_metrics,
    ),
    Group(frozenset({"survival_median_days"}), survival_metrics),
    Group(frozenset({"committed_mrr"}), _committed),
    Group(frozenset({"usage_mrr"}), usage_charge_metrics),
    Group(
        frozenset(
            {
                "nps", "nps_low", "nps_high", "nps_n", "csat", "csat_low", "csat_high", "csat_n", "csat_mean",
                "csat_index", "ces", "ces_low", "ces_high", "ces_n", "ces_mean", "survey_response_rate",
            }
        ),
        survey_metrics,
    ),
    Group(frozenset({"nps_change", "nps_change_p", "nps_changed"}), change_metrics),
    Group(frozenset({"dau_mean", "wau", "mau", "stickiness"}), usage_metrics),
    Group(frozenset({"licence_use"}), licence_metrics),
    Group(
        frozenset({"users_new", "users_returning", "users_resurrecting", "users_dormant"}), lifecycle_metrics
    ),
    Group(frozenset(f"nday_retention_{k}" for k in NDAYS), _days),
    Group(frozenset({"contact_frequency"}), contact_metrics),
    Group(
        frozenset(
            {
                "trial_to_paid_rate", "trials_started", "trials_converted", "trials_pending", "trials_abandoned",
            }
        ),
        trial_metrics,
    ),
    Group(
        frozenset(
            {
                "activation_rate", "time_to_value_median_days", "time_to_value_p75_days", "value_reached_share",
                "value_reached_30d_share",
            }
        ),
        activation_metrics,
    ),
    Group(frozenset({"onboarding_time_median_days"}), onboarding_metrics),
    Group(frozenset({"fcr_rate"}), fcr_metrics),
    Group(
        frozenset(f"{name}{suffix}" for name in _TIMES for suffix in ("", "_p90", "_business", "_business_p90")),
        response_metrics,
    ),
    Group(frozenset({"ticket_load"}), load_metrics),
    Group(
        frozenset(
            {
                "ebr_cover", "follow_ups_on_time", "days_to_first_touchpoint", "referral_cover", "advocacy",
                "outcome_attainment", "customer_outcome_growth", "feedback_loop", "playbooks_finished",
                "untouched_customers", "saves",
            }
        ),
        work_metrics,
    ),
)  # fmt: skip
KNOWN = MONEY.union(*(group.keys for group in GROUPS))
