"""From every number of the metrics overview to its rows: on the demo company the rows make the number."""

from decimal import ROUND_HALF_UP, Decimal

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.stack]

DEMO_PASSWORD = "tend-demo-2026"
LOADING = "[hx-trigger=load][aria-busy=true]"
LEAST = 40  # numbers the demo company has at least
MONTHS = 3  # of the bridge that are walked


@pytest.fixture
def window(product, visit):
    """The admin of the demo company."""
    loaded = product.manage("demo")
    assert loaded.returncode == 0, loaded.stderr
    product.start()
    opened = visit()
    opened.go("/login/")
    opened.page.fill("#id_login", "vera@kestrel.example")
    opened.page.fill("#id_password", DEMO_PASSWORD)
    opened.page.click("main button")
    opened.page.wait_for_url(lambda url: "/login/" not in url)
    return opened


def numbers(page):
    """(key, text, address) of every number on the page."""
    return page.eval_on_selector_all(
        "a[data-number]",
        "all => all.map(a => [a.dataset.number, a.innerText.trim(), a.getAttribute('href')])",
    )


def in_full(page):
    """Wait for every section that loads by itself."""
    page.wait_for_function(f"() => !document.querySelector({LOADING!r})")


def test_every_number_opens_rows_that_make_it(window):
    _the_overview(window)
    _the_bridge(window)
    _a_cohort(window)
    assert window.complaints == []


def _the_overview(window):
    """Tiles and sections: the number, the one on its page, and the one its rows make are the same to the last digit."""
    page = window.page
    window.go("/metrics/")
    in_full(page)
    found = numbers(page)
    assert len(found) >= LEAST
    wrong = []
    for key, text, href in found:
        window.go(href)
        made = page.locator("[data-made]")
        if not made.count():
            assert page.locator("main table").count(), f"{key} opens nothing"
            continue
        shown, summed = page.locator("[data-value]").get_attribute("title"), made.get_attribute("title")
        if made.inner_text().strip() != text or shown != summed:
            wrong.append((key, text, made.inner_text(), shown, summed))
    assert wrong == []


def _the_bridge(window):
    """The movements of the last months sum to each of their cells, ends open who pays."""
    page = window.page
    window.go("/metrics/")
    cells = page.eval_on_selector_all(
        "#bridge tbody tr:nth-last-child(-n+3) td a",
        "all => all.map(a => [a.innerText.trim(), a.getAttribute('href')])",
    )
    assert len(cells) > MONTHS * 3
    for text, href in cells:
        window.go(href)
        if "kind=" in href:
            assert page.locator("#movements tfoot td").last.inner_text().strip() == text, href
        elif text[0].isdigit():
            assert page.locator("[data-made]").inner_text().strip() == text, href
        else:
            assert page.locator("#metric-rows tfoot td").first.inner_text().strip() == text, href


def _a_cohort(window):
    """The customers of each cell of a cohort sum to the amount the cell is made of."""
    page = window.page
    window.go("/metrics/cohorts/?of=mrr")
    cells = page.eval_on_selector_all(
        "table.heat tbody tr:nth-child(6) a",
        "all => all.map(a => [a.closest('td').title, a.getAttribute('href')])",
    )
    assert cells
    for title, href in cells:
        window.go(href)
        amount = Decimal(page.locator("[data-made]").inner_text().strip().lstrip("€").replace(",", ""))
        whole = f"€{amount.quantize(Decimal(1), rounding=ROUND_HALF_UP):,}"
        assert title.split(": ")[1].startswith(f"{whole} of "), href
