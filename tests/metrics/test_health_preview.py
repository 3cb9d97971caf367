"""The effect of a draft before anything is written."""

from datetime import timedelta
from decimal import Decimal

import pytest

from customers.models import CustomerSummary
from customers.queries.access import customers_for, everybody
from metrics.formulas.health_cards import CardError, body_hash
from metrics.formulas.health_measures import measure_of
from metrics.formulas.health_starter import starter_body
from metrics.models import HealthScore, Override, Scorecard, ScorecardVersion
from metrics.queries.card_moves import movers_of
from metrics.queries.card_preview import preview_of, promise_of
from metrics.queries.reading_spread import covered_mrr
from metrics.queries.shown_customers import bands_in
from metrics.services import scorecards
from metrics.services.refresh import refresh_all_stale
from metrics.services.scores import rescore
from tests.factories.customers import NOW, make_customer
from tests.factories.health import TODAY, make_scored_customer, put_in_force, score_now, starter

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


def make_override(customer, *, value, by):
    return Override.objects.create(
        customer=customer,
        kind="value",
        value=Decimal(value),
        reason="other",
        text="Known better than the numbers say",
        author=by,
        computed_then=Decimal(70),
        started_at=NOW,
        ends_on=TODAY + timedelta(days=30),
    )


def make_card(key, title, *, by):
    """A live card in which the pulse decides alone."""
    body = starter_body()
    body["groups"] = [group for group in body["groups"] if group["key"] == "sentiment"]
    card = Scorecard.objects.create(key=key, title=title)
    live(card, body)
    return card


def live(card, body):
    return ScorecardVersion.objects.create(
        scorecard=card,
        number=1,
        kind=body["kind"],
        state="live",
        body=body,
        body_hash=body_hash(body),
        edited_at=NOW,
        live_from=NOW,
    )


def rules_body(*rules):
    return {"kind": "rules", "rules": list(rules), "default": starter().scorecard.key}


def put_rules_in_force(*rules, by):
    return live(Scorecard.objects.create(key="rules", title="Card rules"), rules_body(*rules))


def rules_draft(*rules, by):
    draft = scorecards.start_rules_draft(by=by, now=NOW)
    return scorecards.save_body(draft=draft, body=rules_body(*rules), version=draft.version, by=by, now=NOW)


def movers(preview):
    return movers_of(preview, as_of=TODAY, now=NOW, readers=everybody())


def promised(preview):
    """Customers and MRR per band to come."""
    return {
        column.key: (
            sum(preview.cells[row.key, column.key].customers for row in preview.rows),
            sum(preview.cells[row.key, column.key].mrr for row in preview.rows),
        )
        for column in preview.columns
    }


def shown():
    """Customers and MRR per band as lists count them."""
    counted = bands_in(everybody())
    return {band: (customers, mrr) for band, (customers, mrr) in counted.items() if customers}


def test_a_draft_equal_to_the_version_in_force_moves_nobody(book, vera):
    draft = scorecards.start_draft(scorecard=starter().scorecard, by=vera, now=NOW)
    preview = preview_of(draft, as_of=TODAY, now=NOW)
    assert (preview.customers, preview.moving.customers, movers(preview)) == (4, 0, [])
    assert preview.histogram.before == preview.histogram.after
    assert sum(preview.histogram.before) == 3
    assert preview.coverage_before == pytest.approx(preview.coverage_after, abs=Decimal("0.000001"))


def test_hv_5_rows_sum_to_the_present_bands_and_columns_to_the_future_ones(book, vera):
    draft = draft_with(vera, sentiment=200)
    make_override(book[0], value="30", by=vera)
    rescore(as_of=TODAY, now=NOW)
    preview = preview_of(draft, as_of=TODAY, now=NOW)
    for row in preview.rows:
        cells = [preview.cells[row.key, column.key] for column in preview.columns]
        found = sum(cell.customers for cell in cells), sum(cell.mrr for cell in cells)
        assert found == shown().get(row.key, (0, 0))
    later = NOW + timedelta(minutes=1)
    live = put_in_force(draft, by=vera, now=later)
    rescore(as_of=TODAY, now=later)
    assert set(HealthScore.objects.filter(to_at=None).values_list("version_id", flat=True)) == {live.pk}
    assert shown() == {band: sums for band, sums in promised(preview).items() if sums[0]}
    assert promise_of(preview, as_of=TODAY)["bands"] == {
        band: {"customers": customers, "mrr": str(mrr)}
        for band, (customers, mrr) in promised(preview).items()
        if customers
    }


def test_hv_3_movers_name_both_scores_what_the_card_did_and_come_by_money(book, vera):
    preview = preview_of(draft_with(vera, sentiment=200), as_of=TODAY, now=NOW)
    (mover,) = movers(preview)
    assert (mover.name, mover.mrr) == ("Cedar", 900)
    assert (mover.before_band.key, mover.after_band.key) == ("moderate", "weak")
    assert mover.change < 0
    assert mover.config == mover.change  # the readings are the same
    assert mover.parts[0].title == "Usage change"
    cell = preview.cells["moderate", "weak"]
    assert (cell.customers, cell.mrr, cell.direction) == (1, 900, -1)


def test_a_mover_of_another_book_has_no_name_for_a_reader_who_may_not_see_it(book, vera, carl):
    preview = preview_of(draft_with(vera, sentiment=200), as_of=TODAY, now=NOW)
    (mover,) = movers_of(preview, as_of=TODAY, now=NOW, readers=customers_for(carl))
    assert (mover.name, mover.mrr) == ("", 900)


def test_hv_3_customers_on_other_cards_are_not_on_this_card_and_counted(book, vera):
    other = make_card("trial", "Trial", by=vera)
    put_rules_in_force({"when": ["phase=adoption"], "card": "trial"}, by=vera)
    score_now(now=NOW + timedelta(minutes=2))
    preview = preview_of(draft_with(vera, sentiment=200), as_of=TODAY, now=NOW)
    assert preview.cells["other", "other"].customers == 3
    assert (preview.customers, preview.on_card, preview.moving.customers) == (4, 1, 0)
    draft = scorecards.start_draft(scorecard=other, by=vera, now=NOW)
    mine = preview_of(draft, as_of=TODAY, now=NOW)
    assert (mine.on_card, mine.cells["other", "other"].customers, mine.everybody) == (3, 1, False)


def test_hv_3_a_draft_of_the_card_rules_shows_every_customer_before_and_after(book, vera):
    make_card("trial", "Trial", by=vera)
    draft = rules_draft({"when": ["phase=adoption"], "card": "trial"}, by=vera)
    preview = preview_of(draft, as_of=TODAY, now=NOW)
    assert [band.key for band in preview.rows if band.key == "other"] == []
    assert {band: sums for band, sums in promised(preview).items() if sums[0]}.keys() == {
        "weak",
        "healthy",
        "insufficient",
    }
    assert sum(customers for customers, _ in promised(preview).values()) == 4


def test_a_card_that_no_rule_names_is_shown_as_if_it_scored_everybody(book, vera):
    draft = scorecards.new_card(title="Next", kind="weighted", by=vera, now=NOW)
    preview = preview_of(draft, as_of=TODAY, now=NOW)
    assert (preview.everybody, preview.on_card, preview.moving.customers) == (True, 4, 0)


def test_a_preview_writes_nothing(book, vera):
    draft = draft_with(vera, support=90)
    before = list(HealthScore.objects.values()), list(CustomerSummary.objects.order_by("pk").values())
    preview_of(draft, as_of=TODAY, now=NOW)
    assert (
        list(HealthScore.objects.values()),
        list(CustomerSummary.objects.order_by("pk").values()),
    ) == before


def test_a_draft_that_cannot_be_scored_says_why(book, vera):
    with pytest.raises(CardError, match="below 0"):
        preview_of(draft_with(vera, support=-1), as_of=TODAY, now=NOW)


def test_the_number_of_queries_does_not_grow(book, vera, django_assert_num_queries):
    draft = draft_with(vera, support=90)
    with django_assert_num_queries(6):
        preview_of(draft, as_of=TODAY, now=NOW)
    for name in ("Elm", "Fir"):
        make_scored_customer(name=name, level=1)
    refresh_all_stale(as_of=TODAY, now=NOW)
    with django_assert_num_queries(6):
        preview_of(draft, as_of=TODAY, now=NOW)


def test_covered_mrr_is_the_share_of_mrr_with_a_reading(book):
    shares = covered_mrr([measure_of(key) for key in ("pulse", "nps_customer", "overdue_days")])
    assert shares["pulse", 1] == Decimal(1100) / Decimal(1150)
    assert (shares["nps_customer", 1], shares["overdue_days", 1]) == (0, 1)
