"""Every view declares who may open it and whose rows it shows; an undeclared route is refused by a check."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]

ACCESS = frozenset({"public", "login", "key", "ingest_key", "signature"})
SCOPES = frozenset({"customer", "self", "organisation", "token", "none"})


@dataclass(frozen=True)
class Declaration:
    """What `declare` was told about a view; read by the route list and the system check."""

    access: str
    scope: str
    roles: tuple[str, ...] | None
    grant: str | None


def declare(
    *,
    access: str = "login",
    scope: str = "none",
    roles: Iterable[str] | None = None,
    grant: str | None = None,
) -> Callable[[View], View]:
    """Declare access and scope of a view and enforce roles and grant (403 inside the scope, login by middleware)."""
    if access not in ACCESS or scope not in SCOPES:
        message = f"unknown access {access!r} or scope {scope!r}"
        raise ValueError(message)
    declaration = Declaration(access, scope, tuple(roles) if roles else None, grant)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if access == "login":
                _check_rights(request, declaration)
            return view(request, *args, **kwargs)

        guarded.declaration = declaration  # type: ignore[attr-defined] - third-party-type
        return guarded if access == "login" else login_not_required(guarded)

    return decorate


def _check_rights(request: HttpRequest, declaration: Declaration) -> None:
    user = request.user
    if declaration.roles and getattr(user, "role", None) not in declaration.roles:
        message = f"This page is for {' or '.join(declaration.roles)}. An admin can change roles under Settings, Users."
        raise PermissionDenied(message)
    if declaration.grant and not user.may(declaration.grant):  # type: ignore[union-attr]
        message = f"This needs the right “{declaration.grant.replace('_', ' ')}”. An admin can give it under Settings, Users."
        raise PermissionDenied(message)
