"""Formula examples: MRR, bridge and currency (section 5.2 of the examples' format)."""

from collections.abc import Mapping
from decimal import Decimal

from metrics.formulas import growth, mrr, retention
from metrics.formulas.definition import parse_fraction
from metrics.formulas.money import convert, factor, total
from metrics.formulas.movements import closing_mrr, fx_residual, movement_kind, net_new_mrr
from metrics.formulas.mrr import Discount, Policy, Price
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.management.examples.answers import Formula, Output
from metrics.management.examples.inputs import InputError, Inputs

ZERO = Decimal(0)
GAINS_AND_LOSSES = ("new", "expansion", "reactivation", "contraction", "churn")


def mrr_discount_policies(inputs: Inputs) -> Output:
    price, percent = Price(inputs.decimal("list_price")), inputs.decimal("discount_percent")
    return {
        policy: {
            str(duration): mrr.line_mrr(
                price,
                [Discount("percent", percent, str(duration))],
                policy=Policy(discount_policy=policy),
            )
            for duration in inputs.items("durations")
        }
        for policy in ("in_force", "forever_only", "list_price")
    }


def mrr_weekly_variants(inputs: Inputs) -> Output:
    price = Price(inputs.decimal("weekly_price"), "week")
    return {
        text: mrr.line_mrr(price, policy=Policy(weekly_factor=parse_fraction(text)))
        for text in ("52/12", "4.33", "4")
    }


def mrr_daily_variants(inputs: Inputs) -> Output:
    price = Price(inputs.decimal("daily_price"), "day")
    return {
        text: mrr.line_mrr(price, policy=Policy(daily_factor=parse_fraction(text)))
        for text in ("365/12", "30")
    }


def contract_mrr(inputs: Inputs) -> Output:
    value = mrr.contract_mrr(
        total=inputs.decimal("total"),
        start=inputs.day("start"),
        last_day=inputs.day("end_inclusive"),
        policy=inputs.text("policy", "days"),
    )
    return {"mrr": value}


def contract_mrr_pair(inputs: Inputs) -> Output:
    a, b = (
        mrr.contract_mrr_of_months(total=part.decimal("total"), months=part.number("months"))
        for part in (inputs.inner("a"), inputs.inner("b"))
    )
    if a.value is None or b.value is None:
        return {"a": a, "b": b, "ratio_b_to_a": unknown(a.reason or b.reason)}
    return {"a": a, "b": b, "ratio_b_to_a": ratio(b.value, a.value)}


def prorated_line_mrr(inputs: Inputs) -> Output:
    before = inputs.decimal("old_monthly")
    parts = [
        mrr.prorated_line_mrr(
            amount=part.decimal("amount"), days=part.whole("days"), full_days=part.whole("full_days")
        )
        for part in (inputs.inner(key) for key in ("charge", "credit") if key in inputs)
    ]
    after = closing_mrr(before, parts)
    return {
        "mrr_before": before,
        "mrr_after": after,
        "movement": total(parts),
        "category": movement_kind(before, after, paid_before=False),
    }


def movement_types(inputs: Inputs) -> Output:
    pairs = inputs.pairs("pairs")
    return {
        "types": [
            movement_kind(Decimal(before), Decimal(after), paid_before=False) for before, after in pairs
        ]
    }


def waterfall_identity(inputs: Inputs) -> Output:
    closing, running = inputs.decimal("opening"), []
    for parts in _rows(inputs, GAINS_AND_LOSSES):
        closing = closing_mrr(closing, parts)
        running.append(closing)
    return {"mrr": running}


def waterfall_identity_existing(inputs: Inputs) -> Output:
    rows = _rows(inputs, ("new", "upgrades", "downgrades", "voluntary_churn", "delinquent_churn"))
    existing = [Decimal(value) for value in inputs.numbers("existing")]
    closings = [closing_mrr(opening, parts) for opening, parts in zip(existing, rows, strict=True)]
    fx = [fx_residual(before, opening, ()) for before, opening in zip(closings, existing[1:], strict=False)]
    return {
        "mrr": closings,
        "fx": [ZERO, *fx] if closings else [],
        "arr_first": mrr.arr(closings[0]) if closings else unknown("no_data"),
        "arr_last": mrr.arr(closings[-1]) if closings else unknown("no_data"),
    }


def mrr_bridge(inputs: Inputs) -> Output:
    start = inputs.decimal("start")
    moved = {key: inputs.decimal(key, 0) for key in GAINS_AND_LOSSES}
    signed = moved | {key: -moved[key] for key in ("contraction", "churn")}
    end = closing_mrr(start, signed.values())
    return {
        "end": end,
        "net_new": net_new_mrr(**signed),
        "quick_ratio": _quick_ratio(moved),
        "nrr_flow": retention.nrr_flows(
            opening=start,
            expansion=moved["expansion"],
            contraction=moved["contraction"],
            churn=moved["churn"],
        ),
        "arr": mrr.arr(end),
    }


def quick_ratio(inputs: Inputs) -> Output:
    return {"quick_ratio": _quick_ratio({key: inputs.decimal(key, 0) for key in GAINS_AND_LOSSES})}


def fx_billing_start(inputs: Inputs) -> Output:
    factors = _factors(inputs)
    lines = list(inputs.maps("lines"))
    values: dict[str, list[Result]] = {}
    for label, month in _LABELS.items():
        values[label] = [
            _valued(line.decimal("usd_mrr"), factors.get(line.text("priced_in", "") or month))
            for line in lines
        ]
    totals = {
        label: total(value.value for value in parts if value.value is not None)
        for label, parts in values.items()
    }
    return {label: [*parts, totals[label]] for label, parts in values.items()} | {
        "fx": fx_residual(totals["jan"], totals["mar"], ())
    }


def fx_period_end(inputs: Inputs) -> Output:
    factors, native = _factors(inputs), inputs.decimal("usd_mrr")
    ends = {label: _valued(native, factors.get(month)) for label, month in _LABELS.items()}
    jan, mar = ends["jan"].value, ends["mar"].value
    fx = unknown("missing_rate") if jan is None or mar is None else known(fx_residual(jan, mar, ()))
    return ends | {"fx": fx}


def _quick_ratio(moved: Mapping[str, Decimal]) -> Result:
    return growth.quick_ratio(
        new=moved["new"],
        expansion=moved["expansion"],
        reactivation=moved["reactivation"],
        contraction=moved["contraction"],
        churn=moved["churn"],
    )


_LABELS = {"jan": "2024-01", "mar": "2024-03"}


def _factors(inputs: Inputs) -> Mapping[str, Decimal]:
    """Reporting units per foreign unit by month."""
    rates = inputs.inner("rates")
    return {
        month: factor(native_per_base=rates.decimal(month), reporting_per_base=Decimal(1))
        for month in rates.values
    }


def _valued(native: Decimal, by_factor: Decimal | None) -> Result:
    return unknown("missing_rate") if by_factor is None else known(convert(native, by_factor))


def _rows(inputs: Inputs, keys: tuple[str, ...]) -> list[list[Decimal]]:
    """The lists of movements turned into one list of parts per month; a list that is absent moves nothing."""
    columns = {key: inputs.numbers(key) for key in keys if key in inputs}
    months = len(inputs.items("months")) if "months" in inputs else max(map(len, columns.values()), default=0)
    uneven = [key for key, column in columns.items() if len(column) != months]
    if uneven:
        raise InputError(f"{', '.join(uneven)}: not one number per month")
    return [[Decimal(column[place]) for column in columns.values()] for place in range(months)]


FORMULAS: Mapping[str, Formula] = {
    "mrr_discount_policies": mrr_discount_policies,
    "mrr_weekly_variants": mrr_weekly_variants,
    "mrr_daily_variants": mrr_daily_variants,
    "contract_mrr": contract_mrr,
    "contract_mrr_pair": contract_mrr_pair,
    "prorated_line_mrr": prorated_line_mrr,
    "movement_types": movement_types,
    "waterfall_identity": waterfall_identity,
    "waterfall_identity_existing": waterfall_identity_existing,
    "mrr_bridge": mrr_bridge,
    "quick_ratio": quick_ratio,
    "fx_billing_start": fx_billing_start,
    "fx_period_end": fx_period_end,
}
