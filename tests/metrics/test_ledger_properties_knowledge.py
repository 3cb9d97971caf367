"""Random companies as they were known at some moment, what is committed in them, and their parts by segment."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.models import AttributeValue, LineVersion
from metrics.formulas.money import total
from metrics.formulas.periods import month_period, months_between
from metrics.models import LineSegment
from metrics.queries.committed import committed_at
from metrics.queries.segments import segment_spans
from metrics.queries.spans import MOVED, read_spans
from tests.factories.filled_ledgers import companies, differences, fill, moves
from tests.factories.random_ledgers import (
    AS_OF,
    FIRST,
    Ledger,
    Line,
    Version,
    defined,
    definitions,
    ledgers,
    undone,
    write,
)

pytestmark = pytest.mark.django_db
MOMENTS = [datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2, 3)]


@dataclass
class Recorder:
    """Gives every version a moment it was recorded at; some are corrected later."""

    random: Random

    def __call__(self, versions):
        for version in versions:
            version.recorded_at = self.random.choice(MOMENTS)

    def correct(self):
        """A third of the versions get another price a month later."""
        for version in list(LineVersion.objects.order_by("pk")):
            if self.random.random() < 0.33:
                old = version.pk
                version.pk, version.id = None, None
                version.recorded_at += timedelta(days=31)
                version.mrr, version.mrr_after_discount, version.amount = (
                    version.amount,
                    version.amount,
                    version.amount,
                )
                version.interval, version.interval_count = "month", 1
                version.discount_percent = version.discount_amount = None
                version.save(force_insert=True)
                LineVersion.objects.filter(pk=old).update(superseded_by=version)


def test_x_3_a_line_that_begins_later_in_a_currency_without_a_rate_says_so_already():
    fields = {"status": "active", "interval": "month", "interval_count": 1}
    version = Version(AS_OF + timedelta(days=18), None, Decimal(2), "USD", fields)
    definition = defined(None, {})
    write(Ledger(customers=((Line("line 0", (version,)),),), rates=()))
    fill(definition=definition)
    assert list(LineSegment.objects.values_list("state", "counted")) == [("missing_rate", False)]
    assert differences(definition) == []


@companies(10)
@given(ledger=ledgers(customers=5), spec=definitions(), seed=st.integers(0, 99))
def test_t_1_numbers_as_known_at_a_moment_are_those_of_the_facts_known_then(ledger, spec, seed):
    definition = defined(*spec)
    recorder = Recorder(Random(seed))
    with undone():
        ids = write(ledger, order=recorder)
        recorder.correct()
        known = []
        for moment in (*MOMENTS, None):
            fill(definition=definition, known_at=moment)
            assert differences(definition, known_at=moment) == []
            known.append(moves(ids, "amount"))
        fill(definition=definition, known_at=datetime(2026, 1, 1, tzinfo=UTC))
        assert moves(ids, "amount") == known[-1]


@companies(10)
@given(ledger=ledgers(customers=4), seed=st.integers(0, 99))
def test_i_13_and_g_14_segments_sum_to_the_company_and_transfers_to_nothing(ledger, seed):
    random = Random(seed)
    periods = [month_period(month) for month in months_between(FIRST, AS_OF)]
    with undone():
        ids = write(ledger)
        for pk in ids:
            day = FIRST
            while day < AS_OF and random.random() < 0.8:
                end = day + timedelta(days=random.randint(1, 200))
                AttributeValue.objects.create(
                    customer_id=pk,
                    key="segment",
                    value=random.choice(["large", "small"]),
                    from_on=day,
                    to_on=end,
                )
                day = end + timedelta(days=random.choice([0, 0, 40]))
        fill()
        whole = read_spans(periods, close_days=[min(period.last_day, AS_OF) for period in periods])
        parts = list(segment_spans("segment", periods, as_of=AS_OF).values())
        for number, span in enumerate(whole):
            of_month = [spans[number] for spans in parts]
            transfers = [getattr(part, name) for part in of_month for name in ("transfer_in", "transfer_out")]
            assert total(transfers) == 0
            for name in ("opening", "closing", *MOVED[:5]):
                assert total([getattr(part, name) for part in of_month]) == getattr(span, name), (
                    name,
                    span.period,
                )
            for part in of_month:
                moved = [getattr(part, name) for name in MOVED]
                assert part.closing == total([part.opening, *moved, part.fx])


def nothing_scheduled(ledger):
    """The same company without starts and ends after the last day."""

    def cut(line):
        begun = [version for version in line.versions if version.from_on <= AS_OF]
        known = [
            replace(version, to_on=None if version.to_on and version.to_on > AS_OF else version.to_on)
            for version in begun
        ]
        return replace(line, versions=tuple(known))

    return replace(ledger, customers=tuple(tuple(map(cut, lines)) for lines in ledger.customers))


@companies(8)
@given(ledger=ledgers(customers=4, plain=True))
def test_i_14_committed_mrr_drops_with_a_notice_and_comes_back(ledger):
    with undone():
        write(nothing_scheduled(ledger))
        fill()
        found = committed_at(AS_OF)
        assert found.committed == found.mrr
        for line in found.lines[:1]:
            kept = LineVersion.objects.get(subscription_id=line.subscription_id, to_on=None)
            ended = corrected(kept, to_on=AS_OF + timedelta(days=20), cancelled_on=AS_OF)
            fill([kept.customer_id])
            less = committed_at(AS_OF)
            assert (less.mrr, less.committed) == (found.mrr, total([found.committed, -line.mrr]))
            corrected(ended, to_on=None, cancelled_on=None)
            fill([kept.customer_id])
            again = committed_at(AS_OF)
            assert (again.mrr, again.committed) == (found.mrr, found.committed)


def corrected(version, **fields):
    """A new version instead of one that was recorded."""
    old = version.pk
    new = LineVersion.objects.get(pk=old)
    new.pk, new.id = None, None
    for name, value in fields.items():
        setattr(new, name, value)
    new.save(force_insert=True)
    LineVersion.objects.filter(pk=old).update(superseded_by=new)
    return new
