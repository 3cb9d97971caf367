"""A metric split by a field of customers: revenue by dated values, the rest by who is in a part today."""

from collections.abc import Collection
from dataclasses import dataclass

from customers.models import CustomField
from metrics.formulas.money import ZERO
from metrics.formulas.money import total as exact_sum
from metrics.formulas.periods import Period
from metrics.formulas.result import Result, known, ratio
from metrics.queries.metric_answers import IN_SPANS, REVENUE, answers_of, lead_of
from metrics.queries.metric_values import RATES, WORTH
from metrics.queries.questions import Question
from metrics.queries.segments import UNKNOWN, groups_by, segment_spans
from metrics.queries.spans import Span
from metrics.views import formats
from metrics.views.frame import Frame

FIELDS = (
    ("plan", "Plan"),
    ("tier", "Tier"),
    ("segment", "Segment"),
    ("industry", "Industry"),
    ("region", "Region"),
    ("csm_email", "CSM"),
    ("lifecycle_phase", "Lifecycle phase"),
)
MOST_PARTS = 24  # of a number that needs a query per part; the rest is one line
SUMMED_UNITS = frozenset({"money", "count"})
MEANS = frozenset(
    {
        "arpa_close", "asp", "steady_state_customers", "ltv", "ltv_revenue", "ltv_cac_gain", "cac", "arpu_revenue",
        "customer_retention_cost", "net_customer_value", "clv_retail", "nps_changed",
    }
)  # fmt: skip


@dataclass(frozen=True)
class SplitLine:
    """One part, or the whole."""

    name: str
    value: str
    exact: str
    numerator: str
    denominator: str
    customers: int | None


def field_choices() -> list[tuple[str, str]]:
    """Fields a number can be split by, custom fields last."""
    own = CustomField.objects.order_by("label").values_list("key", "label")
    return [*FIELDS, *((f"cf_{key}", label) for key, label in own)]


def split_of(frame: Frame, key: str, period: Period, field: str) -> tuple[list[SplitLine], list[SplitLine]]:
    """The parts, largest first, customers without a value as "unknown"; and what they add up to, where that says something, with the whole."""
    results = _results(frame, key, period, field)
    (whole,) = answers_of(frame.question([period]), keys=[key])
    lines = [_line(frame, key, name, result, size) for name, (result, size) in results.items()]
    lines.sort(key=lambda line: (line.name == UNKNOWN, line.name))
    parts = _sum_of(frame, key, [result for result, _ in results.values()])
    return lines, [*([parts] if parts else []), _line(frame, key, "All", whole[lead_of(key)], None)]


def _sum_of(frame: Frame, key: str, results: Collection[Result]) -> SplitLine | None:
    """What the parts add up to: numerators and denominators of ratios, else amounts and counts; None for the rest."""
    if results and all(result.denominator is not None for result in results):
        top = exact_sum(result.numerator or ZERO for result in results)
        bottom = exact_sum(result.denominator or ZERO for result in results)
        return _line(frame, key, "Sum of the parts", ratio(top, bottom), None)
    is_sum = formats.unit_of(key) in SUMMED_UNITS and key not in MEANS
    if not is_sum or any(result.value is None for result in results):
        return None
    whole = exact_sum(result.value or ZERO for result in results)
    return _line(frame, key, "Sum of the parts", known(whole), None)


def _results(frame: Frame, key: str, period: Period, field: str) -> dict[str, tuple[Result, int | None]]:
    lead = lead_of(key)
    mine = frame.question([period])
    if lead in RATES | WORTH | IN_SPANS or lead in REVENUE:
        spans = segment_spans(
            field,
            [period],
            as_of=frame.as_of,
            customers=frame.ids,
            definition=frame.definition,
            known_at=frame.known_at,
        )
        groups = _groups(frame, field)
        return {
            name: (
                _answer(mine, lead, groups.get(name, []), name, [span]),
                span.close_logos,
            )
            for name, (span,) in spans.items()
        }
    groups = _groups(frame, field)
    largest = sorted(groups, key=lambda name: -len(groups[name]))[:MOST_PARTS]
    return {name: (_answer(mine, lead, groups[name], name, None), len(groups[name])) for name in largest}


def _groups(frame: Frame, field: str) -> dict[str, list[int]]:
    """Who is in which part today, within the book."""
    groups = groups_by(field)
    if frame.book is None:
        return groups
    mine = set(frame.book.values_list("pk", flat=True))
    found = {name: [pk for pk in ids if pk in mine] for name, ids in groups.items()}
    return {name: ids for name, ids in found.items() if ids}


def _answer(mine: Question, key: str, ids: list[int], name: str, spans: list[Span] | None) -> Result:
    question = Question(mine.periods, mine.as_of, mine.definition, ids, name, mine.known_at)
    return answers_of(question, keys=[key], spans=spans)[0][key]


def _line(frame: Frame, key: str, name: str, result: Result, size: int | None) -> SplitLine:
    return SplitLine(
        name=name,
        value=formats.shown(key, result.value, frame.currency)
        if result.value is not None
        else f"n/a: {formats.why(result)}",
        exact=formats.exact(result.value),
        numerator=formats.short(result.numerator),
        denominator=formats.short(result.denominator),
        customers=size,
    )
