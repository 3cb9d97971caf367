"""Anonymous answers (S-205): who answered and what was answered are never in one row, nor in one order.

The invitation learns only that it was answered. The answer waits without invitation, contact, device, network or time
of day until enough others of its wave wait with it; then they are stored together in a drawn order.
"""

import secrets
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F

from accounts.queries import organisation
from customers.services import staleness
from surveys.choices import Channel, ResponseState, ResponseStatus
from surveys.formulas.scales import SCALES
from surveys.formulas.small_groups import hidden_groups
from surveys.models import (
    Invitation,
    LinkToken,
    Response,
    ResponseRevision,
    SurveyPolicy,
    Visit,
    WaitingAnswer,
    Wave,
)
from surveys.queries import links, policy
from surveys.services import locks
from surveys.services.evidence import Press, verdict_on
from surveys.services.responses import CLOSED_STATES, MAX_COMMENT, Answer, AnswerClosedError, BadAnswerError

BATCH = 5  # answers that are stored together, unless their wave is over
OVER_AFTER = timedelta(days=1)  # after the last link's end; longer than any grace
VISITS_KEPT = timedelta(hours=24)
STRONG = "E"  # first letter of the reasons that speak for a machine by themselves


@transaction.atomic
def take(*, link: LinkToken, answer: Answer, press: Press, now: datetime) -> bool:
    """Whether the answer is in (or one was before: no edits). False asks the reader to press Send once more.

    A press that looks like a machine's stores nothing but that one more was turned back. `link` is read by
    `links.find_for_press`.
    """
    version = link.message.invitation.wave.version
    if not SCALES[version.kind].holds(answer.score) or len(answer.comment) > MAX_COMMENT:
        raise BadAnswerError(
            "This score is not on the scale.", hint="Choose one of the points.", field="score"
        )
    held = locks.lock_answer(link.message.invitation_id)
    if held.response_state == ResponseState.ANSWERED:
        return True
    if held.response_state in CLOSED_STATES:
        raise AnswerClosedError("This survey is closed.")
    verdict = verdict_on(link=link, press=press, has_comment=answer.has_words, now=now)
    if any(reason.startswith(STRONG) for reason in verdict.reasons):
        Wave.objects.filter(pk=held.wave_id).update(turned_back=F("turned_back") + 1)
        return False
    if not held.is_test:
        WaitingAnswer.objects.create(**_of_whom(link, held), **_what(link, answer, now))
    Invitation.objects.filter(pk=held.pk).update(response_state=ResponseState.ANSWERED)
    return True


def _what(link: LinkToken, answer: Answer, now: datetime) -> dict[str, object]:
    zone = ZoneInfo(link.home_zone or settings.DEFAULT_TIME_ZONE)
    return {
        "wave_id": link.message.invitation.wave_id,
        "day": now.astimezone(zone).date(),
        "score": answer.score,
        "comment": answer.comment,
        "extra": dict(answer.extra),
    }


def _of_whom(link: LinkToken, held: Invitation) -> dict[str, object]:
    """Customer and language, each only where enough people share it that it names nobody."""
    least = links.rules_of(link).get("anonymous_min_group", SurveyPolicy().anonymous_min_group)
    invited: Counter[tuple[int | None, str]] = Counter()
    rows = Invitation.objects.filter(wave_id=held.wave_id, is_test=False)
    for customer, language, n in rows.values_list("customer_id", "language").annotate(n=Count("pk")):
        invited[customer, language] += n
    customers: Counter[int | None] = Counter()
    for (customer, _), n in invited.items():
        customers[customer] += n
    by_name = sorted(
        customers.items(), key=lambda group: group[0] or 0
    )  # the same groups whoever comes first
    hidden = hidden_groups(dict(by_name), least)
    known = None if held.customer_id in hidden else held.customer_id
    languages: Counter[str] = Counter()
    for (customer, language), n in invited.items():
        if (None if customer in hidden else customer) == known:
            languages[language] += n
    is_told = held.language not in hidden_groups(dict(sorted(languages.items())), least)
    default = link.message.invitation.wave.version.default_language
    return {"customer_id": known, "language": held.language if is_told else default}


@transaction.atomic
def store_waiting(*, now: datetime) -> int:
    """Move waiting answers of each wave with enough of them, or whose links are over; returns how many."""
    waiting = list(
        WaitingAnswer.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
            "wave__version"
        )
    )
    of_wave: dict[int, list[WaitingAnswer]] = {}
    for answer in waiting:
        of_wave.setdefault(answer.wave_id, []).append(answer)
    ready = [
        answer
        for wave_id, answers in of_wave.items()
        if len(answers) >= BATCH or _is_over(wave_id, now)
        for answer in answers
    ]
    if ready:
        _store(ready)
    return len(ready)


def _is_over(wave_id: int, now: datetime) -> bool:
    return not Invitation.objects.filter(wave_id=wave_id, expires_at__gt=now - OVER_AFTER).exists()


def _store(answers: list[WaitingAnswer]) -> None:
    """One statement in a drawn order, so that neither key nor recorded time tells who came when."""
    secrets.SystemRandom().shuffle(answers)
    zone = ZoneInfo(organisation.current().time_zone)
    stored = Response.objects.bulk_create([_response(answer, zone) for answer in answers])
    ResponseRevision.objects.bulk_create(
        [
            ResponseRevision(
                response=response,
                number=1,
                score=response.score,
                comment=response.comment,
                extra=response.extra,
                occurred_at=response.answered_at,
            )
            for response in stored
        ]
    )
    WaitingAnswer.objects.filter(pk__in=[answer.pk for answer in answers]).delete()
    _mark_stale(answers)


def _response(answer: WaitingAnswer, zone: ZoneInfo) -> Response:
    version, scale = answer.wave.version, SCALES[answer.wave.version.kind]
    day = datetime.combine(answer.day, time(), tzinfo=zone)
    asked_on = answer.wave.snapshot_at
    return Response(
        campaign_id=answer.wave.campaign_id,
        customer_id=answer.customer_id,
        kind=version.kind,
        nature=version.nature,
        series_key=version.series_key,
        channel=Channel.EMAIL,
        status=ResponseStatus.COUNTED,
        scale_min=scale.low,
        scale_max=scale.high,
        score=answer.score,
        comment=answer.comment,
        extra=answer.extra,
        is_anonymous=True,
        anonymous_key=uuid.uuid4(),
        language=answer.language,
        sent_at=asked_on and asked_on.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0),
        first_answered_at=day,
        answered_at=day,
    )


def _mark_stale(answers: Iterable[WaitingAnswer]) -> None:
    first: dict[int, date] = {}
    for answer in answers:
        if answer.customer_id is not None:
            first[answer.customer_id] = min(answer.day, first.get(answer.customer_id, answer.day))
    for customer_id, day in sorted(first.items()):
        staleness.mark(customer_ids=[customer_id], from_day=day, cause="survey answer")


def forget_visits(*, now: datetime) -> int:
    """Looks at links of anonymous surveys are kept for a day only."""
    anonymous = LinkToken.objects.filter(message__invitation__wave__version__is_anonymous=True)
    old = Visit.objects.filter(at__lt=now - VISITS_KEPT, token__in=anonymous.values("sha256"))
    gone, _ = old.exclude(settled_at=None).delete()
    return gone


def least_group(now: datetime) -> int:
    """People below whom nothing of an anonymous survey is shown by itself."""
    return policy.current(now).anonymous_min_group
