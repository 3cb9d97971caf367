"""The settled band of each customer: evaluated with every scoring, counted once per local day.

Within a day the last evaluation counts: it starts from where the day began, so scoring twice, or on two workers, gives
the same rows. Rows are locked while they are judged, so what follows from a move follows once.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import F

from config.work.pg import Among, update_models
from customers.services import summaries
from metrics.formulas.health_bands import Settled, band_move, settle_band
from metrics.formulas.health_cards import Bands
from metrics.models import SettledBand

FIELDS = ("band", "tone", "since", "candidate", "streak", "judged_on", "state")


@dataclass(slots=True)
class Verdict:
    """One evaluation: the row as it was stored, and what it becomes. `memory` is what alert rules remember."""

    row: SettledBand
    bands: Bands
    score: int | None
    day: date
    start: Settled | None  # where the day began
    start_since: date
    after: Settled
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def customer_id(self) -> int:
        """Whose verdict it is."""
        return int(self.row.customer_id)

    @property
    def move(self) -> str:
        """Worse, better, unscored, scored, against what was known before this evaluation; empty for no move."""
        return band_move(self.bands, self.row.band, self.after.band) if self.row.band else ""

    @property
    def is_moved(self) -> bool:
        """Whether the settled band is another one than before this evaluation, under whichever card."""
        return bool(self.row.band) and self.row.band != self.after.band

    @property
    def tone(self) -> str:
        """Colour of the settled band, none without a score."""
        named = self.bands.named(self.after.band)
        return named.tone if named else "none"

    def values(self) -> dict[str, Any]:
        """The row as it becomes."""
        moved = self.start is None or self.start.band != self.after.band
        return {
            "band": self.after.band,
            "tone": self.tone,
            "since": self.day if moved else self.start_since,
            "candidate": self.bands.of(self.score) if self.after.streak and self.score is not None else "",
            "streak": abs(self.after.streak),
            "judged_on": self.day,
            "state": {
                "start": [self.start.band, self.start.streak] if self.start else ["", 0],
                "start_since": self.start_since.isoformat(),
                "side": self.after.streak,
                "rules": self.memory,
            },
        }


def remembered(customer_ids: Collection[int], *, today: date) -> dict[int, SettledBand]:
    """The rows of these customers, locked in key order; whoever has none gets an empty one first."""
    ids = sorted(set(customer_ids))
    rows = _locked(ids)
    missing = [pk for pk in ids if pk not in rows]
    if missing:
        SettledBand.objects.bulk_create(
            [
                SettledBand(customer_id=pk, band="", tone="none", since=today, judged_on=today)
                for pk in missing
            ],
            ignore_conflicts=True,
        )
        rows |= _locked(missing)
    return rows


def _locked(ids: Collection[int]) -> dict[int, SettledBand]:
    rows = (
        SettledBand.objects.select_for_update().filter(Among(F("customer_id"), ids)).order_by("customer_id")
    )
    return {row.customer_id: row for row in rows}


def evaluate(row: SettledBand, *, bands: Bands, score: int | None, day: date) -> Verdict | None:
    """One more evaluation of a customer; `score` in micro-points, None without one. None for a day that is over."""
    if row.judged_on > day:
        return None
    state = row.state
    if row.judged_on == day and "start" in state:
        (band, streak), since = state["start"], date.fromisoformat(state["start_since"])
    else:
        band, streak, since = row.band, state.get("side", 0), row.since
    start = Settled(band, streak) if band else None
    after = settle_band(bands, start, score)
    memory = {key: dict(value) for key, value in state.get("rules", {}).items()}
    return Verdict(row, bands, score, day, start, since, after, memory)


def keep(verdicts: Iterable[Verdict]) -> int:
    """Store what differs and show moved bands in the summaries; returns how many bands moved."""
    rows, shown = [], {}
    for verdict in verdicts:
        values = verdict.values()
        if all(getattr(verdict.row, name) == values[name] for name in FIELDS):
            continue
        if verdict.row.band != values["band"]:
            shown[verdict.customer_id] = {"settled_band": values["band"]}
        rows.append(_changed(verdict.row, values))
    update_models(rows, FIELDS)
    summaries.publish(shown)
    return len(shown)


def _changed(row: SettledBand, values: Mapping[str, Any]) -> SettledBand:
    for name, value in values.items():
        setattr(row, name, value)
    return row
