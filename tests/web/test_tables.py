import pytest
from django.http import QueryDict

from accounts.models import User
from config.web.tables import Column, Table
from tests.factories.users import make_user

TABLE = Table(
    columns=[
        Column("name", "Name", "name"),
        Column("seen", "Seen", "last_login", down_first=True),
        Column("x", "X"),
    ],
    default="name",
)


def page(query="", size=50):
    return TABLE.page(User.objects.all(), QueryDict(query), size=size)


def test_pages_neither_repeat_nor_miss_a_row_when_the_sort_is_equal(db):
    for _ in range(120):
        make_user("Same Name")
    rows = [row.pk for number in (1, 2, 3) for row in page(f"page={number}").rows]
    assert len(rows) == len(set(rows)) == 120


def test_links_keep_the_rest_of_the_url(db):
    for number in range(60):
        make_user(f"P{number:02}")
    shown = page("q=a%26b&band=x&band=y&page=1")
    assert shown.next_href == "?q=a%26b&band=x&band=y&page=2"
    assert shown.previous_href == ""
    assert (shown.first, shown.last, shown.pages) == (1, 50, 2)
    assert shown.heads[1].href == "?q=a%26b&band=x&band=y&sort=-seen"


def test_a_heading_turns_the_order_and_says_it(db):
    assert [(head.href, head.aria_sort) for head in page("sort=name").heads] == [
        ("?sort=-name", "ascending"), ("?sort=-seen", ""), ("", ""),
    ]  # fmt: skip
    assert page("sort=-name").heads[0] == page("sort=-name").heads[0].__class__(
        "Name", "", "?sort=name", "descending"
    )


@pytest.mark.parametrize(
    "query",
    [
        "sort=password",
        "sort=x",
        "sort=--name",
        "page=0",
        "page=-3",
        "page=9999999999",
        "page=٣",
        "size=1000000",
    ],
)
def test_nonsense_gives_the_nearest_page(anna, query):
    shown = page(query)
    assert (shown.number, shown.size, shown.rows) == (1, 50, [anna])


def test_an_empty_list_has_one_page_and_no_row(db):
    shown = page()
    assert (shown.rows, shown.pages, shown.first, shown.last) == ([], 1, 0, 0)
