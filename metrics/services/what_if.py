"""Numbers under another definition, for some customers, or as known at an earlier moment: the real recompute, set apart.

Presets, previews, worked examples, frozen months and `known_at` reports all go this way; nothing of it is stored.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from django.db import transaction

from accounts.models import Organisation
from accounts.models.organisation import THE_ROW
from metrics.formulas.definition import Definition, as_texts
from metrics.models import DefinitionVersion
from metrics.queries.definitions import current_number
from metrics.rollups import company_months
from metrics.services.fills import note_fill
from metrics.services.refresh import rebuild_revenue
from metrics.sql import shadow
from metrics.sql.engine import Frame, room_to_work


@contextmanager
def what_if(
    *,
    definition: Definition,
    as_of: date,
    now: datetime,
    customer_ids: Sequence[int] | None = None,
    known_at: datetime | None = None,
) -> Iterator[Frame]:
    """Inside the block all revenue queries answer for this definition, these customers and this knowledge.

    The same statements as the live recompute fill temporary tables up to `as_of`. Blocks do not nest. Facts must not be
    written inside: nothing would mark them stale.
    """
    number = current_number()
    with transaction.atomic(), shadow.shadowed():
        _use(definition, number=number + 1)
        frame = Frame(customer_ids, as_of, definition, known_at)
        room_to_work()
        rebuild_revenue(frame)
        shadow.analyze()
        company_months.fill(frame)
        note_fill(as_of=as_of, now=now, checksum="")
        yield frame


def _use(definition: Definition, *, number: int) -> None:
    DefinitionVersion.objects.create(number=number, config=as_texts(definition))
    Organisation.objects.update_or_create(
        pk=THE_ROW,
        defaults={"time_zone": definition.timezone, "currency": definition.reporting_currency},
    )
