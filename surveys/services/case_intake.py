"""Answers become cases (S-130, S-131): one open case per customer and contact, whatever runs twice or at once."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from accounts.queries import organisation
from config.work import audit
from surveys.choices import CaseEventKind, CaseOutcome, CaseState, ResponseStatus
from surveys.formulas.scales import is_low
from surveys.models import Case, CaseEvent, Response, ResponseRevision
from surveys.queries.case_clock import CaseClock, clock_at
from surveys.queries.case_people import assignee_on, may_work_on
from surveys.services import case_alerts, case_mirror, cases

EPISODE_DAYS = 30  # days after closing in which an unhappy answer reopens the case
BATCH = 200


def open_cases(*, now: datetime) -> int:
    """Take up unhappy answers that are due, and note edits of answers that have a case; returns how many."""
    return _take_due(now) + _note_edits(now) + _drop_uncounted(now)


def _take_due(now: datetime) -> int:
    """Each answer in a transaction of its own, so that one that fails keeps no other waiting."""
    due = Response.objects.counted().filter(
        needs_follow_up_at__lte=now, is_anonymous=False, customer__isnull=False
    )
    ids = due.order_by("needs_follow_up_at", "pk").values_list("pk", flat=True)
    return sum(_take(pk, now, due_only=True) for pk in list(ids[:BATCH]))


def _note_edits(now: datetime) -> int:
    """Answers of open or lately closed cases that were changed since the case last looked."""
    seen = CaseEvent.objects.filter(
        case=OuterRef("pk"),
        kind=CaseEventKind.ANSWERED,
        response=OuterRef("response"),
        occurred_at=OuterRef("response__answered_at"),
    )
    since = now - timedelta(days=EPISODE_DAYS)
    changed = Case.objects.filter(
        ~Exists(seen),
        ~Q(state=CaseState.CLOSED) | Q(closed_at__gte=since),
        response__status=ResponseStatus.COUNTED,
        response__needs_follow_up_at=None,
    )
    ids = changed.order_by("pk").values_list("response_id", flat=True)
    return sum(_take(pk, now, due_only=False) for pk in list(ids[:BATCH]))


def _drop_uncounted(now: datetime) -> int:
    """Close cases whose answer was voided or found to be a machine's (S-7)."""
    lost = Case.objects.exclude(state=CaseState.CLOSED).exclude(response__status=ResponseStatus.COUNTED)
    found = list(lost.order_by("pk")[:BATCH])
    for case in found:
        cases.close(
            case=case,
            outcome=CaseOutcome.NOT_ACTIONABLE,
            note="The answer no longer counts.",
            by=None,
            now=now,
        )
    return len(found)


@transaction.atomic
def _take(response_id: int, now: datetime, *, due_only: bool) -> int:
    """One answer, unless somebody else holds it or has taken it already."""
    rows = Response.objects.counted().select_for_update(skip_locked=True, of=("self",))
    rows = rows.filter(needs_follow_up_at__lte=now) if due_only else rows
    response = rows.select_related("customer", "contact").filter(pk=response_id).first()
    if response is None:
        return 0
    _sort(response, now)
    Response.objects.filter(pk=response.pk).update(needs_follow_up_at=None)
    return 1


def _sort(response: Response, now: datetime) -> None:
    """Join, reopen, or open: what S-131 says about this answer."""
    needs = is_low(response.kind, response.score) or response.wants_contact
    last = _newest_case(response)
    if last is None or _is_over(last, now):
        if needs:
            _open(response, now)
    elif last.state != CaseState.CLOSED:
        _join(last, response, needs=needs, now=now)
    elif needs and _is_worse(last, response):
        _reopen(last, response, now)
    else:
        _note_answer(last, response)


def _newest_case(response: Response) -> Case | None:
    newest = (
        Case.objects.select_for_update(of=("self",))
        .filter(customer=response.customer_id, contact=response.contact_id)
        .order_by("-opened_at", "-pk")
    )
    found = newest.values_list("pk", flat=True).first()
    return cases.lock_case(Case(pk=found)) if found else None


def _is_over(case: Case, now: datetime) -> bool:
    return case.closed_at is not None and case.closed_at < now - timedelta(days=EPISODE_DAYS)


def _is_worse(case: Case, response: Response) -> bool:
    """Whether the answer says something worse than when the closed case last looked, or is a new one."""
    looks = case.events.filter(kind=CaseEventKind.ANSWERED, response=response).order_by("-pk")
    looked_at = looks.values_list("occurred_at", flat=True).first()
    last_end = case.events.filter(kind=CaseEventKind.CLOSED).order_by("-pk").first()
    if looked_at is None or (last_end is not None and last_end.by_id is None):
        return True  # unknown so far, or closed only because it did not count for a while
    before = ResponseRevision.objects.filter(response=response, occurred_at__lte=looked_at)
    known = before.order_by("-number").first()
    if known is None:
        return False
    return response.score < known.score or (response.wants_contact and not known.wants_contact)


def _open(response: Response, now: datetime) -> None:
    clock = clock_at(now)
    assignee = assignee_on(response.customer_id, organisation.local_day(response.answered_at))
    if assignee is not None and not may_work_on(assignee, response.customer_id):
        assignee = assignee_on(response.customer_id, organisation.local_day(now))  # handed over meanwhile
    calendar = clock.calendar_of(assignee)
    case = Case(
        customer=response.customer,
        contact=response.contact,
        response=response,
        assignee=assignee,
        opened_at=now,
        due_at=calendar.after(now, clock.contact_s),
        close_by=calendar.after(now, clock.close_s),
    )
    try:
        with transaction.atomic():
            case.save(force_insert=True)
    except IntegrityError:
        twin = _newest_case(response)  # opened by another worker while we waited for it
        if twin is None or twin.state == CaseState.CLOSED:
            raise
        _join(twin, response, needs=True, now=now)
        return
    _begin(case, response, CaseEventKind.OPENED, clock, now)


def _reopen(case: Case, response: Response, now: datetime) -> None:
    clock = clock_at(now)
    if case.assignee is None or not may_work_on(case.assignee, case.customer_id):
        case.assignee = assignee_on(case.customer_id, organisation.local_day(now))
    calendar = clock.calendar_of(case.assignee)
    case.response, case.state, case.outcome, case.closed_at = response, CaseState.OPEN, "", None
    case.due_at, case.close_by = calendar.after(now, clock.contact_s), calendar.after(now, clock.close_s)
    case.contacted_at = case.reminded_at = case.escalated_at = None
    case.waited_s, case.reopened, case.version = 0, case.reopened + 1, case.version + 1
    _begin(case, response, CaseEventKind.REOPENED, clock, now)


def _begin(case: Case, response: Response, kind: CaseEventKind, clock: CaseClock, now: datetime) -> None:
    """What an opening and a reopening share: history, follow-up, mail."""
    _note_answer(case, response)
    event = cases.add_event(case, kind, at=now, response=response)
    case_mirror.open_mirror(case, response, clock=clock, now=now)
    case_mirror.follow(case, clock=clock, by=None, now=now)
    case.save()
    case_alerts.tell(case, event, clock=clock)
    audit.record(by=None, now=now, action=f"case.{kind}", subject=case)


def _join(case: Case, response: Response, *, needs: bool, now: datetime) -> None:
    """A further answer, or an edit, of an open case: noted; another unhappy answer is also told."""
    event = _note_answer(case, response)
    if needs and event is not None and case.response_id != response.pk:
        case.response, case.version = response, case.version + 1
        case.save(update_fields=["response", "version"])
        case_alerts.tell(case, event, clock=clock_at(now))
    if event is not None and case.response_id == response.pk:
        case_mirror.retell(case, response, now=now)


def _note_answer(case: Case, response: Response) -> CaseEvent | None:
    """The answer as it stands, once; None when the case knows it."""
    known = case.events.filter(
        kind=CaseEventKind.ANSWERED, response=response, occurred_at=response.answered_at
    )
    if known.exists():
        return None
    wish = ", asks for a call" if response.wants_contact else ""
    words = ", with a comment" if response.comment else ""
    note = f"{case_mirror.said(response)}{words}{wish}"
    return cases.add_event(
        case, CaseEventKind.ANSWERED, at=response.answered_at, note=note, response=response
    )
