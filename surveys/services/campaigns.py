"""A campaign from launch to its end: launch, schedule, further waves, pause, resume, cancel.

Every transition is one conditional change: a second click finds nothing to do.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from accounts.queries import organisation
from config.work import audit
from config.work.nudge import nudge
from surveys.choices import CampaignState, DeliveryState, MessageKind, ResponseState, WaveState
from surveys.formulas import states
from surveys.formulas.windows import opening_of_slot
from surveys.models import Campaign, CampaignVersion, Invitation, Wave
from surveys.queries import audience
from surveys.queries import policy as policies
from surveys.services import drafts, locks, planned_mails, preflight, probes, waves
from surveys.services.campaign_moves import (
    NotReadyError,
    WrongStateError,
    check_right,
    move,
    move_waves,
)

RUN_DAYS = 30  # a campaign without an end date sends for so long
LONG_RUN_DAYS = 365  # one that repeats or waits for events


def launch(
    *,
    campaign: Campaign,
    by: User,
    now: datetime,
    typed_count: int | None = None,
    typed_again: int | None = None,
    starts_at: datetime | None = None,
) -> Campaign:
    """Draft to active, or to scheduled when a later start is given; once, however often it is pressed.

    Freezes wording and audience rule. Looks at the public address and DNS before it locks anything.
    """
    check_right(by)
    looked = probes.look(campaign.current)
    return _launch(campaign, by, now, (typed_count, typed_again), starts_at or campaign.starts_at, looked)


@transaction.atomic
def _launch(
    campaign: Campaign,
    by: User,
    now: datetime,
    typed: tuple[int | None, int | None],
    starts_at: datetime | None,
    looked: probes.Looked,
) -> Campaign:
    later = starts_at if starts_at is not None and starts_at > now else None
    held = locks.lock_campaign(campaign.pk)
    event = "schedule" if later else "launch"
    if held.state not in states.before(states.CAMPAIGN, event):
        raise WrongStateError(
            f"“{held.name}” is {held.get_state_display().lower()}.", hint="Nothing was changed."
        )
    ends_at = held.ends_at or (later or now) + timedelta(days=_run_days(held.current))
    _check_dates(held, starts_at=later or now, ends_at=ends_at, now=now)
    asked = _check_ready(held, by=by, now=now, typed=typed, looked=looked)
    move(
        held,
        event,
        by=by,
        now=now,
        action="campaign.scheduled" if later else "campaign.launched",
        launched_by=by,
        launched_at=now,
        watched_from=now,
        starts_at=later or now,
        ends_at=ends_at,
    )
    CampaignVersion.objects.filter(pk=held.current_id).update(frozen_at=now)
    held.refresh_from_db()
    waves.plan(campaign=held, starts_at=later or now, confirmed_count=asked)
    nudge("surveys.advance_campaigns")
    return held


def _run_days(version: CampaignVersion) -> int:
    return LONG_RUN_DAYS if version.cadence_days or version.trigger_event else RUN_DAYS


def _check_dates(held: Campaign, *, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """The end lies ahead, and the last day of a drip before it."""
    if ends_at <= starts_at:
        raise NotReadyError("The last day lies in the past.", hint="Choose a later one.", field="ends_on")
    days = held.current.drip_days
    window = policies.window_of(held, policies.current(now))
    if days and opening_of_slot(starts_at, window, organisation.zone(), days - 1) >= ends_at:
        raise NotReadyError(
            f"Spreading over {days} sending days ends after the last day.",
            hint="Spread over fewer days or choose a later last day.",
            field="drip_days",
        )


def _check_ready(
    held: Campaign,
    *,
    by: User,
    now: datetime,
    typed: tuple[int | None, int | None],
    looked: probes.Looked | None,
) -> int:
    """Everything green and the number of people confirmed; returns it (S-46)."""
    judged = []
    if not held.current.trigger_event:
        judged = waves.judged_audience(held.current, ends_at=held.ends_at, user=by, now=now)
    facts = audience.facts_of(judged, version=held.current)
    wrong = preflight.blocking(preflight.checks(campaign=held, facts=facts, now=now, looked=looked))
    if wrong:
        raise NotReadyError(
            f"{wrong[0].text}.", hint=wrong[0].note or "Widen the audience or look at the reasons."
        )
    _check_typed(facts.asked, held.current, now, typed)
    return facts.asked


def _check_typed(
    asked: int, version: CampaignVersion, now: datetime, typed: tuple[int | None, int | None]
) -> None:
    before = waves.size_before(version)
    needed = confirmations_needed(asked, before=before, typed_over=policies.current(now).typed_count_over)
    if needed and typed[0] != asked:
        raise NotReadyError(
            f"This mails {asked} people.", hint=f"Type {asked} to launch.", field="typed_count"
        )
    if needed > 1 and typed[1] != asked:
        raise NotReadyError(
            f"That is ten times the last wave, which asked {before}.",
            hint=f"Type {asked} once more if it is meant.",
            field="typed_again",
        )


def confirmations_needed(asked: int, *, before: int | None, typed_over: int) -> int:
    """How often the number of people must be typed: 0, 1, or 2 for ten times the wave before (S-46)."""
    if waves.is_runaway(asked, before):
        return 2
    return int(asked > typed_over)


@transaction.atomic
def unschedule(*, campaign: Campaign, by: User, now: datetime) -> Campaign:
    """Back to a draft before the start. The frozen version stays; the draft goes on with a copy of it."""
    check_right(by, campaign)
    held = locks.lock_campaign(campaign.pk)
    move(
        held, "unschedule", by=by, now=now, action="campaign.unscheduled", launched_at=None, launched_by=None
    )
    held.waves.filter(is_test=False).delete()
    drafts.copy_version(held.current, to=held, number=held.current.number + 1)
    held.refresh_from_db()
    return held


def start_scheduled(*, campaign_id: int, now: datetime) -> bool:
    """A scheduled campaign whose time has come: active when everything is green, else paused with the reason."""
    found = Campaign.objects.select_related("current", "launched_by").get(pk=campaign_id)
    looked = probes.look(found.current)
    with transaction.atomic():
        held = locks.lock_campaign(campaign_id)
        if held.state != CampaignState.SCHEDULED or held.starts_at > now:
            return False
        judged = []
        if not held.current.trigger_event:
            judged = waves.judged_audience(
                held.current, ends_at=held.ends_at, user=found.launched_by, now=now
            )
        facts = audience.facts_of(judged, version=held.current)
        wrong = preflight.blocking(preflight.checks(campaign=held, facts=facts, now=now, looked=looked))
        if wrong:
            reason = f"It could not start: {wrong[0].text}. {wrong[0].note}".strip()[:300]
            move(
                held,
                "fail_to_start",
                by=None,
                now=now,
                action="campaign.auto_paused",
                pause_reason=reason,
                after={"reason": reason},
            )
        else:
            move(held, "start", by=None, now=now, action="campaign.started", watched_from=now)
    return True


@transaction.atomic
def add_wave(
    *,
    campaign: Campaign,
    by: User,
    now: datetime,
    typed_count: int | None = None,
    typed_again: int | None = None,
) -> Wave:
    """Ask once more with the same words: everybody the audience names by now, minus those asked too recently."""
    check_right(by, campaign)
    held = locks.lock_campaign(campaign.pk)
    if held.state != CampaignState.ACTIVE or held.extended_at is not None:
        raise WrongStateError(f"“{held.name}” invites nobody any more.", hint="Clone it to ask again.")
    if held.current.trigger_event:
        raise WrongStateError("A triggered campaign has one wave that never ends.", hint="Clone it instead.")
    unfinished = held.waves.filter(is_test=False, state__in=[WaveState.PLANNED, WaveState.SENDING])
    if unfinished.exists():
        raise WrongStateError("The last wave is not sent yet.", hint="Wait until it is.")
    asked = _check_ready(held, by=by, now=now, typed=(typed_count, typed_again), looked=None)
    wave = waves.plan(campaign=held, starts_at=now, confirmed_count=asked)
    audit.record(by=by, now=now, action="campaign.wave_added", subject=held, after={"wave": wave.number})
    nudge("surveys.advance_campaigns")
    return wave


@transaction.atomic
def pause(*, campaign: Campaign, by: User, now: datetime) -> None:
    """No new mail is claimed; at most one per worker is still on its way."""
    check_right(by, campaign)
    move(campaign, "pause", by=by, now=now, action="campaign.paused")
    move_waves(campaign.pk, "pause")


def resume(
    *,
    campaign: Campaign,
    by: User,
    now: datetime,
    acknowledged: bool = False,
    typed_count: int | None = None,
    typed_again: int | None = None,
) -> None:
    """Go on with the mails that never left, at their next open moment; no new snapshot (S-72).

    Preflight must be green again, and the reason of a pause that came by itself be acknowledged.
    """
    check_right(by, campaign)
    looked = probes.look(campaign.current)
    with transaction.atomic():
        held = locks.lock_campaign(campaign.pk)
        if held.state == CampaignState.PAUSED:
            if held.pause_reason and not acknowledged:
                raise NotReadyError(
                    f"It paused by itself: {held.pause_reason}", hint="Confirm that this is put right."
                )
            _check_resume(held, by=by, now=now, typed=(typed_count, typed_again), looked=looked)
        move(held, "resume", by=by, now=now, action="campaign.resumed", pause_reason="", watched_from=now)
        move_waves(held.pk, "resume")
        planned_mails.align(campaign=held, now=now)
    nudge("surveys.send_messages")


def _check_resume(
    held: Campaign,
    *,
    by: User,
    now: datetime,
    typed: tuple[int | None, int | None],
    looked: probes.Looked,
) -> None:
    """Green again; a wave that did not start is counted and confirmed like a launch."""
    due = held.waves.filter(is_test=False, state=WaveState.PLANNED, starts_at__lte=now).first()
    if due is not None and not held.current.trigger_event:
        due.confirmed_count = _check_ready(held, by=by, now=now, typed=typed, looked=looked)
        due.save(update_fields=["confirmed_count"])
        return
    wrong = preflight.blocking(preflight.checks(campaign=held, facts=None, now=now, looked=looked))
    if wrong:
        raise NotReadyError(f"{wrong[0].text}.", hint=wrong[0].note)


@transaction.atomic
def cancel(*, campaign: Campaign, by: User, now: datetime, close_links: bool = False) -> None:
    """Withdraw every unsent mail. Open links go on taking answers unless `close_links`."""
    check_right(by, campaign)
    move(campaign, "cancel", by=by, now=now, action="campaign.cancelled")
    move_waves(campaign.pk, "cancel")
    waiting = planned_mails.waiting_of(campaign)
    unasked = Invitation.objects.filter(pk__in=waiting.filter(kind=MessageKind.FIRST).values("invitation"))
    unasked.update(response_state=ResponseState.REVOKED)
    waiting.update(delivery_state=DeliveryState.REVOKED, changed_at=Now())
    if close_links:
        Invitation.objects.filter(wave__campaign=campaign, expires_at__gt=now).update(expires_at=now)


def first_leaving(campaign: Campaign) -> datetime | None:
    """When the first waiting mail of the campaign may leave."""
    rows = planned_mails.waiting_of(campaign).order_by("not_before")
    return rows.values_list("not_before", flat=True).first()
