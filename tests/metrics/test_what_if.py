"""Numbers under another definition, for some customers, and as known at an earlier moment."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from config.work.pg import recorded_at
from customers.models import LineVersion
from customers.services import subscriptions
from metrics.formulas.definition import DEFAULT, with_preset, with_values
from metrics.formulas.money import total
from metrics.formulas.periods import month_period, months_between
from metrics.models import CompanyMonth, LineSegment, Movement
from metrics.queries.spans import spans_for
from metrics.rollups import checksum
from metrics.services.recompute import recompute_all
from metrics.services.what_if import what_if
from tests.factories.ledgers import make_payer, make_random_ledger, make_rate, make_version

AS_OF = date(2025, 6, 30)
pytestmark = pytest.mark.django_db


def moves_under(now, *, as_of=AS_OF, definition=DEFAULT, ids=None, known_at=None, **config):
    with what_if(
        definition=with_values(definition, config), as_of=as_of, now=now, customer_ids=ids, known_at=known_at
    ):
        rows = Movement.objects.order_by("customer_id", "day", "event")
        return [(row.day, row.kind, row.amount, row.reason) for row in rows]


def spans_under(now, first, last, **config):
    periods = [month_period(month) for month in months_between(first, last)]
    with what_if(definition=with_values(DEFAULT, config), as_of=AS_OF, now=now):
        return spans_for(periods, as_of=AS_OF)


def test_the_live_numbers_stay_as_they_are(now):
    make_random_ledger(1)
    recompute_all(as_of=AS_OF, now=now)
    before = checksum.of_tables()
    with what_if(definition=DEFAULT, as_of=AS_OF, now=now):
        assert checksum.of_tables() == before
    with what_if(definition=with_preset(DEFAULT, "stripe"), as_of=AS_OF, now=now):
        assert checksum.of_tables() != before
    assert checksum.of_tables() == before


@pytest.mark.parametrize("preset", ["chartmogul", "stripe", "profitwell"])
@pytest.mark.parametrize("seed", range(3))
def test_m_1_every_preset_closes(now, preset, seed):
    make_random_ledger(seed)
    periods = [month_period(month) for month in months_between(date(2023, 12, 1), AS_OF)]
    with what_if(definition=with_preset(DEFAULT, preset), as_of=AS_OF, now=now):
        spans = spans_for(periods, as_of=AS_OF)
        rows = list(CompanyMonth.objects.order_by("month"))
        for span in spans:
            moves = [
                span.opening,
                span.new,
                span.reactivation,
                span.expansion,
                span.contraction,
                span.churn,
                span.fx,
            ]
            assert total(moves) == span.closing
        assert [span.closing for span in spans if span.period.start >= rows[0].month] == [
            row.closing for row in rows
        ]
        if preset == "profitwell":
            assert {span.fx for span in spans} == {0}


def test_some_customers_are_all_there_is(now):
    larch, oak = make_payer("Larch"), make_payer("Oak")
    make_version(larch, date(2024, 1, 1), None, "100")
    make_version(oak, date(2024, 1, 1), None, "70")
    recompute_all(as_of=AS_OF, now=now)
    with what_if(definition=DEFAULT, as_of=AS_OF, now=now, customer_ids=[oak.pk]):
        assert CompanyMonth.objects.order_by("-month")[0].closing == 70
    assert CompanyMonth.objects.order_by("-month")[0].closing == 170


def test_known_at_leaves_out_what_was_recorded_later(now):
    larch = make_payer("Larch")
    early, late = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)
    with recorded_at(early):
        line = subscriptions.start_line(
            customer=larch, from_on=date(2024, 1, 1), by=None, now=early, amount=Decimal(100), currency="EUR"
        )
    with recorded_at(late):
        subscriptions.end_line(line=line, on=date(2024, 2, 1), by=None, now=late)
    assert len(moves_under(now)) == 2
    assert len(moves_under(now, known_at=datetime(2024, 4, 1, tzinfo=UTC))) == 1
    assert moves_under(now, known_at=datetime(2024, 2, 1, tzinfo=UTC)) == []


def test_h_1_weeks_and_days_take_the_factor_of_the_definition(now):
    make_version(make_payer(), date(2024, 1, 1), None, "30", interval="week")
    assert moves_under(now)[0][2] == 130
    assert moves_under(now, weekly_factor="4")[0][2] == 120
    assert moves_under(now, weekly_factor="4.33")[0][2] == Decimal("129.9")


def test_h_2_discounts(now):
    make_version(
        make_payer(),
        date(2024, 1, 1),
        None,
        "100",
        discount_percent=Decimal(50),
        discount_until=date(2024, 3, 1),
    )
    kinds = [(day, kind, amount) for day, kind, amount, _ in moves_under(now)]
    assert kinds == [(date(2024, 1, 1), "new", 50), (date(2024, 3, 1), "expansion", 50)]
    assert [row[2] for row in moves_under(now, discount_policy="forever_only")] == [100]
    assert [row[2] for row in moves_under(now, discount_policy="list_price")] == [100]


def test_h_4_h_5_h_6_late_unpaid_and_paused_lines(now):
    for number, status in enumerate(("past_due", "unpaid", "paused")):
        payer = make_payer(f"Payer {number}")
        make_version(payer, date(2024, 1, 1), date(2024, 3, 1), "100")
        make_version(payer, date(2024, 3, 1), None, "100", status=status)
    lost = [row for row in moves_under(now) if row[1] == "churn"]
    assert [row[3] for row in lost] == ["involuntary", "paused"]
    assert not [
        row for row in moves_under(now, unpaid_policy="keep", pause_policy="keep") if row[1] == "churn"
    ]
    late = [row for row in moves_under(now, auto_churn_days="15") if row[1] == "churn"]
    assert next((row[0], row[3]) for row in late) == (date(2024, 3, 16), "involuntary")


def test_h_7_h_8_notice_counts_at_once_where_the_definition_says_so(now):
    larch = make_payer()
    make_version(larch, date(2024, 1, 1), date(2024, 6, 15), "100", cancelled_on=date(2024, 6, 8))
    make_version(larch, date(2024, 6, 15), None, "100")
    assert len(moves_under(now)) == 1
    moves = [
        (day, kind, reason) for day, kind, _, reason in moves_under(now, churn_recognition="cancel_date")
    ]
    assert moves[1:] == [
        (date(2024, 6, 8), "churn", "left"),
        (date(2024, 6, 15), "reactivation", "withdrawn"),
    ]


def test_h_11_each_line_is_an_event_of_its_day_and_a_swap_never_touches_zero(now):
    larch = make_payer()
    make_version(larch, date(2024, 1, 1), date(2024, 2, 1), "100", product="Old")
    make_version(larch, date(2024, 2, 1), None, "130", product="New")
    assert [row[1:3] for row in moves_under(now)] == [("new", 100), ("expansion", 30)]
    assert [row[1:3] for row in moves_under(now, movement_grain="event")] == [
        ("new", 100),
        ("expansion", 130),
        ("contraction", -100),
    ]


def test_h_12_who_comes_and_leaves_in_a_month_can_leave_the_bridge(now):
    make_version(make_payer(), date(2024, 2, 5), date(2024, 2, 6), "100")
    (both,) = spans_under(now, date(2024, 2, 1), date(2024, 2, 1))
    (suppressed,) = spans_under(now, date(2024, 2, 1), date(2024, 2, 1), same_period_new_churn="suppress")
    assert (both.new, both.churn, both.churn_n) == (100, -100, 1)
    assert (suppressed.new, suppressed.churn, suppressed.churn_n, suppressed.closing) == (0, 0, 0, 0)


def test_h_13_a_return_after_the_window_is_new(now):
    larch = make_payer()
    make_version(larch, date(2024, 1, 1), date(2024, 2, 1), "100")
    make_version(larch, date(2024, 4, 1), None, "100", product="Again")
    assert moves_under(now)[-1][1] == "reactivation"
    assert moves_under(now, reactivation_window_days="60")[-1][1] == "reactivation"
    assert moves_under(now, reactivation_window_days="59")[-1][1] == "new"


def test_h_14_free_customers_can_stay_in_the_counts(now):
    larch = make_payer()
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100")
    make_version(larch, date(2024, 2, 10), None, "0", status="free")
    (plain,) = spans_under(now, date(2024, 2, 1), date(2024, 2, 1))
    (counted,) = spans_under(now, date(2024, 2, 1), date(2024, 2, 1), count_zero_mrr_active="true")
    assert (plain.close_logos, plain.lost_logos) == (0, 1)
    assert (counted.close_logos, counted.lost_logos, counted.closing, counted.churn) == (1, 0, 0, -100)


def test_h_15_a_late_renewal_inside_the_grace_is_no_movement(now):
    larch, oak, elm = (make_payer(name) for name in ("Larch", "Oak", "Elm"))
    make_version(larch, date(2024, 1, 1), date(2025, 1, 1), "100")
    make_version(larch, date(2025, 1, 21), None, "110")
    make_version(oak, date(2024, 1, 1), date(2025, 1, 1), "100")
    make_version(elm, date(2024, 6, 10), date(2025, 6, 10), "100")
    strict, lenient = moves_under(now), moves_under(now, renewal_grace_days="30")
    assert [row[1] for row in strict] == ["new", "churn", "reactivation", "new", "churn", "new", "churn"]
    assert [(row[0], row[1], row[2]) for row in lenient] == [
        (date(2024, 1, 1), "new", 100),
        (date(2025, 1, 21), "expansion", 10),
        (date(2024, 1, 1), "new", 100),
        (date(2025, 1, 1), "churn", -100),
        (date(2024, 6, 10), "new", 100),
    ]


def test_x_4_x_5_the_four_currency_policies(now):
    for day, rate in ((date(2024, 1, 1), "1.25"), (date(2024, 3, 1), "1.20"), (date(2025, 1, 1), "1.00")):
        make_rate("USD", day, rate)
    make_version(make_payer("Monthly"), date(2024, 1, 15), None, "500", currency="USD")
    make_version(make_payer("Yearly"), date(2024, 1, 15), None, "6000", currency="USD", interval="year")

    def seen(policy):
        spans = spans_under(now, date(2024, 1, 1), date(2025, 2, 1), fx_policy=policy)
        assert {span.new for span in spans[1:]} == {0}
        return {f"{span.period.start:%y-%m}": round(span.closing, 2) for span in spans}

    end = seen("period_end")
    assert (end["24-01"], end["24-03"], end["25-01"]) == (800, Decimal("833.33"), 1000)
    constant = seen("constant")
    assert (constant["24-03"], constant["24-12"], constant["25-01"]) == (800, 800, 1000)
    assert set(seen("purchase").values()) == {Decimal(800)}
    start = seen("billing_start")
    assert (start["24-01"], start["24-03"]) == (800, Decimal("816.67"))
    assert (start["24-12"], start["25-01"]) == (Decimal("816.67"), 1000)


def test_x_3_a_line_counts_from_the_first_rate_of_its_currency(now):
    make_rate("USD", date(2024, 3, 1), "1.25")
    make_version(make_payer(), date(2024, 1, 1), None, "100", currency="USD")
    make_version(make_payer("Without"), date(2024, 1, 1), None, "100", currency="XYZ")
    assert [(row[0], row[1], row[2]) for row in moves_under(now)] == [(date(2024, 3, 1), "new", 80)]
    with what_if(definition=DEFAULT, as_of=AS_OF, now=now):
        states = LineSegment.objects.order_by("customer_id", "from_on").values_list("state", "counted")
        assert list(states) == [("missing_rate", False), ("active", True), ("missing_rate", False)]


def test_n_3_a_ramp_can_be_averaged(now):
    larch = make_payer()
    make_version(larch, date(2024, 1, 1), date(2024, 4, 1), "100")
    make_version(larch, date(2024, 4, 1), date(2025, 1, 1), "200")
    assert [row[2] for row in moves_under(now, as_of=date(2024, 12, 1))] == [100, 100]
    assert [row[2] for row in moves_under(now, as_of=date(2024, 12, 1), ramp_policy="average")] == [175]
    assert LineVersion.objects.count() == 2
