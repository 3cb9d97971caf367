"""Values of metrics and cells of their rows as people read them, and as files carry them."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from config.web.money import NO_BREAK, NOT_KNOWN, money, number, percent, rounded, signed
from metrics.catalog import METRICS, REASONS
from metrics.catalog.parts import PARTS
from metrics.formulas.definition import Definition
from metrics.formulas.result import Result
from metrics.queries.figures import Figures

POINTS = Decimal(100)
PLACES = 4  # decimals of a part shown in passing
IN_MONEY = frozenset({"churn_by_kind"})  # a table whose sum is an amount
WORDS = {"days": "days", "hours": "h", "months": "months", "years": "years"}
AS_TEXT: Mapping[str, Callable[[Any], str]] = {
    "rate": lambda value: percent(value, 1),
    "score": lambda value: signed(value, 0),
    "share": lambda value: percent(value / POINTS),
    "count": number,
    "flag": number,
}
SURVEYS = ("nps", "csat", "ces")
YEARLY = frozenset({"nrr_12m", "grr_12m", "logo_retention_12m"})
OF_OPENING = frozenset(
    {
        "logo_churn_rate", "gross_mrr_churn_rate", "net_mrr_churn_rate", "annual_churn", "customer_retention_rate",
        "nrr", "grr", "expansion_rate", "customer_lifetime", "mrr_growth", "customer_growth",
    }
)  # fmt: skip


def unit_of(key: str) -> str:
    """The unit of a metric or of a number given with one."""
    if key in IN_MONEY:
        return "money"
    metric = METRICS.get(key)
    return metric.unit if metric else PARTS.get(key, ("", "ratio", ""))[1]


def title_of(key: str) -> str:
    """What a metric or a number given with one is called."""
    metric = METRICS.get(key)
    return metric.title if metric else PARTS.get(key, (key.replace("_", " ").capitalize(), "", ""))[0]


def better_of(key: str) -> str:
    """up, down or empty."""
    metric = METRICS.get(key)
    return metric.better if metric else PARTS.get(key, ("", "", ""))[2]


def shown(key: str, value: Decimal | None, currency: str) -> str:
    """A value in its unit; a dash for none."""
    return text_of(unit_of(key), value, currency)


def text_of(unit: str, value: Any, currency: str) -> str:
    """A number as text by its unit."""
    if value is None:
        return NOT_KNOWN
    if unit == "money":
        return money(value, currency)
    if unit in AS_TEXT:
        return AS_TEXT[unit](value)
    words = WORDS.get(unit, "")
    return number(value, 1) + (f"{NO_BREAK}{words}" if words else "")


def why(result: Result) -> str:
    """The reason of a missing value in words."""
    return REASONS.get(result.reason, result.reason)


def change_of(key: str, before: Decimal | None, after: Decimal | None) -> tuple[Decimal, str] | None:
    """The change to print and its unit: points for rates and scores, per cent for the rest; None without both."""
    if before is None or after is None:
        return None
    unit = unit_of(key)
    if unit == "rate":
        return (after - before) * POINTS, "pts"
    if unit in {"score", "share"}:
        return after - before, "pts"
    if not before:
        return None
    return (after - before) / abs(before) * POINTS, "%"


def is_low(key: str, values: Mapping[str, Result], definition: Definition, figures: Figures | None) -> bool:
    """Whether a number rests on too few customers or answers to be compared (G-12)."""
    name = next((name for name in SURVEYS if key.startswith(name)), "")
    if name:
        n = values.get(f"{name}_n")
        return n is not None and n.value is not None and n.value < definition.min_n_answers
    if figures is not None and key in OF_OPENING:
        return figures.open_logos < definition.min_n_rates
    if figures is not None and key in YEARLY:
        return figures.logos_12m < definition.min_n_rates
    if figures is not None and key == "arpa_close":
        return figures.close_logos < definition.min_n_rates
    base = values[key].denominator if key in values else None
    return unit_of(key) == "rate" and base is not None and base < definition.min_n_rates


def exact(value: Any) -> str:
    """Every stored digit, without zeros at the end."""
    if not isinstance(value, Decimal):
        return "" if value is None else str(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short(value: Decimal | None) -> str:
    """A part of a quotient with at most four decimals; a dash for none."""
    return exact(rounded(value, PLACES)) if value is not None else NOT_KNOWN


def cell(unit: str, value: Any, currency: str) -> str:
    """A cell of a table of rows."""
    if value is None:
        return NOT_KNOWN
    if isinstance(value, date):
        return _day(value)
    if unit == "money":
        return money(value, currency, cents=True)
    if unit == "flag":
        return "yes" if value else ""
    if unit == "text":
        return str(value).replace("_", " ")
    return number(value) if unit == "number" and value == int(value) else text_of(unit, value, currency)


def _day(value: date) -> str:
    """A day, or a moment in the reader's zone."""
    if isinstance(value, datetime):
        local = timezone.localtime(value)
        return f"{local.day} {local:%b %Y, %H:%M}"
    return f"{value.day} {value:%b %Y}"
