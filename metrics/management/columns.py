"""The columns of `manage.py metrics`, in their public order, with what each one says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from metrics.formulas.result import Result, known
from metrics.queries.metric_rows import MetricRow

AMOUNT, RATE, COUNT = "amount", "rate", "count"
Read = Callable[[MetricRow], Result]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of numbers: its kind, its meaning, and where it is read from."""

    name: str
    kind: str
    definition: str
    read: Read

    def of(self, row: MetricRow) -> Result:
        """The value of a row, or the reason why it has none."""
        return self.read(row)


def _span(name: str, part: str, kind: str, definition: str) -> Column:
    def read(row: MetricRow) -> Result:
        return known(getattr(row.span, part))

    return Column(name, kind, definition, read)


def _loss(name: str, part: str, definition: str) -> Column:
    def read(row: MetricRow) -> Result:
        return known(Decimal(getattr(row.span, part)).copy_abs())

    return Column(name, AMOUNT, definition, read)


def _value(name: str, kind: str, definition: str) -> Column:
    def read(row: MetricRow) -> Result:
        return row.values[name]

    return Column(name, kind, definition, read)


_COLUMNS = (
    _span("open_mrr", "opening", AMOUNT, "MRR at the end of open_day"),
    _span("close_mrr", "closing", AMOUNT, "MRR at the end of close_day"),
    _span("open_logos", "open_logos", COUNT, "customers with MRR above 0 at the end of open_day"),
    _span("close_logos", "close_logos", COUNT, "customers with MRR above 0 at the end of close_day"),
    _span("new_mrr", "new", AMOUNT, "MRR of customers that paid for the first time"),
    _span("new_n", "new_n", COUNT, "movements of kind new"),
    _span("reactivation_mrr", "reactivation", AMOUNT, "MRR of customers that had paid before and came back"),
    _span("reactivation_n", "reactivation_n", COUNT, "movements of kind reactivation"),
    _span("expansion_mrr", "expansion", AMOUNT, "increases of customers that paid before and after"),
    _span("expansion_n", "expansion_n", COUNT, "movements of kind expansion"),
    _loss("contraction_mrr", "contraction", "decreases of customers that paid before and after, positive"),
    _span("contraction_n", "contraction_n", COUNT, "movements of kind contraction"),
    _loss("churn_mrr", "churn", "MRR of customers that went to 0, positive"),
    _span("churn_n", "churn_n", COUNT, "movements of kind churn"),
    _span("fx_mrr", "fx", AMOUNT, "what exchange rates alone did: closing - opening - movements"),
    _value("nrr", RATE, "MRR now / MRR then of the customers paying at opening, at closing rates"),
    _value("grr", RATE, "sum of min(then, now) per customer paying at opening / MRR then, at closing rates"),
    _value("nrr_12m", RATE, "MRR now / MRR then of the customers paying twelve months before close_day"),
    _value("grr_12m", RATE, "sum of min(then, now) per customer paying twelve months before / MRR then"),
    _value("gross_mrr_churn_rate", RATE, "(churn + contraction of the opening base) / opening MRR"),
    _value("net_mrr_churn_rate", RATE, "(churn + contraction - expansion of the opening base) / opening MRR"),
    _value(
        "logo_churn_rate", RATE, "customers paying at opening and not at close / customers paying at opening"
    ),
    _value(
        "customer_retention_rate",
        RATE,
        "(paying at close - those of them not paying at opening) / paying at opening",
    ),
    _value("survival_to_date", RATE, "customers paying at close / customers that ever paid"),
    _value("expansion_rate", RATE, "expansion of the opening base / opening MRR"),
    _value(
        "expansion_growth",
        RATE,
        "(expansion - expansion of the period before) / expansion of the period before",
    ),
    _value("arpa_close", AMOUNT, "closing MRR / customers paying at close"),
    _value("quick_ratio", RATE, "(new + expansion + reactivation) / (contraction + churn)"),
    _value("ltv", AMOUNT, "ARPA x gross margin / mean logo churn of the six complete months before"),
    _value(
        "cac",
        AMOUNT,
        "acquisition cost / new paying customers, of the quarter (or `cac_period`) that holds close_day, or of the period where that is longer",
    ),
    _value("ltv_cac", RATE, "LTV / CAC"),
    _value("cac_payback_months", RATE, "CAC / (ARPA of new customers x gross margin)"),
    _value(
        "customer_retention_cost", AMOUNT, "retention cost of the period / mean of daily paying customers"
    ),
    _value(
        "trial_to_paid_rate", RATE, "trials started in the period that have converted since / trials started"
    ),
    _value("nps", RATE, "100 x (promoters - detractors) / n, latest answer per contact in 90 days"),
    _value("nps_low", RATE, "lower limit of the 95 % interval (adjusted Wald)"),
    _value("nps_high", RATE, "upper limit of the 95 % interval (adjusted Wald)"),
    _value("nps_n", COUNT, "answers in nps"),
    _value("csat", RATE, "100 x answers in the two top boxes / n, by the day of sending"),
    _value("csat_n", COUNT, "answers in csat"),
    _value("ces", RATE, "100 x answers agreeing that it was easy / n, by the day of sending"),
    _value("ces_n", COUNT, "answers in ces"),
    _value("survey_response_rate", RATE, "answered / delivered invitations of the period, waves pooled"),
    _value("dau_mean", RATE, "mean daily product users of 30 days to close_day"),
    _value("mau", COUNT, "distinct product users of 30 days to close_day"),
    _value("stickiness", RATE, "mean daily product users of 30 days / MAU"),
    _value(
        "time_to_value_median_days",
        RATE,
        "median days from the first paid day to the first value event (Kaplan-Meier)",
    ),
    _value("activation_rate", RATE, "customers activated in time / new customers whose window has ended"),
    _value("fcr_rate", RATE, "tickets solved with one answer, not passed on, not reopened / solved tickets"),
    _value(
        "repeat_purchase_rate",
        RATE,
        "customers with two or more orders / customers with an order, ever, up to close_day",
    ),
    _value("one_time_revenue", AMOUNT, "orders of the period that were not refunded"),
    _value("arpu_revenue", AMOUNT, "order revenue of the period / mean of daily paying customers"),
)
COLUMNS: Mapping[str, Column] = {column.name: column for column in _COLUMNS}
DAYS: Mapping[str, str] = {
    "month": "first day of the period",
    "open_day": "the local day before the period; its end is the opening",
    "close_day": "last local day of the period, or the day of the report while it runs",
}
INCOMPLETE = "whether the period's last local day is not over"
HEADER = [*DAYS, *COLUMNS, "incomplete"]
