"""python3 manage.py undo_import BATCH: take one import back."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.web.errors import DomainError
from customers.models import ImportBatch
from customers.services.imports.undo import undo_import

DONE, DONE_WITH_CONFLICTS, REFUSED = 0, 1, 2


class Command(BaseCommand):
    help = "Take one import back; what was changed later stays and is listed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("batch", type=int)
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        """Undo and end with 0 done, 1 done but something stays, 2 refused."""
        try:
            batch = find_batch(options["batch"])
            undone = undo_import(batch=batch, by=None, now=timezone.now())
        except DomainError as error:
            if options["json"]:
                self.stdout.write(json.dumps({"batch": options["batch"], "error": str(error)}))
            else:
                self.stderr.write(str(error))
            sys.exit(REFUSED)
        if options["json"]:
            answer = {"batch": batch.pk, "undone": undone.rows, "conflicts": undone.conflicts}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            for line in undone.conflicts:
                self.stdout.write(f"kept: {line}")
            self.stdout.write(
                f"Batch {batch.pk}: {undone.rows} rows taken back, {len(undone.conflicts)} kept"
            )
        sys.exit(DONE_WITH_CONFLICTS if undone.conflicts else DONE)


def find_batch(number: int) -> ImportBatch:
    """The batch of that number, or a refusal."""
    batch = ImportBatch.objects.filter(pk=number).first()
    if batch is None:
        raise DomainError(f"There is no batch {number}.", hint="The import names its batch.")
    return batch
