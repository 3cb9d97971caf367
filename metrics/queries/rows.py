"""Rows behind a number: lists of customers, answers or tickets whose sums are what the number is made of (G-13)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import Count, F, QuerySet, Sum

from customers.queries.access import everybody
from metrics.formulas.money import ZERO, total
from metrics.formulas.periods import Period
from metrics.formulas.result import Result
from metrics.queries.questions import Question
from metrics.queries.spans import reading_of, span_days
from metrics.sql import receipts as sql
from metrics.sql.spans import Reading, SpanDays

MONEY, COUNT, NUMBER, TEXT, DAY, MOMENT, FLAG = "money", "count", "number", "text", "day", "moment", "flag"
SUMMED = frozenset({MONEY, COUNT, FLAG})
CUSTOMER = "customer"
Ids = Sequence[int] | None


@dataclass(frozen=True, slots=True)
class RowColumn:
    """A column of a receipt. `text` is the expression or field it is read from; money, counts and flags are summed."""

    key: str
    label: str
    unit: str = MONEY
    text: str = ""

    @property
    def source(self) -> str:
        """Where the value is read from."""
        return self.text or self.key

    @property
    def is_summed(self) -> bool:
        """Whether the column has a sum in the last line."""
        return self.unit in SUMMED


@dataclass(frozen=True, slots=True)
class Sums:
    """How many rows, and the exact sum of each summed column."""

    rows: int
    of: Mapping[str, Decimal]

    def __getitem__(self, key: str) -> Decimal:
        return Decimal(self.of.get(key) or 0)


class Source(Protocol):
    """A list of rows that can be summed and paged, all of it or only the rows of some customers.

    Without `has_customers` its rows are days, months or features, open to everybody who sees the number; those of the
    company only are open to readers of the whole company.
    """

    @property
    def title(self) -> str:
        """What the rows are, in words."""

    @property
    def what(self) -> str:
        """What one counts: customers, answers, orders."""

    @property
    def columns(self) -> Sequence[RowColumn]:
        """The columns, in order."""

    @property
    def sort(self) -> str:
        """The standing order."""

    @property
    def has_customers(self) -> bool:
        """Whether rows belong to customers."""

    @property
    def is_company_only(self) -> bool:
        """Whether only readers of the whole company may open them."""

    def sums(self, ids: Ids) -> Sums:
        """Over all rows, or over those of these customers."""

    def page(self, *, ids: Ids, sort: str, limit: int | None, offset: int = 0) -> list[dict[str, Any]]:
        """Rows with customer_id, customer (name) and a value per column; `sort` is a column key, with - descending."""


@dataclass(frozen=True)
class Receipt:
    """What a number is made of. `made` works it out once more, from nothing but the sums of the sources in order.

    `top` and `bottom` name numerator and denominator; `left_out` says what is in neither, and why.
    """

    sources: Sequence[Source]
    made: Callable[[Sequence[Sums]], Result]
    top: str = ""
    bottom: str = ""
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One period of a question, for which rows are wanted; the question holds that period alone."""

    question: Question
    key: str

    @property
    def period(self) -> Period:
        """The period, whole."""
        return self.question.periods[0]

    @property
    def closed(self) -> Period:
        """The period as far as it has come."""
        return self.question.closed[0]

    @property
    def customers(self) -> Ids:
        """Ids of the customers that totals are made of; None means everybody."""
        asked = self.question.customers
        if asked is None:
            return None
        return list(asked.values_list("pk", flat=True)) if isinstance(asked, QuerySet) else list(asked)


@dataclass(frozen=True)
class SpanSource:
    """Customers of one or several spans of the ledger. `where` and the columns are SQL of metrics.sql.spans."""

    title: str
    where: str
    columns: Sequence[RowColumn]
    spans: Sequence[SpanDays]
    book: Ids
    reading: Reading
    what: str = "customers"
    has_customers: bool = True
    is_company_only: bool = False

    @property
    def sort(self) -> str:
        """Largest first column first."""
        return f"-{self.columns[0].key}"

    def sums(self, ids: Ids) -> Sums:
        """One statement over all customers that count."""
        found = sql.customer_sums(
            self.spans,
            ids=_both(self.book, ids),
            where=self.where,
            columns=self._texts(),
            reading=self.reading,
        )
        return Sums(*found)

    def page(self, *, ids: Ids, sort: str, limit: int | None, offset: int = 0) -> list[dict[str, Any]]:
        """One statement; sorted by name or by any column."""
        key, down = sort.lstrip("-"), sort.startswith("-")
        name = "c.name" if key == CUSTOMER else f'found."{key}"'
        return sql.customer_page(
            self.spans,
            ids=_both(self.book, ids),
            where=self.where,
            columns=self._texts(),
            order=f"{name} {'DESC' if down else 'ASC'}",
            limit=limit,
            offset=offset,
            reading=self.reading,
        )

    def _texts(self) -> dict[str, str]:
        return {column.key: column.source for column in self.columns}


@dataclass(frozen=True)
class QuerySource:
    """Rows of a query set with a customer, or of one grouped by customer."""

    title: str
    what: str
    rows: QuerySet[Any]
    columns: Sequence[RowColumn]
    sort: str
    has_customers: bool = True
    is_company_only: bool = False

    def sums(self, ids: Ids) -> Sums:
        """One aggregate."""
        wanted = {f"sum_{c.key}": Sum(c.source) for c in self.columns if c.is_summed}
        found = self._of(ids).order_by().aggregate(n=Count("*"), **wanted)
        return Sums(found.pop("n"), {key.removeprefix("sum_"): value or ZERO for key, value in found.items()})

    def page(self, *, ids: Ids, sort: str, limit: int | None, offset: int = 0) -> list[dict[str, Any]]:
        """One page; NULLs come last."""
        key, down = sort.lstrip("-"), sort.startswith("-")
        source = {c.key: c.source for c in self.columns}.get(key, "customer__name")
        order = F(source).desc(nulls_last=True) if down else F(source).asc(nulls_last=True)
        fields = [c.source for c in self.columns]
        tie = "pk" if self.rows.query.group_by is None else "customer_id"
        rows = self._of(ids).order_by(order, tie).values_list("customer_id", "customer__name", *fields)
        stop = None if limit is None else offset + limit
        names = ["customer_id", CUSTOMER, *(c.key for c in self.columns)]
        return [dict(zip(names, row, strict=True)) for row in rows[offset:stop]]

    def _of(self, ids: Ids) -> QuerySet[Any]:
        return self.rows if ids is None else self.rows.filter(customer_id__in=ids)


@dataclass(frozen=True)
class ListSource:
    """Rows that are worked out in memory: (customer id or None, values of the columns in order)."""

    title: str
    what: str
    rows: Sequence[tuple[int | None, tuple[Any, ...]]]
    columns: Sequence[RowColumn]
    sort: str
    has_customers: bool = True
    is_company_only: bool = False

    def sums(self, ids: Ids) -> Sums:
        """Exact sums of the rows held."""
        kept = self._of(ids)
        found = {
            column.key: total(Decimal(values[place] or 0) for _, values in kept)
            for place, column in enumerate(self.columns)
            if column.is_summed
        }
        return Sums(len(kept), found)

    def page(self, *, ids: Ids, sort: str, limit: int | None, offset: int = 0) -> list[dict[str, Any]]:
        """Sorted in memory; what is not known comes last."""
        kept, key, down = self._of(ids), sort.lstrip("-"), sort.startswith("-")
        names = self._names(kept)
        keys = [column.key for column in self.columns]
        rows = [
            {"customer_id": pk, CUSTOMER: names.get(pk or 0, ""), **dict(zip(keys, values, strict=True))}
            for pk, values in kept
        ]
        known = sorted((row for row in rows if row[key] is not None), key=lambda row: row[key], reverse=down)
        found = [*known, *(row for row in rows if row[key] is None)]
        return found[offset : None if limit is None else offset + limit]

    def _of(self, ids: Ids) -> Sequence[tuple[int | None, tuple[Any, ...]]]:
        if ids is None or not self.has_customers:
            return self.rows
        seen = set(ids)
        return [row for row in self.rows if row[0] in seen]

    def _names(self, rows: Sequence[tuple[int | None, tuple[Any, ...]]]) -> dict[int, str]:
        wanted = {pk for pk, _ in rows if pk is not None}
        return dict(everybody().filter(pk__in=wanted).values_list("pk", "name"))


def span_source(
    ask: Ask,
    title: str,
    where: str,
    *columns: RowColumn,
    periods: Sequence[Period] = (),
    close_days: Sequence[Any] = (),
) -> SpanSource:
    """Customers of the asked period, or of other ones, as its definition reads them."""
    listed = list(periods) or [ask.period]
    closes = list(close_days) or [ask.question.close_on(period) for period in listed]
    return SpanSource(
        title, where, columns, span_days(listed, closes), ask.customers, reading_of(ask.question.definition)
    )


def _both(book: Ids, ids: Ids) -> Ids:
    """Customers in both; None is everybody."""
    if book is None or ids is None:
        return book if ids is None else ids
    return sorted(set(book) & set(ids))
