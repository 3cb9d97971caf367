"""An admin counts like another tool, closes a month, sees a late fact named, and enters what customers cost."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from config.work.pg import recorded_at
from customers.services import subscriptions
from metrics.formulas.periods import add_months, month_of, period_of
from metrics.services import closing
from metrics.services.recompute import bring_up_to_date
from tests.browser.conftest import Visitor
from tests.factories.ledgers import make_payer, make_version
from tests.factories.users import PASSWORD, make_organisation, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NOTE = "The board compares us with the tool we had before."


@pytest.fixture
def today():
    return timezone.now().date()


@pytest.fixture
def page(browser, live_server, today):
    """Vera's window on a company with three customers: one on a discount that ends, one new in the last quarter."""
    cache.clear()
    make_organisation(name="Kestrel", time_zone="UTC", currency="EUR")
    make_user("Vera Lund", "admin", email="vera@tend.example", password=PASSWORD)
    running = month_of(today)
    quarter = period_of(add_months(period_of(today, "quarter").start, -1), "quarter")
    with transaction.atomic(), recorded_at(timezone.now() - timedelta(days=500)):
        make_version(make_payer("Larch"), add_months(running, -14), mrr="100")
        discount = {"discount_percent": 50, "discount_until": add_months(running, 6)}
        make_version(make_payer("Oak"), add_months(running, -10), mrr="200", **discount)
        make_version(make_payer("Elm"), quarter.start + timedelta(days=9), mrr="60")
    refresh()
    window = Visitor(browser, live_server.url, viewport={"width": 1440, "height": 1000})
    window.page.set_default_timeout(30_000)
    window.sign_in()
    yield window.page
    assert window.complaints == []
    window.context.close()


def refresh():
    now = timezone.now()
    bring_up_to_date(as_of=now.date(), now=now)


def press(page, words):
    page.get_by_role("button", name=words, exact=True).click()


def test_an_admin_applies_a_preset_as_draft_publishes_it_and_reads_the_old_version(page, live_server):
    page.goto(f"{live_server.url}/metrics/definition/")
    page.get_by_role("link", name="Stripe").click()
    changes = page.locator("table", has_text="Keys that differ").first
    assert "forever_only" in changes.inner_text()
    assert "its own rate source" in page.locator(".notice").inner_text()
    preview = page.locator("#definition-preview table").first
    preview.wait_for()
    assert preview.locator("thead th").count() == 14
    closing_mrr = preview.locator("tbody", has_text="Closing MRR")
    before, after = closing_mrr.locator("tr").all()
    assert "€260.00" in before.inner_text()
    assert "€360.00" in after.inner_text()

    page.fill("textarea[name=note]", NOTE)
    press(page, "Publish")
    page.get_by_role("heading", name="Definition 1", exact=True).wait_for()
    assert NOTE in page.locator(".head").inner_text()
    refresh()
    page.get_by_role("link", name="Definition 0").click()
    page.get_by_role("heading", name="Definition 0").wait_for()
    assert "in_force" in page.locator("tr", has_text="discount_policy").inner_text()
    page.goto(f"{live_server.url}/metrics/definition/versions/1/")
    assert "forever_only" in page.locator("table", has_text="Keys that differ").first.inner_text()


def test_a_late_fact_stands_beside_what_was_reported_with_its_cause(page, live_server, today):
    month = add_months(month_of(today), -1)
    page.goto(f"{live_server.url}/metrics/months/")
    page.select_option("select[name=month]", f"{month:%Y-%m}")
    press(page, "Close now")
    page.get_by_role("link", name=f"{month:%B %Y}").click()
    assert "Nothing differs from what was reported" in page.locator("main").inner_text()

    late = {"from_on": month + timedelta(days=4), "amount": 40, "currency": "EUR", "product": "Tend"}
    subscriptions.start_line(customer=make_payer("Fig"), by=None, now=timezone.now(), **late)
    refresh()
    assert closing.restate(now=timezone.now()) > 0
    page.reload()
    row = page.locator("tr", has_text="Closing MRR")
    assert row.locator("td").all_inner_texts()[:3] == ["€260.00", "€300.00", "+€40.00"]
    row.get_by_role("link", name="late facts").click()
    assert page.url.endswith("#cause-1")
    assert "Fig: line version" in page.locator("#cause-1").inner_text()
    page.locator("#cause-1").get_by_role("link", name="Fig").click()
    page.get_by_role("heading", name="Fig", level=1).wait_for()


def test_a_cost_makes_cac_and_without_it_nothing_is_set_up(page, live_server, today):
    quarter = period_of(add_months(period_of(today, "quarter").start, -1), "quarter")
    cac = page.locator(".stat", has_text="Acquisition cost").first.locator(".fig")
    page.goto(f"{live_server.url}/metrics/costs/")
    assert cac.inner_text() == "n/a: it is not set up"
    page.fill("input[name=first_on]", quarter.start.isoformat())
    page.fill("input[name=last_on]", quarter.last_day.isoformat())
    page.select_option("select[name=what]", "acquisition/sales")
    page.fill("input[name=amount]", "450")
    press(page, "Add")
    page.locator("#cost-rows tbody tr").wait_for()
    assert cac.inner_text() == "€450.00"

    page.locator("#cost-rows tbody a").click()
    press(page, "Take back")
    page.get_by_text("No costs yet").wait_for()
    assert cac.inner_text() == "n/a: it is not set up"
