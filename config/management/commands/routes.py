"""Every route with who may open it."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.checks import FOREIGN, routes


class Command(BaseCommand):
    help = "List every route with its declared access; exit 1 when one is undeclared."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        rows = [self._row(route) for route in routes() if not route["name"].startswith(FOREIGN)]
        undeclared = [row["pattern"] for row in rows if row["access"] is None]
        if options["json"]:
            self.stdout.write(json.dumps({"routes": rows, "undeclared": undeclared}))
        else:
            for row in rows:
                rights = ", ".join(row["roles"] or []) or row["grant"] or ""
                self.stdout.write(
                    f"{row['pattern']:60} {row['access'] or 'UNDECLARED':8} {row['scope']:12} {rights}"
                )
        if undeclared:
            raise SystemExit(1)

    def _row(self, route: dict[str, Any]) -> dict[str, Any]:
        declared = getattr(route["view"], "declaration", None)
        return {
            "pattern": route["pattern"],
            "name": route["name"],
            "access": declared.access if declared else None,
            "scope": declared.scope if declared else "none",
            "roles": list(declared.roles) if declared and declared.roles else None,
            "grant": declared.grant if declared else None,
        }
