"""Who a survey mail comes from. Every mail leaves from the organisation's address; a CSM lends name and reply box."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count

from accounts.models import User
from surveys.choices import SenderMode
from surveys.formulas.addresses import address_key
from surveys.models import Campaign, CampaignVersion, Invitation
from surveys.words import catalogue

MAX_NAME = 60  # characters of a display name
BULK_WORDS = ("no-reply", "noreply", "donotreply", "do-not-reply")


@dataclass(frozen=True)
class Sender:
    """Display name, address and reply box of one mail. `signature` stands above the name at its end."""

    name: str
    email: str
    reply_to: str
    signature: str = ""


@dataclass(frozen=True)
class UnusableBox:
    """A CSM whose mails leave in the name of the company instead: why, and how many people that concerns."""

    name: str
    reason: str
    asked: int


def sender_of(version: CampaignVersion, owner: User | None, language: str) -> Sender:
    """The company, or “CSM via company” where the campaign wants it and the CSM's box can take replies (S-203)."""
    if version.sender_mode != SenderMode.CSM or owner is None or box_fault(owner):
        return Sender(
            version.sender_name, version.sender_email, version.reply_to, owner.name if owner else ""
        )
    say = catalogue.Spoken(language, name=owner.name, company=version.company)
    return Sender(say["via_company"][:MAX_NAME].rstrip(), version.sender_email, owner.email)


def box_fault(owner: User | None) -> str:
    """Why replies cannot go to this CSM, in words for the campaign page; empty when they can."""
    if owner is None:
        return "no primary CSM"
    if not owner.is_active:
        return "signed off"
    if not owner.name.strip():
        return "no name"
    if address_key(owner.email) is None:
        return "no usable address"
    if any(word in owner.email.lower() for word in BULK_WORDS):
        return "a box that nobody reads"
    return ""


def unusable_boxes(asked_by_owner: Mapping[int | None, int]) -> list[UnusableBox]:
    """CSMs who cannot lend their name, for the note on the campaign page. Keys are user ids, None is “no CSM”."""
    owners = User.objects.in_bulk([pk for pk in asked_by_owner if pk is not None])
    found = []
    for pk, asked in asked_by_owner.items():
        owner = owners.get(pk) if pk is not None else None
        fault = box_fault(owner)
        if fault:
            found.append(UnusableBox(owner.name if owner else "", fault, asked))
    return sorted(found, key=lambda box: (-box.asked, box.name))


def asked_by_owner(campaign: Campaign) -> dict[int | None, int]:
    """How many people of a launched campaign are asked in the name of each CSM."""
    rows = Invitation.objects.filter(wave__campaign=campaign, is_test=False)
    return dict(rows.values_list("owner_at_send").annotate(n=Count("pk")).order_by())
