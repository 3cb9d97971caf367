from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.web import charts

NUMBERS = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, places=2)


@given(low=NUMBERS, high=NUMBERS)
def test_at_most_five_round_grid_lines_hold_the_values(low, high):
    low, high = min(low, high), max(low, high)
    ticks = charts.nice_ticks(low, high)
    assert len(ticks) <= 5
    assert ticks[0] <= float(low)
    assert ticks[-1] >= float(high)
    assert ticks == sorted(set(ticks))


@given(values=st.lists(st.one_of(st.none(), NUMBERS), max_size=40))
def test_a_line_of_anything_stays_on_its_ground(values):
    plot = charts.line(values, [str(i) for i in range(len(values))], message="m", show=str)
    known = [value for value in values if value is not None]
    points = plot.points.split()
    assert len(points) == len(known)
    assert all(0 <= float(point.split(",")[0]) <= 100 for point in points)


def test_a_gap_is_not_a_zero():
    plot = charts.line([10, None, 20], ["a", "b", "c"], message="m", show=str)
    assert [point.split(",")[0] for point in plot.points.split()] == ["16.67", "83.33"]
    assert plot.last_text == "20.0"


def test_bars_start_at_zero_and_losses_go_down():
    plot = charts.columns(
        [("m-new", [6, 0]), ("m-churn", [-3, -2])],
        ["Jan", "Feb"],
        message="m",
        show=str,
        tips=["a", "b"],
        net=[3, -2],
    )
    zero = next(tick.at for tick in plot.grid if tick.zero)
    up, down = plot.columns[0].parts
    assert float(up.y) + float(up.height) == pytest.approx(float(zero), abs=0.02)
    assert float(down.y) == pytest.approx(float(zero), abs=0.02)
    assert len(plot.columns[1].parts) == 1


def test_a_health_spark_spans_at_least_its_points():
    flat = charts.spark([70, 71, 70], span=24)
    wild = charts.spark([50, 74, 50], span=24)
    heights = [{float(point.split(",")[1]) for point in drawn.points.split()} for drawn in (flat, wild)]
    assert max(heights[0]) - min(heights[0]) < 1
    assert max(heights[1]) - min(heights[1]) > 15


@given(parts=st.lists(NUMBERS, max_size=12), opening=NUMBERS)
def test_a_waterfall_ends_where_its_parts_lead(parts, opening):
    closing = opening + sum(parts)
    rows = charts.fall(
        ("Opening", "", opening),
        [("p", "", part, "m-new") for part in parts],
        ("Closing", "", closing),
        show=str,
        show_change=str,
    )
    last = float(rows[-2].join.rstrip("%"))
    assert last == pytest.approx(float(rows[-1].width.rstrip("%")), abs=0.05)
    assert all(-0.01 <= float(row.x.rstrip("%")) <= 100.01 for row in rows)


def test_a_waterfall_far_from_zero_starts_higher_and_near_zero_at_zero():
    assert charts.fall_start([421_600, 430_600]) > 400_000
    assert charts.fall_start([5, 80]) == 0


def test_heat_has_seven_steps_and_blank_cells():
    cells = charts.heat([Decimal(0), Decimal("0.5"), Decimal(1), None], show=str)
    assert [cell.step for cell in cells] == ["h0", "h3", "h6", ""]


def test_shares_fill_the_bar_and_nothing_draws_nothing():
    rects = charts.shares([(18, "good"), (9, "watch"), (0, "risk"), (3, "none")])
    assert sum(float(rect.width.rstrip("%")) for rect in rects) == pytest.approx(100, abs=0.05)
    assert charts.shares([(0, "good")]) == ()
