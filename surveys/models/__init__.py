"""Rows of asking and answering, one subject per file."""

from surveys.models.anonymous import WaitingAnswer
from surveys.models.campaign import Campaign, CampaignText, CampaignVersion
from surveys.models.case import Case, CaseEvent
from surveys.models.invitation import Invitation, SendClock
from surveys.models.message import DeliveryEvent, Message
from surveys.models.policy import AddressPepper, SenderIdentity, SendingState, SurveyPolicy
from surveys.models.provider_event import ProviderEvent
from surveys.models.response import Response, ResponseEvent, ResponseRevision
from surveys.models.suppression import Suppression
from surveys.models.token import LinkToken
from surveys.models.topic import ResponseTopic, Topic
from surveys.models.trigger import Firing
from surveys.models.visit import Visit
from surveys.models.wave import Wave, WaveSkip

__all__ = [
    "AddressPepper",
    "Campaign",
    "CampaignText",
    "CampaignVersion",
    "Case",
    "CaseEvent",
    "DeliveryEvent",
    "Firing",
    "Invitation",
    "LinkToken",
    "Message",
    "ProviderEvent",
    "Response",
    "ResponseEvent",
    "ResponseRevision",
    "ResponseTopic",
    "SendClock",
    "SenderIdentity",
    "SendingState",
    "Suppression",
    "SurveyPolicy",
    "Topic",
    "Visit",
    "WaitingAnswer",
    "Wave",
    "WaveSkip",
]
