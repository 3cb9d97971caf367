"""Formula examples: survey scores (section 5.5 of the examples' format)."""

from collections.abc import Mapping
from decimal import Decimal

from metrics.formulas import growth, satisfaction
from metrics.formulas.result import Result, known, unknown
from metrics.formulas.satisfaction import Interval, NpsCounts
from metrics.management.examples.answers import Formula, Output
from metrics.management.examples.inputs import InputError, Inputs, as_whole


def nps(inputs: Inputs) -> Output:
    return {"nps": satisfaction.nps(_buckets(inputs))}


def nps_scores(inputs: Inputs) -> Output:
    scores = [as_whole(score, "inputs.scores") for score in inputs.numbers("scores")]
    return {"nps": satisfaction.nps(satisfaction.nps_counts(scores))}


def nps_variance(inputs: Inputs) -> Output:
    shares = _shares(inputs)
    return {"nps": satisfaction.nps_fraction(**shares), "variance": satisfaction.nps_variance(**shares)}


def nps_variance_n(inputs: Inputs) -> Output:
    shares = _shares(inputs)
    error = satisfaction.nps_standard_error(**shares, n=inputs.whole("n"))
    return {"nps": satisfaction.nps_fraction(**shares), "standard_error": error}


def nps_moe(inputs: Inputs) -> Output:
    _method(inputs, "wald")
    counts = _buckets(inputs)
    margin = satisfaction.nps_margin_wald(counts, z=_z(inputs))
    return {"nps": satisfaction.nps(counts), "moe": _or_no_data(margin)}


def nps_ci(inputs: Inputs) -> Output:
    _method(inputs, "adjusted_wald")
    interval = satisfaction.nps_interval(_buckets(inputs), z=_z(inputs))
    centre = _or_no_data(interval.centre if interval else None)
    return {"centre": centre} | _limits(interval)


def nps_compare(inputs: Inputs) -> Output:
    _method(inputs, "adjusted_wald")
    a, b = _buckets(inputs.inner("a")), _buckets(inputs.inner("b"))
    change = satisfaction.nps_change(a, b)
    return {
        "nps_a": satisfaction.nps(a),
        "nps_b": satisfaction.nps(b),
        "nps_adj_a": satisfaction.nps_adjusted(a),
        "nps_adj_b": satisfaction.nps_adjusted(b),
        "difference_adj": _or_no_data(change.difference if change else None),
        "se_difference": _or_no_data(change.se if change else None),
        "z": _or_no_data(change.z if change else None),
        "p_two_sided": _or_no_data(change.p if change else None),
    }


def csat(inputs: Inputs) -> Output:
    score = satisfaction.csat(inputs.counts(), scale=inputs.whole("scale", 5))
    return {"csat": score, "displayed": satisfaction.whole(score)}


def csat_ten(inputs: Inputs) -> Output:
    counts = inputs.counts()
    return {
        "top_half_6_to_10": satisfaction.csat(counts, scale=10, cut=satisfaction.TOP_HALF_OF_TEN),
        "top_two_9_10": satisfaction.csat(counts, scale=10),
    }


def ces(inputs: Inputs) -> Output:
    score = satisfaction.ces(
        inputs.counts(), scale=inputs.whole("scale", 7), method=inputs.text("method", "agree")
    )
    return {"ces": score}


def ces_index(inputs: Inputs) -> Output:
    index = satisfaction.ces_index(
        easy=inputs.whole("easy_6_7"),
        neutral=inputs.whole("neutral_4_5"),
        difficult=inputs.whole("difficult_1_3"),
    )
    return {"ces": index}


def score_index(inputs: Inputs) -> Output:
    counts = inputs.counts()
    index = satisfaction.score_index(counts, scale=inputs.whole("scale"))
    return {"mean": satisfaction.mean_score(counts), "index": index}


def wilson(inputs: Inputs) -> Output:
    k, n = inputs.whole("k"), inputs.whole("n")
    interval = satisfaction.wilson(hits=k, n=n, z=_z(inputs))
    return {"p": satisfaction.proportion(hits=k, n=n)} | _limits(interval)


def wilson_many(inputs: Inputs) -> Output:
    z = _z(inputs)
    limits = [
        _limits(satisfaction.wilson(hits=as_whole(k, "inputs.cases"), n=as_whole(n, "inputs.cases"), z=z))
        for k, n in inputs.pairs("cases")
    ]
    return {"intervals": [[one["low"], one["high"]] for one in limits]}


def response_rate(inputs: Inputs) -> Output:
    rate = satisfaction.survey_response_rate(
        completed=inputs.whole("completed"), delivered=inputs.whole("delivered")
    )
    return {"rate": rate}


def response_rate_pooled(inputs: Inputs) -> Output:
    mailings = [
        (as_whole(delivered, "inputs.mailings"), as_whole(completed, "inputs.mailings"))
        for delivered, completed in inputs.pairs("mailings")
    ]
    rates = [
        satisfaction.survey_response_rate(completed=completed, delivered=delivered)
        for delivered, completed in mailings
    ]
    return {
        "pooled": satisfaction.pooled_response_rate(mailings),
        "mean_of_rates": growth.mean([rate.value for rate in rates if rate.value is not None]),
    }


def _buckets(inputs: Inputs) -> NpsCounts:
    return NpsCounts(
        promoters=inputs.whole("promoters", 0),
        passives=inputs.whole("passives", 0),
        detractors=inputs.whole("detractors", 0),
    )


def _shares(inputs: Inputs) -> dict[str, Decimal]:
    return {"promoters": inputs.decimal("p_promoter"), "detractors": inputs.decimal("p_detractor")}


def _z(inputs: Inputs) -> Decimal:
    return satisfaction.z_of(inputs.decimal("confidence", Decimal("0.95")))


def _method(inputs: Inputs, only: str) -> None:
    if inputs.text("method", only) != only:
        raise InputError(f"inputs.method {inputs.text('method')!r} is not {only}")


def _or_no_data(value: Decimal | None) -> Result:
    return unknown("no_data") if value is None else known(value)


def _limits(interval: Interval | None) -> dict[str, Result]:
    return {
        "low": _or_no_data(interval.low if interval else None),
        "high": _or_no_data(interval.high if interval else None),
    }


FORMULAS: Mapping[str, Formula] = {
    "nps": nps,
    "nps_scores": nps_scores,
    "nps_variance": nps_variance,
    "nps_variance_n": nps_variance_n,
    "nps_moe": nps_moe,
    "nps_ci": nps_ci,
    "nps_compare": nps_compare,
    "csat": csat,
    "csat_ten": csat_ten,
    "ces": ces,
    "ces_index": ces_index,
    "score_index": score_index,
    "wilson": wilson,
    "wilson_many": wilson_many,
    "response_rate": response_rate,
    "response_rate_pooled": response_rate_pooled,
}
