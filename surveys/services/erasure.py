"""What surveys know of a person who asked to be forgotten. Scores, dates, customers and series stay (S-140)."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import CharField, Model, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, Now

from customers.models import Contact, Erasure, FollowUp
from customers.services import erasure as customers_erasure
from customers.services import follow_ups
from surveys.choices import (
    ALL_SURVEYS,
    WAITING,
    CaseEventKind,
    DeliveryState,
    ResponseEventKind,
    ResponseState,
    SuppressionReason,
)
from surveys.formulas.addresses import address_key
from surveys.models import (
    Case,
    CaseEvent,
    DeliveryEvent,
    Invitation,
    LinkToken,
    Message,
    ProviderEvent,
    Response,
    ResponseEvent,
    ResponseRevision,
    Suppression,
    Visit,
)
from surveys.services import privacy_ledger
from surveys.services.addresses import hasher

APP = "surveys"
BATCH = 50  # persons per run
OPEN_STATES = (ResponseState.NONE, ResponseState.VISITED, ResponseState.SUSPECT)
ANSWERED_STATES = (ResponseState.ANSWERED, ResponseState.LOCKED, ResponseState.VOID)
Counts = dict[str, int]


def erase_contacts(*, now: datetime) -> int:
    """Drain the wishes that wait, each in a transaction of its own; then write them to the privacy ledger."""
    waiting = Erasure.objects.filter(finished_at=None).order_by("pk").values_list("pk", flat=True)[:BATCH]
    done = sum(drain(erasure_id=pk, now=now) is not None for pk in list(waiting))
    if done:
        privacy_ledger.catch_up(now=now)
    return done


@transaction.atomic
def drain(*, erasure_id: int, now: datetime) -> Counts | None:
    """Forget one person here; rows changed per table, or None when somebody else did."""
    row = Erasure.objects.select_for_update(skip_locked=True).filter(pk=erasure_id, finished_at=None).first()
    if row is None:
        return None
    key = address_key(row.email)
    email_hash = hasher()(key) if key else ""
    theirs = Q(contact__in=row.contact_ids)
    if email_hash:
        theirs |= Q(email_hash=email_hash)
    invitations = list(Invitation.objects.filter(theirs).values_list("pk", flat=True))
    changed: Counts = {}
    _close_cases(row.contact_ids, now, changed)
    _blank_answers(invitations, row.contact_ids, now, changed)
    _blank_mails(invitations, changed)
    _blank_reports(row.email, changed)
    _close_invitations(invitations, changed)
    if key:
        _keep_off_the_list(email_hash, now, changed)
    customers_erasure.finish(erasure=row, app=APP, now=now, email_hash=email_hash)
    return {name: count for name, count in changed.items() if count}


def _close_cases(contact_ids: Sequence[int], now: datetime, changed: Counts) -> None:
    """Cases stay in the state they have; their words and the mirrored follow-ups lose the person."""
    cases = list(Case.objects.filter(contact__in=contact_ids))
    _count(changed, Case, len(cases))
    events = CaseEvent.objects.filter(case__in=cases).exclude(note="")
    _count(changed, CaseEvent, events.update(note=""))
    CaseEvent.objects.bulk_create(
        [CaseEvent(case=case, kind=CaseEventKind.ERASED, occurred_at=now) for case in cases]
    )
    keys = [f"survey-answer:{pk}" for pk in _answers(contact_ids).values_list("pk", flat=True)]
    mirrored = Q(pk__in=[case.follow_up_id for case in cases if case.follow_up_id]) | Q(dedupe_key__in=keys)
    rows = FollowUp.objects.filter(mirrored)
    _count(changed, FollowUp, rows.update(title=customers_erasure.ERASED, note="", outcome=""))
    follow_ups.refresh_summaries(rows.values_list("customer", flat=True))


def _answers(contact_ids: Sequence[int]) -> QuerySet[Response]:
    return Response.objects.filter(contact__in=contact_ids)


def _blank_answers(
    invitations: Sequence[int], contact_ids: Sequence[int], now: datetime, changed: Counts
) -> None:
    answers = Response.objects.filter(Q(contact__in=contact_ids) | Q(invitation__in=invitations))
    ids = list(answers.values_list("pk", flat=True))
    _count(changed, Response, answers.update(comment="", extra={}, device_hash="", updated_at=Now()))
    revisions = ResponseRevision.objects.filter(response__in=ids)
    _count(changed, ResponseRevision, revisions.update(comment="", extra={}, device_hash=""))
    known = ResponseEvent.objects.filter(response__in=ids, kind=ResponseEventKind.ANONYMISED)
    already = set(known.values_list("response", flat=True))
    ResponseEvent.objects.bulk_create(
        [
            ResponseEvent(response_id=pk, kind=ResponseEventKind.ANONYMISED, occurred_at=now)
            for pk in ids
            if pk not in already
        ]
    )


def _blank_mails(invitations: Sequence[int], changed: Counts) -> None:
    """Unsent mails are withdrawn; of those sent, what servers said and who looked is forgotten."""
    mails = Message.objects.filter(invitation__in=invitations)
    _count(
        changed,
        Message,
        mails.filter(delivery_state__in=WAITING).update(
            delivery_state=DeliveryState.REVOKED, changed_at=Now()
        ),
    )
    mails.update(reply_text="")
    _count(
        changed,
        DeliveryEvent,
        DeliveryEvent.objects.filter(message__in=mails).exclude(text="").update(text=""),
    )
    tokens = LinkToken.objects.filter(message__in=mails).values_list("sha256", flat=True)
    _count(changed, Visit, Visit.objects.filter(token__in=list(tokens)).delete()[0])


def _blank_reports(email: str, changed: Counts) -> None:
    reports = ProviderEvent.objects.filter(Q(recipient__iexact=email) | Q(payload__icontains=email))
    _count(changed, ProviderEvent, reports.update(recipient="", payload={}))


def _close_invitations(invitations: Sequence[int], changed: Counts) -> None:
    rows = Invitation.objects.filter(pk__in=invitations)
    rows.filter(response_state__in=OPEN_STATES).update(response_state=ResponseState.REVOKED)
    rows.filter(response_state__in=ANSWERED_STATES).update(response_state=ResponseState.ANONYMISED)
    named = Concat(Value("erased:"), Cast("pk", CharField()))  # each its own: one per wave and address
    rows.update(email_norm=named, email_hash="", email_domain="")
    _count(changed, Invitation, len(invitations))


def _keep_off_the_list(email_hash: str, now: datetime, changed: Counts) -> None:
    """The hash stays on the list, so that an import of the same address is never asked; the address leaves it."""
    listed = Suppression.objects.filter(email_hash=email_hash)
    listed.exclude(email=None).update(email=None)
    held = listed.filter(reason=SuppressionReason.ERASED, lifted_at=None, expires_at=None).exists()
    if not held:
        Suppression.objects.create(
            email_hash=email_hash,
            scope=ALL_SURVEYS,
            reason=SuppressionReason.ERASED,
            source="erasure",
            occurred_at=now,
        )
        _count(changed, Suppression, 1)


def erased_addresses() -> Callable[[str], bool]:
    """Whether an address was erased, asked by those who bring addresses in."""
    known = frozenset(
        Suppression.objects.filter(reason=SuppressionReason.ERASED, lifted_at=None).values_list(
            "email_hash", flat=True
        )
    )
    keyed = hasher() if known else None

    def was_erased(email: str) -> bool:
        key = address_key(email)
        return bool(keyed and key and keyed(key) in known)

    return was_erased


def replay(*, now: datetime) -> Counts:
    """After a restore: erase again whoever the ledger names and the older copy still knows; suppress again likewise."""
    erased, suppressed = privacy_ledger.entries()
    keyed = hasher()
    again = 0
    for email in list(Contact.objects.filter(erased_at=None).values_list("email", flat=True).distinct()):
        key = address_key(email)
        if key and keyed(key) in erased:
            row, _ = customers_erasure.erase_person(email=email, by=None, now=now, reason="replayed")
            drain(erasure_id=row.pk, now=now)
            again += 1
    kept = _suppress_again(erased, suppressed, now)
    privacy_ledger.catch_up(now=now)
    return {"erasures_replayed": again, "suppressions_replayed": kept}


def _suppress_again(erased: frozenset[str], suppressed: Sequence[tuple[str, str, str]], now: datetime) -> int:
    wanted = {(email_hash, ALL_SURVEYS, str(SuppressionReason.ERASED)) for email_hash in erased}
    wanted |= set(suppressed)
    rows = [
        Suppression(
            email_hash=email_hash, scope=scope, reason=reason, source="privacy ledger", occurred_at=now
        )
        for email_hash, scope, reason in sorted(wanted)
    ]
    before = Suppression.objects.count()
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)
    return Suppression.objects.count() - before


def _count(changed: Counts, model: type[Model], rows: int) -> None:
    changed[model._meta.db_table] = changed.get(model._meta.db_table, 0) + rows
