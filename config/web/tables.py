"""Lists: declared columns, sort from the URL, plain pages. A list never orders by a name it has not declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, QuerySet
from django.http import QueryDict

PAGE_SIZES = (50, 100, 200)
PAGE_DIGITS = 6  # a longer page number is nonsense, not a page
LAST_PAGE = 10_000  # beyond it an offset costs more than any reader gains


@dataclass(frozen=True)
class Column:
    """One column. `field` is what the database sorts by (empty: not sortable); `css` are its classes."""

    key: str
    label: str
    field: str = ""
    css: str = ""
    down_first: bool = False
    nulls_last: bool = True


@dataclass(frozen=True)
class Head:
    """A column's heading as the template needs it."""

    label: str
    css: str
    href: str
    aria_sort: str


@dataclass(frozen=True)
class Page:
    """Rows of one page with what is needed to draw and to leave it. `query` is the rest of the URL's state."""

    rows: list[Any]
    number: int
    size: int
    total: int
    query: str = ""
    heads: tuple[Head, ...] = ()

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return (self.number - 1) * self.size + len(self.rows)

    @property
    def previous_href(self) -> str:
        return f"?{self._with(self.number - 1)}" if self.number > 1 else ""

    @property
    def next_href(self) -> str:
        return f"?{self._with(self.number + 1)}" if self.number < self.pages else ""

    def _with(self, number: int) -> str:
        page = urlencode({"page": number})
        return f"{self.query}&{page}" if self.query else page


@dataclass(frozen=True)
class Table:
    """A list's columns and its standing order. `default` is a sort key, with a minus sign for descending."""

    columns: Sequence[Column]
    default: str
    tie: str = "pk"
    sortable: Mapping[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sortable", {column.key: column for column in self.columns if column.field})

    def sort_of(self, params: QueryDict) -> str:
        """The sort of a URL, or the default for one that is missing or not declared."""
        wanted = params.get("sort", "")
        return wanted if wanted.lstrip("-") in self.sortable and not wanted.startswith("--") else self.default

    def ordering(self, sort: str) -> list[Any]:
        """Expressions for `order_by`, with a tie-break so that pages neither repeat nor miss a row."""
        column = self.sortable[sort.lstrip("-")]
        expression = F(column.field)
        last = column.nulls_last or None
        ordered = (
            expression.desc(nulls_last=last) if sort.startswith("-") else expression.asc(nulls_last=last)
        )
        return [ordered, self.tie]

    def heads(self, params: QueryDict, sort: str) -> tuple[Head, ...]:
        """Headings with the link that sorts by each of them and keeps every filter of the URL."""
        return tuple(self._head(column, params, sort) for column in self.columns)

    def page(
        self, rows: QuerySet[Any], params: QueryDict, *, size: int = PAGE_SIZES[0], total: int | None = None
    ) -> Page:
        """One page of `rows`: sorted and counted by the database. A page that does not exist is the nearest one.

        `total` is how many rows there are where the view has counted them already.
        """
        sort = self.sort_of(params)
        total = rows.count() if total is None else total
        size = _chosen_size(params, size)
        number = min(_whole(params.get("page"), 1), max(1, -(-total // size)), LAST_PAGE)
        start = (number - 1) * size
        return Page(
            rows=list(rows.order_by(*self.ordering(sort))[start : start + size]),
            number=number,
            size=size,
            total=total,
            query=_rest(params, "page"),
            heads=self.heads(params, sort),
        )

    def _head(self, column: Column, params: QueryDict, sort: str) -> Head:
        if not column.field:
            return Head(column.label, column.css, "", "")
        now = "" if sort.lstrip("-") != column.key else "descending" if sort.startswith("-") else "ascending"
        turned = f"-{column.key}" if (now == "ascending" or (not now and column.down_first)) else column.key
        rest = _rest(params, "page", "sort")
        href = f"?{rest}&sort={turned}" if rest else f"?sort={turned}"
        return Head(column.label, column.css, href, now)


def _rest(params: QueryDict, *without: str) -> str:
    return urlencode(
        [(key, value) for key, values in params.lists() if key not in without for value in values]
    )


def _whole(text: str | None, default: int) -> int:
    """A positive whole number of at most six digits, else the default."""
    plain = text and text.isascii() and text.isdigit() and len(text) <= PAGE_DIGITS
    return max(int(text), 1) if plain else default


def _chosen_size(params: QueryDict, default: int) -> int:
    size = _whole(params.get("size"), default)
    return size if size in PAGE_SIZES else default
