"""Random companies under random definitions: identities, kinds and rates, and an independent recount of every row."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

import pytest
from hypothesis import given

from metrics.formulas import churn, retention
from metrics.formulas.money import total
from metrics.formulas.periods import month_period, period_of, periods_between
from metrics.models import CompanyMonth, LineSegment, Movement
from metrics.queries.spans import MOVED, PARTS, month_spans, read_spans
from tests.factories.filled_ledgers import companies, company_parts, differences, fill
from tests.factories.random_ledgers import (
    AS_OF,
    FIRST,
    Ledger,
    Line,
    Rate,
    Version,
    defined,
    definitions,
    ledgers,
    undone,
    write,
)

pytestmark = pytest.mark.django_db
COUNTS = [name for name in MOVED if not name.startswith("transfer")]


def spans_of(grain, *, customers=None):
    periods = list(periods_between(FIRST, AS_OF, grain))
    return read_spans(
        periods, close_days=[min(period.last_day, AS_OF) for period in periods], customers=customers
    )


@companies(70)
@given(ledger=ledgers(customers=6), spec=definitions())
def test_stored_rows_are_what_the_recount_finds_under_any_definition(ledger, spec):
    definition = defined(*spec)
    with undone():
        write(ledger)
        fill(definition=definition)
        assert differences(definition) == []


def test_a_line_of_another_currency_that_starts_later_says_nothing_yet():
    dollars = Version(date(2024, 5, 1), None, Decimal(100), "USD", {"status": "active", "interval": "month"})
    euros = replace(dollars, from_on=AS_OF + timedelta(days=1), currency="EUR")
    lines = (Line("line 0", (euros,)), Line("line 1", (dollars,)))
    with undone():
        write(Ledger((lines,), (Rate("USD", FIRST, Decimal("1.3")),)))
        fill()
        assert differences() == []


@companies(45)
@given(ledger=ledgers(customers=6), spec=definitions())
def test_identities_kinds_and_rates(ledger, spec):
    definition = defined(*spec)
    with undone():
        ids = write(ledger)
        fill(definition=definition)
        months = spans_of("month")
        i_1_months_lead_to_quarters_and_years(months, ids)
        i_3_kinds_follow_each_other(definition)
        i_4_and_15_rates_keep_their_bounds(months)
        if definition.fx_policy in {"period_end", "constant"}:
            i_2_movements_lead_to_the_segments_every_day()


def i_1_months_lead_to_quarters_and_years(months, ids):
    grains = {"month": months, "quarter": spans_of("quarter"), "year": spans_of("year")}
    for spans in (*grains.values(), *(spans_of("month", customers=[pk]) for pk in ids[:2])):
        before = None
        for span in spans:
            assert span.closing == total([span.opening, *(getattr(span, name) for name in MOVED), span.fx])
            assert before in {None, span.opening}
            assert span.close_logos == span.open_logos + span.new_n + span.reactivation_n - span.churn_n
            before = span.closing
    for grain in ("quarter", "year"):
        parts = defaultdict(list)
        for span in months:
            parts[period_of(span.period.start, grain).start].append(span)
        for span in grains[grain]:
            for name in (*MOVED, "fx", *(f"{kind}_n" for kind in COUNTS)):
                assert getattr(span, name) == total(
                    [getattr(part, name) for part in parts[span.period.start]]
                )
    stored = {row.month for row in CompanyMonth.objects.all()}
    whole = [span for span in months if span.period.start in stored]
    periods = [month_period(span.period.start) for span in whole]
    for left, right in zip(
        whole, month_spans(periods, close_days=[span.close_on for span in whole]), strict=True
    ):
        for name in set(PARTS) - {"joined_logos", "joined_lost_logos"}:
            assert getattr(left, name) == getattr(right, name), (name, left.period)


def i_2_movements_lead_to_the_segments_every_day():
    held = defaultdict(list)
    for row in LineSegment.objects.filter(mrr__gt=0):
        held[row.customer_id].append(row)
    rows = Movement.objects.filter(native_after__isnull=False).order_by("customer_id", "day", "event")
    for pk, listed in groupby(rows, key=lambda row: row.customer_id):
        after = {row.day: row.native_after for row in listed}
        current, day = 0, FIRST
        while day <= AS_OF:
            current = after.get(day, current)
            segments = [
                row.mrr for row in held[pk] if row.from_on <= day and (row.to_on is None or day < row.to_on)
            ]
            assert current == sum(segments), (pk, day)
            day += timedelta(days=1)


def i_3_kinds_follow_each_other(definition):
    back = {"reactivation", "new"} if definition.reactivation_window_days is not None else {"reactivation"}
    rows = Movement.objects.order_by("customer_id", "day", "event")
    for _, listed in groupby(rows, key=lambda row: row.customer_id):
        last = None
        for row in listed:
            assert row.mrr_after == total([row.mrr_before, row.amount])
            if last is None:
                assert row.kind == "new"
            elif last.kind == "churn":
                assert row.kind in back
            else:
                assert row.kind in {"expansion", "contraction", "churn"}
            assert (row.mrr_before == 0) == (row.kind in {"new", "reactivation"})
            assert (row.mrr_after == 0) == (row.kind == "churn")
            assert (row.amount > 0) == (row.kind in {"new", "reactivation", "expansion"})
            assert bool(row.churn_kind) == (row.kind == "churn")
            last = row


def i_4_and_15_rates_keep_their_bounds(months):
    for span in months:
        joined = span.close_logos - (span.open_logos - span.lost_logos)
        stayed = retention.customer_retention_rate(start=span.open_logos, end=span.close_logos, new=joined)
        lost = churn.logo_churn_rate(opening=span.open_logos, lost=span.lost_logos)
        assert stayed.value == retention.retention_of(lost).value
        if not span.opening_at_close:
            continue
        opening, kept, now = (
            Fraction(getattr(span, name)) for name in ("opening_at_close", "kept", "now_of_base")
        )
        assert 0 <= kept <= opening
        assert kept <= now
        if not span.fx:
            gained, shrunk, gone = (
                Fraction(getattr(span, f"base_{name}")) for name in ("expansion", "contraction", "churn")
            )
            assert kept >= opening - shrunk - gone
            assert now == opening + gained - shrunk - gone


@companies(15)
@given(ledger=ledgers(customers=4))
def test_i_15_logo_churn_does_not_depend_on_the_grain(ledger):
    with undone():
        write(ledger)
        fill()
        day = company_parts("open_logos", "lost_logos", "opening", "closing", "now_of_base", "kept")
        fill(definition=defined(None, {"movement_grain": "event"}))
        assert company_parts("open_logos", "lost_logos", "opening", "closing", "now_of_base", "kept") == day


@companies(5)
@given(ledger=ledgers(customers=3, plain=True))
def test_i_7_dated_facts_do_not_move_with_the_zone(ledger):
    with undone():
        ids = write(ledger)
        seen = []
        for zone in ("UTC", "Pacific/Auckland", "America/Los_Angeles"):
            fill(definition=defined(None, {"timezone": zone}))
            seen.append(list(Movement.objects.filter(customer_id__in=ids).order_by("pk").values()))
        assert seen[0] == seen[1] == seen[2]
