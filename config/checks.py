"""System checks that look over the whole of Tend, each with an id and a hint."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.urls import URLPattern, URLResolver, get_resolver

# Routes of libraries: they carry their own access rules.
FOREIGN = ("account_", "static", "schema")


def routes(
    resolver: URLResolver | None = None, prefix: str = "", namespace: str = ""
) -> Iterator[dict[str, Any]]:
    """Every route: pattern, full name, view."""
    for entry in (resolver or get_resolver()).url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from routes(entry, pattern, inner)
        elif isinstance(entry, URLPattern):
            yield {
                "pattern": pattern,
                "name": f"{namespace}{entry.name}" if entry.name else "",
                "view": entry.callback,
            }


@register()
def undeclared_routes(app_configs: Any, **_options: Any) -> list[CheckMessage]:
    """Every own view says who may open it."""
    return [
        Error(
            f"The route {route['pattern']!r} does not declare its access.",
            hint="Decorate the view with config.web.access.declare(access=…, scope=…).",
            id="tend.E001",
        )
        for route in routes()
        if not hasattr(route["view"], "declaration") and not route["name"].startswith(FOREIGN)
    ]
