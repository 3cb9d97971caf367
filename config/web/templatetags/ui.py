"""Row components as simple tags: quick enough for tables of hundreds of rows, safe because of format_html."""

import base64
import hashlib
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import lucide
from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from config.web import charts
from config.web import money as amounts

register = template.Library()

Number = Decimal | int

TONES = {
    "green": "good", "blue": "good", "amber": "watch", "yellow": "watch", "red": "risk", "grey": "none",
    "good": "good", "watch": "watch", "risk": "risk", "none": "none",
}  # fmt: skip
WORDS = {"good": "Healthy", "watch": "Watch", "risk": "At risk", "none": "No score"}
AVATAR_COLOURS = 5
INITIALS = 2
CHANGE_LENGTH = 120  # characters of a value shown in the log
LINE_POINTS = 2  # fewer make no line
HEALTH_SPAN = 24  # points a health sparkline spans at least, so that noise looks like noise
COVERAGE_GOOD, COVERAGE_WATCH = Decimal("0.8"), Decimal("0.5")
COVER_WIDTH = 36  # px
YEAR_SHOWN_AFTER_DAYS = 300
MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds


@cache
def _icon(name: str, size: int) -> str:
    """An icon of the Lucide set, read once."""
    return lucide._render_icon(name, size, stroke_width="1.75", aria_hidden="true", **{"class": "icon"})


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """A decorative icon; the words beside it carry the meaning."""
    return mark_safe(_icon(str(name), size))


@register.simple_tag
def script(path: str, *, defer: bool = True) -> SafeString:
    """A script with the SHA-384 of its content, so that a changed file does not run."""
    return format_html(
        '<script src="{}" integrity="{}"{}></script>',
        static(path),
        _integrity(path),
        " defer" if defer else "",
    )


def _integrity(path: str) -> str:
    found = Path(str(finders.find(path)))
    return _sha384(str(found), found.stat().st_mtime_ns)


@cache
def _sha384(path: str, _changed: int) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(Path(path).read_bytes()).digest()).decode()


def tone_of(value: Any) -> str:
    """The tone class of a band's colour; grey for anything unknown."""
    return TONES.get(str(value or "none").lower(), "none")


@register.filter
def tone(value: Any) -> str:
    """`{{ row.band_tone|tone }}`: good, watch, risk or none."""
    return tone_of(value)


@register.simple_tag
def band(
    score: Number | None, tone: Any = None, label: str = "", *, big: bool = False, digits: int = 0
) -> SafeString:
    """Health pill: shape, number and word. Without a score it is grey and says so, never 0."""
    kind = tone_of(tone) if score is not None or label else "none"
    figure = format_html("<b>{}</b> ", amounts.number(score, digits)) if score is not None else ""
    return format_html(
        '<span class="band {}{}">{}<i>{}</i></span>',
        kind,
        " big" if big else "",
        figure,
        label or WORDS[kind],
    )


@register.simple_tag
def disc(tone: Any, label: str = "") -> SafeString:
    """The band's shape alone, with its word for speech."""
    kind = tone_of(tone)
    return format_html('<span class="disc {}"><span class="sr">{}</span></span>', kind, label or WORDS[kind])


@register.simple_tag
def trend(
    change: Number | None, title: str = "", digits: int = 1, unit: str = "", *, good: str = "up"
) -> SafeString:
    """A signed change with an arrow. `title` names both values and dates; `good="down"` where less is better."""
    if change is None:
        return format_html('<span class="muted">{}</span>', amounts.NOT_KNOWN)
    figure = amounts.rounded(change, digits)
    text = amounts.signed(change, digits, unit)
    if not figure:
        return format_html('<span class="trend" title="{}">{}{}</span>', title, icon("arrow-right", 13), text)
    rises = figure > 0
    name = "arrow-up-right" if rises else "arrow-down-right"
    css = "up" if rises == (good == "up") else "down"
    return format_html('<span class="trend {}" title="{}">{}{}</span>', css, title, icon(name, 13), text)


@register.simple_tag
def cover(share: Number | None) -> SafeString:
    """Coverage: which share of the weight a score rests on."""
    if share is None:
        return format_html('<span class="muted">{}</span>', amounts.NOT_KNOWN)
    kind = "good" if share >= COVERAGE_GOOD else "watch" if share >= COVERAGE_WATCH else "none"
    wide = amounts.rounded(Decimal(share) * COVER_WIDTH, 1)
    return format_html(
        '<span class="cover {}"><svg width="{}" height="5" aria-hidden="true">'
        '<rect class="fill" width="{}" height="5"/></svg>{}</span>',
        kind, COVER_WIDTH, wide, amounts.percent(share),
    )  # fmt: skip


@register.simple_tag
def cause(kind: str, label: str, change: Number) -> SafeString:
    """One cause of a change: data, config, decay, coverage or override."""
    return format_html(
        '<span class="cause c-{}"><i class="sw"></i>{} <b>{}</b></span>', kind, label, amounts.signed(change)
    )


@register.simple_tag
def score_box(score: int | None, tone: Any = "none") -> SafeString:
    """One survey answer in a small box."""
    if score is None:
        return format_html('<span class="muted">{}</span>', amounts.NOT_KNOWN)
    return format_html('<span class="score {}">{}</span>', tone_of(tone), score)


@register.simple_tag
def avatar(name: str, *, square: bool = False, size: str = "") -> SafeString:
    """Initials on a quiet colour of their own; hidden from speech, because the name follows."""
    words = [word for word in str(name).replace("&", " ").split() if word[:1].isalnum()]
    initials = "".join(word[0] for word in words[:INITIALS]).upper() or "?"
    colour = sum(str(name).encode()) % AVATAR_COLOURS + 1
    css = f"{' sq' if square else ''}{' ' + size if size else ''} a{colour}"
    return format_html('<span class="av{}" aria-hidden="true">{}</span>', css, initials)


@register.simple_tag
def spark(
    values: Sequence[Number | None] | None,
    tone: Any = "iris",
    label: str = "",
    *,
    span: int = 0,
    width: int = 84,
) -> SafeString:
    """A sparkline; `span=24` for health scores. Fewer than two known values draw nothing but a dash."""
    known = [value for value in values or () if value is not None]
    if len(known) < LINE_POINTS:
        return format_html('<span class="muted">{}</span>', amounts.NOT_KNOWN)
    drawn = charts.spark(values or (), width=width, span=span)
    return format_html(
        '<svg class="spark {}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        '<polyline class="ln" points="{}"/><path class="dot" d="M{} {}h0"/></svg>',
        tone if tone == "iris" else tone_of(tone), drawn.width, drawn.height, drawn.width, drawn.height,
        label or f"{len(values or ())} values, now {amounts.number(known[-1])}", drawn.points, *drawn.end,
    )  # fmt: skip


@register.simple_tag
def wide_spark(
    values: Sequence[Number | None] | None, tone: str = "iris", label: str = "", *, span: int = 0
) -> SafeString:
    """A sparkline as wide as its tile, with a soft ground."""
    known = [value for value in values or () if value is not None]
    if len(known) < LINE_POINTS:
        return SafeString("")
    drawn = charts.spark(values or (), width=100, height=26, span=span, pad=0)
    return format_html(
        '<svg class="spark {}" viewBox="0 0 100 26" preserveAspectRatio="none" height="26" role="img" aria-label="{}">'
        '<polygon class="soft" points="{}"/><polyline class="ln" points="{}"/><path class="dot" d="M{} {}h0"/></svg>',
        tone, label, drawn.area, drawn.points, *drawn.end,
    )  # fmt: skip


@register.simple_tag
def mix(parts: Iterable[tuple[Number, str]], label: str, *, tall: bool = False) -> SafeString:
    """A bar of 100 % cut into (size, tone) parts; `label` says the same in words."""
    rects = format_html_join(
        "",
        '<rect class="fill {}" x="{}" width="{}" height="100%"/>',
        ((rect.tone, rect.x, rect.width) for rect in charts.shares(list(parts))),
    )
    return format_html(
        '<svg class="mix{}" role="img" aria-label="{}"><rect class="trk" width="100%" height="100%"/>{}</svg>',
        " t" if tall else "", label, rects,
    )  # fmt: skip


@register.simple_tag
def bar(share: Number | None, tone: str = "iris") -> SafeString:
    """A thin bar filled to a share of 0 to 1; the number stands beside it."""
    wide = amounts.rounded(min(max(Decimal(share or 0), Decimal(0)), Decimal(1)) * 100, 1)
    return format_html(
        '<svg class="bar {}" aria-hidden="true"><rect class="fill" width="{}%" height="100%"/></svg>',
        tone,
        wide,
    )


@register.simple_tag
def money(
    amount: Number | None, currency: Any, *, cents: bool = False, tight: bool = False, sign: bool = False
) -> str:
    """€12,400 · `cents` €12,400.50 · `tight` €430.6k · `sign` −€350. `currency` is a code or the organisation."""
    return amounts.money(amount, getattr(currency, "currency", currency), cents=cents, tight=tight, sign=sign)


@register.simple_tag
def delta_money(amount: Number | None, currency: Any) -> SafeString:
    """A signed amount in its colour; a grey 0 where nothing changed."""
    if amount is None or not amount:
        return format_html('<span class="muted">{}</span>', amounts.NOT_KNOWN if amount is None else "0")
    return format_html(
        '<span class="{}">{}</span>', "up" if amount > 0 else "down", money(amount, currency, sign=True)
    )


@register.filter
def signed(value: Number | None, digits: int = 1) -> str:
    """−13.6 with a real minus sign."""
    return amounts.signed(value, int(digits))


@register.filter
def number(value: Number | None, digits: int = 0) -> str:
    """1,234."""
    return amounts.number(value, int(digits))


@register.filter
def pct(value: Number | None, digits: int = 0) -> str:
    """A fraction as per cent."""
    return amounts.percent(value, int(digits))


@register.simple_tag
def interval(
    low: Number | None, high: Number | None, digits: int = 0, unit: str = "", *, sign: bool = False
) -> str:
    """24–55 or, signed, +16 to +41."""
    return amounts.interval(low, high, digits, sign=sign, unit=unit)


@register.simple_tag(takes_context=True)
def day(context: template.Context, value: date | datetime | None, *, year: bool | None = None) -> SafeString:
    """17 Nov, with the year when it is far from today or asked for. None is a dash."""
    if value is None:
        return format_html('<span class="muted">{}</span>', amounts.NOT_KNOWN)
    local = timezone.localtime(value).date() if isinstance(value, datetime) else value
    far = abs((local - _today(context)).days) > YEAR_SHOWN_AFTER_DAYS
    text = f"{local.day} {local:%b %Y}" if (far if year is None else year) else f"{local.day} {local:%b}"
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), text)


@register.simple_tag(takes_context=True)
def moment(context: template.Context, value: datetime | None) -> SafeString:
    """17 Nov, 14:05 in the reader's zone."""
    if value is None:
        return format_html('<span class="muted">{}</span>', amounts.NOT_KNOWN)
    local = timezone.localtime(value)
    far = abs((local.date() - _today(context)).days) > YEAR_SHOWN_AFTER_DAYS
    text = f"{local.day} {local:%b %Y, %H:%M}" if far else f"{local.day} {local:%b, %H:%M}"
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), text)


@register.simple_tag(takes_context=True)
def ago(context: template.Context, value: datetime | None) -> SafeString:
    """“4 min ago”; the full moment as its title."""
    if value is None:
        return format_html('<span class="muted">{}</span>', amounts.NOT_KNOWN)
    seconds = max(0, int((_now(context) - value).total_seconds()))
    local = timezone.localtime(value)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"), f"{local.day} {local:%b %Y, %H:%M}", span_text(seconds),
    )  # fmt: skip


def span_text(seconds: int) -> str:
    """How long ago in one unit: now, 4 min ago, 3 h ago, 6 d ago."""
    if seconds < MINUTE:
        return "just now"
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size}{amounts.NO_BREAK}{unit} ago"
    return "just now"


@register.simple_tag(takes_context=True)
def days_from_today(context: template.Context, value: date | None) -> int | None:
    """Days from today to a date, negative for the past."""
    return None if value is None else (value - _today(context)).days


@register.simple_tag(takes_context=True)
def quarter_end(context: template.Context) -> date:
    """The last day of the quarter before today's."""
    today = _today(context)
    return today.replace(month=3 * ((today.month - 1) // 3) + 1, day=1) - timedelta(days=1)


@register.filter
def changes(entry: Any) -> list[tuple[str, str, str]]:
    """What an audit entry changed: (field, before, after), only fields that differ."""
    before, after = entry.before or {}, entry.after or {}
    rows = (
        (key, _plain(before.get(key)), _plain(after.get(key))) for key in dict.fromkeys([*before, *after])
    )
    return [(key.replace("_", " "), old, new) for key, old, new in rows if old != new]


def _plain(value: Any) -> str:
    """A JSON value in a few words."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return "" if value is None else str(value)[:CHANGE_LENGTH]


@register.filter
def make_range(count: int) -> range:
    """`{% for step in row.depth|make_range %}`."""
    return range(int(count))


@register.inclusion_tag("components/job_progress.html")
def job_progress(job: Any) -> dict[str, Any]:
    """A job's bar, counts and age; it refreshes itself until the job is over, then shows result or error."""
    return {"job": job}


@register.inclusion_tag("components/empty.html")
def empty(icon_name: str, line: str, why: str = "", href: str = "", action: str = "") -> dict[str, str]:
    """Nothing to show: what, why, and one way on."""
    return {"icon_name": icon_name, "line": line, "why": why, "href": href, "action": action}


@register.inclusion_tag("components/panel.html")
def panel(url: str, name: str, title: str = "", rows: int = 4) -> dict[str, Any]:
    """A panel that loads by itself from `url`; a skeleton of about its final height stands in. `name` is its part."""
    return {"url": url, "id": name.replace("_", "-"), "title": title, "rows": range(rows)}


def _now(context: template.Context) -> datetime:
    """The moment of the page: `now` of the view, else of the request, so that a page never mixes two."""
    found = context.get("now") or getattr(context.get("request"), "now", None)
    return found or datetime.fromtimestamp(time.time(), tz=UTC)


def _today(context: template.Context) -> date:
    return context.get("today") or timezone.localtime(_now(context)).date()
