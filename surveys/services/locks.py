"""All row locks of the app, always in the same order: campaign, message, person clock, customer clock, invitation, answer."""

from collections.abc import Iterable, Sequence

from surveys.models import Campaign, Invitation, Response, SendClock


def lock_campaign(campaign_id: int) -> Campaign:
    """Hold the campaign until the transaction ends."""
    return Campaign.objects.select_for_update(of=("self",)).select_related("current").get(pk=campaign_id)


class ClocksMissingError(Exception):
    """Clocks that were never made. The caller's transaction ends, so that its locks are let go, and starts again."""

    def __init__(self, clocks: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{len(clocks)} clocks are missing")
        self.clocks = clocks


def clocks_of(invitation: Invitation) -> list[tuple[str, str]]:
    """The clocks that decide whether this invitation may be asked now; `mail_sql.DUE` locks them."""
    found = [(SendClock.PERSON, invitation.email_hash)]
    if invitation.customer_id is not None:
        found.append((SendClock.CUSTOMER, str(invitation.customer_id)))
    return found


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
