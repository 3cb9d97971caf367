"""One row of metrics per period: the columns of `manage.py metrics`, each a value or the reason why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from metrics.formulas.definition import Definition
from metrics.formulas.periods import Period
from metrics.formulas.result import Result
from metrics.queries import definitions
from metrics.queries.activation import maturing_until
from metrics.queries.metric_values import ORDERS, RATES, WORTH, values_of
from metrics.queries.questions import Question
from metrics.queries.spans import Span, spans_for
from metrics.queries.usage_windows import Ids

SHOWN = RATES | WORTH | ORDERS | {
    "cac", "ltv_cac", "cac_payback_months", "customer_retention_cost", "trial_to_paid_rate", "nps", "csat", "ces",
    "survey_response_rate", "dau_mean", "mau", "stickiness", "time_to_value_median_days", "activation_rate", "fcr_rate",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A period with its values; `incomplete` while its last local day is not over.

    `maturing` names the metrics that can still grow by what is already under way, such as open trials.
    """

    span: Span
    values: Mapping[str, Result]
    incomplete: bool
    maturing: frozenset[str] = frozenset()

    @property
    def period(self) -> Period:
        """The period of the row."""
        return self.span.period


def metric_rows(
    periods: Sequence[Period],
    *,
    as_of: date,
    complete_to: date,
    customers: Ids = None,
    definition: Definition | None = None,
    segment: str | None = None,
    spans: Sequence[Span] | None = None,
    known_at: datetime | None = None,
) -> list[MetricRow]:
    """Rows of the periods in order, with nothing after the day `as_of`, as known now or at `known_at`.

    A period is complete when its last day is not after `complete_to`. `definition` is the one in force unless given.
    `segment` names the segment that `customers` are, whose costs count, and `spans` are its spans by dated values.
    """
    if not periods:
        return []
    chosen = definition or definitions.current()
    question = Question(periods, as_of, chosen, customers, segment, known_at)
    if spans is None:
        spans = spans_for(periods, as_of=as_of, customers=customers, definition=chosen)
    rows = values_of(question, keys=SHOWN, spans=spans)
    return [
        MetricRow(
            span,
            values,
            incomplete=span.period.last_day > complete_to,
            maturing=_maturing(question, span.period, values),
        )
        for span, values in zip(spans, rows, strict=True)
    ]


def _maturing(question: Question, period: Period, values: Mapping[str, Result]) -> frozenset[str]:
    """Metrics of the period that what is under way can still change. Source: T-12."""
    found = set()
    if values["trials_pending"].value:
        found.add("trial_to_paid_rate")
    if maturing_until(question, period) > question.as_of:
        found.add("activation_rate")
    share = values["value_reached_share"].value
    if share is not None and share < 1:
        found.add("time_to_value_median_days")
    if period.last_day + timedelta(days=question.definition.fcr_reopen_days) > question.as_of:
        found.add("fcr_rate")
    return frozenset(found)
