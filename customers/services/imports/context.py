"""What every kind of import shares: who imports, since when things hold, and how ids of a file find their rows."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from accounts.models import Organisation, User
from accounts.queries import organisation as organisations
from config.web.errors import DomainError
from config.work.pg import insert_models
from customers.connectors.problems import Problems
from customers.connectors.table import Row
from customers.models import BatchItem, ExternalId, ImportBatch
from customers.queries.access import customers_to_edit

LONGEST_STATEMENT_S = 600  # one statement checks the foreign keys of a whole file
ARGUMENTS = 10_000  # ids per IN list
IMPORT_CUSTOMERS_FIRST = "Import the customers first (same source), or correct the id."

Progress = Callable[[int], None]


def silent(_rows: int) -> None:
    """No progress is shown."""


@dataclass
class Counts:
    """What came of the rows that were fine."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass
class Context:
    """One import. `now` is the moment it runs, `today` its local day; facts of customers hold from `today`."""

    batch: ImportBatch
    source: str
    by: Any
    now: datetime
    today: date
    problems: Problems
    progress: Progress = silent
    given: frozenset[str] = frozenset()
    organisation: Organisation = field(default_factory=organisations.current)
    counts: Counts = field(default_factory=Counts)

    def customer_ids(self, values: Iterable[str]) -> dict[str, int]:
        """Customers by their id in this source, as far as the importing user may change them."""
        wanted, found = sorted(set(values)), {}
        for start in range(0, len(wanted), ARGUMENTS):
            rows = ExternalId.objects.filter(source=self.source, value__in=wanted[start : start + ARGUMENTS])
            if self.by is not None:
                rows = rows.filter(customer__in=customers_to_edit(self.by))
            found.update(rows.values_list("value", "customer_id"))
        return found

    def refuse_all_but_admins(self, what: str, code: str) -> None:
        """Refuse a file that changes everybody's figures unless an admin (or the command line) brings it."""
        if self.by is not None and not self.by.is_admin:
            raise DomainError(
                f"{what} change everybody's figures, so only an admin imports them.",
                hint="Ask an admin to import this file.",
                code=code,
            )

    def unknown_customer(self, row: Row) -> None:
        """Note that a row names a customer nobody has imported."""
        self.problems.add(
            row.number,
            "customer_id",
            row.values["customer_id"],
            f"no customer of the source “{self.source}” has this id",
            IMPORT_CUSTOMERS_FIRST,
        )

    def with_customers(self, rows: Iterable[Row]) -> list[tuple[Row, int]]:
        """Rows with the key of their customer; rows of unknown customers are problems."""
        listed = list(rows)
        known = self.customer_ids(row.values["customer_id"] for row in listed)
        kept = []
        for row in listed:
            pk = known.get(row.values["customer_id"])
            if pk is None:
                self.unknown_customer(row)
            else:
                kept.append((row, pk))
        return kept

    def users_by_email(self) -> dict[str, User]:
        """Active users by their address."""
        return {user.email: user for user in User.objects.active()}

    def without_twins(
        self, rows: Iterable[Row], key: Callable[[Row], Hashable], name: str, what: str
    ) -> list[Row]:
        """Rows without repetitions: an equal twin is unchanged, another row with the same key is a problem."""
        first: dict[Hashable, Row] = {}
        for row in rows:
            twin = first.setdefault(key(row), row)
            if twin is row:
                continue
            if twin.values == row.values:
                self.counts.unchanged += 1
            else:
                self.problems.add(
                    row.number,
                    name,
                    row.values.get(name),
                    f"is the second row with this {what}; the first is row {twin.number}",
                    "Keep one of the two.",
                )
        return list(first.values())

    def fact(self, source_key: str = "") -> dict[str, Any]:
        """Where a fact of this import comes from."""
        return {
            "recorded_by_id": self.by.pk if self.by else None,
            "source": self.source,
            "source_key": source_key,
            "batch_id": self.batch.pk,
            "backfilled": self.batch.is_history,
        }

    def remember(self, items: Iterable[tuple[str, int, Mapping[str, Any] | None, Mapping[str, Any]]]) -> None:
        """Keep what was written to people-edited rows, with the state before, so that it can be taken back."""
        insert_models(
            [
                BatchItem(batch=self.batch, object_type=kind, object_id=pk, before=before, after=dict(after))
                for kind, pk, before, after in items
            ]
        )


def plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value.isoformat() if isinstance(value, date | datetime) else value
