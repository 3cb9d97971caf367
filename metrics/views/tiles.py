"""Tiles: one number with its definition, what was put into it, its change, and the way to its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from config.web.money import interval, money, number, percent, rounded, signed
from config.web.templatetags.ui import trend
from metrics.catalog import METRICS, REASONS, Metric
from metrics.formulas.result import Result
from metrics.formulas.satisfaction import Interval
from metrics.queries.answers import Answers
from metrics.queries.figures import Figures
from metrics.views.wording import period_word

REVENUE_TILES = (
    "mrr",
    "nrr_12m",
    "grr_12m",
    "logo_churn_rate",
    "gross_mrr_churn_rate",
    "arpa_close",
)
AT_END = frozenset(
    {"arpa_close", "gross_mrr_churn_rate", "ces", "stickiness"}
)  # their pop-over opens leftwards
MIN_CUSTOMERS, MIN_ANSWERS = 10, 5  # below: shown with a “low n” mark, never compared
POINTS = Decimal(100)


@dataclass(frozen=True)
class Tile:
    """What a tile and its definition show; every text is ready to print."""

    key: str
    title: str
    value: str
    reason: str
    note: str
    trend: SafeString | str
    low_n: bool
    series: Sequence[Decimal | None]
    series_words: str
    meaning: str
    formula: str
    numbers: str
    basis: str
    href: str = ""
    href_words: str = ""

    @property
    def at_end(self) -> bool:
        """Whether the definition opens to the left, because the tile stands at the right."""
        return self.key in AT_END


@dataclass(frozen=True)
class Strip:
    """What all tiles of a page share: the periods shown, the one they speak of, and the URL state."""

    figures: Sequence[Figures]
    headline: Figures
    before: Figures | None
    currency: str
    state: str
    basis: str

    def money(self, amount: Decimal | None) -> str:
        """Whole units of the reporting currency."""
        return money(amount, self.currency)


def revenue_tile(key: str, strip: Strip) -> Tile:
    """A tile of the revenue ledger for the headline period."""
    metric, result = METRICS[key], strip.headline.result(key)
    value = shown(metric, result.value, strip.currency)
    return Tile(
        key=key,
        title=metric.title,
        value=value if result.value is not None else "",
        reason=REASONS.get(result.reason, ""),
        note=_NOTES[key](strip),
        trend=_trend(metric, strip),
        low_n=_base(key, strip.headline) < MIN_CUSTOMERS and result.value is not None,
        series=[f.result(key).value for f in strip.figures if not f.incomplete],
        series_words=f"{metric.title}, {period_word(strip.figures[0].period)} to {period_word(strip.headline.period)}",
        meaning=metric.meaning,
        formula=metric.formula,
        numbers=_NUMBERS[key](strip, value),
        basis=strip.basis,
        href=metric_href(key, strip.state),
        href_words=_ROWS[key],
    )


def survey_tile(key: str, answers: Answers, *, basis: str, state: str) -> Tile:
    """NPS, CSAT or CES with n and its 95 % interval."""
    metric, result = METRICS[key], answers.result
    enough = answers.n >= MIN_ANSWERS
    value = signed(result.value, 0) if key == "nps" else percent((result.value or Decimal(0)) / POINTS)
    text = value if result.value is not None and enough else ""
    band = _interval(key, answers.interval)
    return Tile(
        key=key,
        title=metric.title,
        value=text,
        reason="" if text else _survey_reason(answers.n),
        note=f"{number(answers.n)} answers, {band} (95 %)" if text else _survey_reason(answers.n),
        trend="",
        low_n=False,
        series=(),
        series_words=metric.title,
        meaning=metric.meaning,
        formula=metric.formula,
        numbers=_put_in(key, answers) + (f" = {value}" if text else ""),
        basis=basis,
        href=metric_href(key, state),
        href_words="The answers",
    )


def stickiness_tile(result: Result, *, basis: str, state: str) -> Tile:
    """Mean DAU of 30 days / MAU."""
    metric = METRICS["stickiness"]
    value = percent(result.value, 1) if result.value is not None else ""
    parts = (number(result.numerator, 1), number(result.denominator))
    return Tile(
        key=metric.key,
        title=metric.title,
        value=value,
        reason=REASONS.get(result.reason, ""),
        note=f"{parts[0]} people a day of {parts[1]} in 30 days" if value else "needs events of single users",
        trend="",
        low_n=False,
        series=(),
        series_words=metric.title,
        meaning=metric.meaning,
        formula=metric.formula,
        numbers=f"{parts[0]} / {parts[1]} = {value or 'n/a'}",
        basis=basis,
        href=metric_href(metric.key, state),
        href_words="The product users",
    )


def shown(metric: Metric, value: Decimal | None, currency: str) -> str:
    """A metric's value as people read it."""
    if value is None:
        return "n/a"
    if metric.unit == "money":
        return money(value, currency)
    if metric.unit == "rate":
        return percent(value, 1)
    return number(value, 1)


def change_between(metric: Metric, before: Decimal, after: Decimal) -> tuple[Decimal, str]:
    """The change to print and its unit: points for rates, per cent for money, plain for ratios."""
    if metric.unit == "rate":
        return (after - before) * POINTS, "pts"
    if metric.unit == "money":
        return ((after - before) / before * POINTS, "%") if before else (Decimal(0), "%")
    return after - before, ""


def _trend(metric: Metric, strip: Strip) -> SafeString | str:
    """The change since the period before; a period that still runs is not compared."""
    if strip.before is None or strip.headline.incomplete:
        return ""
    before, after = strip.before.result(metric.key).value, strip.headline.result(metric.key).value
    if before is None or after is None or (metric.unit == "money" and not before):
        return ""
    change, unit = change_between(metric, before, after)
    words = " to ".join(
        f"{shown(metric, value, strip.currency)} in {period_word(f.period)}"
        for value, f in ((before, strip.before), (after, strip.headline))
    )
    good = {"up": "up", "down": "down"}.get(metric.better, "up")
    return trend(change, f"From {words}", 1, unit, good=good)


def _base(key: str, figures: Figures) -> int:
    """The number of customers a rate stands on."""
    if key in {"nrr_12m", "grr_12m"}:
        return figures.logos_12m
    if key in {"mrr", "arpa_close", "quick_ratio"}:
        return MIN_CUSTOMERS if key != "arpa_close" else figures.close_logos
    return figures.open_logos


def _put_in(key: str, answers: Answers) -> str:
    if key == "nps":
        return f"100 × ({number(answers.hits)} − {number(answers.misses)}) / {number(answers.n)}"
    return f"100 × {number(answers.hits)} / {number(answers.n)}"


def _survey_reason(n: int) -> str:
    if not n:
        return "there are no answers yet"
    return f"{n} of {MIN_ANSWERS} answers needed"


def _interval(key: str, band: Interval | None) -> str:
    if band is None:
        return ""
    if key == "nps":
        return interval(rounded(band.low, 0), rounded(band.high, 0), 0, sign=True)
    return interval(band.low * POINTS, band.high * POINTS, 0, unit="%")


def metric_href(key: str, state: str) -> str:
    """The page of a metric for the months and customers of the page."""
    return f"{reverse('metrics:metric', args=[key])}?{state}"


def movements_href(strip_state: str, kind: str = "") -> str:
    """The ledger with the months and customers of the page, for one kind or all."""
    tail = f"&{urlencode({'kind': kind})}" if kind else ""
    return f"{reverse('metrics:movements')}?{strip_state}{tail}"


_ROWS: Mapping[str, str] = {
    "mrr": "The customers and their MRR",
    "nrr_12m": "The customers of a year ago",
    "grr_12m": "The customers of a year ago",
    "logo_churn_rate": "The customers lost",
    "gross_mrr_churn_rate": "The customers who shrank or left",
    "arpa_close": "The paying customers",
    "quick_ratio": "The figures by period",
}


def _year_ago(strip: Strip) -> str:
    return f"customers of 12 months before, n = {number(strip.headline.logos_12m)}"


_NOTES: Mapping[str, Callable[[Strip], str]] = {
    "mrr": lambda s: (
        f"ARR {money(12 * s.headline.closing, s.currency, tight=True)}, {number(s.headline.close_logos)} customers"
    ),
    "nrr_12m": _year_ago,
    "grr_12m": lambda _: "the same customers; never above 100 %",
    "logo_churn_rate": lambda s: (
        f"{number(s.headline.lost_logos)} of {number(s.headline.open_logos)} customers"
    ),
    "gross_mrr_churn_rate": lambda s: (
        f"{s.money(s.headline.base_churn + s.headline.base_contraction)} of {s.money(s.headline.opening)}"
    ),
    "arpa_close": lambda s: f"per month and customer, n = {number(s.headline.close_logos)}",
    "quick_ratio": lambda s: f"{s.money(s.headline.gained)} gained, {s.money(s.headline.lost)} lost",
}
_NUMBERS: Mapping[str, Callable[[Strip, str], str]] = {
    "mrr": lambda s, _: (
        f"{s.money(s.headline.opening)} {money(s.headline.moved, s.currency, sign=True)} = {s.money(s.headline.closing)}"
    ),
    "nrr_12m": lambda s, v: f"{s.money(s.headline.now_12m)} / {s.money(s.headline.then_12m)} = {v}",
    "grr_12m": lambda s, v: f"{s.money(s.headline.kept_12m)} / {s.money(s.headline.then_12m)} = {v}",
    "logo_churn_rate": lambda s, v: (
        f"{number(s.headline.lost_logos)} / {number(s.headline.open_logos)} = {v}"
    ),
    "gross_mrr_churn_rate": lambda s, v: (
        f"({s.money(s.headline.base_churn)} + {s.money(s.headline.base_contraction)}) / {s.money(s.headline.opening)} = {v}"
    ),
    "arpa_close": lambda s, v: f"{s.money(s.headline.closing)} / {number(s.headline.close_logos)} = {v}",
    "quick_ratio": lambda s, v: (
        f"({s.money(s.headline.new)} + {s.money(s.headline.expansion)} + {s.money(s.headline.reactivation)})"
        f" / ({s.money(-s.headline.contraction)} + {s.money(-s.headline.churn)}) = {v}"
    ),
}
