"""Retention by the month in which customers first paid."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from metrics.management.tables import REFUSED, add_format, make_fresh, six, write_csv, write_json
from metrics.queries.cohorts import LOGOS, MRR, CohortCell, cohort_cells
from metrics.queries.segments import UnknownFieldError, field_names, groups_by

HEADER = ["cohort", "size", "k", "asof", "active", "logo_retention", "mrr", "mrr_vs_k0"]


class Command(BaseCommand):
    help = (
        "One row per cohort (first day of the month first paid in) and k months later, at the last local day of that "
        "month. Months that are not over are left out. Money is in the reporting currency."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--of", choices=[LOGOS, MRR], default=LOGOS, help="order of the rows; the columns are the same"
        )
        parser.add_argument("--by", metavar="FIELD", help="cohorts for each value of a field, today's values")
        add_format(parser)

    def handle(self, **options: Any) -> None:
        make_fresh()
        by = options["by"]
        cells = [(name, cell) for name, found in _groups(by) for cell in found]
        if options["of"] == MRR:
            cells.sort(key=lambda item: (item[0], item[1].k, item[1].cohort))
        if options["format"] == "json":
            write_json(self.stdout, ({**({by: name} if by else {}), **_object(cell)} for name, cell in cells))
            return
        header = [by, *HEADER] if by else HEADER
        write_csv(self.stdout, header, ([*([name] if by else []), *_line(cell)] for name, cell in cells))


def _groups(by: str | None) -> Iterable[tuple[str, list[CohortCell]]]:
    if not by:
        return [("", cohort_cells())]
    try:
        return [(name, cohort_cells(customers=ids)) for name, ids in groups_by(by).items()]
    except UnknownFieldError as error:
        raise CommandError(
            f"There is no field {error}. Known: {', '.join(field_names())}, cf_<key>.", returncode=REFUSED
        ) from error


def _object(cell: CohortCell) -> dict[str, Any]:
    shares = {"logo_retention": cell.share(LOGOS), "mrr_vs_k0": cell.share(MRR)}
    return {
        "cohort": cell.cohort,
        "size": cell.size,
        "k": cell.k,
        "asof": cell.close_on,
        "active": cell.paying,
        "logo_retention": shares["logo_retention"].value,
        "mrr": cell.mrr,
        "mrr_vs_k0": shares["mrr_vs_k0"].value,
        "why": {name: result.reason for name, result in shares.items() if result.value is None},
    }


def _line(cell: CohortCell) -> list[str]:
    row = _object(cell)
    six_digits = {"logo_retention", "mrr", "mrr_vs_k0"}
    return [six(row[name]) if name in six_digits else str(row[name]) for name in HEADER]
