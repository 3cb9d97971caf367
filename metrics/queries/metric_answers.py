"""Every number of the catalogue for a page: what the metric queries answer, and the few that are answered here."""

from collections.abc import Collection, Sequence

from metrics.catalog import METRICS
from metrics.catalog.parts import LEADS
from metrics.formulas.money import total
from metrics.formulas.result import Result, known, unknown
from metrics.queries.engagement import feature_adoption
from metrics.queries.metric_values import KNOWN, MONEY, values_of
from metrics.queries.questions import Question, Values
from metrics.queries.spans import Span, spans_for

NOT_CONFIGURED = unknown("not_configured")
IN_SPANS = frozenset({"churn_by_kind", "transfers"})  # read from the parts of a span
TABLES = frozenset(
    {"plan_movements", "cohort_table", "book_results"}
)  # shown as tables only, never one number
REVENUE = MONEY | IN_SPANS


def lead_of(name: str) -> str:
    """The key whose value stands for a metric: its own, or that of a part where it is several numbers."""
    if name in LEADS:
        return LEADS[name]
    metric = METRICS.get(name)
    if metric is None or name in KNOWN or name in IN_SPANS:
        return name
    return next((part for part in metric.parts if part in KNOWN), name)


def keys_of(name: str) -> list[str]:
    """The leading number of a metric and those given with it."""
    lead = lead_of(name)
    return [] if name in TABLES else [lead, *(part for part in METRICS[name].parts if part != lead)]


def answers_of(
    question: Question, *, keys: Collection[str], spans: Sequence[Span] | None = None
) -> list[Values]:
    """The asked numbers of each period in order; tables are not among them."""
    wanted = {lead_of(key) for key in keys} - TABLES
    if spans is None and wanted & REVENUE:
        spans = spans_for(
            question.periods,
            as_of=question.as_of,
            customers=question.customers,
            definition=question.definition,
        )
    rows: list[Values] = [{} for _ in question.periods]
    if inside := wanted & KNOWN:
        rows = values_of(question, keys=inside, spans=spans)
    for number, row in enumerate(rows):
        span = spans[number] if spans is not None else None
        row.update({key: _other(question, key, number, span) for key in wanted - KNOWN})
    return rows


def _other(question: Question, key: str, number: int, span: Span | None) -> Result:
    if span is not None and key == "churn_by_kind":
        return known(span.churn.copy_abs())
    if span is not None and key == "transfers":
        return known(total((span.transfer_in, span.transfer_out)))
    if key == "feature_adoption":
        day = question.close_on(question.periods[number])
        return next(iter(feature_adoption(question, day=day).values()), unknown("no_data"))
    return NOT_CONFIGURED
