"""Formula examples: churn and retention (section 5.3 of the examples' format)."""

from collections.abc import Mapping
from decimal import Decimal

from metrics.formulas import churn, cohorts, growth, retention
from metrics.formulas.cohorts import CohortRow
from metrics.management.examples.answers import Formula, Output
from metrics.management.examples.inputs import Inputs, as_number

FLOWS = ("churn", "contraction", "expansion")


def logo_churn(inputs: Inputs) -> Output:
    lost = churn.logos_lost(
        churned=inputs.whole("churned"),
        joined_and_churned=inputs.whole("joined_and_churned", 0),
        churned_and_reactivated=inputs.whole("churned_and_reactivated", 0),
    )
    return {"rate": churn.logo_churn_rate(opening=inputs.whole("start"), lost=lost)}


def logo_churn_and_retention(inputs: Inputs) -> Output:
    rate = churn.logo_churn_rate(opening=inputs.whole("start"), lost=inputs.whole("churned"))
    return {"rate": rate, "retention": retention.retention_of(rate)}


def logo_vs_mrr_churn(inputs: Inputs) -> Output:
    ends = _ends(inputs)
    return {"logo_churn": churn.logo_churn_of_ends(ends), "mrr_churn": churn.mrr_churn_of_ends(ends)}


def mrr_churn(inputs: Inputs) -> Output:
    opening, flows = inputs.number("opening"), {key: inputs.number(key, 0) for key in FLOWS}
    gross = churn.gross_mrr_churn_rate(
        opening=opening, churn=flows["churn"], contraction=flows["contraction"]
    )
    return {"gross": gross, "net": churn.net_mrr_churn_rate(opening=opening, **flows)}


def mrr_churn_reactivation(inputs: Inputs) -> Output:
    opening, flows = inputs.number("opening"), {key: inputs.number(key, 0) for key in FLOWS}
    with_reactivation = churn.net_mrr_churn_rate(
        opening=opening, **flows, reactivation=inputs.number("reactivation", 0)
    )
    return {
        "default": churn.net_mrr_churn_rate(opening=opening, **flows),
        "with_reactivation": with_reactivation,
    }


def mrr_churn_daily(inputs: Inputs) -> Output:
    found: Output = {}
    if "gross_day" in inputs:
        day = inputs.inner("gross_day")
        found["gross"] = churn.gross_mrr_churn_day(start=day.number("start"), end=day.number("end"))
    if "net_day" in inputs:
        day = inputs.inner("net_day")
        found["net"] = churn.net_mrr_churn_day(
            start=day.number("start"), end=day.number("end"), new=day.number("new", 0)
        )
    return found


def voluntary_churn_mrr(inputs: Inputs) -> Output:
    kinds = ("voluntary", "involuntary")
    parts = {kind: inputs.inner(kind) for kind in kinds if kind in inputs}
    lost = churn.churn_by_kind(
        (kind, part.whole("customers"), part.number("monthly")) for kind, part in parts.items()
    )
    return {f"{kind}_mrr": lost.get(kind, churn.Lost()).mrr for kind in kinds}


def annualise_churn(inputs: Inputs) -> Output:
    annual = [churn.annual_churn(rate=Decimal(rate)) for rate in inputs.numbers("monthly")]
    return {"annual": annual, "left_of_100": [churn.left_of_hundred(annual=rate) for rate in annual]}


def compound_retention(inputs: Inputs) -> Output:
    kept = churn.compound_retention(
        annual_retention=inputs.decimal("annual_retention"), years=inputs.number("years")
    )
    return {"retention": kept}


def steady_state_customers(inputs: Inputs) -> Output:
    adds = inputs.number("adds_per_month")
    rates = inputs.numbers("monthly_churn")
    return {
        "customers": [
            growth.steady_state_customers(adds_per_month=adds, monthly_churn=Decimal(rate)) for rate in rates
        ]
    }


def customer_retention_rate(inputs: Inputs) -> Output:
    rate = retention.customer_retention_rate(
        start=inputs.whole("start"), end=inputs.whole("end"), new=inputs.whole("new", 0)
    )
    return {"rate": rate}


def nrr_endpoints(inputs: Inputs) -> Output:
    rate = retention.nrr_endpoints(
        opening=inputs.number("opening"),
        closing_before_churn=inputs.number("closing_before_churn"),
        churn=inputs.number("churn"),
    )
    return {"nrr": rate}


def nrr_grr(inputs: Inputs) -> Output:
    opening, flows = inputs.number("opening"), {key: inputs.number(key, 0) for key in FLOWS}
    grr = retention.grr_flows(opening=opening, contraction=flows["contraction"], churn=flows["churn"])
    return {"nrr": retention.nrr_flows(opening=opening, **flows), "grr": grr}


def nrr_grr_customers(inputs: Inputs) -> Output:
    ends = _ends(inputs)
    return {"nrr": retention.nrr(ends), "grr": retention.grr(ends)}


def grr_aggregate_cap(inputs: Inputs) -> Output:
    return {"grr": retention.grr([(inputs.decimal("opening"), inputs.decimal("closing"))])}


def expansion_rate(inputs: Inputs) -> Output:
    rate = growth.expansion_rate(opening=inputs.number("opening"), expansion=inputs.number("expansion"))
    return {"rate": rate}


def expansion_growth(inputs: Inputs) -> Output:
    return {"rate": growth.expansion_growth(last=inputs.number("start"), this=inputs.number("end"))}


def cohort_weighted_average(inputs: Inputs) -> Output:
    rows = [
        CohortRow(cohort.decimal("size"), [_cell(value) for value in cohort.items("retained_pct")])
        for cohort in inputs.maps("cohorts")
    ]
    return {"weighted_pct": cohorts.weighted_row(rows)}


def _cell(value: object) -> Decimal | None:
    return None if value is None else Decimal(as_number(value, "retained_pct"))


def _ends(inputs: Inputs) -> list[tuple[Decimal, Decimal]]:
    return [(one.decimal("open"), one.decimal("close")) for one in inputs.maps("customers")]


FORMULAS: Mapping[str, Formula] = {
    "logo_churn": logo_churn,
    "logo_churn_and_retention": logo_churn_and_retention,
    "logo_vs_mrr_churn": logo_vs_mrr_churn,
    "mrr_churn": mrr_churn,
    "mrr_churn_reactivation": mrr_churn_reactivation,
    "mrr_churn_daily": mrr_churn_daily,
    "voluntary_churn_mrr": voluntary_churn_mrr,
    "annualise_churn": annualise_churn,
    "compound_retention": compound_retention,
    "steady_state_customers": steady_state_customers,
    "customer_retention_rate": customer_retention_rate,
    "nrr_endpoints": nrr_endpoints,
    "nrr_grr": nrr_grr,
    "nrr_grr_customers": nrr_grr_customers,
    "grr_aggregate_cap": grr_aggregate_cap,
    "expansion_rate": expansion_rate,
    "expansion_growth": expansion_growth,
    "cohort_weighted_average": cohort_weighted_average,
}
