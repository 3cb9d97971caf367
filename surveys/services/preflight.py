"""What must be right before mails leave: at launch, at the scheduled start, at resume (S-46).

`risk` blocks, `watch` informs. C43, C45 and C46 only ever inform, but an empty audience is no launch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

from surveys.choices import ACCEPTED
from surveys.formulas import extra
from surveys.models import Campaign, CampaignText, CampaignVersion, Message
from surveys.queries.audience import AudienceFacts
from surveys.services import sending_state
from surveys.services.probes import Looked, is_here
from surveys.services.senders import BULK_WORDS
from surveys.words import catalogue

GOOD, WATCH, RISK = "good", "watch", "risk"
NEEDED = ("question", "subject", "preheader", "prompt", "thank_you")
ORDER = {RISK: 0, WATCH: 1, GOOD: 2}


@dataclass(frozen=True)
class Check:
    """One line of the list: its checklist id, how it stands, what it says."""

    id: str
    tone: str
    text: str
    note: str = ""


def checks(
    *, campaign: Campaign, facts: AudienceFacts | None, now: datetime, looked: Looked | None = None
) -> list[Check]:
    """The list, blocking lines first. Without `facts` nothing is said about people; without `looked` nothing about DNS."""
    version = campaign.current
    found = [
        _sender(version, now),
        _address(looked),
        *([_records(version, looked)] if looked else []),
        _words(version, facts),
        *_people(version, facts),
        _reply(version.reply_to),
        _test(version),
    ]
    return sorted(found, key=lambda check: ORDER[check.tone])


def blocking(found: Sequence[Check]) -> list[Check]:
    """The lines that refuse a launch."""
    return [check for check in found if check.tone == RISK]


def _sender(version: CampaignVersion, now: datetime) -> Check:
    row = sending_state.state()
    if row.hold_reason:
        return Check("C41", RISK, "Sending is held", "An admin releases it under Deliveries.")
    if row.connect_failures or (row.rest_until and row.rest_until > now):
        return Check("C41", WATCH, "The mail server did not answer lately", row.last_error)
    taken = Message.objects.filter(
        invitation__wave__version__sender_email=version.sender_email, delivery_state__in=ACCEPTED
    )
    if version.tested_at or version.frozen_at or taken.exists():
        return Check("C41", GOOD, "The mail server takes mails of this sender", version.sender_email)
    return Check(
        "C41", WATCH, "The mail server has not taken a mail of this sender yet", version.sender_email
    )


def _address(looked: Looked | None) -> Check:
    parts = urlsplit(settings.SITE_URL)
    if is_here():
        return Check("C42", WATCH, "Links work on this machine only", settings.SITE_URL)
    if parts.scheme != "https":
        return Check("C42", RISK, "The public address is not https", "Set SITE_URL to an https address.")
    if looked is not None and looked.is_reachable is False:
        return Check("C42", RISK, "The public address does not answer", settings.SITE_URL)
    return Check("C42", GOOD, "Answer page by https", parts.netloc)


def _records(version: CampaignVersion, looked: Looked) -> Check:
    domain = version.sender_email.rpartition("@")[2]
    if looked.records is None:
        return Check("C43", WATCH, "SPF and DMARC could not be looked up", f"{domain}, from this machine")
    missing = [name for name, found in looked.records.items() if not found]
    if missing:
        return Check(
            "C43", WATCH, f"{domain} has no {' and no '.join(missing)} record", "Mails may be refused."
        )
    return Check("C43", GOOD, "SPF and DMARC are there", f"{domain}; the relay signs with DKIM")


def _words(version: CampaignVersion, facts: AudienceFacts | None) -> Check:
    """Every language of the campaign: any of them may be one that somebody of the audience reads (C44)."""
    texts = {text.language: text for text in version.texts.all()}
    used = {version.default_language, *texts, *(facts.languages if facts else ())}
    faults = [fault for language in sorted(used) if (fault := _fault(language, texts, version))]
    if faults:
        return Check("C44", RISK, "Texts are missing", "; ".join(faults))
    names = ", ".join(catalogue.words(language).name for language in sorted(texts))
    others = sum(count for language, count in facts.wanted.items() if language not in texts) if facts else 0
    if others:
        own = catalogue.words(version.default_language).name
        return Check("C44", WATCH, f"{others} people read another language and get {own}", names)
    return Check("C44", GOOD, "Every text is there", names)


def _fault(language: str, texts: dict[str, CampaignText], version: CampaignVersion) -> str:
    text = texts.get(language)
    if text is None:
        return f"{language}: no text"
    missing = [name.replace("_", " ") for name in NEEDED if not getattr(text, name)]
    own = texts.get(version.default_language)
    if own is not None and not extra.same_shape(text.extra, own.extra):
        missing.append("further questions")
    return f"{catalogue.words(language).name}: {', '.join(missing)}" if missing else ""


def _people(version: CampaignVersion, facts: AudienceFacts | None) -> list[Check]:
    if facts is None:
        return []
    if version.trigger_event:
        return [Check("C45", GOOD, "People are asked one by one", version.get_trigger_event_display())]
    if not facts.asked:
        return [Check("C45", RISK, "Nobody would be asked", "Widen the audience or look at who is left out.")]
    people = "1 person" if facts.asked == 1 else f"{facts.asked} people"
    most = f"at most {facts.most_at_one} at one customer, {facts.left_out} left out"
    found = [Check("C45", GOOD, f"{people} would be asked", most)]
    if facts.throttled or facts.deferred:
        text = f"{facts.throttled + facts.deferred} were asked too recently"
        found.append(Check("C46", WATCH, text, f"{facts.deferred} wait, {facts.throttled} are left out"))
    else:
        found.append(Check("C46", GOOD, "Nobody was asked too recently"))
    return found


def _reply(address: str) -> Check:
    if not address or any(word in address.lower() for word in BULK_WORDS):
        return Check("C47", RISK, "Replies go to a box that nobody reads", address)
    return Check("C47", GOOD, "Replies go to a box that is read", address)


def _test(version: CampaignVersion) -> Check:
    if version.tested_at or version.frozen_at:
        return Check("C48", GOOD, "A test mail with these words was taken by the server")
    return Check("C48", RISK, "No test mail with these words yet", "Send yourself one and look at it.")
