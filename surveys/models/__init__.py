"""Rows of asking and answering, one subject per file."""

from surveys.models.campaign import Campaign, CampaignText, CampaignVersion
from surveys.models.invitation import Invitation, SendClock
from surveys.models.message import DeliveryEvent, Message
from surveys.models.policy import AddressPepper, SenderIdentity, SendingState, SurveyPolicy
from surveys.models.response import Response, ResponseEvent, ResponseRevision
from surveys.models.suppression import Suppression
from surveys.models.token import LinkToken
from surveys.models.visit import Visit
from surveys.models.wave import Wave, WaveSkip

__all__ = [
    "AddressPepper",
    "Campaign",
    "CampaignText",
    "CampaignVersion",
    "DeliveryEvent",
    "Invitation",
    "LinkToken",
    "Message",
    "Response",
    "ResponseEvent",
    "ResponseRevision",
    "SendClock",
    "SenderIdentity",
    "SendingState",
    "Suppression",
    "SurveyPolicy",
    "Visit",
    "Wave",
    "WaveSkip",
]
