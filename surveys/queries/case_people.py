"""Whose case it is (S-132): the CSM of the day, the cover, the manager, or nobody yet."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Q

from accounts.choices import ReadScope, Role
from accounts.models import User
from accounts.queries.managers import manager_above, teams_above
from customers.choices import AssignmentRole
from customers.models import Assignment, Customer
from customers.queries.access import customers_to_edit


def assignee_on(customer_id: int, day: date) -> User | None:
    """Who works on a case of an answer given that day; None leaves it to the admins.

    The primary CSM, unless somebody covers on that day or the CSM has left; then the cover, else the manager above.
    """
    held = Assignment.objects.current().filter(
        Q(to_on=None) | Q(to_on__gt=day), customer=customer_id, from_on__lte=day
    )
    rows = list(held.select_related("user").order_by("pk"))
    primary = _first(row.user for row in rows if row.role == AssignmentRole.PRIMARY)
    cover = _first(row.user for row in rows if row.role == AssignmentRole.COVER and _works(row.user))
    if cover is not None or primary is None:
        return cover
    return primary if _works(primary) else manager_above(primary)


def may_work_on(user: User, customer_id: int) -> bool:
    """Whether this person may write for the customer, and so may be given its cases."""
    return user.is_active and customers_to_edit(user).filter(pk=customer_id).exists()


def people_for(customer: Customer, *, today: date) -> list[User]:
    """Everybody who may be given a case of this customer, by name: its holders, their managers, admins. Three queries."""
    held = customer.assignments.filter(
        Q(to_on=None) | Q(to_on__gt=today), superseded_by=None, voids=False, from_on__lte=today
    )
    holders = [row.user for row in held.select_related("user")]
    above = teams_above(user.team_id for user in holders)
    leaders = User.objects.active().filter(
        Q(role=Role.ADMIN) | (Q(role=Role.MANAGER, team__in=above) & ~Q(read_scope=ReadScope.OWN))
    )
    found = {user.pk: user for user in (*holders, *leaders) if _works(user)}
    return sorted(found.values(), key=lambda user: (user.name, user.pk))


def _works(user: User) -> bool:
    return user.is_active and user.role != Role.VIEWER


def _first(users: Iterable[User]) -> User | None:
    return next(iter(users), None)
