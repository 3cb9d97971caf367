"""Page or part: the one place that decides what a request wants to see."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def wanted_part(request: HttpRequest, parts: Iterable[str]) -> str | None:
    """The part htmx will swap, or None for the whole page.

    A part `portfolio_table` is the template `parts/portfolio_table.html` with the element id `portfolio-table`;
    htmx names that id in HX-Target. Boosted links and restored history want the page.
    """
    htmx = getattr(request, "htmx", None)
    if not htmx or htmx.boosted or htmx.history_restore_request:
        return None
    return next((part for part in parts if htmx.target == part.replace("_", "-")), None)


def page_or_part(
    request: HttpRequest,
    template: str,
    *,
    parts: Iterable[str] = (),
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render `app/page.html`, or `app/parts/<part>.html` when htmx asked for one of the named parts."""
    part = wanted_part(request, parts)
    if part:
        template = str(PurePosixPath(template).parent / "parts" / f"{part}.html")
    return render(request, template, dict(context or {}), status=status)


def part_or_page(
    request: HttpRequest,
    part: str,
    *,
    title: str,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a panel's `app/parts/<part>.html`; opened directly, the same panel inside a whole page with a title."""
    values = dict(context or {})
    htmx = getattr(request, "htmx", None)
    if htmx and not htmx.boosted and not htmx.history_restore_request:
        return render(request, part, values, status=status)
    return render(request, "layouts/part.html", {**values, "part": part, "title": title}, status=status)


def invalid(form_valid: bool) -> int:
    """Status of an answer that shows a form again: 422 tells htmx and scripts that nothing was saved."""
    return 200 if form_valid else 422
