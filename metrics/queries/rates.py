"""Every revenue rate of periods as the definition says: churn, retention, averages and growth (sections 10 to 12)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from metrics.formulas import churn, growth, mrr, retention
from metrics.formulas.definition import Definition
from metrics.formulas.money import total
from metrics.formulas.periods import (
    Period,
    add_months,
    month_number,
    month_of,
    months_ago,
    months_between,
    trailing,
)
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.models import CompanyMonth
from metrics.queries.paying import Counts, counts_until
from metrics.queries.questions import Question, Values, day_after
from metrics.queries.spans import YEAR, Span, read_spans, reading_of, spans_for

STRIPE_DAYS = 30
OF_YEAR = ("nrr_12m", "grr_12m", "logo_retention_12m")
IMMATURE = unknown("immature")


def rate_metrics(question: Question, *, spans: Sequence[Span]) -> list[Values]:
    """Revenue, churn, retention, averages and growth of each period; `spans` belong to the same periods.

    What looks back twelve months needs twelve months of history: immature.
    """
    if not spans:
        return []
    before = [_span_before(question), *spans[:-1]]
    rows = [_plain(span, last, question.definition) for span, last in zip(spans, before, strict=True)]
    for values, churned, kept in zip(rows, _churn(question, spans), _retention(question, spans), strict=True):
        values.update({**churned, **kept})
    return rows


def history_start() -> date | None:
    """The first month anybody paid in."""
    return CompanyMonth.objects.order_by("month").values_list("month", flat=True).first()


def _span_before(question: Question) -> Span:
    """The period of the same length before the first one: what its growth is measured against."""
    first = question.periods[0]
    length = month_number(first.end) - month_number(first.start)
    earlier = Period(add_months(first.start, -length), first.start)
    return spans_for(
        [earlier], as_of=earlier.last_day, customers=question.customers, definition=question.definition
    )[0]


def _plain(span: Span, last: Span, definition: Definition) -> Values:
    """What comes straight from the parts of a span, the same under every churn and retention formula but one key."""
    joined = span.close_logos - (span.open_logos - span.lost_logos)
    moved = (span.new, span.reactivation, span.expansion, span.contraction, span.churn)
    return {
        "mrr": known(span.closing),
        "arr": known(mrr.arr(span.closing)),
        "paying_customers": known(span.close_logos),
        "net_new_mrr": known(total(moved)),
        "mrr_growth": growth.mrr_growth(before=span.opening, after=span.closing),
        "customer_growth": growth.customer_growth(before=span.open_logos, after=span.close_logos),
        "customer_retention_rate": retention.customer_retention_rate(
            start=span.open_logos, end=span.close_logos, new=joined
        ),
        "survival_to_date": retention.survival_to_date(paying=span.close_logos, ever_paid=span.ever_paid),
        "expansion_rate": growth.expansion_rate(opening=span.opening, expansion=span.base_expansion),
        "expansion_growth": growth.expansion_growth(last=last.expansion, this=span.expansion),
        "arpa_close": growth.arpa_close(mrr=span.closing, paying=span.close_logos),
        "asp": growth.asp(new_mrr=span.new, new_customers=span.new_n),
        "quick_ratio": growth.quick_ratio(
            new=span.new,
            expansion=span.expansion,
            reactivation=span.reactivation,
            contraction=span.contraction.copy_abs(),
            churn=span.churn.copy_abs(),
            includes_reactivation=definition.quick_ratio_includes_reactivation,
        ),
    }


def _churn(question: Question, spans: Sequence[Span]) -> list[Values]:
    logos = _logo_churn(question, spans)
    money = _mrr_churn(question, spans)
    rows: list[Values] = []
    for span, rate, (gross, net) in zip(spans, logos, money, strict=True):
        plain = churn.logo_churn_rate(opening=span.open_logos, lost=span.lost_logos)
        rows.append(
            {
                "logo_churn_rate": rate,
                "gross_mrr_churn_rate": gross,
                "net_mrr_churn_rate": net,
                "annual_churn": _annual(span, plain),
                "customer_lifetime": _lifetime(plain),
                "steady_state_customers": _steady(span, plain),
            }
        )
    return rows


def _mrr_churn(question: Question, spans: Sequence[Span]) -> list[tuple[Result, Result]]:
    """(gross, net) MRR churn of each span under `mrr_churn_formula`."""
    definition = question.definition
    if definition.mrr_churn_formula != "daily_sum":
        return [(gross_mrr_churn(span, definition), net_mrr_churn(span, definition)) for span in spans]
    days = [_days_of(span) for span in spans]
    read = iter(_read(question, [day for listed in days for day in listed]))
    return [_summed_by_day([next(read) for _ in listed]) for listed in days]


def _days_of(span: Span) -> list[Period]:
    count = (span.close_on - span.period.start).days + 1
    return [trailing(span.period.start + timedelta(days=step), 1) for step in range(count)]


def _summed_by_day(days: Sequence[Span]) -> tuple[Result, Result]:
    """Losses of each day / its start, at the factors of the day, so that rates lose nothing."""
    losses = [(day.opening_at_close, total([day.base_churn, day.base_contraction])) for day in days]
    nets = [
        (day.opening_at_close, total([day.opening_at_close, day.new, day.closing.copy_negate()]))
        for day in days
    ]
    return churn.daily_sum(losses), churn.daily_sum(nets)


def gross_mrr_churn(span: Span, definition: Definition) -> Result:
    """Under `mrr_churn_formula`, daily sums apart."""
    formula = definition.mrr_churn_formula
    if formula == "all_flows":
        return churn.gross_mrr_churn_all_flows(
            opening=span.opening, churn=span.churn.copy_abs(), contraction=span.contraction.copy_abs()
        )
    if formula == "churn_only":
        return churn.gross_mrr_churn_only(opening=span.opening, churn=span.base_churn)
    return churn.gross_mrr_churn_rate(
        opening=span.opening, churn=span.base_churn, contraction=span.base_contraction
    )


def net_mrr_churn(span: Span, definition: Definition) -> Result:
    """The losses of `mrr_churn_formula` less expansion, and less reactivation where the definition says so."""
    formula = definition.mrr_churn_formula
    every = formula == "all_flows"
    lost, shrunk = (
        (span.churn.copy_abs(), span.contraction.copy_abs())
        if every
        else (span.base_churn, span.base_contraction)
    )
    return churn.net_mrr_churn_rate(
        opening=span.opening,
        churn=lost,
        contraction=Decimal(0) if formula == "churn_only" else shrunk,
        expansion=span.expansion if every else span.base_expansion,
        reactivation=span.reactivation if definition.net_churn_includes_reactivation else Decimal(0),
    )


def _logo_churn(question: Question, spans: Sequence[Span]) -> list[Result]:
    """Logo churn of each span under `logo_churn_formula`."""
    formula = question.definition.logo_churn_formula
    if formula in {"stripe_30d", "daily_sum"}:
        counts = counts_until(max(span.close_on for span in spans), customers=question.customers)
        read = _stripe if formula == "stripe_30d" else _daily_sum
        return [read(counts, span) for span in spans]
    if formula == "all_in_period":
        return [_all_in_period(span) for span in _with_joined(question, spans)]
    return [_of_span(span, formula) for span in spans]


def _of_span(span: Span, formula: str) -> Result:
    if formula == "average_base":
        return churn.logo_churn_rate_average_base(
            opening=span.open_logos, closing=span.close_logos, lost=span.lost_logos
        )
    if formula == "events":
        return churn.logo_churn_rate_events(opening=span.open_logos, churn_events=span.churn_n)
    return churn.logo_churn_rate(opening=span.open_logos, lost=span.lost_logos)


def _stripe(counts: Counts, span: Span) -> Result:
    window = trailing(span.close_on, STRIPE_DAYS)
    return churn.logo_churn_rate_stripe_30d(
        churn_events=_inside(counts.went, window),
        paying_30_days_ago=counts.paying_on(window.opening_day),
        new_since=_inside(counts.came, window),
    )


def _daily_sum(counts: Counts, span: Span) -> Result:
    return churn.daily_sum(counts.starts_and_losses(Period(span.period.start, day_after(span.close_on))))


def _inside(days: Mapping[date, int], window: Period) -> int:
    return sum(number for day, number in days.items() if window.start <= day < window.end)


def _with_joined(question: Question, spans: Sequence[Span]) -> Sequence[Span]:
    """The same spans with who joined inside them; stored months do not say."""
    if all(span.joined_logos is not None for span in spans):
        return spans
    return read_spans(
        [span.period for span in spans],
        close_days=[span.close_on for span in spans],
        customers=question.customers,
        reading=reading_of(question.definition),
    )


def _all_in_period(span: Span) -> Result:
    joined, gone = span.joined_logos or 0, span.joined_lost_logos or 0
    return churn.logo_churn_rate_all_in_period(
        opening=span.open_logos, new=joined, reactivated=0, not_paying_at_close=span.lost_logos + gone
    )


def _annual(span: Span, rate: Result) -> Result:
    """A whole month's churn over twelve, another span's by its days; a churn without a value passes its reason on."""
    if rate.value is None:
        return rate
    months = month_number(span.period.end) - month_number(span.period.start)
    if months == 1 and span.close_on == span.period.last_day:
        return known(churn.annual_churn(rate=rate.value))
    days = Period(span.period.start, day_after(span.close_on)).days
    return known(churn.annual_churn(rate=rate.value, days=days))


def _lifetime(rate: Result) -> Result:
    return rate if rate.value is None else ratio(1, rate.value, if_zero="no_churn")


def _steady(span: Span, rate: Result) -> Result:
    """Customers added in the period / its churn: the number at which both are equal."""
    if rate.value is None:
        return rate
    return growth.steady_state_customers(
        adds_per_month=span.new_n + span.reactivation_n, monthly_churn=rate.value
    )


def _retention(question: Question, spans: Sequence[Span]) -> list[Values]:
    history = history_start()
    method = question.definition.nrr_method
    read = {"flows": _by_flows, "chained": _chained}.get(method, _by_ends)
    rows = read(question, spans)
    for span, values in zip(spans, rows, strict=True):
        if history is None or month_of(span.close_on) < add_months(history, YEAR):
            values.update(dict.fromkeys(OF_YEAR, IMMATURE))
    return rows


def _by_ends(_question: Question, spans: Sequence[Span]) -> list[Values]:
    return [
        {
            "nrr": retention.nrr_of_sums(opening=span.opening_at_close, closing_of_base=span.now_of_base),
            "grr": retention.grr_of_sums(opening=span.opening_at_close, kept_of_base=span.kept),
            "nrr_12m": retention.nrr_of_sums(opening=span.then_12m, closing_of_base=span.now_12m),
            "grr_12m": retention.grr_of_sums(opening=span.then_12m, kept_of_base=span.kept_12m),
            "logo_retention_12m": ratio(span.kept_logos_12m, span.logos_12m),
        }
        for span in spans
    ]


def _by_flows(question: Question, spans: Sequence[Span]) -> list[Values]:
    """Flows of the opening base over the period, and over the twelve months to its close."""
    years = _read(question, [_stretch(span.close_on, YEAR) for span in spans])
    return [
        {
            "nrr": _nrr_flows(span),
            "grr": _grr_flows(span),
            "nrr_12m": _nrr_flows(year),
            "grr_12m": _grr_flows(year),
            "logo_retention_12m": ratio(span.kept_logos_12m, span.logos_12m),
        }
        for span, year in zip(spans, years, strict=True)
    ]


def _chained(question: Question, spans: Sequence[Span]) -> list[Values]:
    """Products of the flows of single months: those of the period, and the twelve to its close."""
    own, year = [_months_of(span) for span in spans], [_steps(span) for span in spans]
    wanted = sorted({step for listed in (*own, *year) for step in listed})
    read = dict(zip(wanted, _read(question, wanted), strict=True))
    rows: list[Values] = []
    for span, inside, back in zip(spans, own, year, strict=True):
        rows.append(
            {
                "nrr": retention.nrr_chained(_nrr_flows(read[month]) for month in inside),
                "grr": retention.nrr_chained(_grr_flows(read[month]) for month in inside),
                "nrr_12m": retention.nrr_chained(_nrr_flows(read[month]) for month in back),
                "grr_12m": retention.nrr_chained(_grr_flows(read[month]) for month in back),
                "logo_retention_12m": ratio(span.kept_logos_12m, span.logos_12m),
            }
        )
    return rows


def _months_of(span: Span) -> list[Period]:
    """The calendar months of a span, the last one up to the close."""
    end = day_after(span.close_on)
    return [
        Period(month, min(add_months(month, 1), end))
        for month in months_between(span.period.start, span.close_on)
    ]


def _steps(span: Span) -> list[Period]:
    """Twelve months, each a stretch of its own, to the close of a span."""
    edges = [months_ago(span.close_on, back) for back in range(YEAR, -1, -1)]
    return [Period(day_after(first), day_after(last)) for first, last in pairwise(edges)]


def _stretch(close_on: date, months: int) -> Period:
    return Period(day_after(months_ago(close_on, months)), day_after(close_on))


def _read(question: Question, periods: Sequence[Period]) -> list[Span]:
    return read_spans(
        periods,
        close_days=[period.last_day for period in periods],
        customers=question.customers,
        reading=reading_of(question.definition),
    )


def _nrr_flows(span: Span) -> Result:
    return retention.nrr_flows(**_flows(span), expansion=span.base_expansion)


def _grr_flows(span: Span) -> Result:
    return retention.grr_flows(**_flows(span))


def _flows(span: Span) -> dict[str, Any]:
    return {"opening": span.opening, "contraction": span.base_contraction, "churn": span.base_churn}
