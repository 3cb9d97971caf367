"""The definition of every metric: the config keys of an organisation, their values, and the presets of other tools.

A definition is a plain immutable value; which version is in force is stored elsewhere. Sources: sections 22 and 24 of
the metrics specification (rules G-11, K-1 to K-3).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, cast
from zoneinfo import available_timezones

Value = str | int | bool | Fraction | Decimal | None


class UnknownKeyError(ValueError):
    """No key of that name exists (K-1)."""


class WrongValueError(ValueError):
    """The value does not fit the key."""


@dataclass(frozen=True, slots=True)
class Definition:
    """All config keys with their defaults; see `KEYS` for what each says."""

    timezone: str = "UTC"
    week_start: str = "monday"
    fiscal_year_start_month: int = 1
    period_close_days: int = 5
    restate: bool = True
    reporting_currency: str = "EUR"
    fx_policy: str = "period_end"
    gross_margin: Decimal = Decimal(1)
    weekly_factor: Fraction = Fraction(52, 12)
    daily_factor: Fraction = Fraction(365, 12)
    term_policy: str = "days"
    ramp_policy: str = "step"
    discount_policy: str = "in_force"
    usage_policy: str = "separate"
    pause_policy: str = "zero"
    unpaid_policy: str = "churn"
    logo_level: str = "customer"
    count_zero_mrr_active: bool = False
    churn_recognition: str = "service_end"
    auto_churn_days: int | None = None
    renewal_grace_days: int = 0
    logo_churn_formula: str = "standard"
    mrr_churn_formula: str = "base"
    net_churn_includes_reactivation: bool = False
    movement_grain: str = "day"
    event_group_minutes: int = 0
    same_period_new_churn: str = "both"
    reactivation_window_days: int | None = None
    nrr_window: str = "12m"
    nrr_method: str = "endpoints"
    quick_ratio_includes_reactivation: bool = True
    ltv_method: str = "arpa_over_churn"
    ltv_churn_months: int = 6
    ltv_cap_months: int | None = None
    ltv_discount: Decimal | None = None
    cac_period: str = "quarter"
    cac_lag_months: int = 0
    cac_payback_arpa: str = "new"
    crc_base: str = "average"
    nps_window_days: int = 90
    nps_alpha: Decimal = Decimal("0.05")
    fpc: bool = False
    csat_scale: int = 5
    csat_cut: int = 4
    ces_scale: int = 7
    ces_cut: int = 5
    ces_method: str = "agree"
    answer_rate_base: str = "delivered"
    score_cohort: str = "sent"
    survey_weighting: str = "respondent"
    active_event: str = "core"
    stickiness_mode: str = "mean_30"
    retention_rule: str = "on"
    retention_day: str = "calendar"
    adoption_min_uses: int = 3
    activation_days: int = 14
    trial_definition: str = "cohort"
    trial_within_days: int = 30
    trial_tail_days: int = 30
    fcr_reopen_days: int = 7
    fcr_base: str = "all"
    ebr_days: int = 180
    min_n_rates: int = 10
    min_n_answers: int = 5


DEFAULT = Definition()


def parse_whole(text: str) -> int:
    """A whole number from 0 on."""
    number = int(text)
    if number < 0:
        raise ValueError("below zero")
    return number


def parse_fraction(text: str) -> Fraction:
    """A fraction (52/12) or a decimal (4.33) above zero, kept exact (K-3)."""
    number = Fraction(text)
    if number <= 0:
        raise ValueError("not above zero")
    return number


def parse_share(text: str) -> Decimal:
    """A decimal from 0 to 1."""
    number = Decimal(text)
    if not 0 <= number <= 1:
        raise ValueError("not between 0 and 1")
    return number


def parse_truth(text: str) -> bool:
    """True or false."""
    return {"true": True, "false": False}[text.lower()]


def parse_zone(text: str) -> str:
    """A name of the tz database."""
    if text not in available_timezones():
        raise ValueError("no such zone")
    return text


def parse_currency(text: str) -> str:
    """Three capital letters."""
    if len(text) != 3 or not text.isascii() or not text.isalpha():  # noqa: PLR2004 - ISO 4217 codes have three letters
        raise ValueError("not a currency code")
    return text.upper()


@dataclass(frozen=True, slots=True)
class Key:
    """One config key: its group on the settings page, a sentence, the metrics it touches, and what it may be.

    `choices` lists the words it may be; without choices `parse` reads its text and `form` says what is expected.
    """

    name: str
    group: str
    sentence: str
    touches: tuple[str, ...]
    choices: tuple[str, ...] = ()
    parse: Callable[[str], Any] | None = None
    form: str = ""
    empty: bool = False

    def read(self, value: object) -> Value:
        """The value from text, JSON or YAML; WrongValueError names what is expected."""
        if value is None or value == "":
            if self.empty:
                return None
            raise WrongValueError(f"{self.name} needs a value: {self.expected}")
        text = ("true" if value else "false") if isinstance(value, bool) else str(value).strip()
        if self.choices:
            if text not in self.choices:
                raise WrongValueError(f"{self.name} cannot be {text!r}: {self.expected}")
            return text
        try:
            return cast("Value", cast("Callable[[str], Any]", self.parse)(text))
        except (ValueError, KeyError, ZeroDivisionError, InvalidOperation) as error:
            raise WrongValueError(f"{self.name} cannot be {text!r}: {self.expected}") from error

    @property
    def expected(self) -> str:
        """What the key may be, in words."""
        words = ", ".join(self.choices) if self.choices else self.form
        return f"{words}, or empty" if self.empty else words


_ALL = ("mrr", "logo_churn_rate", "gross_mrr_churn_rate", "net_mrr_churn_rate", "nrr_12m", "grr_12m")
_WHOLE = "a whole number from 0 on"
_TRUTH = "true or false"
_FACTOR = "a fraction or decimal above 0, such as 52/12"


def _words(name: str, group: str, sentence: str, touches: tuple[str, ...], *choices: str) -> Key:
    return Key(name, group, sentence, touches, choices=choices)


def _read(
    name: str,
    group: str,
    sentence: str,
    touches: tuple[str, ...],
    *,
    parse: Callable[[str], Any],
    form: str,
    empty: bool = False,
) -> Key:
    return Key(name, group, sentence, touches, parse=parse, form=form, empty=empty)


def _whole(name: str, group: str, sentence: str, touches: tuple[str, ...], *, empty: bool = False) -> Key:
    return _read(name, group, sentence, touches, parse=parse_whole, form=_WHOLE, empty=empty)


def _truth(name: str, group: str, sentence: str, touches: tuple[str, ...]) -> Key:
    return _read(name, group, sentence, touches, parse=parse_truth, form=_TRUTH)


_KEYS = (
    _read("timezone", "calendar", "The zone whose midnights begin a local day.", ("mrr", "dau_mean"), parse=parse_zone, form="a zone such as Europe/Berlin"),
    _words("week_start", "calendar", "The day a week begins on.", ("mrr",), "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    _whole("fiscal_year_start_month", "calendar", "The month in which a year and its quarters begin.", ("cac", "ltv_cac", "cac_payback_months", "nrr", "grr")),
    _whole("period_close_days", "calendar", "Days after its end at which a month is closed and its numbers are kept as reported.", _ALL),
    _truth("restate", "calendar", "Whether a late fact changes past months (true) or is booked in the first open month (false).", _ALL),
    _read("reporting_currency", "money", "The currency every total is given in.", ("mrr",), parse=parse_currency, form="a code such as EUR"),
    _words("fx_policy", "money", "Which day's rate values a line in another currency.", ("mrr", "fx_mrr"), "period_end", "constant", "billing_start", "purchase"),
    _read("gross_margin", "money", "The share of revenue that is left after the cost of serving it.", ("ltv", "ltv_cac", "cac_payback_months"), parse=parse_share, form="a number from 0 to 1"),
    _read("weekly_factor", "MRR", "Weeks of a month, for lines priced by the week.", ("mrr",), parse=parse_fraction, form=_FACTOR),
    _read("daily_factor", "MRR", "Days of a month, for lines priced by the day.", ("mrr",), parse=parse_fraction, form=_FACTOR),
    _words("term_policy", "MRR", "How a contract total is spread over its term.", ("mrr",), "days", "first_partial_prorated"),
    _words("ramp_policy", "MRR", "Whether the steps of a ramp deal move MRR when they begin, or its total is averaged.", ("mrr",), "step", "average"),
    _words("discount_policy", "MRR", "Which discounts are taken off.", ("mrr",), "in_force", "forever_only", "list_price"),
    _words("usage_policy", "MRR", "How usage charges count.", ("mrr", "usage_mrr"), "separate", "trailing_3m", "committed_only", "exclude"),
    _words("pause_policy", "MRR", "Whether a paused line counts 0 or keeps its MRR.", ("mrr", "logo_churn_rate", "churn_by_kind"), "zero", "keep"),
    _words("unpaid_policy", "MRR", "Whether an unpaid line counts as churned or keeps its MRR.", ("mrr", "logo_churn_rate", "churn_by_kind"), "churn", "keep"),
    _words("logo_level", "customers", "What is counted as one customer.", ("logo_churn_rate", "arpa_close"), "customer", "parent"),
    _truth("count_zero_mrr_active", "customers", "Whether a customer with an active line at MRR 0 stays in customer counts.", ("paying_customers", "logo_churn_rate", "arpa_close")),
    _words("churn_recognition", "churn", "When a cancellation at the period end leaves MRR: at the end of the service or on the day of notice.", ("mrr", "committed_mrr", "logo_churn_rate"), "service_end", "cancel_date"),
    _whole("auto_churn_days", "churn", "Days past due after which a line churns; empty: never.", ("mrr", "logo_churn_rate"), empty=True),
    _whole("renewal_grace_days", "churn", "Days a line that should have been renewed keeps its MRR.", ("mrr", "logo_churn_rate", "renewal_rate")),
    _words("logo_churn_formula", "churn", "How logo churn is counted.", ("logo_churn_rate",), "standard", "stripe_30d", "daily_sum", "average_base", "all_in_period", "events"),
    _words("mrr_churn_formula", "churn", "Which losses count as MRR churn.", ("gross_mrr_churn_rate", "net_mrr_churn_rate"), "base", "all_flows", "churn_only", "daily_sum"),
    _truth("net_churn_includes_reactivation", "churn", "Whether returning customers lower net MRR churn.", ("net_mrr_churn_rate",)),
    _words("movement_grain", "movements", "Whether movements are netted per day, per event or between month ends.", ("new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churn_mrr"), "day", "event", "month"),
    _whole("event_group_minutes", "movements", "Minutes within which events are one movement.", ("new_mrr", "reactivation_mrr", "expansion_mrr", "contraction_mrr", "churn_mrr")),
    _words("same_period_new_churn", "movements", "Whether customers who came and left in one period stay in the bridge.", ("new_mrr", "churn_mrr"), "both", "suppress"),
    _whole("reactivation_window_days", "movements", "Days after which a returning customer is new; empty: never.", ("new_mrr", "reactivation_mrr", "quick_ratio"), empty=True),
    _words("nrr_window", "retention", "The window of the headline NRR.", ("nrr_12m", "grr_12m"), "12m", "quarter", "month"),
    _words("nrr_method", "retention", "Whether NRR compares both ends, sums the flows, or chains twelve months.", ("nrr", "grr", "nrr_12m", "grr_12m"), "endpoints", "flows", "chained"),
    _truth("quick_ratio_includes_reactivation", "retention", "Whether reactivation counts as a gain.", ("quick_ratio",)),
    _words("ltv_method", "lifetime and cost", "How lifetime value is worked out.", ("ltv", "ltv_cac"), "arpa_over_churn", "net_retention", "discounted", "realised"),
    _whole("ltv_churn_months", "lifetime and cost", "Complete months whose mean churn LTV divides by.", ("ltv", "ltv_cac")),
    _whole("ltv_cap_months", "lifetime and cost", "The longest lifetime LTV assumes where nobody churns; empty: none.", ("ltv", "ltv_cac"), empty=True),
    _read("ltv_discount", "lifetime and cost", "Monthly discount rate of the discounted LTV.", ("ltv", "ltv_cac"), parse=parse_share, form="a number from 0 to 1", empty=True),
    _words("cac_period", "lifetime and cost", "The period of CAC.", ("cac", "ltv_cac", "cac_payback_months", "net_customer_value"), "month", "quarter", "year"),
    _whole("cac_lag_months", "lifetime and cost", "Months by which acquisition cost comes before the customers it won.", ("cac", "ltv_cac", "cac_payback_months", "net_customer_value")),
    _words("cac_payback_arpa", "lifetime and cost", "Whose ARPA pays back CAC.", ("cac_payback_months",), "new", "blended"),
    _words("crc_base", "lifetime and cost", "Which customers retention cost is divided by.", ("customer_retention_cost", "net_customer_value"), "average", "retained"),
    _whole("nps_window_days", "surveys", "Days of answers in the relationship NPS.", ("nps", "nps_interval", "nps_change")),
    _read("nps_alpha", "surveys", "The chance of a false alarm at which a change of NPS is called one.", ("nps_change",), parse=parse_share, form="a number from 0 to 1"),
    _truth("fpc", "surveys", "Whether intervals shrink when nearly everybody answered.", ("nps_interval",)),
    _whole("csat_scale", "surveys", "Points of the CSAT scale.", ("csat",)),
    _whole("csat_cut", "surveys", "The lowest satisfied answer.", ("csat",)),
    _whole("ces_scale", "surveys", "Points of the CES scale.", ("ces",)),
    _whole("ces_cut", "surveys", "The lowest agreeing answer.", ("ces",)),
    _words("ces_method", "surveys", "Share agreeing, mean answer, or index.", ("ces",), "agree", "mean", "index"),
    _words("answer_rate_base", "surveys", "What answers are divided by.", ("survey_response_rate",), "delivered", "visited"),
    _words("score_cohort", "surveys", "Whether an answer belongs to the day its invitation was sent or to its own.", ("csat", "ces"), "sent", "answered"),
    _words("survey_weighting", "surveys", "What each answer weighs on pages.", ("nps", "csat", "ces"), "respondent", "customer", "customer_bucket", "mrr"),
    _words("active_event", "engagement and success", "Which events make a product user active.", ("dau_mean", "mau", "stickiness"), "core", "any"),
    _words("stickiness_mode", "engagement and success", "Which active users stickiness compares.", ("stickiness",), "mean_30", "workdays", "wau_mau", "single_day"),
    _words("retention_rule", "engagement and success", "When a user counts as retained on day k.", ("nday_retention",), "on", "on_or_after", "bracket", "unbroken"),
    _words("retention_day", "engagement and success", "How the days since the first use are counted.", ("nday_retention",), "calendar", "rolling_24h", "rolling_24h_hour_floor"),
    _whole("adoption_min_uses", "engagement and success", "Uses in 30 days that make a feature adopted.", ("feature_adoption",)),
    _whole("activation_days", "engagement and success", "Days within which a new customer should reach the activation event.", ("activation_rate",)),
    _words("trial_definition", "engagement and success", "Which trials the conversion rate counts.", ("trial_to_paid_rate",), "cohort", "ended_in_period", "within_days"),
    _whole("trial_within_days", "engagement and success", "Days within which a trial must convert.", ("trial_to_paid_rate",)),
    _whole("trial_tail_days", "engagement and success", "Days after its end a trial may still convert.", ("trial_to_paid_rate",)),
    _whole("fcr_reopen_days", "engagement and success", "Days within which a reopened ticket was not solved.", ("fcr_rate",)),
    _words("fcr_base", "engagement and success", "Whether cases the first level can never solve stay in the base.", ("fcr_rate",), "all", "net"),
    _whole("ebr_days", "engagement and success", "Days for which a business review covers a customer.", ("ebr_cover",)),
    _whole("min_n_rates", "samples", "Customers below which a rate carries the low-n mark.", ("logo_churn_rate",)),
    _whole("min_n_answers", "samples", "Answers below which a score carries the low-n mark.", ("nps", "csat", "ces")),
)  # fmt: skip
KEYS: Mapping[str, Key] = {key.name: key for key in _KEYS}

PRESETS: Mapping[str, Mapping[str, str | bool | int]] = {
    "chartmogul": {
        "usage_policy": "exclude",
        "unpaid_policy": "keep",
        "count_zero_mrr_active": True,
        "movement_grain": "event",
        "net_churn_includes_reactivation": True,
        "fx_policy": "billing_start",
    },
    "stripe": {
        "discount_policy": "forever_only",
        "usage_policy": "exclude",
        "churn_recognition": "cancel_date",
        "movement_grain": "event",
        "logo_churn_formula": "stripe_30d",
        "trial_definition": "ended_in_period",
    },
    "profitwell": {
        "weekly_factor": "4.33",
        "daily_factor": "30",
        "auto_churn_days": 15,
        "same_period_new_churn": "suppress",
        "fx_policy": "purchase",
        "ltv_method": "net_retention",
    },
}
NOT_REPRODUCED: Mapping[str, str] = {
    "chartmogul": "source-specific handling of pauses and refunds",
    "stripe": "its own rate source",
    "profitwell": "the refund exception for annual plans that are cancelled at once",
}


def with_values(base: Definition, values: Mapping[str, object]) -> Definition:
    """`base` with some keys set, each read and checked.

    An unknown key is an UnknownKeyError with its name (K-1), an unfit value a WrongValueError.
    """
    for name in values:
        if name not in KEYS:
            raise UnknownKeyError(f"there is no key {name!r}")
    read = {name: KEYS[name].read(value) for name, value in values.items()}
    return replace(base, **cast("dict[str, Any]", read))


def with_preset(base: Definition, name: str) -> Definition:
    """The definition another tool uses: its values over the defaults, calendar, currency and margin as in `base`.

    An unknown preset is an UnknownKeyError.
    """
    if name not in PRESETS:
        raise UnknownKeyError(f"there is no preset {name!r}; known: {', '.join(sorted(PRESETS))}")
    kept = {key.name: getattr(base, key.name) for key in _KEYS if key.group == "calendar"}
    kept |= {"reporting_currency": base.reporting_currency, "gross_margin": base.gross_margin}
    return with_values(replace(DEFAULT, **kept), PRESETS[name])


def as_texts(definition: Definition) -> dict[str, str | int | bool | None]:
    """All values in a form that JSON keeps exactly: fractions and decimals as text."""
    return {item.name: _plain(getattr(definition, item.name)) for item in fields(Definition)}


def differences(before: Definition, after: Definition) -> list[tuple[str, Value, Value]]:
    """(key, value before, value after) of every key that differs, in the order of the keys."""
    pairs = ((key.name, getattr(before, key.name), getattr(after, key.name)) for key in _KEYS)
    return [(name, old, new) for name, old, new in pairs if old != new]


def _plain(value: Value) -> str | int | bool | None:
    return str(value) if isinstance(value, Fraction | Decimal) else value
