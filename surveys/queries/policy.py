"""The rules of asking that hold now, and who the mails come from."""

from datetime import datetime
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.queries import organisation
from customers.models import Contact, Customer
from surveys.formulas.windows import SendWindow
from surveys.models import Campaign, SenderIdentity, SurveyPolicy
from surveys.models.policy import THE_ROW


def current(now: datetime) -> SurveyPolicy:
    """The newest valid policy; before anybody saved one, the defaults (not stored)."""
    newest = SurveyPolicy.objects.filter(valid_from__lte=now).order_by("-valid_from", "-pk").first()
    return newest or SurveyPolicy(valid_from=now)


def sender() -> SenderIdentity:
    """The saved sender, or the organisation on the installation's own address."""
    saved = SenderIdentity.objects.filter(pk=THE_ROW).first()
    if saved:
        return saved
    name, address = organisation.current().name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return SenderIdentity(pk=THE_ROW, name=name[:60], email=address, reply_to=address, legal_name=name)


def help_address() -> str:
    """Where somebody without a known link can ask: the replies address somebody has set, or nothing."""
    return SenderIdentity.objects.filter(pk=THE_ROW).values_list("reply_to", flat=True).first() or ""


def window_of(campaign: Campaign, policy: SurveyPolicy) -> SendWindow:
    """The campaign's own days and hours where it has any, else the policy's."""
    days = campaign.send_days if campaign.send_days is not None else policy.send_days
    opens = campaign.send_from if campaign.send_from is not None else policy.send_from
    closes = campaign.send_until if campaign.send_until is not None else policy.send_until
    return SendWindow(tuple(days), opens, closes)


def zone_of(contact: Contact | None, customer: Customer | None, default: ZoneInfo) -> ZoneInfo:
    """The contact's zone, else the customer's, else the organisation's. An unknown name falls through."""
    for name in (contact.time_zone if contact else "", customer.time_zone if customer else ""):
        zone = zone_named(name)
        if zone is not None:
            return zone
    return default


def zone_named(name: str) -> ZoneInfo | None:
    """The IANA zone of that name, or None."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None
