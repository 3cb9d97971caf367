"""The past that a page is asked to show: a day, and whether as known then or as known now (AS-1)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest

from accounts.queries import organisation

THEN, NOW = "then", "now"
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Past:
    """A day before today in the organisation's zone; `end` is its last instant."""

    day: date
    known: str
    end: datetime

    @property
    def is_then(self) -> bool:
        """Whether only what was known by the end of that day counts."""
        return self.known == THEN

    @property
    def query(self) -> str:
        """The part of the URL that says so."""
        return urlencode({"as_of": self.day.isoformat(), "known": self.known})

    @property
    def other_query(self) -> str:
        """The same day with the other knowledge."""
        known = NOW if self.is_then else THEN
        return urlencode({"as_of": self.day.isoformat(), "known": known})


def past_of(request: HttpRequest, *, today: date) -> tuple[Past | None, str]:
    """(the past asked for or None for today, what is wrong with the request or "")."""
    text = request.GET.get("as_of", "").strip()
    if not text:
        return None, ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None, "This is no date. Write it as year-month-day, or choose it in the calendar."
    if day > today:
        return None, f"{day:%-d %B %Y} lies ahead. Nothing is known of it yet; choose a day before today."
    if day == today:
        return None, ""
    if day.year < today.year - 100:
        return None, f"There are no facts of {day:%-d %B %Y}. Choose a later day."
    known = NOW if request.GET.get("known") == NOW else THEN
    zone = organisation.zone(request.organisation)  # type: ignore[attr-defined] - third-party-type
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone) - MICROSECOND
    return Past(day, known, end), ""
