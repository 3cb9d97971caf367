"""What the frame of every page shows: navigation, organisation, and whether the built-in outbox is in use."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Link:
    """One line of the side bar. `also` are further path beginnings under which it is the current one."""

    label: str
    view: str
    icon: str
    key: str = ""
    also: tuple[str, ...] = ()


NAVIGATION: tuple[tuple[str, tuple[Link, ...]], ...] = (
    (
        "",
        (
            Link("Today", "customers:today", "sun", "t"),
            Link("Portfolio", "customers:portfolio", "layout-list", "p", ("/customers/",)),
            Link("Follow-ups", "customers:follow_ups", "square-check", "f"),
        ),
    ),
    ("Voice", (Link("Campaigns", "surveys:campaigns", "send", "s"),)),
    (
        "Insight",
        (
            Link("Metrics", "metrics:dashboard", "chart-no-axes-combined", "m"),
            Link("Cohorts", "metrics:cohorts", "grid-3x3", "c"),
            Link("Scorecards", "metrics:health_settings", "heart-pulse", "h"),
        ),
    ),
    (
        "Workspace",
        (
            Link("Imports", "customers:imports", "file-up", "i"),
            Link("Outbox", "accounts:outbox", "mails", "o"),
            Link("Settings", "accounts:settings", "settings", "", ("/audit/",)),
        ),
    ),
)


@cache
def _href(view: str) -> str:
    """Address of a page; empty while this installation has no such page."""
    try:
        return reverse(view)
    except NoReverseMatch:
        return ""


def _shown(link: Link, user: Any) -> bool:
    if link.view == "accounts:outbox":
        return settings.EMAIL["transport"] == "outbox" and getattr(user, "is_admin", False)
    if link.view == "customers:imports":
        return getattr(user, "role", "") in {"admin", "manager"}
    return bool(_href(link.view))


def _beginnings(link: Link) -> tuple[str, ...]:
    return (_href(link.view), *link.also)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links for the side bar; the one whose path begins longest like this page is current."""
    user = getattr(request, "user", None)
    links = [link for _, group in NAVIGATION for link in group if _shown(link, user)]
    matches = [
        (len(beginning), link)
        for link in links
        for beginning in _beginnings(link)
        if request.path == beginning or (beginning != "/" and request.path.startswith(beginning))
    ]
    current = max(matches, key=lambda match: match[0])[1] if matches else None
    return [
        {
            "title": title,
            "links": [
                {
                    "label": link.label,
                    "href": _href(link.view),
                    "icon": link.icon,
                    "key": link.key,
                    "current": link is current,
                }
                for link in group
                if link in links
            ],
        }
        for title, group in NAVIGATION
    ]


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context of every template. The navigation is built only by the pages that show it."""
    return {
        "organisation": getattr(request, "organisation", None),
        "navigation": lambda: navigation(request),
    }
