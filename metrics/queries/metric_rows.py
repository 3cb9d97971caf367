"""One row of all metrics per period: the columns of `manage.py metrics`, each a value or the reason why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q

from accounts.queries import organisation
from customers.models import Ticket
from metrics.formulas import (
    acquisition,
    churn,
    conversion,
    growth,
    lifetime,
    retention,
    satisfaction,
    support,
)
from metrics.formulas.periods import Period, add_months, month_number, month_of, month_period, months_between
from metrics.formulas.result import Result, known, unknown
from metrics.models import CompanyMonth, LineSegment
from metrics.queries import answers, definitions, usage_windows
from metrics.queries.invitations import invitations_in, start_of
from metrics.queries.spans import Span, month_spans, spans_for
from metrics.queries.usage_windows import Ids, within

CHURN_MONTHS = 6  # complete months whose mean churn is in the lifetime value
YEAR = 12  # months of history that 12-month metrics need
NOT_RECORDED = unknown("not_configured")  # the facts of these metrics are not kept yet
NO_ORDERS = unknown("no_data")


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A period with its values; `incomplete` while its last local day is not over."""

    span: Span
    values: Mapping[str, Result]
    incomplete: bool

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
    net_months: bool = False,
) -> list[MetricRow]:
    """Rows of the periods in order, as known now, with nothing after the day `as_of`.

    A period is complete when its last day is not after `complete_to`. `net_months` gives movements between month ends.
    """
    if not periods:
        return []
    definition = definitions.current()
    if net_months:
        definition = replace(definition, movement_grain="month")
    spans = spans_for(periods, as_of=as_of, customers=customers, definition=definition)
    months = _churn_by_month(spans, customers=customers)
    before = [_span_before(periods[0], customers=customers), *spans[:-1]]
    history = CompanyMonth.objects.order_by("month").values_list("month", flat=True).first()
    zone = organisation.zone()
    rows = []
    for span, last in zip(spans, before, strict=True):
        values = {
            **_revenue(span, last, history),
            **_lifetime(span, months),
            **_surveys(span, zone, customers),
            **_usage(span, customers),
            **_service(span, zone, as_of, customers),
        }
        rows.append(MetricRow(span, values, incomplete=span.period.last_day > complete_to))
    return rows


def _span_before(first: Period, *, customers: Ids) -> Span:
    """The period of the same length before the first one: what its growth is measured against."""
    length = month_number(first.end) - month_number(first.start)
    earlier = Period(add_months(first.start, -length), first.start)
    return spans_for([earlier], as_of=earlier.last_day, customers=customers)[0]


def _churn_by_month(spans: Sequence[Span], *, customers: Ids) -> dict[date, Result]:
    """Logo churn of every month that a lifetime value of these spans looks at; before all history nothing."""
    first = add_months(month_of(spans[0].close_on), -CHURN_MONTHS)
    last = add_months(month_of(spans[-1].close_on), -1)
    periods = [month_period(month) for month in months_between(first, last)]
    stored = month_spans(periods, close_days=[period.last_day for period in periods], customers=customers)
    return {
        span.period.start: churn.logo_churn_rate(opening=span.open_logos, lost=span.lost_logos)
        for span in stored
    }


def _revenue(span: Span, last: Span, history: date | None) -> dict[str, Result]:
    flows = {"opening": span.opening, "churn": span.base_churn, "contraction": span.base_contraction}
    joined = span.close_logos - (span.open_logos - span.lost_logos)
    young = history is None or month_of(span.close_on) < add_months(history, YEAR)
    immature = unknown("immature")
    return {
        "nrr": retention.nrr_of_sums(opening=span.opening_at_close, closing_of_base=span.now_of_base),
        "grr": retention.grr_of_sums(opening=span.opening_at_close, kept_of_base=span.kept),
        "nrr_12m": immature
        if young
        else retention.nrr_of_sums(opening=span.then_12m, closing_of_base=span.now_12m),
        "grr_12m": immature
        if young
        else retention.grr_of_sums(opening=span.then_12m, kept_of_base=span.kept_12m),
        "gross_mrr_churn_rate": churn.gross_mrr_churn_rate(**flows),
        "net_mrr_churn_rate": churn.net_mrr_churn_rate(**flows, expansion=span.base_expansion),
        "logo_churn_rate": churn.logo_churn_rate(opening=span.open_logos, lost=span.lost_logos),
        "customer_retention_rate": retention.customer_retention_rate(
            start=span.open_logos, end=span.close_logos, new=joined
        ),
        "survival_to_date": retention.survival_to_date(paying=span.close_logos, ever_paid=span.ever_paid),
        "expansion_rate": growth.expansion_rate(opening=span.opening, expansion=span.base_expansion),
        "expansion_growth": growth.expansion_growth(last=last.expansion, this=span.expansion),
        "arpa_close": growth.arpa_close(mrr=span.closing, paying=span.close_logos),
        "quick_ratio": growth.quick_ratio(
            new=span.new,
            expansion=span.expansion,
            reactivation=span.reactivation,
            contraction=span.contraction.copy_abs(),
            churn=span.churn.copy_abs(),
        ),
    }


def _lifetime(span: Span, months: Mapping[date, Result]) -> dict[str, Result]:
    closing = month_of(span.close_on)
    rates = [
        months[month] for month in sorted(months) if add_months(closing, -CHURN_MONTHS) <= month < closing
    ]
    arpa = growth.arpa_close(mrr=span.closing, paying=span.close_logos)
    ltv = lifetime.ltv(arpa=arpa, churn=lifetime.mean_churn(rates, months=CHURN_MONTHS))
    cac = acquisition.cac(spend=None, new_customers=span.new_n)
    asp = growth.asp(new_mrr=span.new, new_customers=span.new_n)
    return {
        "ltv": ltv,
        "cac": cac,
        "ltv_cac": acquisition.ltv_cac(ltv=ltv, cac=cac),
        "cac_payback_months": acquisition.cac_payback_months(cac=cac, arpa=asp),
        "customer_retention_cost": acquisition.customer_retention_cost(
            spend=None, customers=span.close_logos
        ),
        "one_time_revenue": NOT_RECORDED,
        "arpu_revenue": NOT_RECORDED,
        "repeat_purchase_rate": NO_ORDERS,
    }


def _surveys(span: Span, zone: ZoneInfo, customers: Ids) -> dict[str, Result]:
    closed = Period(span.period.start, min(span.period.end, _day_after(span.close_on)))
    nps = answers.nps_at(span.close_on, zone=zone, customers=customers)
    csat = answers.csat_in(closed, zone=zone, customers=customers)
    ces = answers.ces_in(closed, zone=zone, customers=customers)
    interval = nps.interval
    funnel = invitations_in(closed, zone=zone, customers=customers)
    return {
        "nps": nps.result,
        "nps_low": known(interval.low) if interval else unknown("no_data"),
        "nps_high": known(interval.high) if interval else unknown("no_data"),
        "nps_n": known(nps.n),
        "csat": csat.result,
        "csat_n": known(csat.n),
        "ces": ces.result,
        "ces_n": known(ces.n),
        "survey_response_rate": satisfaction.survey_response_rate(
            completed=funnel.completed, delivered=funnel.delivered
        ),
    }


def _usage(span: Span, customers: Ids) -> dict[str, Result]:
    monthly = usage_windows.mau(span.close_on, customers=customers)
    return {
        "dau_mean": usage_windows.dau_mean(span.close_on, customers=customers),
        "mau": unknown("no_data") if monthly is None else known(monthly),
        "stickiness": usage_windows.stickiness(span.close_on, customers=customers),
    }


def _service(span: Span, zone: ZoneInfo, as_of: date, customers: Ids) -> dict[str, Result]:
    return {
        "trial_to_paid_rate": _trials(span, as_of, customers),
        "time_to_value_median_days": NOT_RECORDED,
        "activation_rate": NOT_RECORDED,
        "fcr_rate": _first_contact(span, zone, customers),
    }


def _trials(span: Span, as_of: date, customers: Ids) -> Result:
    """Trials that started in the span and have paid by `as_of`. Source: section 17."""
    started = within(
        LineSegment.objects.filter(
            state="trialing", from_on__gte=span.period.start, from_on__lte=span.close_on
        ),
        customers,
    )
    paid = started.filter(
        subscription__segments__mrr__gt=0,
        subscription__segments__from_on__gt=F("from_on"),
        subscription__segments__from_on__lte=as_of,
    )
    return conversion.trial_to_paid_rate(
        trials_started=started.values("customer_id").distinct().count(),
        converted_of_those=paid.values("customer_id").distinct().count(),
    )


def _first_contact(span: Span, zone: ZoneInfo, customers: Ids) -> Result:
    """Tickets solved in the span with one answer, not reopened, not passed on; unknown numbers of answers are left out."""
    start, end = start_of(span.period.start, zone), start_of(_day_after(span.close_on), zone)
    solved = within(Ticket.objects.current().filter(solved_at__gte=start, solved_at__lt=end), customers)
    found = solved.filter(agent_replies__isnull=False).aggregate(
        solved=Count("pk"),
        first=Count("pk", filter=Q(agent_replies__lte=1, reopened=0, transferred=False)),
    )
    return support.fcr_rate(solved_first=found["first"], solved=found["solved"])


def _day_after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)
