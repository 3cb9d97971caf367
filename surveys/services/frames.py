"""What a run of sending reads once for all its mails, and how much of the hourly caps it may use unasked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from accounts.models import User
from accounts.queries import organisation
from surveys.models import CampaignText, Message, SurveyPolicy, Wave
from surveys.queries import policy as policies
from surveys.services.mail_forms import Forms

MOST_WORKERS = 16  # that may share what is left of an hourly cap


@dataclass
class Frame:
    """Policy and zone of a run; waves, texts, owners and forms as its mails need them."""

    policy: SurveyPolicy
    zone: ZoneInfo
    forms: Forms = field(default_factory=Forms)
    _waves: dict[int, Wave] = field(default_factory=dict)
    _texts: dict[int, CampaignText] = field(default_factory=dict)
    _owners: dict[int, User] = field(default_factory=dict)
    _room: dict[str, int] = field(default_factory=dict)

    def complete(self, message: Message) -> None:
        """Give the message what its mail is made of besides its own contact and customer."""
        invitation = message.invitation
        if invitation.wave_id not in self._waves:
            found = Wave.objects.select_related("campaign", "version")
            self._waves[invitation.wave_id] = found.get(pk=invitation.wave_id)
        if invitation.text_id not in self._texts:
            self._texts[invitation.text_id] = CampaignText.objects.get(pk=invitation.text_id)
        owner = invitation.owner_at_send_id
        if owner is not None and owner not in self._owners:
            self._owners[owner] = User.objects.get(pk=owner)
        invitation.wave = self._waves[invitation.wave_id]
        invitation.text = self._texts[invitation.text_id]
        invitation.owner_at_send = self._owners[owner] if owner is not None else None

    def forget(self) -> None:
        """Read again what may change in a run: caps and hours of campaigns, and the words of drafts."""
        frozen = {wave.version_id for wave in self._waves.values() if wave.version.frozen_at}
        self._texts = {pk: text for pk, text in self._texts.items() if text.version_id in frozen}
        self._waves.clear()
        self.forms = Forms()

    def has_room(self, key: str, cap: int, used: Callable[[], int]) -> bool:
        """Whether a cap leaves room for one more, counted so rarely that all workers overshoot by one mail each."""
        free = self._room.get(key, 0)
        if free <= 0:
            left = cap - used()
            if left <= 0:
                return False
            free = 1 + left // MOST_WORKERS
        self._room[key] = free - 1
        return True


def frame(*, now: datetime) -> Frame:
    """The frame as of now."""
    return Frame(policies.current(now), organisation.zone())
