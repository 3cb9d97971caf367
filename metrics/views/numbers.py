"""Every number of a month by its key: what it is called, and how its value and its change are written."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from config.web.money import money, number, percent, signed
from metrics.catalog import METRICS, OWNERS, REASONS
from metrics.catalog.entry import COUNT, MONEY, RATE, SCORE, SHARE
from metrics.catalog.parts import PARTS
from metrics.queries.month_list import TWINS

BRIDGE: Mapping[str, tuple[str, str]] = {
    "opening": ("Opening MRR", MONEY),
    "new": ("New", MONEY),
    "reactivation": ("Reactivation", MONEY),
    "expansion": ("Expansion", MONEY),
    "contraction": ("Contraction", MONEY),
    "churn": ("Churn", MONEY),
    "transfer_in": ("Transferred in", MONEY),
    "transfer_out": ("Transferred out", MONEY),
    "fx": ("Exchange rates", MONEY),
    "closing": ("Closing MRR", MONEY),
    "new_n": ("New, movements", COUNT),
    "reactivation_n": ("Reactivation, movements", COUNT),
    "expansion_n": ("Expansion, movements", COUNT),
    "contraction_n": ("Contraction, movements", COUNT),
    "churn_n": ("Churn, movements", COUNT),
    "base_expansion": ("Expansion of the opening base", MONEY),
    "base_contraction": ("Contraction of the opening base", MONEY),
    "base_churn": ("Churn of the opening base", MONEY),
    "opening_at_close": ("Opening MRR at closing rates", MONEY),
    "kept": ("Kept of the opening MRR", MONEY),
    "now_of_base": ("MRR now of the opening base", MONEY),
    "then_12m": ("MRR of twelve months before", MONEY),
    "kept_12m": ("Kept of it", MONEY),
    "now_12m": ("MRR now of those customers", MONEY),
    "open_logos": ("Paying customers at opening", COUNT),
    "close_logos": ("Paying customers at close", COUNT),
    "lost_logos": ("Customers lost", COUNT),
    "logos_12m": ("Paying customers twelve months before", COUNT),
    "kept_logos_12m": ("Of them paying now", COUNT),
    "ever_paid": ("Customers that ever paid", COUNT),
    "joined_logos": ("Customers that joined", COUNT),
    "joined_lost_logos": ("Joined and lost", COUNT),
}
# What rates are divided from: beside their metrics it would only repeat them.
BASES = frozenset(
    {
        "base_expansion", "base_contraction", "base_churn", "opening_at_close", "kept", "now_of_base", "then_12m",
        "kept_12m", "now_12m", "logos_12m", "kept_logos_12m", "joined_logos", "joined_lost_logos",
    }
)  # fmt: skip
POINTS = Decimal(100)
ORDER = {key: place for place, key in enumerate((*BRIDGE, *METRICS))}


@dataclass(frozen=True, slots=True)
class Name:
    """A number's title and unit."""

    title: str
    unit: str


def name_of(key: str) -> Name:
    """What a number is called; one without words of its own by its key."""
    if key in METRICS:
        return Name(METRICS[key].title, METRICS[key].unit)
    if key in BRIDGE:
        return Name(*BRIDGE[key])
    if key in PARTS:
        title, unit, _ = PARTS[key]
        return Name(f"{OWNERS[key].title}: {title}" if key in OWNERS else title, unit)
    return Name(key.replace("_", " ").capitalize(), RATE if key.endswith(("_rate", "_share")) else "")


def in_order(keys: list[str]) -> list[str]:
    """The bridge first, then metrics as the catalogue lists them, then the rest."""
    return sorted(keys, key=lambda key: (ORDER.get(key, len(ORDER)), key))


def without_twins(keys: list[str]) -> list[str]:
    """The keys in order, each number once."""
    return [key for key in in_order(keys) if TWINS.get(key) not in keys]


def written(key: str, value: Decimal | None, currency: str, *, reason: str = "") -> str:
    """A value as people read it, or “n/a: reason”."""
    if value is None:
        return f"n/a: {REASONS.get(reason, reason)}" if reason else "n/a"
    unit = name_of(key).unit
    if unit == MONEY:
        return money(value, currency, cents=True)
    if unit == RATE:
        return percent(value, 1)
    if unit in {COUNT, SCORE, SHARE}:
        return number(value, 0 if value == value.to_integral_value() else 1)
    return number(value, 0 if value == value.to_integral_value() else 2)


def difference_written(key: str, difference: Decimal, currency: str) -> str:
    """A signed change: money in cents, rates in points."""
    if not difference:
        return "0"
    unit = name_of(key).unit
    if unit == MONEY:
        return money(difference, currency, cents=True, sign=True)
    if unit == RATE:
        return signed(difference * POINTS, 2, "pts")
    return signed(difference, 0 if difference == difference.to_integral_value() else 2)
