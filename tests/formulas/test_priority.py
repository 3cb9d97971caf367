"""Order of work on Today."""

from decimal import Decimal

from customers.formulas.priority import percentile, priority


def test_due_today_renewal_in_30_days_score_40_percentile_80_gives_63_25():
    found = priority(days_to_due=0, days_to_renewal=30, score=Decimal(40), mrr_percentile=Decimal("0.8"))
    assert found.points == Decimal("63.25")
    assert (found.due, found.renewal, found.health, found.money) == (
        Decimal("17.50"),
        Decimal("18.7500"),
        Decimal("15.000"),
        Decimal("12.000"),
    )


def test_each_part_is_clamped_to_its_weight():
    most = priority(days_to_due=-400, days_to_renewal=-10, score=Decimal(-5), mrr_percentile=Decimal(3))
    least = priority(days_to_due=400, days_to_renewal=None, score=Decimal(120), mrr_percentile=Decimal(0))
    assert most.points == 100
    assert least.points == 0


def test_no_score_counts_half_and_no_date_counts_nothing():
    found = priority(days_to_due=None, days_to_renewal=None, score=None, mrr_percentile=Decimal(0))
    assert found.points == Decimal("12.5")


def test_percentile_is_the_share_of_values_that_are_not_larger():
    values = [Decimal(n) for n in (1, 2, 3, 4, 5)]
    assert percentile(values, Decimal(4)) == Decimal("0.8")
    assert percentile([], Decimal(4)) == 0
