"""Tickers of asking and answering. Each may run twice, at once or late, with the same effect."""

from typing import Any

from django.urls import reverse
from django.utils import timezone

from config.work import jobs
from config.work.models import Job
from config.work.tickers import ticker
from surveys.queries import policy
from surveys.services import (
    advance,
    advocacy,
    anonymous,
    case_escalation,
    case_intake,
    delivery,
    edit_notices,
    erasure,
    provider_events,
    retention,
    topics,
    visits,
)

SENDING_S = 30  # seconds after which a run starts no new mail


@ticker("surveys.send_messages", soft_time_limit=690, time_limit=720)
def send_messages() -> int:
    """Claim and send due survey mails."""
    return delivery.send_due(clock=timezone.now, seconds=SENDING_S)


@ticker("surveys.reap_leases")
def reap_leases() -> int:
    """Leases that ran out: queued again before the dot, uncertain after it."""
    return delivery.reap_leases(now=timezone.now())


@ticker("surveys.apply_provider_events")
def apply_provider_events() -> int:
    """Reports of the mail provider and of the bounce mailbox."""
    return provider_events.apply_provider_events(now=timezone.now())


@ticker("surveys.advance_campaigns")
def advance_campaigns() -> int:
    """Snapshots, canaries, reminders, ends of campaigns and links."""
    return advance.advance_campaigns(now=timezone.now())


@ticker("surveys.open_cases")
def open_cases() -> int:
    """One case per unhappy contact; cases follow a customer that is handed over."""
    now = timezone.now()
    return case_intake.open_cases(now=now) + case_escalation.move_cases(now=now)


@ticker("surveys.escalate_cases")
def escalate_cases() -> int:
    """Reminders, escalations and ends of waits."""
    return case_escalation.escalate_cases(now=timezone.now())


@ticker("surveys.tell_owners")
def tell_owners() -> int:
    """Owners hear of answers that were changed from another device."""
    return edit_notices.tell_owners(now=timezone.now())


@ticker("surveys.settle_visits")
def settle_visits() -> int:
    """Looks at links become `visited`; old looks are forgotten."""
    now = timezone.now()
    return visits.settle_visits(now=now) + visits.purge_visits(now=now, days=policy.current(now).visit_days)


@ticker("surveys.erase_contacts")
def erase_contacts() -> int:
    """Forget whoever asked for it."""
    return erasure.erase_contacts(now=timezone.now())


@ticker("surveys.purge_traces")
def purge_traces() -> int:
    """What providers reported is forgotten after its time; the privacy ledger is completed."""
    return retention.purge_traces(now=timezone.now())


@ticker("surveys.store_anonymous")
def store_anonymous() -> int:
    """Anonymous answers that have enough company, stored in a drawn order; looks at their links are forgotten."""
    now = timezone.now()
    return anonymous.store_waiting(now=now) + anonymous.forget_visits(now=now)


@ticker("surveys.ask_promoters")
def ask_promoters() -> int:
    """Promoters become a private follow-up of their CSM."""
    return advocacy.ask_promoters(now=timezone.now())


@ticker("surveys.tag_answers")
def tag_answers() -> int:
    """Comments that came or changed are looked through for topics."""
    return topics.tag_new(now=timezone.now())


@jobs.kind(topics.JOB_KIND)
def retag_topic(job: Job) -> dict[str, Any]:
    """All answers are looked through for a topic whose terms changed."""
    return {**topics.retag(job), "url": reverse("surveys:topics")}
