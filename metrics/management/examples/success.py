"""Formula examples: engagement, trial, support and health (section 5.6 of the examples' format)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm

from metrics.formulas import activation, conversion, engagement, health, support
from metrics.formulas.activation import Watched
from metrics.formulas.conversion import Trial
from metrics.formulas.health_cards import ACTION_BANDS, Action, ActionsCard, CardMeasure, Group, WeightedCard
from metrics.formulas.health_curves import Linear
from metrics.formulas.health_numbers import FULL, MICRO, WEIGHT_UNIT
from metrics.formulas.periods import month_period
from metrics.formulas.result import Result, known, unknown
from metrics.management.examples.answers import Formula, Output, digits
from metrics.management.examples.inputs import Inputs, as_number

AS_IT_IS = Linear(((0, 0), (FULL, FULL)), bounded=True)  # a measure that is on the scale of 0 to 100 already


def stickiness(inputs: Inputs) -> Output:
    return {"ratio": engagement.stickiness(dau_mean=inputs.number("avg_dau"), mau=inputs.whole("mau"))}


def nday_retention(inputs: Inputs) -> Output:
    day0 = frozenset(str(user) for user in inputs.items("day0"))
    returns = inputs.inner("returns")
    return {
        f"day{k}": engagement.nday_retention(
            day0=day0, active_on_k=frozenset(str(user) for user in returns.items(k))
        )
        for k in returns.values
    }


def retention_day_index(inputs: Inputs) -> Output:
    first, second = inputs.moment("first"), inputs.moment("second")
    rules = {
        "calendar": "calendar",
        "rolling_24h_exact": "rolling_24h",
        "rolling_24h_hour_floor": "rolling_24h_hour_floor",
    }
    return {key: engagement.retention_day(first, second, rule=rule) for key, rule in rules.items()}


def trial_conversion(inputs: Inputs) -> Output:
    rate = conversion.trial_to_paid_rate(
        trials_started=inputs.whole("trials_started"), converted_of_those=inputs.whole("converted_of_those")
    )
    return {"rate": rate}


def trial_conversion_variants(inputs: Inputs) -> Output:
    trials = [
        Trial(trial.day("started"), trial.day_or_none("converted"), trial.day_or_none("cancelled"))
        for trial in inputs.maps("trials")
    ]
    month = month_period(inputs.month("month"))
    return {
        "cohort_by_start": conversion.trial_to_paid_by_start(trials, period=month),
        "ended_in_period": conversion.trial_to_paid_by_end(trials, period=month),
    }


def ttv(inputs: Inputs) -> Output:
    watched = _watched(inputs, "days", "reached")
    return {
        "median": activation.time_to_value_median_days(watched),
        "mean_of_reached": activation.mean_of_reached(watched),
        "reached_rate": activation.reached_share(watched),
    }


def kaplan_meier(inputs: Inputs) -> Output:
    watched = _watched(inputs, "times", "observed")
    return {
        "survival": {digits(time): share for time, share in activation.kaplan_meier(watched).items()},
        "median": activation.quantile_days(watched),
    }


def fcr(inputs: Inputs) -> Output:
    rate = support.fcr_rate(
        solved_first=inputs.whole("resolved_first"),
        solved=inputs.whole("total"),
        excluded=inputs.whole("excluded", 0),
    )
    return {"fcr": rate}


def health_action_score(inputs: Inputs) -> Output:
    actions = list(inputs.maps("actions"))
    counts = [action.whole("count") for action in actions]
    card = ActionsCard(
        tuple(
            Action(str(place), action.text("name", ""), _scaled(action.number("impact"), WEIGHT_UNIT))
            for place, action in enumerate(actions)
        )
    )
    readings = [health.Reading(count * MICRO if any(counts) else None) for count in counts]
    level = health.level(card, readings)
    values = [_points(line.points, "no_data") for line in level.lines] or [known(0)] * len(actions)
    band = None if level.score is None else level.band
    return {"values": values, "score": _points(level.score, "no_data"), "band": band}


def health_bands(inputs: Inputs) -> Output:
    return {"bands": [ACTION_BANDS.of(_scaled(score, MICRO)) for score in inputs.numbers("scores")]}


def health_weighted(inputs: Inputs) -> Output:
    components = list(inputs.maps("components"))
    lists = [one.items("metrics") if "metrics" in one else [] for one in components]
    weights = _whole_weights([one.number("weight") for one in components])
    if not any(weights):
        return {"components": [unknown("no_data") for _ in components], "score": unknown("zero_denominator")}
    groups = tuple(
        Group(str(place), one.text("name", ""), weight, _measures(place, len(values)))
        for place, (one, weight, values) in enumerate(zip(components, weights, lists, strict=True))
    )
    readings = [_reading(value) for values in lists for value in values or [None]]
    level = health.explain(WeightedCard(groups), readings)
    points = {one.key: one.points for one in level.groups}
    return {
        "components": [_points(points.get(group.key), "no_data") for group in groups],
        "score": _points(level.score, "insufficient_data"),
    }


def _measures(place: int, number: int) -> tuple[CardMeasure, ...]:
    """The measures of a component; one without metrics has one that is never read."""
    return tuple(CardMeasure(f"{place}.{one}", 1, WEIGHT_UNIT, AS_IT_IS) for one in range(max(number, 1)))


def _whole_weights(weights: Sequence[Decimal | int]) -> list[int]:
    """Weights as whole numbers in the same proportion."""
    fractions = [Fraction(weight) for weight in weights]
    common = lcm(*(fraction.denominator for fraction in fractions))
    return [int(fraction * common) for fraction in fractions]


def _watched(inputs: Inputs, times: str, flags: str) -> Sequence[Watched]:
    pairs = zip(inputs.numbers(times), inputs.items(flags), strict=True)
    return [Watched(time, bool(flag)) for time, flag in pairs]


def _reading(value: object) -> health.Reading:
    if value is None:
        return health.Reading(reason="no_data")
    return health.Reading(_scaled(as_number(value, "metrics"), MICRO), age=0)


def _scaled(value: Decimal | int, unit: int) -> int:
    """A number in the whole units of scorecards."""
    return int((Decimal(value) * unit).to_integral_value())


def _points(value: int | None, reason: str) -> Result:
    return unknown(reason) if value is None else known(Decimal(value) / MICRO)


FORMULAS: Mapping[str, Formula] = {
    "stickiness": stickiness,
    "nday_retention": nday_retention,
    "retention_day_index": retention_day_index,
    "trial_conversion": trial_conversion,
    "trial_conversion_variants": trial_conversion_variants,
    "ttv": ttv,
    "kaplan_meier": kaplan_meier,
    "fcr": fcr,
    "health_action_score": health_action_score,
    "health_bands": health_bands,
    "health_weighted": health_weighted,
}
