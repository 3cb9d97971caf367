"""The one organisation of this installation, its zone and its days."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from accounts.models import Organisation
from accounts.models.organisation import THE_ROW


def current() -> Organisation:
    """The organisation's row; before anybody has saved one, the defaults (not stored)."""
    return Organisation.objects.filter(pk=THE_ROW).first() or Organisation(pk=THE_ROW)


def zone(organisation: Organisation | None = None) -> ZoneInfo:
    """Time zone in which the organisation's days and months begin."""
    return ZoneInfo((organisation or current()).time_zone)


def local_day(instant: datetime, organisation: Organisation | None = None) -> date:
    """Calendar day of an aware instant in the organisation's zone."""
    return instant.astimezone(zone(organisation)).date()


def midnight(day: date, organisation: Organisation | None = None) -> datetime:
    """The first instant of a calendar day in the organisation's zone."""
    return datetime.combine(day, time.min, zone(organisation))
