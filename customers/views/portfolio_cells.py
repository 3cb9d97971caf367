"""The portfolio's rows as one safe string of cells each, and the same rows as plain values for the export.

Cells are made in Python by the functions behind the component tags: a template that prints fifty rows of numbers costs
five times as much.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from config.web import money as amounts
from config.web.tables import Head
from config.web.templatetags import ui
from customers.forms.portfolio import query_of
from customers.queries.portfolio import UNTOUCHED_DAYS, Filters
from customers.queries.portfolio_sorts import SORT_KEYS, SORTS
from customers.queries.timeline import phase_word

DASH = mark_safe('<span class="muted">–</span>')
NEVER = mark_safe('<span class="muted">–</span><small class="amber">never</small>')
TODAY = mark_safe('<span class="amber w6">today</span>')
SOON_DAYS, NEAR_DAYS = 45, 90  # to the renewal: red, amber
HEALTH_SPAN = ui.HEALTH_SPAN
CAUSE_LETTERS, LINE_LETTERS = 26, 20  # of a cause, and of what stands on one line
FOLLOW_UP_LETTERS = 18  # the whole title stands on the customer page
SPARK_WIDTH = 48  # px; the table is dense
SURE_FROM = ui.COVERAGE_GOOD  # below it the pill says how much of the weight is known
PROMOTER, PASSIVE = 9, 7

# key, label, classes, whether it can be sorted
COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("customer", "Customer", ""),
    ("health", "Health", ""),
    ("trend", "30 days", "p1"),
    ("", "Trend", "p2"),
    ("coverage", "Coverage", "p3"),
    ("mrr", "MRR", "num"),
    ("change", "90 days", "num p2"),
    ("renewal", "Renewal", ""),
    ("phase", "Phase", "p3"),
    ("touch", "Last touch", "num p2"),
    ("nps", "NPS", "ctr p2"),
    ("follow_up", "Next follow-up", "p1"),
)
EXPORT_HEADER = (
    "Customer", "Industry", "Segment", "Tier", "Phase", "CSM", "Score", "Computed score", "Override until", "Band",
    "Settled band", "Held", "Card", "Coverage", "Change in 30 days", "Top cause of 30 days", "MRR", "Currency", "MRR change in 90 days", "Plan", "Renewal", "Last touch", "NPS", "Open follow-ups", "Next follow-up",
    "Next follow-up due",
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """What all rows of one page share."""

    today: date
    now: datetime
    zone: ZoneInfo
    currency: str
    with_owner: bool


@dataclass(frozen=True)
class Row:
    """One table row, ready to print."""

    cells: SafeString


def heads(filters: Filters, size: int) -> tuple[Head, ...]:
    """Headings with the link that sorts by each of them first and keeps what was sorted by before as tie-break."""
    return tuple(_head(key, label, css, filters, size) for key, label, css in COLUMNS)


def _head(key: str, label: str, css: str, filters: Filters, size: int) -> Head:
    if not key:
        return Head(label, css, "", "")
    first = filters.sort[0] if filters.sort else ""
    is_first = first.lstrip("-") == key
    state = "" if not is_first else "descending" if first.startswith("-") else "ascending"
    down = state == "ascending" or (not state and SORTS[key].down_first)
    rest = [other for other in filters.sort if other.lstrip("-") != key]
    keys = [f"-{key}" if down else key, *rest][:SORT_KEYS]
    return Head(label, css, f"?{query_of(filters, size=size, sort=','.join(keys))}", state)


def rows_of(found: Iterable[Any], scene: Scene) -> list[Row]:
    """Rows for the template; text is escaped, numbers are printed as the tags print them."""
    return [Row(_cells(row, scene)) for row in found]


def _cells(row: Any, scene: Scene) -> SafeString:
    return format_html(
        '<td class="chk"><input type="checkbox" name="sel" value="{}" aria-label="Select {}"></td>'
        '<td class="clip">{}</td><td>{}</td><td class="p1">{}</td><td class="p2">{}</td><td class="p3">{}</td>'
        '<td class="num w6">{}</td><td class="num p2">{}</td><td class="nw">{}</td><td class="p3">{}</td>'
        '<td class="num p2 nw">{}</td><td class="ctr p2">{}</td><td class="p1 nw">{}</td>',
        row.pk,
        row.name,
        _who(row, scene),
        _health(row),
        _trend(row),
        ui.spark(_points(row), row.tone, _spark_label(row), span=HEALTH_SPAN, width=SPARK_WIDTH),
        _known(row),
        amounts.money(row.mrr, row.summary__currency or scene.currency),
        ui.delta_money(row.summary__mrr_change_90d, row.summary__currency or scene.currency),
        _renewal(row.summary__renewal_on, scene.today),
        phase_word(row.phase).capitalize() or DASH,
        _touch(row.summary__last_touch_at, scene),
        _nps(row.summary__last_nps),
        _follow_up(row, scene),
    )


def _who(row: Any, scene: Scene) -> SafeString:
    about = [row.industry or row.segment, row.tier]
    if scene.with_owner:
        about = [row.summary__owner__name or "Unassigned", row.industry or row.segment]
    return format_html(
        '<div class="who">{}<div><a class="name" href="{}" data-row>{}</a><small>{}</small></div></div>',
        ui.avatar(row.name, square=True),
        customer_href(row.pk),
        row.name,
        ", ".join(part for part in about if part) or row.summary__plan or "–",
    )


def _health(row: Any) -> SafeString:
    score = row.summary__score
    pill = _pill(None if score is None else amounts.rounded(score, 0), row.tone, row.summary__band_label)
    notes = ["updating"] if row.is_stale else []
    if row.summary__override_until is not None and row.summary__computed_score is not None:
        until, computed = row.summary__override_until, amounts.number(row.summary__computed_score, 0)
        notes.append(f"computed {computed}, until {until.day} {MONTHS[until.month - 1]}")
    if row.summary__held:
        notes.append("held")
    if score is not None and row.summary__settled_band not in {"", row.summary__band}:
        notes.append(f"settled {row.summary__settled_band.replace('_', ' ')}")
    if row.summary__score is not None and row.summary__coverage < SURE_FROM:
        notes.append(f"{amounts.percent(row.summary__coverage)} known")
    return format_html("{}<small>{}</small>", pill, ", ".join(notes)) if notes else pill


def _known(row: Any) -> SafeString:
    """How much of the weight is known, and on which card."""
    cover = _cover(amounts.rounded(row.summary__coverage, 2)) if row.summary__score is not None else DASH
    return format_html("{}<small>{}</small>", cover, row.summary__card) if row.summary__card else cover


@lru_cache(maxsize=2048)
def _pill(score: Decimal | None, tone: str, band: str | None) -> SafeString:
    """The pill of a rounded score; a hundred scores in a few bands, so each is built once."""
    return ui.band(score, tone, band_word(band))


@lru_cache(maxsize=256)
def _cover(share: Decimal) -> SafeString:
    return ui.cover(share)


@lru_cache(maxsize=16)
def _nps(score: int | None) -> SafeString:
    return ui.score_box(score, nps_tone(score))


def _trend(row: Any) -> SafeString:
    change, score = row.summary__trend_30d, row.summary__score
    if change is None or score is None:
        return DASH
    title = f"From {amounts.number(score - change, 1)} 30 days ago to {amounts.number(score, 1)} today"
    if row.summary__top_cause:
        title = f"{title}: {row.summary__top_cause}"
    if not row.summary__top_cause:
        return ui.trend(change, title)
    cause = Truncator(row.summary__top_cause).chars(CAUSE_LETTERS)
    css = "nw" if len(cause) <= LINE_LETTERS else ""
    return format_html(
        '{}<small class="{}" title="{}">{}</small>',
        ui.trend(change, title),
        css,
        row.summary__top_cause,
        cause,
    )


def _renewal(day: date | None, today: date) -> SafeString:
    if day is None:
        return DASH
    left = (day - today).days
    css = "down" if left <= SOON_DAYS else "amber" if left <= NEAR_DAYS else ""
    return format_html(
        '<time datetime="{}">{} {}{}</time><small class="{}">{}</small>',
        day.isoformat(),
        day.day,
        MONTHS[day.month - 1],
        f" {day.year}" if abs(left) > ui.YEAR_SHOWN_AFTER_DAYS else "",
        css,
        days_word(left),
    )


def _touch(moment: datetime | None, scene: Scene) -> SafeString:
    if moment is None:
        return NEVER
    days = max(0, (scene.today - moment.astimezone(scene.zone).date()).days)
    late = (
        format_html('<small class="amber">over {} d</small>', UNTOUCHED_DAYS) if days > UNTOUCHED_DAYS else ""
    )
    return format_html("{}{}", "today" if not days else f"{days} d", late)


def _follow_up(row: Any, scene: Scene) -> SafeString:
    due = row.summary__next_follow_up_on
    if due is None:
        return DASH
    zone = ZoneInfo(row.summary__owner__time_zone) if row.summary__owner__time_zone else scene.zone
    return format_html(
        '<span title="{}">{}</span><small>{}</small>',
        row.summary__next_follow_up,
        Truncator(row.summary__next_follow_up).chars(FOLLOW_UP_LETTERS),
        due_word((due - scene.now.astimezone(zone).date()).days),
    )


def _points(row: Any) -> list[float | None]:
    return [None if value is None else float(value) for value in row.summary__trend_points or ()]


def _spark_label(row: Any) -> str:
    return f"12 weeks, now {amounts.number(row.summary__score)}"


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CUSTOMER_HREF: list[str] = []


def customer_href(pk: int) -> str:
    """Address of a customer's page; the pattern is reversed once, for a list reverses it for every row."""
    if not _CUSTOMER_HREF:
        _CUSTOMER_HREF.extend(reverse("customers:customer", args=[0]).rsplit("0", 1))
    return f"{pk}".join(_CUSTOMER_HREF)


def band_word(label: str | None) -> str:
    """The word beside a score: the label the scorecard gives the band."""
    return label or "Not enough data"


def nps_tone(score: int | None) -> str:
    """Promoters green, detractors red, passives grey."""
    if score is None or PASSIVE <= score < PROMOTER:
        return "none"
    return "good" if score >= PROMOTER else "risk"


def days_word(days: int) -> str:
    """Days to a date in words: 59 days, tomorrow, today, 3 days ago."""
    if days == 0:
        return "today"
    if abs(days) == 1:
        return "tomorrow" if days > 0 else "yesterday"
    return f"{days} days" if days > 0 else f"{-days} days ago"


def due_word(days: int) -> SafeString:
    """When work is due: in 3 d, today, 2 d overdue; the late ones stand out."""
    if days < 0:
        return format_html('<span class="down w6">{} d overdue</span>', -days)
    if days == 0:
        return TODAY
    return format_html("in {} d", days)


def export_rows(found: Iterable[Any], currency: str) -> Iterator[Sequence[Any]]:
    """The list as plain values: unrounded numbers, ISO dates."""
    for row in found:
        yield (
            row.name, row.industry, row.segment, row.tier, row.phase, row.summary__owner__name, row.summary__score,
            row.summary__computed_score, row.summary__override_until, band_word(row.summary__band_label),
            row.summary__settled_band, "yes" if row.summary__held else "", row.summary__card, row.summary__coverage,
            row.summary__trend_30d, row.summary__top_cause, _plain(row.mrr),
            row.summary__currency or currency, _plain(row.summary__mrr_change_90d), row.summary__plan,
            row.summary__renewal_on, row.summary__last_touch_at, row.summary__last_nps, row.summary__open_follow_ups,
            row.summary__next_follow_up, row.summary__next_follow_up_on,
        )  # fmt: skip


def _plain(amount: Decimal | None) -> Decimal | None:
    """Without the zeros behind the point that storage adds, but with at least cents."""
    if amount is None:
        return None
    short = amount.normalize()
    exponent = short.as_tuple().exponent
    return short if isinstance(exponent, int) and exponent < -2 else amount.quantize(Decimal("0.01"))  # noqa: PLR2004 - cents
