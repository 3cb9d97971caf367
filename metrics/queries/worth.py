"""What a customer is worth over its life, under the method of the definition (section 13)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from metrics.formulas import churn, growth, lifetime, retention
from metrics.formulas.definition import Definition
from metrics.formulas.money import CONTEXT
from metrics.formulas.periods import add_months, month_of, month_period, months_between
from metrics.formulas.result import Result, unknown
from metrics.queries.questions import Question, Values
from metrics.queries.spans import Span, month_spans

NOT_CONFIGURED = unknown("not_configured")


@dataclass(frozen=True, slots=True)
class Month:
    """What a complete month says of lifetimes: the share of customers lost and the share of MRR kept."""

    churn: Result
    kept: Result


def lifetime_metrics(question: Question, *, spans: Sequence[Span]) -> list[Values]:
    """Lifetime values: `ltv` under `ltv_method` with the margin of the definition, and `ltv_revenue` on revenue alone, per period.

    Both look at the `ltv_churn_months` complete months before the month of the close; fewer than three: immature.
    `realised` needs invoiced revenue, `discounted` a discount rate: not_configured.
    """
    if not spans:
        return []
    months = months_before(question, spans)
    definition = question.definition
    return [
        {
            "ltv": ltv_of(span, _lookback(span, months, definition), definition, definition.gross_margin),
            "ltv_revenue": ltv_of(span, _lookback(span, months, definition), definition, Decimal(1)),
        }
        for span in spans
    ]


def months_before(question: Question, spans: Sequence[Span]) -> Mapping[date, Month]:
    """Every month that a lifetime value of these spans looks at; before all history nothing."""
    first = add_months(month_of(spans[0].close_on), -question.definition.ltv_churn_months)
    last = add_months(month_of(spans[-1].close_on), -1)
    periods = [month_period(month) for month in months_between(first, last)]
    stored = month_spans(
        periods, close_days=[period.last_day for period in periods], customers=question.customers
    )
    return {
        span.period.start: Month(
            churn=churn.logo_churn_rate(opening=span.open_logos, lost=span.lost_logos),
            kept=retention.nrr_of_sums(opening=span.opening_at_close, closing_of_base=span.now_of_base),
        )
        for span in stored
    }


def _lookback(span: Span, months: Mapping[date, Month], definition: Definition) -> list[Month]:
    closing = month_of(span.close_on)
    first = add_months(closing, -definition.ltv_churn_months)
    return [months[month] for month in sorted(months) if first <= month < closing]


def ltv_of(span: Span, months: Sequence[Month], definition: Definition, margin: Decimal) -> Result:
    """Under `ltv_method`, from the ARPA of a span and the months before it."""
    arpa = growth.arpa_close(mrr=span.closing, paying=span.close_logos)
    count = definition.ltv_churn_months
    rate = lifetime.mean_churn([month.churn for month in months], months=count)
    if definition.ltv_method == "realised":
        return NOT_CONFIGURED
    if definition.ltv_method == "arpa_over_churn" or arpa.value is None:
        return lifetime.ltv(arpa=arpa, churn=rate, gross_margin=margin, cap_months=definition.ltv_cap_months)
    profit = CONTEXT.multiply(arpa.value, margin)
    if definition.ltv_method == "discounted":
        return _discounted(profit, rate, definition.ltv_discount)
    return _net(profit, lifetime.mean_churn([month.kept for month in months], months=count))


def _discounted(profit: Decimal, rate: Result, discount: Decimal | None) -> Result:
    if discount is None:
        return NOT_CONFIGURED
    if rate.value is None:
        return rate
    return lifetime.ltv_discounted(arpa=profit, churn=rate.value, discount=discount)


def _net(profit: Decimal, kept: Result) -> Result:
    """ARPA / (1 - MRR kept a month); where expansion outweighs all losses nothing runs out: no_churn."""
    if kept.value is None:
        return kept
    if kept.value > 1:
        return unknown("no_churn")
    return lifetime.ltv_net_retention(arpa=profit, monthly_retention=kept.value)
