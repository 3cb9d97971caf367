"""What must be right before a launch. `risk` blocks, `watch` informs (S-46)."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

from surveys.choices import ACCEPTED
from surveys.models import Campaign, CampaignText, Message
from surveys.services import sending_state

GOOD, WATCH, RISK = "good", "watch", "risk"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Check:
    """One line of the list: its checklist id, how it stands, what it says."""

    id: str
    tone: str
    text: str
    note: str = ""


def checks(*, campaign: Campaign, asked: int, now: datetime) -> list[Check]:
    """The list for a draft, blocking lines first."""
    version = campaign.current
    found = [
        _words(campaign),
        _address(),
        _reply(version.reply_to),
        _test(campaign),
        _sending(now),
        Check(
            "C45",
            GOOD if asked else RISK,
            f"{asked} people would be asked" if asked else "Nobody would be asked",
        ),
    ]
    order = {RISK: 0, WATCH: 1, GOOD: 2}
    return sorted(found, key=lambda check: order[check.tone])


def _words(campaign: Campaign) -> Check:
    needed = ("question", "subject", "preheader", "prompt", "thank_you")
    text = CampaignText.objects.filter(version=campaign.current, language="en").first()
    missing = [name for name in needed if text is None or not getattr(text, name)]
    if missing:
        return Check("C44", RISK, "Texts are missing", ", ".join(missing))
    return Check("C44", GOOD, "Every text is there", "English")


def _address() -> Check:
    parts = urlsplit(settings.SITE_URL)
    if parts.scheme == "https":
        return Check("C42", GOOD, "Answer page by https", parts.netloc)
    if parts.hostname in LOOPBACK:
        return Check("C42", WATCH, "Links work on this machine only", settings.SITE_URL)
    return Check("C42", RISK, "The public address is not https", "Set SITE_URL to an https address.")


def _reply(address: str) -> Check:
    is_read = not any(word in address.lower() for word in ("noreply", "no-reply", "donotreply"))
    return Check("C47", GOOD if is_read else RISK, "Replies go to a box that is read", address)


def _test(campaign: Campaign) -> Check:
    sent = Message.objects.filter(
        invitation__wave__campaign=campaign, invitation__is_test=True, delivery_state__in=ACCEPTED
    )
    if sent.exists():
        return Check("C48", GOOD, "A test mail was taken by the server")
    return Check("C48", WATCH, "No test mail yet", "Send yourself one and look at it.")


def _sending(now: datetime) -> Check:
    row = sending_state.state()
    if row.hold_reason:
        return Check("C41", RISK, "Sending is held", "An admin releases it under Deliveries.")
    if row.connect_failures or (row.rest_until and row.rest_until > now):
        return Check("C41", WATCH, "The mail server did not answer lately", row.last_error)
    return Check("C41", GOOD, "Mail may leave")
