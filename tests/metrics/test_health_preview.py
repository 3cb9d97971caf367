"""The effect of a draft before anything is written."""

from datetime import timedelta
from decimal import Decimal

import pytest

from customers.models import CustomerSummary
from metrics.formulas.health_cards import CardError
from metrics.models import HealthScore
from metrics.queries.card_preview import preview_of, reading_shares
from metrics.services import scorecards
from metrics.services.refresh import refresh_all_stale
from tests.factories.customers import NOW, make_customer
from tests.factories.health import TODAY, make_scored_customer, starter

pytestmark = pytest.mark.django_db


def draft_with(by, **weights):
    draft = scorecards.start_draft(scorecard=starter().scorecard, by=by, now=NOW)
    scaled = {group: weight * 10_000 for group, weight in weights.items()}
    return scorecards.save_draft(
        draft=draft, group_weights=scaled, measure_weights={}, version=1, by=by, now=NOW
    )


@pytest.fixture
def book(vera):
    """Two healthy customers, one that would leave, one without data."""
    happy = [make_scored_customer(name=name, level=5) for name in ("Ash", "Birch")]
    sad = make_scored_customer(name="Cedar", level=1, mrr="900")
    unknown = make_customer(name="Dogwood", mrr="50")
    refresh_all_stale(as_of=TODAY, now=NOW)
    return [*happy, sad, unknown]


def test_a_draft_equal_to_the_version_in_force_moves_nobody(book, vera):
    draft = scorecards.start_draft(scorecard=starter().scorecard, by=vera, now=NOW)
    preview = preview_of(draft, as_of=TODAY)
    assert (preview.customers, preview.moving.customers, preview.movers) == (4, 0, ())
    assert preview.histogram_before == preview.histogram_after
    assert sum(preview.histogram_before) == 3
    assert preview.coverage_before == pytest.approx(preview.coverage_after, abs=Decimal("0.000001"))


def test_hv_5_rows_sum_to_the_present_bands_and_columns_to_the_future_ones(book, vera):
    draft = draft_with(vera, sentiment=200)
    preview = preview_of(draft, as_of=TODAY)
    for row in preview.rows:
        cells = [preview.cells[row.key, column.key] for column in preview.columns]
        now = CustomerSummary.objects.filter(band=row.key)
        assert sum(cell.customers for cell in cells) == now.count()
        assert sum(cell.mrr for cell in cells) == sum(one.mrr for one in now)
    before = {
        row.key: sum(preview.cells[r.key, row.key].customers for r in preview.rows) for row in preview.columns
    }
    live = scorecards.publish(
        draft=draft,
        version=draft.version,
        note="sentiment decides now",
        by=vera,
        now=NOW + timedelta(minutes=1),
    )
    refresh_all_stale(as_of=TODAY, now=NOW + timedelta(minutes=2))
    assert set(HealthScore.objects.filter(to_at=None).values_list("version_id", flat=True)) == {live.pk}
    after = {band: CustomerSummary.objects.filter(band=band).count() for band in before}
    assert after == before


def test_movers_name_both_scores_the_line_that_moved_most_and_come_by_money(book, vera):
    preview = preview_of(draft_with(vera, sentiment=200), as_of=TODAY)
    (mover,) = preview.movers
    assert (mover.customer.name, mover.customer.mrr) == ("Cedar", 900)
    assert (mover.before_band.key, mover.after_band.key, mover.line) == (
        "moderate",
        "weak",
        "usage_change_pct",
    )
    assert mover.change < 0
    cell = preview.cells["moderate", "weak"]
    assert (cell.customers, cell.mrr, cell.direction) == (1, 900, -1)


def test_a_preview_writes_nothing(book, vera):
    draft = draft_with(vera, support=90)
    before = list(HealthScore.objects.values()), list(CustomerSummary.objects.order_by("pk").values())
    preview_of(draft, as_of=TODAY)
    assert (
        list(HealthScore.objects.values()),
        list(CustomerSummary.objects.order_by("pk").values()),
    ) == before


def test_a_draft_that_cannot_be_scored_says_why(book, vera):
    with pytest.raises(CardError, match="below 0"):
        preview_of(draft_with(vera, support=-1), as_of=TODAY)


def test_the_number_of_queries_does_not_grow(book, vera, django_assert_num_queries):
    draft = draft_with(vera, support=90)
    with django_assert_num_queries(6):
        preview_of(draft, as_of=TODAY)


def test_reading_shares_are_weighted_by_mrr(book):
    shares = reading_shares()
    assert shares["pulse"] == Decimal(1100) / Decimal(1150)
    assert (shares["nps_customer"], shares["overdue_days"]) == (0, 1)
