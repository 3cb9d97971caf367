"""All row locks of the app, always in the same order: campaign, message, person clock, customer clock, invitation, answer."""

from collections.abc import Iterable, Sequence

from django.db.models import Q

from surveys.models import Campaign, Invitation, Response, SendClock


def lock_campaign(campaign_id: int) -> Campaign:
    """Hold the campaign until the transaction ends."""
    return Campaign.objects.select_for_update(of=("self",)).select_related("current").get(pk=campaign_id)


class ClocksMissingError(Exception):
    """Clocks that were never made. The caller's transaction ends, so that its locks are let go, and starts again."""

    def __init__(self, clocks: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{len(clocks)} clocks are missing")
        self.clocks = clocks


def lock_clocks(*, email_hash: str, customer_id: int | None) -> None:
    """Hold the person, then the customer, so that two campaigns decide one after the other.

    One statement: rows are locked in the order of the sort, and "person" sorts before "customer".
    """
    wanted = [(SendClock.PERSON, email_hash)]
    if customer_id is not None:
        wanted.append((SendClock.CUSTOMER, str(customer_id)))
    rule = Q()
    for scope, key in wanted:
        rule |= Q(scope=scope, key=key)
    held = SendClock.objects.select_for_update().filter(rule).order_by("-scope").values_list("scope", "key")
    missing = sorted(set(wanted) - set(held))
    if missing:
        raise ClocksMissingError(missing)


def make_clocks(clocks: Iterable[tuple[str, str]]) -> None:
    """Rows to be locked from now on."""
    SendClock.objects.bulk_create(
        [SendClock(scope=scope, key=key) for scope, key in clocks], ignore_conflicts=True
    )


def lock_answer(invitation_id: int) -> Invitation:
    """Hold the invitation and its answer until the transaction ends: one answer or judgement at a time."""
    invitation = Invitation.objects.select_for_update().get(pk=invitation_id)
    list(Response.objects.select_for_update().filter(invitation=invitation_id).values_list("pk"))
    return invitation
