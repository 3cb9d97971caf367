"""The ledger of movements."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.queries import organisation
from metrics.management.tables import REFUSED, add_format, day_of, make_fresh, six, write_csv, write_json
from metrics.queries.ledger import customer_named, ledger_rows

HEADER = ["customer", "day", "kind", "amount", "currency", "mrr_before", "mrr_after", "reason", "fx"]


class Command(BaseCommand):
    help = (
        "Every movement of MRR per customer and local day, in the reporting currency at the day's rate; contraction and "
        "churn are negative. fx is what exchange rates did to the customer since its last row: last mrr_after + fx = "
        "mrr_before, mrr_before + amount = mrr_after."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", metavar="DATE")
        parser.add_argument("--to", dest="last", metavar="DATE", help="the last day, included")
        parser.add_argument("--customer", metavar="ID", help="external id, or ext:<source>:<id>")
        add_format(parser)

    def handle(self, **options: Any) -> None:
        first = day_of(options["first"], option="--from")
        last = day_of(options["last"], option="--to")
        customers = _customers(options["customer"])
        make_fresh()
        currency = organisation.current().currency
        rows = ledger_rows(first=first, last=last, customers=customers)
        if options["format"] == "csv":
            lines = (
                [
                    row.customer,
                    row.day.isoformat(),
                    row.kind,
                    six(row.amount),
                    currency,
                    six(row.mrr_before),
                    six(row.mrr_after),
                    row.reason,
                    six(row.fx),
                ]
                for row in rows
            )
            write_csv(self.stdout, HEADER, lines)
            return
        write_json(
            self.stdout,
            (
                {name: currency if name == "currency" else getattr(row, name) for name in HEADER}
                for row in rows
            ),
        )


def _customers(text: str | None) -> list[int] | None:
    if not text:
        return None
    pk = customer_named(text)
    if pk is None:
        raise CommandError(
            f"There is no customer {text!r}. Give the id it was imported with.", returncode=REFUSED
        )
    return [pk]
