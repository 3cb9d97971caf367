"""The clock of cases (S-133): whose working time counts, and how much of it there is."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from accounts.models import User
from accounts.queries import organisation
from surveys.formulas.business_time import HOUR, Calendar
from surveys.models import Case, SurveyPolicy
from surveys.queries import policy as policies

MOST_WAIT_DAYS = 5  # working days a case may wait for the customer


@dataclass(frozen=True)
class CaseClock:
    """Working times and budgets of the policy in force. A policy nobody could work by falls back to Mon–Fri 9–17."""

    policy: SurveyPolicy
    zone: ZoneInfo

    @cached_property
    def plain(self) -> Calendar:
        """The calendar in the organisation's zone."""
        held = self.policy
        wanted = Calendar(
            self.zone, tuple(held.work_days), held.work_from, held.work_until, frozenset(held.holidays)
        )
        return wanted if wanted.is_usable else Calendar(self.zone, holidays=wanted.holidays)

    def calendar_of(self, user: User | None) -> Calendar:
        """Working time where this person lives; the organisation's for nobody."""
        own = policies.zone_named(user.time_zone) if user is not None else None
        plain = self.plain
        return Calendar(own or self.zone, plain.days, plain.opens, plain.closes, plain.holidays)

    @property
    def contact_s(self) -> int:
        """Working seconds until the first contact."""
        return self.policy.case_first_contact_hours * HOUR

    @property
    def close_s(self) -> int:
        """Working seconds until closing."""
        return self.policy.case_close_days * self.plain.day_s

    @property
    def most_wait_s(self) -> int:
        """Working seconds that waiting for the customer may take out of the clock."""
        return MOST_WAIT_DAYS * self.plain.day_s

    def budget_of(self, case: Case) -> int:
        """The budget that runs now: of closing after the first contact."""
        return self.contact_s if case.contacted_at is None else self.close_s


def clock_at(now: datetime) -> CaseClock:
    """The clock by the rules that hold now."""
    return CaseClock(policies.current(now), organisation.zone())


def due_of(case: Case) -> datetime:
    """The next deadline: the first contact, after it closing."""
    return case.due_at if case.contacted_at is None else case.close_by
