"""A CSM's morning in a browser: the list, a customer, why its score is what it is, a call, a follow-up done."""

from decimal import Decimal

import pytest

from tests.chaos import oracle
from tests.chaos.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.stack]

NAMES = "#portfolio-table tbody a.name"
STRANGER = ("Zanzibar", "Quillon")


@pytest.fixture
def company(product):
    seeded = product.seed("company", customers=8, contacts=1, follow_up=True)
    product.tick_until(oracle.work_is_done, 60, "the first scores are there")
    product.start()
    return seeded


def names(page):
    return page.locator(NAMES).all_inner_texts()


def until_names(page, expected):
    page.wait_for_function(
        "([css, n]) => document.querySelectorAll(css).length === n", arg=[NAMES, len(expected)]
    )
    assert names(page) == expected


def decimals(page, css):
    return [Decimal(text.replace("−", "-")) for text in page.locator(css).all_inner_texts() if text != "–"]


def test_a_csm_reads_the_portfolio_a_score_and_writes_down_the_day(product, company, visit):
    window = visit()
    page = window.page
    window.sign_in("anna@tend.example")
    window.go("/portfolio/")
    everyone = names(page)
    assert sorted(everyone) == [f"Harbour {n}" for n in range(8)]

    page.fill("#filter-text", "Harbour 3")
    until_names(page, ["Harbour 3"])
    page.fill("#filter-text", "")
    until_names(page, everyone)
    page.locator("#portfolio-table thead a", has_text="MRR").click()
    page.wait_for_url("**sort=*mrr*")
    page.wait_for_function("css => /Harbour [07]$/.test(document.querySelector(css).innerText)", arg=NAMES)
    assert names(page) in ([f"Harbour {n}" for n in range(8)], [f"Harbour {n}" for n in range(7, -1, -1)])

    page.locator(NAMES, has_text="Harbour 3").click()
    page.wait_for_url("**/customers/*/")
    pk = company["customers"][3]
    _the_score_is_explained(product, page, pk)
    _a_call_is_logged(product, page, pk)
    _a_follow_up_is_finished(product, page, pk)
    assert window.complaints == []


def _the_score_is_explained(product, page, pk):
    """The displayed parts sum to the displayed score, the stored lines exactly to the stored score."""
    page.locator("#health-drivers").wait_for()
    parts = decimals(page, "[aria-labelledby=health-drivers] tbody td:last-child")
    (total,) = decimals(page, "[aria-labelledby=health-drivers] tfoot td:last-child")
    assert len(parts) > 1
    assert sum(parts) == total
    shown = Decimal(page.locator("#health-panel .big.band b").inner_text())
    assert abs(shown - total) <= Decimal("0.5")
    score, lines = product.rows(
        "SELECT score, lines FROM metrics_healthscore WHERE customer_id = %s ORDER BY from_at DESC LIMIT 1",
        pk,
    )[0]
    assert sum(lines) == score * 1_000_000
    assert abs(total - score) <= Decimal("0.05")


def _a_call_is_logged(product, page, pk):
    page.locator("[data-press=t]").first.click()
    page.fill("#touchpoint-form [name=subject]", "Quarterly review")
    page.fill("#touchpoint-form [name=body]", "They want the planner in Lisbon too.")
    page.locator("#touchpoint-form [type=submit]").click()
    page.locator("#customer-timeline", has_text="They want the planner in Lisbon too.").wait_for()
    assert (
        product.value(
            "SELECT count(*) FROM customers_touchpoint WHERE customer_id = %s AND subject = 'Quarterly review'",
            pk,
        )
        == 1
    )


def _a_follow_up_is_finished(product, page, pk):
    page.locator("#customer-follow-ups summary[aria-label^=Finish]").click()
    page.locator("#customer-follow-ups input[name=outcome]").fill("Agreed on March")
    page.locator("#customer-follow-ups button", has_text="Done").click()
    page.locator("#customer-follow-ups", has_text="Nothing is open").wait_for()
    assert product.rows("SELECT state, outcome FROM customers_followup WHERE customer_id = %s", pk) == [
        ("done", "Agreed on March")
    ]


def test_another_csms_customer_is_not_there_on_any_page_part_search_or_export(product, company):
    anna = Person(product.url).sign_in("anna@tend.example")
    carl = Person(product.url).sign_in("carl@tend.example")
    routes = product.json("routes")["routes"]
    of_customer = [route for route in routes if "customers/<int:pk>/" in route["pattern"]]
    assert len(of_customer) > 12
    for route in of_customer:
        path = "/" + route["pattern"].replace("<int:pk>", str(company["stranger"]))
        path = path.replace("<int:touchpoint_pk>", "1").replace("<int:contact_pk>", "1")
        replies = [
            anna.ask(path),
            anna.ask(path, headers={"HX-Request": "true"}),
            anna.submit(path, form_at="/portfolio/"),
        ]
        statuses = {reply.status for reply in replies}
        closed = (
            404 if "csm" in (route["roles"] or ["csm"]) else 403
        )  # not for CSMs at all, whoever's customer it is
        assert closed in statuses <= {closed, 405}, f"{path} answers {statuses}"
        for reply in replies:
            assert not any(word in reply.text for word in STRANGER), path
    lists = (
        "/portfolio/",
        "/portfolio/?view=everyone",
        "/portfolio/export.csv",
        "/",
        "/follow-ups/?tab=team",
    )
    searches = ("/search/?q=Zanz", "/search/?q=Quill", "/search/?q=zanzibar.example", "/portfolio/?q=Zanz")
    for path in (*lists, *searches):
        reply = anna.ask(path)
        assert reply.status == 200, path
        assert not any(word in reply.text for word in ("Zanzibar Freight", "Quillon Marsh")), path
    assert "Zanzibar Freight" in carl.ask("/portfolio/").text  # the planted name is there to be seen
    assert "Zanzibar Freight" in carl.ask("/search/?q=Zanz").text
    assert "Zanzibar Freight" in carl.ask("/portfolio/export.csv").text
