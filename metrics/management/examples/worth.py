"""Formula examples: averages, lifetime and cost (section 5.4 of the examples' format)."""

from collections.abc import Mapping
from decimal import Decimal

from metrics.formulas import acquisition, commerce, growth, lifetime
from metrics.formulas.result import Result, known, unknown
from metrics.management.examples.answers import Formula, Output
from metrics.management.examples.inputs import Inputs, Number, as_day, as_whole


def arpa(inputs: Inputs) -> Output:
    if "customer_mrr" in inputs:
        groups = [(1, value) for value in inputs.numbers("customer_mrr")]
    else:
        groups = _groups(inputs, "customer_mrr_groups")
    mrr, paying = growth.sum_of_groups(groups)
    return {"mrr": mrr, "arpa": growth.arpa_close(mrr=mrr, paying=paying)}


def average_sale_price(inputs: Inputs) -> Output:
    mrr, new = growth.sum_of_groups(_groups(inputs, "new_customers"))
    return {"asp": growth.asp(new_mrr=mrr, new_customers=new)}


def growth_rate(inputs: Inputs) -> Output:
    return {"rate": growth.growth_rate(before=inputs.number("before"), after=inputs.number("after"))}


def ltv(inputs: Inputs) -> Output:
    value = lifetime.ltv(
        arpa=_part(inputs, "arpa", "zero_denominator"),
        churn=_part(inputs, "monthly_churn_6m_avg", "immature"),
        gross_margin=inputs.decimal("gross_margin", 1),
    )
    return {"ltv": value}


def customer_lifetime(inputs: Inputs) -> Output:
    rates = inputs.numbers("churn")
    return {"lifetime": [lifetime.customer_lifetime(churn=Decimal(rate)) for rate in rates]}


def cac(inputs: Inputs) -> Output:
    return {"cac": acquisition.cac(spend=inputs.maybe("spend"), new_customers=inputs.whole("new_customers"))}


def ltv_cac(inputs: Inputs) -> Output:
    worth, cost = _part(inputs, "ltv", "no_churn"), _part(inputs, "cac", "not_configured")
    ratio = acquisition.ltv_cac(ltv=worth, cac=cost)
    gain: Decimal | Result = unknown(worth.reason or cost.reason or "no_data")
    if worth.value is not None and cost.value is not None:
        gain = acquisition.ltv_cac_gain(ltv=worth.value, cac=cost.value)
    return {"ratio": ratio, "gain": gain, "warning": acquisition.ltv_cac_warning(ltv_cac=ratio)}


def cac_payback(inputs: Inputs) -> Output:
    months = acquisition.cac_payback_months(
        cac=_part(inputs, "cac", "not_configured"),
        arpa=_part(inputs, "arpa", "zero_denominator"),
        gross_margin=inputs.decimal("gross_margin", 1),
    )
    return {"months": months}


def customer_retention_cost(inputs: Inputs) -> Output:
    cost = acquisition.customer_retention_cost(
        spend=inputs.maybe("spend"), customers=inputs.number("customers")
    )
    return {"crc": cost}


def net_customer_value(inputs: Inputs) -> Output:
    value = acquisition.net_customer_value(
        revenue=inputs.decimal("revenue"),
        cac=inputs.decimal("cac"),
        retention_cost=inputs.decimal("retention_cost"),
    )
    return {"net": value}


def clv_retail(inputs: Inputs) -> Output:
    found: Output = {}
    if "purchases" in inputs:
        found["frequency"] = lifetime.order_frequency(
            orders=inputs.whole("purchases"), customers=inputs.whole("customers")
        )
    if "customer_value_per_year" in inputs:
        found["clv"] = lifetime.clv_retail(
            value_per_year=inputs.number("customer_value_per_year"),
            lifespan_years=inputs.decimal("lifespan_years"),
        )
    return found


def avg_customer_lifetime_years(inputs: Inputs) -> Output:
    spans = [
        (as_day(first, "first_last"), as_day(last, "first_last"))
        for first, last in inputs.items("first_last")
    ]
    return {"years": lifetime.lifespan_years(spans)}


def repeat_purchase_rate(inputs: Inputs) -> Output:
    orders = inputs.inner("orders")
    counts = [orders.whole(customer) for customer in orders.values]
    return {"rate": commerce.repeat_purchase_rate(counts)}


def _groups(inputs: Inputs, key: str) -> list[tuple[int, Number]]:
    return [(as_whole(customers, f"inputs.{key}"), each) for customers, each in inputs.pairs(key)]


def _part(inputs: Inputs, key: str, reason: str) -> Result:
    """A number that may be null, which then has the reason such a number is missing for."""
    value = inputs.maybe(key)
    return unknown(reason) if value is None else known(value)


FORMULAS: Mapping[str, Formula] = {
    "arpa": arpa,
    "average_sale_price": average_sale_price,
    "growth_rate": growth_rate,
    "ltv": ltv,
    "customer_lifetime": customer_lifetime,
    "cac": cac,
    "ltv_cac": ltv_cac,
    "cac_payback": cac_payback,
    "customer_retention_cost": customer_retention_cost,
    "net_customer_value": net_customer_value,
    "clv_retail": clv_retail,
    "avg_customer_lifetime_years": avg_customer_lifetime_years,
    "repeat_purchase_rate": repeat_purchase_rate,
}
