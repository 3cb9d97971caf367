"""Totals and rows of a metric page: whose totals a user may see, and which of their rows."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum

from accounts.choices import ReadScope, Role
from accounts.queries.scope import read_scope
from customers.models.customer import CustomerQuerySet
from customers.queries.access import customers_for
from metrics.formulas.money import exactly

COMPANY, BOOK = "company", "book"
BOOK_WORDS = {ReadScope.OWN: "My book", ReadScope.TEAM: "My team"}


@dataclass(frozen=True)
class Sight:
    """What a user may see of the metrics. `choices` are (key, words); the first is where the pages open.

    Totals of the company are open to everybody who works with customers; a viewer with a narrower scope sees that
    scope only. Rows are always those of the read scope.
    """

    customers: CustomerQuerySet
    sees_all: bool
    choices: tuple[tuple[str, str], ...]

    def book(self, whose: str) -> CustomerQuerySet | None:
        """The customers that totals are made of; None means all of the company."""
        return None if whose == COMPANY and (COMPANY, "Company") in self.choices else self.customers

    def rows(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of `rows` (of a model with a customer) that the user may open."""
        return rows if self.sees_all else rows.filter(customer__in=self.customers)


@dataclass(frozen=True)
class RowSum:
    """How many rows and how much in all, and how much of it lies outside the reader's scope."""

    rows: int
    amount: Decimal
    hidden_rows: int
    hidden_amount: Decimal

    @property
    @exactly
    def open_amount(self) -> Decimal:
        """What the rows the reader may open sum to."""
        return self.amount - self.hidden_amount


def sight_of(user: Any) -> Sight:
    """Whose totals and rows this user sees on metric pages."""
    scope = read_scope(user)
    if scope == ReadScope.ALL:
        return Sight(customers_for(user), sees_all=True, choices=((COMPANY, "Company"),))
    words = BOOK_WORDS[scope]
    choices = ((BOOK, words),) if user.role == Role.VIEWER else ((BOOK, words), (COMPANY, "Company"))
    return Sight(customers_for(user), sees_all=False, choices=choices)


@exactly
def sums_of(rows: QuerySet[Any], field: str, sight: Sight) -> RowSum:
    """Sum and count of `field` over `rows`, and what of it the reader may not open."""
    whole = _sum(rows, field)
    if sight.sees_all:
        return RowSum(*whole, 0, Decimal(0))
    open_rows, open_amount = _sum(sight.rows(rows), field)
    return RowSum(*whole, whole[0] - open_rows, whole[1] - open_amount)


def _sum(rows: QuerySet[Any], field: str) -> tuple[int, Decimal]:
    found = rows.order_by().aggregate(rows=Count("pk"), amount=Sum(field))
    return found["rows"], found["amount"] or Decimal(0)
