"""Past answers from a file of another survey tool: one response each, with its scale, no case and no alert (S-144).

An answer is known again by its id in the tool; without one by its moment, kind, customer and address. An answer on a
scale Tend does not ask is a series of its own and never pooled. Where low is good, satisfaction is turned round;
effort stays as it was asked (S-13).
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from accounts.models import Organisation
from accounts.queries import organisation
from config.work.pg import insert_models, update_models
from customers.connectors.layouts import LOW_IS_GOOD
from customers.connectors.table import Row
from customers.models import BatchItem, ImportBatch
from customers.services import staleness
from customers.services.imports.context import ARGUMENTS, Context, plain
from customers.services.imports.matching import Numbers, key_of, pair_up
from customers.services.imports.undo import Undone
from surveys.choices import Channel, ResponseEventKind, ResponseStatus
from surveys.models import Response, ResponseEvent, ResponseRevision
from surveys.queries.people import contacts_by_email

TYPE = "response"
TAKEN_BACK = "import taken back"
USUAL_SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
ASKED_KINDS = {
    ("csat", 1, 5): "csat5",
    ("csat", 1, 7): "csat7",
    ("ces", 1, 7): "ces7",
    ("ces", 1, 5): "ces5",
}
# What an answer says, with the column it comes from; a file without the column keeps what is stored.
COLUMN_OF = {
    "customer_id": "customer_id",
    "contact_id": "contact_email",
    "kind": "kind",
    "scale_min": "kind",
    "scale_max": "kind",
    "direction": "kind",
    "score": "score",
    "comment": "comment",
    "language": "language",
    "phase": "phase",
    "campaign_name": "campaign",
    "sent_at": "sent_at",
    "answered_at": "answered_at",
}
WRITTEN = (*COLUMN_OF, "series_key", "first_answered_at", "revision", "status", "updated_at")


@dataclass(frozen=True)
class Said:
    """One row: its name in the source or what it is about, and what it says."""

    name: str
    key: str
    content: dict[str, Any]
    given_score: int


@dataclass
class Plan:
    """What is to be written in one go."""

    home: Organisation
    new: list[Response] = field(default_factory=list)
    changed: list[Response] = field(default_factory=list)
    revisions: list[tuple[Response, dict[str, Any]]] = field(default_factory=list)
    events: list[ResponseEvent] = field(default_factory=list)
    items: list[tuple[Response, dict[str, Any] | None]] = field(default_factory=list)
    first_days: dict[int, date] = field(default_factory=dict)

    def touch(self, customer_id: int | None, moment: datetime) -> None:
        """Note that a customer changes from the day of an answer on."""
        if customer_id is not None:
            day = organisation.local_day(moment, self.home)
            self.first_days[customer_id] = min(self.first_days.get(customer_id, day), day)


def apply(rows: Sequence[Row], context: Context) -> None:
    """Record all answers in one go."""
    named = [row for row in rows if "response_id" in row.values]
    named = context.without_twins(named, lambda row: row.values["response_id"], "response_id", "id")
    kept = {id(row) for row in named}
    rows = [row for row in rows if id(row) in kept or "response_id" not in row.values]
    said = [answer for answer in _answers(rows, context) if answer is not None]
    stored, gone = _stored(said, context)
    compared = [name for name, column in COLUMN_OF.items() if column in context.given or column == "kind"]
    numbers = Numbers(answer.external_id for held in stored.values() for answer in held)
    groups: dict[str, list[Said]] = defaultdict(list)
    for answer in said:
        groups[answer.name or answer.key].append(answer)
    plan = Plan(home=context.organisation)
    for key, answers in groups.items():
        pairs = pair_up(
            answers,
            stored.get(key, []),
            said=lambda answer: tuple(answer.content[name] for name in compared),
            stored=lambda held: _content(held, compared, gone),
        )
        for answer, old in pairs:
            if old is None:
                _plan_new(answer, answer.name or numbers.next(key), plan, context)
            else:
                _plan_change(answer, old, compared, gone, plan, context)
    _write(plan, context)


def _answers(rows: Sequence[Row], context: Context) -> Iterable[Said | None]:
    customers = context.customer_ids(row.values["customer_id"] for row in rows if "customer_id" in row.values)
    emails = {row.values["contact_email"] for row in rows if "contact_email" in row.values}
    people = contacts_by_email(emails, user=context.by)
    for row in rows:
        scored, links = _scored(row, context), _links(row, customers, people, context)
        yield None if scored is None or links is None else _said(row, scored, links)


def _said(row: Row, scored: dict[str, Any], links: tuple[int | None, int | None]) -> Said:
    values = row.values
    words = {name: values.get(name, "") for name in ("comment", "language", "phase")}
    content = {
        "customer_id": links[0],
        "contact_id": links[1],
        **scored,
        **words,
        "campaign_name": values.get("campaign", ""),
        "sent_at": values.get("sent_at"),
        "answered_at": values["answered_at"],
    }
    about = (values.get("customer_id"), values.get("contact_email", "").lower())
    key = f"#{key_of(values['answered_at'].isoformat(), values['kind'], *about)}"
    return Said(values.get("response_id", ""), key, content, values["score"])


def _scored(row: Row, context: Context) -> dict[str, Any] | None:
    """Kind, scale, direction and score as they are kept; None when they do not fit together."""
    values = row.values
    kind, score = values["kind"], values["score"]
    usual = USUAL_SCALES[kind]
    low, high = values.get("scale_min", usual[0]), values.get("scale_max", usual[1])
    direction = values.get("direction", "high_is_good")
    wrong = None
    if low >= high:
        wrong = ("scale_max", high, f"is not above the lowest score {low}", "Correct the scale.")
    elif not low <= score <= high:
        fix = "Correct the score, set scale_min and scale_max, or leave the row out."
        wrong = ("score", score, f"lies outside the scale {low} to {high}", fix)
    elif kind == "nps" and direction == LOW_IS_GOOD:
        wrong = ("direction", direction, "does not go with NPS", "Turn the scores round.")
    elif _comes_late(row, context):
        return None
    if wrong is not None:
        context.problems.add(row.number, *wrong)
        return None
    if kind == "csat" and direction == LOW_IS_GOOD:
        score, direction = low + high - score, "high_is_good"
    asked = ASKED_KINDS.get((kind, low, high), kind) if direction != LOW_IS_GOOD else kind
    return {"kind": asked, "scale_min": low, "scale_max": high, "direction": direction, "score": score}


def _comes_late(row: Row, context: Context) -> bool:
    """Whether the moments cannot be: an answer in the future, or before it was asked."""
    answered, sent = row.values["answered_at"], row.values.get("sent_at")
    if answered > context.now:
        context.problems.add(
            row.number, "answered_at", answered, "lies in the future", "Correct the moment or the time zone."
        )
        return True
    if sent is not None and sent > answered:
        context.problems.add(
            row.number, "sent_at", sent, f"lies after the answer ({answered})", "Correct one of the two."
        )
        return True
    return False


def _links(
    row: Row, customers: dict[str, int], people: dict[str, dict[int, int]], context: Context
) -> tuple[int | None, int | None] | None:
    """Customer and contact of a row as far as it names them; None when what it names is not known."""
    name, email = row.values.get("customer_id"), row.values.get("contact_email")
    customer = customers.get(name) if name else None
    if name and customer is None:
        context.unknown_customer(row)
        return None
    if not email:
        return customer, None
    found = people.get(email.lower(), {})
    if customer is None and len(found) == 1:
        return next(iter(found.items()))
    if customer in found:
        return customer, found[customer]
    reason, fix = "is no contact of this customer", "Import the contacts first, or leave the cell empty."
    if customer is None:
        reason = "is the address of no contact"
    if customer is None and found:
        reason, fix = "belongs to contacts of several customers", "Name the customer_id."
    context.problems.add(row.number, "contact_email", email, reason, fix)
    return None


def _stored(said: Sequence[Said], context: Context) -> tuple[dict[str, list[Response]], set[int]]:
    """Imported answers of this source that the rows may mean, and which of them were taken back."""
    rows = Response.objects.filter(source=context.source, channel=Channel.IMPORT)
    found: dict[str, list[Response]] = defaultdict(list)
    names = [answer.name for answer in said if answer.name]
    for start in range(0, len(names), ARGUMENTS):
        for held in rows.filter(external_id__in=names[start : start + ARGUMENTS]):
            found[held.external_id].append(held)
    moments = [answer.content["answered_at"] for answer in said if not answer.name]
    if moments:
        unnamed = rows.filter(external_id__startswith="#", answered_at__range=(min(moments), max(moments)))
        for held in sorted(unnamed, key=lambda held: (held.status == ResponseStatus.VOID, held.pk)):
            found[held.external_id.rpartition(".")[0]].append(held)
    void = [held.pk for group in found.values() for held in group if held.status == ResponseStatus.VOID]
    gone = ResponseEvent.objects.filter(response__in=void, reason=TAKEN_BACK)
    return found, set(gone.values_list("response", flat=True)) if void else set()


def _content(held: Response, compared: Iterable[str], gone: set[int]) -> Hashable:
    return ("gone", held.pk) if held.pk in gone else tuple(getattr(held, name) for name in compared)


def _plan_new(answer: Said, name: str, plan: Plan, context: Context) -> None:
    response = Response(
        **answer.content,
        channel=Channel.IMPORT,
        source=context.source,
        external_id=name,
        first_answered_at=answer.content["answered_at"],
    )
    response.series_key = _series(response)
    plan.new.append(response)
    plan.items.append((response, None))
    _plan_rest(response, answer, plan)
    context.counts.created += 1


def _plan_change(
    answer: Said, old: Response, compared: Sequence[str], gone: set[int], plan: Plan, context: Context
) -> None:
    before = snapshot(old)
    changes = {name: answer.content[name] for name in compared if getattr(old, name) != answer.content[name]}
    if not changes and old.pk not in gone:
        context.counts.unchanged += 1
        return
    plan.touch(old.customer_id, old.answered_at)
    change_answer(old, changes, now=context.now)
    if old.pk in gone:
        old.status = ResponseStatus.COUNTED
        kind = ResponseEventKind.RESTORED
        plan.events.append(ResponseEvent(response=old, kind=kind, by=context.by, occurred_at=context.now))
    plan.changed.append(old)
    plan.items.append((old, None if old.pk in gone else before))
    _plan_rest(old, answer, plan)
    context.counts.created += old.pk in gone
    context.counts.updated += old.pk not in gone


def _plan_rest(response: Response, answer: Said, plan: Plan) -> None:
    given = {} if answer.given_score == response.score else {"given_score": answer.given_score}
    plan.revisions.append((response, given))
    plan.touch(response.customer_id, response.answered_at)


def _write(plan: Plan, context: Context) -> None:
    update_models(plan.changed, WRITTEN)
    insert_models(plan.new)
    insert_models([revision_of(response, evidence=given) for response, given in plan.revisions])
    insert_models(plan.events)
    context.remember((TYPE, response.pk, before, snapshot(response)) for response, before in plan.items)
    staleness.mark_each(first_days=plan.first_days, cause="survey answer")


def change_answer(response: Response, changes: dict[str, Any], *, now: datetime) -> None:
    """Set other content on an imported answer; the caller writes it with its next revision."""
    for name, value in changes.items():
        setattr(response, name, value)
    response.first_answered_at, response.series_key = response.answered_at, _series(response)
    response.revision, response.updated_at = response.revision + 1, now


def revision_of(response: Response, *, evidence: dict[str, Any] | None = None) -> ResponseRevision:
    """The present content of an answer as a revision; a correction is dated like the answer it corrects."""
    return ResponseRevision(
        response=response,
        number=response.revision,
        score=response.score,
        comment=response.comment,
        occurred_at=response.answered_at,
        evidence=evidence or {},
    )


def snapshot(response: Response) -> dict[str, Any]:
    """What an answer says, as JSON keeps it."""
    return {name: plain(getattr(response, name)) for name in COLUMN_OF}


def _series(response: Response) -> str:
    words = ("import", response.kind, f"{response.scale_min}-{response.scale_max}", response.direction)
    return hashlib.sha256("\n".join((*words, response.campaign_name)).encode()).hexdigest()


def undo(*, batch: ImportBatch, undone: Undone, by: Any, now: datetime) -> None:
    """Void the answers a batch brought and give changed ones back what they said, unless changed since."""
    items = {item.object_id: item for item in BatchItem.objects.filter(batch=batch, object_type=TYPE)}
    ids = sorted(items)
    changed, events, revisions = [], [], []
    home = organisation.current()
    for start in range(0, len(ids), ARGUMENTS):
        for response in Response.objects.filter(pk__in=ids[start : start + ARGUMENTS]).order_by("pk"):
            item = items[response.pk]
            if response.status != ResponseStatus.COUNTED or snapshot(response) != item.after:
                undone.conflicts.append(f"answer “{response}” was changed later")
                continue
            undone.touch(response.customer_id, organisation.local_day(response.answered_at, home))
            if item.before is None:
                response.status, response.updated_at = ResponseStatus.VOID, now
                kind = ResponseEventKind.VOIDED
                events.append(
                    ResponseEvent(response=response, kind=kind, by=by, reason=TAKEN_BACK, occurred_at=now)
                )
            else:
                fields = {name: Response._meta.get_field(name) for name in item.before}
                change_answer(
                    response, {name: fields[name].to_python(item.before[name]) for name in fields}, now=now
                )
                revisions.append(revision_of(response))
            changed.append(response)
    update_models(changed, WRITTEN)
    insert_models(events)
    insert_models(revisions)
