"""Support (section 18)."""

from decimal import Decimal

from metrics.formulas.result import Result, ratio, times


def fcr_rate(*, solved_first: int, solved: int, excluded: int = 0) -> Result:
    """Tickets solved with no customer reply after the first answer and not reopened / solved tickets.

    `excluded` leaves the base under fcr_base=net and for contacts abandoned while waiting. None solved: no_data.
    """
    return ratio(solved_first, solved - excluded, if_zero="no_data")


def ticket_load(*, tickets: int, active_users: int) -> Result:
    """Tickets per 100 active product users in 30 days. No active user: zero_denominator."""
    return times(ratio(tickets, active_users), Decimal(100))
