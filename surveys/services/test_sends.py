"""A mail to oneself before launch: real sending, real page, counted nowhere (S-45)."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from config.work.nudge import nudge
from surveys.choices import DeliveryState
from surveys.formulas.addresses import address_key, domain_of
from surveys.models import Campaign, Invitation, Message, Wave
from surveys.services import locks, waves
from surveys.services.addresses import hasher

TEST_WAVE = 0  # number of the wave that holds a campaign's test mails
TEST_WITHIN = timedelta(hours=2)


@transaction.atomic
def send_test(*, campaign: Campaign, to: User, now: datetime, language: str = "") -> Message:
    """Queue the campaign's mail in one of its languages for a user's own address; its answer is a test answer."""
    key = address_key(to.email)
    if key is None:
        raise DomainError("Your own address cannot be mailed.", hint="Correct it under Settings, Users.")
    held = locks.lock_campaign(campaign.pk)
    wave, _ = Wave.objects.get_or_create(
        campaign=held, number=TEST_WAVE, defaults={"version": held.current, "is_test": True}
    )
    if wave.version_id != held.current_id:  # back from the schedule: the draft goes on with a copy
        wave.version = held.current
        wave.save(update_fields=["version"])
    text = held.current.texts.filter(language=language).first()
    text = text or held.current.texts.get(language=held.current.default_language)
    invitation = Invitation.objects.create(
        wave=wave,
        text=text,
        language=text.language,
        email_norm=key,
        email_hash=hasher()(key),
        email_domain=domain_of(key),
        expires_at=now + timedelta(days=held.current.link_days),
        is_test=True,
    )
    message = Message.objects.create(
        invitation=invitation,
        delivery_state=DeliveryState.QUEUED,
        not_before=now,
        max_at=now + TEST_WITHIN,
        message_id=waves.message_id(held.current.sender_email),
    )
    audit.record(by=to, now=now, action="campaign.test_sent", subject=held)
    nudge("surveys.send_messages")
    return message
