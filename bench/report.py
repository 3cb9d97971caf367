"""Rows of results, the table people read and the document programs read."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Row:
    """One figure with its reference of the same run. `ratio` is what `target` speaks of; None: no target, or no run."""

    id: str
    scale: str
    subject: str
    reference: str = ""
    median: float | None = None
    min: float | None = None
    max: float | None = None
    unit: str = "s"
    cpu: float | None = None
    ratio: float | None = None
    cpu_ratio: float | None = None
    target: str = ""
    ok: bool | None = None
    peak_rss_mb: float | None = None
    note: str = ""


def row(key: str, scale: str, subject: str, seconds: Sequence[float], **more: Any) -> Row:
    """A row from the times of all rounds."""
    return Row(
        key,
        scale,
        subject,
        median=statistics.median(seconds),
        min=min(seconds),
        max=max(seconds),
        **more,
    )


def judge(row: Row, *, ratio: float | None, limit: float, at_least: bool = False, what: str = "x") -> Row:
    """Set the ratio and whether it keeps its limit."""
    row.ratio = ratio
    row.target = f"{'≥' if at_least else '≤'} {limit:g} {what}".strip()
    if ratio is not None:
        row.ok = ratio >= limit if at_least else ratio <= limit
    return row


def table(rows: Sequence[Row]) -> str:
    lines = [
        f"{'id':7}{'scale':6}{'subject':46}{'median':>10}{'min':>10}{'max':>10}{'cpu':>9}  {'ratio':>9} {'target':12}{'MB':>8}"
    ]
    for row in rows:
        mark = "" if row.ok is None else ("ok" if row.ok else "MISSED")
        lines.append(
            f"{row.id:7}{row.scale:6}{row.subject[:45]:46}{_number(row.median, row.unit):>10}{_number(row.min, row.unit):>10}"
            f"{_number(row.max, row.unit):>10}{_number(row.cpu, row.unit):>9}  {_ratio(row.ratio):>9} {row.target:12}"
            f"{'' if row.peak_rss_mb is None else f'{row.peak_rss_mb:.0f}':>8}  {mark} {row.note}".rstrip()
        )  # fmt: skip
    return "\n".join(lines)


def document(rows: Sequence[Row], **head: Any) -> dict[str, Any]:
    """{machine, versions, settings, scale, rounds, discarded, rows}."""
    return {**head, "rows": [_rounded(asdict(row)) for row in rows]}


def _rounded(found: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in found.items()}


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value:,.3f}" if unit in {"s", "share"} else f"{value:,.1f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"
