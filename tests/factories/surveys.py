"""Campaigns and their mails for tests, made by the services. Plain functions, no random values."""

from datetime import UTC, datetime, time

from surveys.choices import DeliveryState, TokenPurpose
from surveys.models import CampaignVersion, LinkToken, Message
from surveys.queries import links
from surveys.services import advance, campaigns, claims, drafts
from surveys.services.responses import Answer, record_response
from tests.factories.customers import make_contact, make_customer

NOW = datetime(2026, 3, 16, 10, 0, tzinfo=UTC)


def make_campaign(*, by, kind="nps", now=NOW, name="Spring", any_time=True, is_tested=True, **plan):
    """A draft; by default it may send at any hour of any day and its test mail is done."""
    if any_time:
        plan.setdefault("send_days", [0, 1, 2, 3, 4, 5, 6])
        plan.setdefault("send_from", time(0))
        plan.setdefault("send_until", time(0))
    draft = drafts.create_draft(plan=drafts.Plan(name=name, kind=kind, **plan), by=by, now=now)
    if is_tested:
        CampaignVersion.objects.filter(pk=draft.current_id).update(tested_at=now)
        draft.current.tested_at = now
    return draft


def launch(campaign, *, by, now=NOW, **options):
    """Launch and take the snapshot; returns the wave."""
    campaigns.launch(campaign=campaign, by=by, now=now, **options)
    advance.advance_campaigns(now=now)
    campaign.refresh_from_db()
    return campaign.waves.get(number=1)


def make_audience(owner, *, customers=1, contacts=1, **fields):
    """Contacts c0.0@…, c0.1@… at customers of `owner`."""
    made = []
    for number in range(customers):
        customer = make_customer(owner=owner, name=f"Customer {number}", **fields)
        made += [
            make_contact(customer, f"c{number}.{i}@customer{number}.example", name=f"Robin Ash {i}")
            for i in range(contacts)
        ]
    return made


def make_sent_message(owner, *, by, kind="nps", now=NOW, **plan):
    """A message the server took, and the secret of its answer link."""
    make_audience(owner)
    launch(make_campaign(by=by, kind=kind, **plan), by=by, now=now)
    claims.release_due(now=now)
    claim = claims.claim_next(now=now)
    Message.objects.filter(pk=claim.message.pk).update(
        delivery_state=DeliveryState.SENT,
        phase="",
        lease_token="",
        lease_until=None,
        accepted_at=now,
        settled_by="reply",
        reply_code=250,
    )
    claim.message.refresh_from_db()
    return claim.message, claim.links


def answer(message, score, *, now=NOW, comment="", **fields):
    """Answer a message by its link, as the page does."""
    token = LinkToken.objects.get(message=message, purpose=TokenPurpose.ANSWER)
    link = links.find(token.sha256, TokenPurpose.ANSWER, now=now)
    return record_response(link=link, answer=Answer(score=score, comment=comment, **fields), now=now)
