import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand

from surveys.queries import deliveries


class Command(BaseCommand):
    help = "Account for everybody eligible in every wave. Exit 1 when a wave's states do not sum up."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print one line per wave."""
        waves = deliveries.waves_counted()
        wrong = [wave for wave in waves if sum(wave["counts"].values()) != wave["eligible"]]
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not wrong, "waves": waves}))
        else:
            for wave in waves:
                parts = ", ".join(f"{count} {state}" for state, count in wave["counts"].items() if count)
                self.stdout.write(
                    f"campaign {wave['campaign']} wave {wave['wave']}: {wave['eligible']} eligible = {parts}"
                )
            self.stdout.write("every wave sums up" if not wrong else f"{len(wrong)} waves do not sum up")
        if wrong:
            raise SystemExit(1)
