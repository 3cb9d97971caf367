"""An admin changes a weight, looks at what it would do, sends and approves it; the worker scores everybody again."""

import pytest

from tests.chaos import oracle
from tests.chaos.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SHOWN_SECONDS = 60
NOTE = "Usage says more about renewals than we thought."


def current_scores(product):
    """Customer, version, score of the scores in force."""
    return product.rows(
        "SELECT s.customer_id, v.number, s.score FROM metrics_healthscore s"
        " JOIN metrics_scorecardversion v ON v.id = s.version_id WHERE s.to_at IS NULL ORDER BY 1"
    )


def past_scores(product):
    return product.rows(
        "SELECT s.id, v.number, s.score, s.lines FROM metrics_healthscore s"
        " JOIN metrics_scorecardversion v ON v.id = s.version_id WHERE v.number = 1 ORDER BY 1"
    )


def test_a_published_weight_reaches_every_score_and_the_portfolio_within_a_minute(product, visit):
    product.seed("company", customers=8, contacts=1)
    product.tick_until(oracle.work_is_done, SHOWN_SECONDS, "the first scores are there")
    product.start()
    before, past = current_scores(product), past_scores(product)
    assert {number for _, number, _ in before} == {1}

    window = visit()
    page = window.page
    window.sign_in("vera@tend.example")
    window.go("/health/")
    page.locator("button", has_text="New draft").click()
    page.locator("input[name=group-usage]").fill("90")
    page.locator("button", has_text="Preview effect").click()
    page.locator("h1", has_text="If the draft were published today").wait_for()
    assert current_scores(product) == before  # a preview changes nothing
    page.locator("a", has_text="Send to review").first.click()
    page.fill("textarea[name=note]", NOTE)
    for warning in page.locator("input[name^=note-], textarea[name^=note-]").all():
        warning.fill("Seen and meant")
    page.locator("button", has_text="Send to review").click()
    page.locator("h1", has_text="in review").wait_for()
    ((sent,),) = product.rows("SELECT id FROM metrics_scorecardversion WHERE state = 'in_review'")
    window.go(f"/health/versions/{sent}/review/")
    page.fill("textarea[name=alone_reason]", "There is no second admin yet")
    page.locator("button", has_text="Approve").click()
    page.locator("h1", has_text="v2").wait_for()
    page.locator("main", has_text=NOTE).first.wait_for()

    anna = Person(product.url).sign_in("anna@tend.example")

    def shown():
        scores = current_scores(product)
        export = anna.ask("/portfolio/export.csv").text
        return (
            {number for _, number, _ in scores} == {2}
            and "updating" not in anna.ask("/portfolio/").text
            and export
        )

    product.wait(shown, SHOWN_SECONDS, "the portfolio shows scores of version 2")
    after = current_scores(product)
    assert [pk for pk, _, _ in after] == [pk for pk, _, _ in before]
    changed = [pk for (pk, _, new), (_, _, old) in zip(after, before, strict=True) if new != old]
    assert len(changed) >= len([score for _, _, score in before if score is not None]) // 2
    assert past_scores(product) == past  # old scores keep the version and the lines they were made with
    _portfolio_shows(product, window, after)
    assert window.complaints == []


def _portfolio_shows(product, window, scores):
    """The pill of each customer is its stored score."""
    window.go("/portfolio/?view=everyone")
    names = dict(product.rows("SELECT id, name FROM customers_customer"))
    for pk, _, score in scores:
        row = window.page.locator("#portfolio-table tbody tr", has_text=names[pk])
        shown = row.locator(".band b").first
        if score is not None and shown.count():
            assert abs(int(shown.inner_text()) - score) <= 1, names[pk]
