"""Pages of company totals are for those who may see them."""

from datetime import date

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from accounts.queries.organisation import local_day
from metrics.queries.sight import COMPANY, sight_of


def company_only(request: HttpRequest) -> None:
    """403 for a reader whose scope does not hold the company's totals."""
    if COMPANY not in dict(sight_of(request.user).choices):
        raise PermissionDenied("These are totals of the whole company. An admin can widen your read scope.")


def today_of(request: HttpRequest) -> date:
    """The organisation's local day."""
    return local_day(timezone.now(), request.organisation)  # type: ignore[attr-defined] - third-party-type
