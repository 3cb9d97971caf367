"""The portfolio: what it lists, how it filters and sorts, and that its totals are the sum of its rows."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse as url
from django.utils import timezone

from customers.models import FollowUp, SavedView, StaleMark
from customers.queries.portfolio import Filters, portfolio_for
from customers.queries.portfolio_sorts import SORTS
from customers.services import attributes, summaries
from tests.factories.customers import make_assignment, make_contact, make_customer, make_follow_up

TODAY = date(2026, 3, 16)
HTMX = {"HX-Request": "true", "HX-Target": "portfolio-table"}


def given(customer, **fields):
    """Figures of a customer as the metrics app publishes them."""
    summaries.publish({customer.pk: fields})
    return customer


def listed(user, now, **filters):
    return portfolio_for(user, filters=Filters(**filters), today=TODAY, now=now)


def names(user, now, **filters):
    return [row.name for row in listed(user, now, **filters).rows(0, 200)]


def shown_names(response):
    """Names of customers on a page, in their order."""
    parts = response.content.decode().split(" data-row>")[1:]
    return [part.split("</a>")[0] for part in parts]


@pytest.fixture
def book(anna):
    """Anna's book: one customer per band."""
    return [
        given(make_customer(owner=anna, name="Alder"), mrr=Decimal(100), currency="EUR", score=Decimal("81.5"), tone="green", band="healthy", coverage=Decimal("0.9"), trend_30d=Decimal(2)),
        given(make_customer(owner=anna, name="Birch"), mrr=Decimal(900), currency="EUR", score=Decimal(55), tone="amber", band="moderate", coverage=Decimal("0.7"), trend_30d=Decimal("-12.4")),
        given(make_customer(owner=anna, name="Cedar"), mrr=Decimal(300), currency="EUR", score=Decimal(30), tone="red", band="weak", coverage=Decimal("0.8")),
        given(make_customer(owner=anna, name="Dogwood"), mrr=Decimal(50), currency="EUR"),
    ]  # fmt: skip


def test_the_default_is_my_book_with_the_red_ones_first_and_the_unscored_last(client, anna, carl, book):
    make_customer(owner=carl, name="Larch")
    client.force_login(anna)
    assert shown_names(client.get(url("customers:portfolio"))) == ["Cedar", "Birch", "Alder", "Dogwood"]


def test_the_portfolio_of_a_stranger_is_empty_and_says_who_assigns(client, carl, book):
    client.force_login(carl)
    response = client.get(url("customers:portfolio"))
    assert shown_names(response) == []
    assert b"No customers are assigned to you" in response.content
    assert b"Alder" not in response.content


def test_co_owners_and_covers_see_the_customer_in_their_book(ben, now, book):
    make_assignment(book[0], ben, role="cover", from_on=date(2026, 3, 1))
    assert names(ben, now) == ["Alder"]


def test_totals_are_the_sum_of_the_rows_and_of_the_bands(anna, now, book):
    found = listed(anna, now)
    groups = found.groups()
    rows = found.rows(0, 200)
    assert sum(group.mrr for group in groups) == sum(row.mrr for row in rows) == Decimal(1350)
    assert sum(group.customers for group in groups) == len(rows)
    assert {group.tone: group.customers for group in groups} == {"good": 1, "watch": 1, "risk": 1, "none": 1}


def test_totals_cover_the_whole_result_and_not_the_page(client, anna):
    for number in range(53):
        given(make_customer(owner=anna, name=f"C{number:02}"), mrr=Decimal(10), currency="EUR")
    client.force_login(anna)
    response = client.get(url("customers:portfolio"))
    assert len(shown_names(response)) == 50
    assert response.context["totals"].customers == 53
    assert response.context["totals"].mrr == "€530"
    second = client.get(url("customers:portfolio"), {"page": 2})
    assert len(shown_names(second)) == 3
    assert not set(shown_names(second)) & set(shown_names(response))


def test_amounts_of_two_currencies_are_not_added(client, anna, book):
    given(book[0], currency="USD")
    client.force_login(anna)
    assert client.get(url("customers:portfolio")).context["totals"].mrr == "€1,250 + $100"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"tones": ("risk",)}, ["Cedar"]),
        ({"tones": ("none", "good")}, ["Alder", "Dogwood"]),
        ({"text": "bir"}, ["Birch"]),
        ({"text": "irch"}, []),
        ({"mrr_from": Decimal(100), "mrr_to": Decimal(300)}, ["Cedar", "Alder"]),
        ({"phases": ("onboarding",)}, []),
        ({"view": "attention"}, ["Cedar", "Birch"]),
        ({"renewal": "none"}, ["Cedar", "Birch", "Alder", "Dogwood"]),
    ],
)
def test_filters_narrow_the_list(anna, now, book, filters, expected):
    assert names(anna, now, **filters) == expected


def test_renewal_windows_begin_today(anna, now, book):
    given(book[0], renewal_on=TODAY)
    given(book[1], renewal_on=TODAY + timedelta(days=31))
    given(book[2], renewal_on=TODAY - timedelta(days=1))
    assert names(anna, now, renewal="30") == ["Alder"]
    assert names(anna, now, renewal="60") == ["Birch", "Alder"]
    assert names(anna, now, renewal="passed") == ["Cedar"]
    assert names(anna, now, view="renewing") == ["Birch", "Alder"]


def test_no_touch_lists_those_never_touched_and_those_touched_too_long_ago(anna, now, book):
    given(book[0], last_touch_at=now - timedelta(days=31))
    given(book[1], last_touch_at=now - timedelta(days=29))
    assert names(anna, now, view="untouched") == ["Cedar", "Alder", "Dogwood"]


def test_onboarding_follows_the_phase(anna, now, book):
    attributes.set_attribute(
        customer=book[1], key="phase", value="onboarding", from_on=TODAY, by=anna, now=now
    )
    assert names(anna, now, view="onboarding") == ["Birch"]


def test_the_text_filter_finds_contacts_unless_names_are_hidden(anna, vic, now, book):
    make_contact(book[0], name="Halvard Moen")
    assert names(anna, now, text="halv") == ["Alder"]
    assert names(vic, now, view="everyone", text="halv") == []
    assert names(vic, now, view="everyone", text="ald") == ["Alder"]


def test_accents_and_case_do_not_matter(anna, now):
    make_customer(owner=anna, name="Ülker Gıda")
    assert names(anna, now, text="ULKER") == ["Ülker Gıda"]


@pytest.mark.parametrize("key", SORTS)
def test_every_column_sorts_both_ways_with_the_unknown_last(anna, now, book, key):
    up, down = names(anna, now, sort=(key,)), names(anna, now, sort=(f"-{key}",))
    assert sorted(up) == sorted(down) == ["Alder", "Birch", "Cedar", "Dogwood"]
    if key in {"health", "trend"}:
        assert up[-1] == down[-1] == "Dogwood"


def test_a_heading_sorts_by_its_column_first_and_keeps_the_other_keys(client, anna, book):
    client.force_login(anna)
    response = client.get(url("customers:portfolio"), {"sort": "renewal,-mrr,customer"})
    heads = {head.label: head for head in response.context["page"].heads}
    assert heads["Renewal"].aria_sort == "ascending"
    assert "sort=-renewal%2C-mrr%2Ccustomer" in heads["Renewal"].href
    assert "sort=-mrr%2Crenewal%2Ccustomer" in heads["MRR"].href
    assert shown_names(response) == ["Birch", "Cedar", "Alder", "Dogwood"]


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "-owner__password,mrr;drop"},
        {"band": "green'--", "phase": "x", "mrr_from": "NaN"},
        {"mrr_from": "-1", "mrr_to": "1e99"},
        {"page": "99999999999999999999"},
        {"page": "-1", "size": "7"},
        {"owner": "١٢", "tier": "\x00"},
        {"owner": "99999999999999999999999"},
        {"q": "\x00" * 5},
        {"q": "%_\\'\""},
        {"view": "admin", "renewal": "12"},
        {"saved": "abc"},
    ],
)
def test_nonsense_in_the_url_is_left_out_and_never_an_error(client, anna, book, query):
    client.force_login(anna)
    assert client.get(url("customers:portfolio"), query).status_code == 200
    assert client.get(url("customers:portfolio_export"), query).status_code == 200


def test_what_was_left_out_is_named(client, anna, book):
    client.force_login(anna)
    assert b"MRR from is left out" in client.get(url("customers:portfolio"), {"mrr_from": "abc"}).content


def test_htmx_gets_the_table_with_counts_and_the_shortest_address(client, anna, book):
    client.force_login(anna)
    response = client.get(
        url("customers:portfolio"), {"q": "", "band": "risk", "mrr_from": "", "renewal": ""}, headers=HTMX
    )
    text = response.content.decode()
    assert text.lstrip().startswith('<form id="portfolio-table"')
    assert "<html" not in text
    assert response.headers["HX-Push-Url"] == "/portfolio/?view=book&band=risk"
    assert shown_names(response) == ["Cedar"]
    assert [chip.customers for chip in response.context["chips"]] == [1, 1, 1, 1]


def test_empty_results_say_which_filter_to_clear(client, anna, book):
    client.force_login(anna)
    response = client.get(url("customers:portfolio"), {"q": "zzz"})
    assert b"No customer matches these filters" in response.content
    assert b'href="?view=book"' in response.content


def test_stale_rows_say_updating_and_late_ones_are_a_warning(client, anna, book):
    StaleMark.objects.all().delete()
    client.force_login(anna)
    assert b"updating" not in client.get(url("customers:portfolio")).content
    mark = StaleMark.objects.create(customer=book[0], from_day=TODAY, cause="pulse")
    fresh = client.get(url("customers:portfolio")).content
    assert fresh.count(b"<small>updating</small>") == 1
    assert b"wait for new figures" not in fresh
    StaleMark.objects.filter(pk=mark.pk).update(created_at=timezone.now() - timedelta(minutes=6))
    assert b"wait for new figures" in client.get(url("customers:portfolio")).content


def test_text_of_customers_is_escaped(client, anna):
    make_customer(owner=anna, name="<script>alert(1)</script>", industry='"><img src=x>')
    client.force_login(anna)
    content = client.get(url("customers:portfolio")).content
    assert b"<script>alert" not in content
    assert b"<img" not in content


def test_archived_customers_are_left_out(client, anna, now, book):
    from customers.services.customers import archive_customer

    archive_customer(customer=book[0], by=anna, now=now)
    assert names(anna, now) == ["Cedar", "Birch", "Dogwood"]


def export(client, **query):
    response = client.get(url("customers:portfolio_export"), query)
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return [line.split(",") for line in text.splitlines()]


def test_the_export_is_exactly_the_list_in_its_order(client, anna, book):
    client.force_login(anna)
    rows = export(client, sort="-mrr", band=["risk", "watch"])
    assert [row[0] for row in rows] == ["Customer", "Birch", "Cedar"]
    mrr = rows[0].index("MRR")
    assert rows[1][mrr : mrr + 2] == ["900.00", "EUR"]


def test_cells_that_would_run_as_formulas_are_inert(client, anna):
    make_customer(owner=anna, name="=HYPERLINK(1)")
    client.force_login(anna)
    assert export(client)[1][0] == "'=HYPERLINK(1)"


def test_the_export_needs_the_grant(client, anna, book):
    anna.grants = []
    anna.save()
    client.force_login(anna)
    assert client.get(url("customers:portfolio_export")).status_code == 403
    assert url("customers:portfolio_export").encode() not in client.get(url("customers:portfolio")).content


def test_views_are_saved_shown_overwritten_and_deleted(client, anna, carl):
    client.force_login(anna)
    client.post(url("customers:saved_view_add"), {"name": "Reds", "query": "view=book&band=risk"})
    response = client.post(
        url("customers:saved_view_add"), {"name": "Reds", "query": "band=risk&sort=-mrr"}, follow=True
    )
    view = SavedView.objects.get()
    assert view.query == "band=risk&sort=-mrr"
    assert b"Reds" in response.content
    assert response.context["saved_current"]["pk"] == view.pk
    client.force_login(carl)
    assert client.post(url("customers:saved_view_delete", args=[view.pk])).status_code == 404
    assert b"Reds" not in client.get(url("customers:portfolio")).content
    client.force_login(anna)
    client.post(url("customers:saved_view_delete", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_a_bulk_follow_up_goes_to_each_owner_and_skips_foreign_customers(client, mia, anna, carl, book):
    foreign = make_customer(owner=carl, name="Larch")
    client.force_login(mia)
    sent = {
        "sel": [book[0].pk, book[1].pk, foreign.pk],
        "title": "Check in",
        "due_on": "2026-03-20",
        "priority": "high",
    }
    shown = client.get(url("customers:bulk_follow_up"), {"sel": sent["sel"]})
    assert b"2 customers: Alder, Birch" in shown.content
    assert b"Larch" not in shown.content
    client.post(url("customers:bulk_follow_up"), sent)
    made = FollowUp.objects.order_by("customer__name").values_list("customer__name", "owner__name", "title")
    assert list(made) == [("Alder", "Anna Berg", "Check in"), ("Birch", "Anna Berg", "Check in")]


def test_a_bulk_phase_changes_all_or_nothing_and_says_what_is_wrong(client, anna, book):
    client.force_login(anna)
    bad = client.post(url("customers:bulk_phase"), {"sel": [book[0].pk], "phase": "x", "from_on": "soon"})
    assert bad.status_code == 422
    client.post(
        url("customers:bulk_phase"),
        {"sel": [book[0].pk, book[1].pk], "phase": "renewal", "from_on": "2026-03-16"},
    )
    book[0].refresh_from_db()
    assert book[0].phase == "renewal"


def test_only_managers_and_admins_assign_in_bulk(client, anna, ben, mia, book):
    sent = {"sel": [book[0].pk], "owner": ben.pk, "from_on": "2026-03-16"}
    client.force_login(anna)
    assert client.post(url("customers:bulk_assign"), sent).status_code == 403
    client.force_login(mia)
    client.post(url("customers:bulk_assign"), sent)
    client.force_login(ben)
    assert shown_names(client.get(url("customers:portfolio"))) == ["Alder"]


def test_follow_ups_show_in_the_row(client, anna, book):
    make_follow_up(book[0], title="Send the offer", owner=anna, due_on=date(2020, 1, 1))
    client.force_login(anna)
    content = client.get(url("customers:portfolio")).content
    assert b"Send the offer" in content
    assert b"d overdue" in content


# Overrides, held feeds, settled bands and customers without enough data


@pytest.fixture
def judged(anna, book):
    """Birch is overridden and held, Alder's band has not settled, Hazel has a critical band, Dogwood and Elm no score."""
    by_name = {one.name: one for one in book}
    given(
        by_name["Birch"],
        score=Decimal(45),
        tone="amber",
        band="moderate",
        computed_score=Decimal(62),
        override_until=date(2026, 6, 1),
        held=True,
    )
    given(
        by_name["Alder"],
        score=Decimal("81.5"),
        tone="green",
        band="healthy",
        settled_band="moderate",
        card="Core",
    )
    given(
        make_customer(owner=anna, name="Hazel"),
        score=Decimal(-3),
        tone="red",
        band="critical",
        band_label="Critical",
    )
    given(by_name["Cedar"], score=Decimal(30), tone="red", band="weak", band_label="Weak")
    given(make_customer(owner=anna, name="Elm"), score=None, tone="none", band="insufficient")


def chips_of(response):
    chips = [*response.context["chips"], *response.context["flag_chips"]]
    return {chip.words: (chip.customers, chip.is_on) for chip in chips}


def test_hp_6_the_list_shows_both_scores_and_the_end(client, anna, judged):
    client.force_login(anna)
    text = " ".join(client.get(url("customers:portfolio")).content.decode().split())
    assert "computed 62, until 1 Jun, held" in text
    assert "settled moderate" in text
    assert "<small>Core</small>" in text


def test_hw_9_chips_count_flags_and_every_band_and_customers_without_enough_data(client, anna, judged):
    client.force_login(anna)
    everybody = client.get(url("customers:portfolio"))
    chips = chips_of(everybody)
    assert chips["Overridden"] == chips["Held"] == chips["Settling"] == (1, False)
    assert (chips["Critical"][0], chips["Weak"][0], chips["Not enough data"][0]) == (1, 1, 2)
    assert "Not enough data <b>2</b>" in everybody.content.decode()
    for query, expected in (
        ({"flag": "overridden"}, ["Birch"]),
        ({"flag": ["overridden", "held"], "band": "watch"}, ["Birch"]),
        ({"flag": "held", "band": "good"}, []),
        ({"word": "Critical"}, ["Hazel"]),
        ({"word": "Critical", "band": "watch", "sort": "customer"}, ["Birch", "Hazel"]),
        ({"band": "none", "sort": "customer"}, ["Dogwood", "Elm"]),
    ):
        response = client.get(url("customers:portfolio"), query)
        assert shown_names(response) == expected
        assert response.context["totals"].customers == len(expected)
    assert client.get(url("customers:portfolio"), {"flag": "nonsense"}).status_code == 200


@pytest.mark.parametrize("sort", ["health", "-health"])
def test_hw_9_customers_without_enough_data_come_last_both_ways_and_are_grey(client, anna, judged, sort):
    client.force_login(anna)
    response = client.get(url("customers:portfolio"), {"sort": sort})
    last = str(response.context["page"].rows[-1].cells)
    assert '<span class="band none"><i>Not enough data</i></span>' in last


def test_the_export_names_overrides_flags_and_causes(client, anna, judged):
    client.force_login(anna)
    header, *lines = export(client)
    rows = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    birch = rows["Birch"]
    assert (birch["Score"], birch["Computed score"], birch["Override until"], birch["Held"]) == (
        "45.000000", "62.000000", "2026-06-01", "yes",
    )  # fmt: skip
    assert (rows["Alder"]["Settled band"], rows["Alder"]["Card"]) == ("moderate", "Core")
    assert (rows["Elm"]["Score"], rows["Elm"]["Band"]) == ("", "Not enough data")
