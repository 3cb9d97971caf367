"""A8: every transition of the tables works, every other one is refused; what may and may not change after launch."""

from datetime import time, timedelta

import pytest

from config.web.errors import DomainError
from surveys.choices import CampaignState, WaveState
from surveys.formulas import states
from surveys.models import Campaign, CampaignText, Invitation, Message, Wave
from surveys.services import (
    advance,
    campaign_ends,
    campaign_moves,
    campaigns,
    delivery,
    drafts,
)
from tests.factories.surveys import launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)

# The table of the specification, written down once more: (from, event) leads to.
LISTED = {
    ("draft", "edit"): "draft",
    ("draft", "delete"): None,
    ("draft", "launch"): "active",
    ("draft", "schedule"): "scheduled",
    ("scheduled", "unschedule"): "draft",
    ("scheduled", "start"): "active",
    ("active", "pause"): "paused",
    ("active", "auto_pause"): "paused",
    ("paused", "resume"): "active",
    ("active", "cancel"): "cancelled",
    ("paused", "cancel"): "cancelled",
    ("active", "close"): "closed",
    ("closed", "extend"): "active",
    ("closed", "archive"): "archived",
    ("cancelled", "archive"): "archived",
}
EVENTS = sorted({event for _, event in LISTED})


def in_state(state, by, now):
    """A campaign that came into the state by its own services."""
    campaign = make_campaign(by=by, now=now)
    if state == "draft":
        return campaign
    later = now + DAY if state == "scheduled" else None
    campaigns.launch(campaign=campaign, by=by, now=now, starts_at=later)
    acts = {
        "paused": [campaigns.pause],
        "cancelled": [campaigns.cancel],
        "closed": [campaign_ends.close],
        "archived": [campaign_ends.close, campaign_ends.archive],
    }
    campaign.refresh_from_db()
    for act in acts.get(state, []):
        act(campaign=campaign, by=by, now=now)
    campaign.refresh_from_db()
    assert campaign.state == state
    return campaign


def happen(event, campaign, by, now):
    """The event by its service; the two that the machine does alone answer False instead of refusing."""
    common = {"campaign": campaign, "by": by, "now": now}
    acts = {
        "edit": lambda: drafts.edit_draft(**common, plan=drafts.Plan(name="New", kind="nps")),
        "delete": lambda: drafts.delete_draft(**common),
        "launch": lambda: campaigns.launch(**common),
        "schedule": lambda: campaigns.launch(**common, starts_at=now + DAY),
        "unschedule": lambda: campaigns.unschedule(**common),
        "start": lambda: _true(campaigns.start_scheduled(campaign_id=campaign.pk, now=now + 2 * DAY)),
        "pause": lambda: campaigns.pause(**common),
        "auto_pause": lambda: _true(campaign_moves.auto_pause(campaign_id=campaign.pk, reason="x", now=now)),
        "resume": lambda: campaigns.resume(**common),
        "cancel": lambda: campaigns.cancel(**common),
        "close": lambda: campaign_ends.close(**common),
        "extend": lambda: campaign_ends.extend(**common, days=5),
        "archive": lambda: campaign_ends.archive(**common),
    }
    acts[event]()


def _true(done):
    if not done:
        raise campaign_moves.WrongStateError("nothing happened")


@pytest.mark.parametrize("state", CampaignState.values)
def test_every_campaign_event_is_done_or_refused_as_the_table_says(state, anna, vera, now):
    make_audience(anna)
    kept = in_state(state, vera, now)
    for event in EVENTS:
        if (state, event) in LISTED:
            continue
        with pytest.raises(campaign_moves.WrongStateError):
            happen(event, kept, vera, now)
        kept.refresh_from_db()
        assert kept.state == state, event


@pytest.mark.parametrize(("state", "event"), sorted(LISTED))
def test_every_listed_campaign_event_leads_where_the_table_says(state, event, anna, vera, now):
    make_audience(anna)
    campaign = in_state(state, vera, now)
    happen(event, campaign, vera, now)
    found = Campaign.objects.filter(pk=campaign.pk).values_list("state", flat=True).first()
    assert found == LISTED[state, event]


WAVES = {
    ("planned", "snapshot"): "sending",
    ("planned", "cancel"): "cancelled",
    ("sending", "pause"): "paused",
    ("sending", "all_sent"): "collecting",
    ("sending", "cancel"): "cancelled",
    ("paused", "resume"): "sending",
    ("paused", "cancel"): "cancelled",
    ("collecting", "links_over"): "closed",
}


@pytest.mark.parametrize("event", sorted({event for _, event in WAVES}))
def test_waves_move_as_the_table_says_and_not_otherwise(event, anna, vera, now):
    campaign = make_campaign(by=vera, now=now)
    for number, state in enumerate(WaveState.values, 1):
        Wave.objects.create(campaign=campaign, version=campaign.current, number=number, state=state)
    campaign_moves.move_waves(campaign.pk, event)
    found = dict(
        zip(WaveState.values, campaign.waves.order_by("number").values_list("state", flat=True), strict=True)
    )
    assert found == {state: WAVES.get((state, event), state) for state in WaveState.values}


def test_a_wave_follows_its_campaign_and_collects_until_its_last_link_ends(anna, vera, now):
    make_audience(anna)
    wave = launch(make_campaign(by=vera, now=now, ends_at=now + 100 * DAY), by=vera, now=now)

    def state():
        wave.refresh_from_db()
        return wave.state

    campaigns.pause(campaign=wave.campaign, by=vera, now=now)
    assert state() == "paused"
    campaigns.resume(campaign=wave.campaign, by=vera, now=now)
    assert state() == "sending"
    delivery.send_due(clock=lambda: now)
    advance.advance_campaigns(now=now)
    assert state() == "collecting"
    advance.advance_campaigns(now=now + 59 * DAY)
    assert state() == "collecting"
    advance.advance_campaigns(now=now + 61 * DAY)
    assert state() == "closed"
    assert Campaign.objects.get().state == "closed"


def test_unknown_events_are_errors_of_ours():
    with pytest.raises(states.UnknownMoveError):
        states.before(states.CAMPAIGN, "explode")


def test_a_scheduled_campaign_starts_by_itself_at_its_time(anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    campaigns.launch(campaign=campaign, by=vera, now=now, starts_at=now + DAY)
    advance.advance_campaigns(now=now)
    assert Message.objects.count() == 0
    advance.advance_campaigns(now=now + DAY)
    assert Message.objects.count() == 1


def test_a_start_that_is_not_green_pauses_with_the_reason(anna, vera, now):
    (contact,) = make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    campaigns.launch(campaign=campaign, by=vera, now=now, starts_at=now + DAY)
    type(contact).objects.filter(pk=contact.pk).update(do_not_survey=True)
    advance.advance_campaigns(now=now + DAY)
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert "Nobody would be asked" in campaign.pause_reason
    type(contact).objects.filter(pk=contact.pk).update(do_not_survey=False)
    with pytest.raises(campaign_moves.NotReadyError):
        campaigns.resume(campaign=campaign, by=vera, now=now + DAY)
    campaigns.resume(campaign=campaign, by=vera, now=now + DAY, acknowledged=True)
    advance.advance_campaigns(now=now + DAY)
    assert Message.objects.count() == 1


def test_a_draft_taken_back_from_the_schedule_can_be_changed_again(anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    campaigns.launch(campaign=campaign, by=vera, now=now, starts_at=now + DAY)
    campaigns.unschedule(campaign=campaign, by=vera, now=now)
    campaign.refresh_from_db()
    assert (campaign.current.number, campaign.current.frozen_at) == (2, None)
    drafts.edit_draft(campaign=campaign, plan=drafts.Plan(name="Later", kind="csat7"), by=vera, now=now)
    campaign.refresh_from_db()
    assert campaign.current.kind == "csat7"
    assert campaign.current.tested_at is None


def adjust(campaign, vera, now, **changes):
    values = {
        "send_days": None, "send_from": None, "send_until": None, "cap_per_hour": None,
        "ends_at": campaign.ends_at, "reminders": 0,
    }  # fmt: skip
    campaign_ends.adjust(campaign=campaign, by=vera, now=now, **{**values, **changes})
    campaign.refresh_from_db()


def test_window_cap_end_and_fewer_reminders_may_change_after_launch(anna, vera, now):
    make_audience(anna)
    campaign = launch(make_campaign(by=vera, now=now, reminders=2), by=vera, now=now).campaign
    adjust(
        campaign, vera, now, send_days=[2], send_from=time(9), send_until=time(12), cap_per_hour=7,
        ends_at=now + 5 * DAY, reminders=1,
    )  # fmt: skip
    message = Message.objects.get()
    assert message.not_before.weekday() == 2
    assert message.max_at == now + 5 * DAY
    assert campaign_ends.reminders_of(campaign) == 1
    with pytest.raises(DomainError):
        adjust(campaign, vera, now, reminders=2)
    with pytest.raises(DomainError):
        adjust(campaign, vera, now, ends_at=now)


def test_an_extension_collects_and_reminds_but_invites_nobody(anna, vera, now):
    make_audience(anna)
    campaign = launch(
        make_campaign(by=vera, now=now, reminders=1, ends_at=now + 3 * DAY), by=vera, now=now
    ).campaign
    delivery.send_due(clock=lambda: now)
    advance.advance_campaigns(now=now + 4 * DAY)
    campaign.refresh_from_db()
    assert campaign.state == "closed"
    for days in (0, 31):
        with pytest.raises(DomainError):
            campaign_ends.extend(campaign=campaign, by=vera, now=now + 4 * DAY, days=days)
    campaign_ends.extend(campaign=campaign, by=vera, now=now + 4 * DAY, days=30)
    make_audience(anna, customers=2)
    with pytest.raises(campaign_moves.WrongStateError):
        campaigns.add_wave(campaign=campaign, by=vera, now=now + 5 * DAY)
    advance.advance_campaigns(now=now + 6 * DAY)
    assert list(Message.objects.values_list("kind", flat=True).order_by("pk")) == ["first", "reminder"]


def test_a_clone_with_the_same_words_goes_on_with_the_series(anna, vera, now):
    make_audience(anna)
    campaign = launch(make_campaign(by=vera, now=now), by=vera, now=now).campaign
    copy = drafts.clone(campaign=campaign, by=vera, now=now)
    assert copy.state == "draft"
    assert copy.cloned_from == campaign
    assert copy.current.series_key == campaign.current.series_key
    assert copy.current.tested_at is None
    plan = drafts.Plan(name="Other", kind="nps", words={"question": "Would you come again?"})
    drafts.edit_draft(campaign=copy, plan=plan, by=vera, now=now)
    copy.refresh_from_db()
    assert copy.current.series_key != campaign.current.series_key


def test_cancelling_keeps_or_closes_links_and_revokes_who_was_not_asked(anna, vera, now):
    make_audience(anna, customers=2)
    campaign = launch(make_campaign(by=vera, now=now), by=vera, now=now).campaign
    first = Message.objects.order_by("pk").first()
    Message.objects.filter(pk=first.pk).update(delivery_state="sent", accepted_at=now, settled_by="reply")
    campaigns.cancel(campaign=campaign, by=vera, now=now)
    assert sorted(Invitation.objects.values_list("response_state", flat=True)) == ["none", "revoked"]
    assert Invitation.objects.filter(expires_at__gt=now + DAY).count() == 2


def test_a_csm_changes_own_drafts_only_and_launch_needs_the_right(anna, ben, mia, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=anna, now=now)
    plan = drafts.Plan(name="Mine", kind="nps")
    drafts.edit_draft(campaign=campaign, plan=plan, by=anna, now=now)
    drafts.edit_draft(campaign=campaign, plan=plan, by=mia, now=now)
    for act in (
        lambda: drafts.edit_draft(campaign=campaign, plan=plan, by=ben, now=now),
        lambda: drafts.delete_draft(campaign=campaign, by=ben, now=now),
        lambda: campaigns.launch(campaign=campaign, by=anna, now=now),
    ):
        with pytest.raises(campaign_moves.NotAllowedError):
            act()


def test_words_written_in_other_languages_survive_an_edit_of_the_audience(anna, vera, now):
    campaign = make_campaign(by=vera, now=now)
    drafts.save_words(
        campaign=campaign, language="de", words={"subject": "Nur eine Frage"}, extra=[], by=vera, now=now
    )
    drafts.save_words(
        campaign=campaign, language="en", words={"subject": "Just one"}, extra=[], by=vera, now=now
    )
    drafts.edit_draft(campaign=campaign, plan=drafts.Plan(name="Again", kind="nps"), by=vera, now=now)
    subjects = dict(CampaignText.objects.values_list("language", "subject"))
    assert subjects == {"de": "Nur eine Frage", "en": "Just one"}
    drafts.edit_draft(campaign=campaign, plan=drafts.Plan(name="Again", kind="ces5"), by=vera, now=now)
    assert len(CampaignText.objects.get(language="de").labels) == 5
