"""Who a campaign would ask, and for everybody else the one reason why not."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from customers.choices import AssignmentRole
from customers.models import Assignment, Contact, Ticket
from customers.queries.access import customers_to_edit
from surveys.choices import OnThrottle, SkipReason, TriggerEvent
from surveys.formulas.addresses import address_key
from surveys.formulas.planning import Sampled, in_sample
from surveys.models import CampaignVersion, Suppression, SurveyPolicy
from surveys.queries import throttle

FILTERS = {
    "plan": "customer__summary__plan__in",
    "phase": "customer__phase__in",
    "tier": "customer__tier__in",
    "segment": "customer__segment__in",
    "region": "customer__region__in",
    "csm": "owner_id__in",
    "role": "role__in",
}
ENGLISH = "en"
Hasher = Callable[[str], str]


@dataclass(frozen=True)
class Candidate:
    """A contact the rule names. `reason` says why it is left out (empty: asked); `not_before` moves a deferred one."""

    contact_id: int
    customer_id: int
    customer: str
    name: str
    email: str
    role: str
    time_zone: str
    phase: str
    language: str
    owner_id: int | None
    mrr: Decimal
    do_not_survey: bool
    contact_left: bool
    customer_left: bool
    churned: bool = False
    escalated: bool = False
    key: str = ""
    email_hash: str = ""
    reason: str = ""
    not_before: datetime | None = None


@dataclass(frozen=True)
class Rules:
    """Everything the judgement of an audience needs besides the contacts."""

    version: CampaignVersion
    policy: SurveyPolicy
    languages: frozenset[str]
    now: datetime
    ends_at: datetime
    excluded: frozenset[int] = frozenset()
    seed: int = 0
    per_customer: int = 0
    per_role: Mapping[str, int] = field(default_factory=dict)
    by_customer: bool = False  # a trigger asks for the customer of its object, whoever else has the address

    @property
    def asks_the_lost(self) -> bool:
        """An exit survey is the one that asks customers who have just cancelled."""
        return self.version.trigger_event == TriggerEvent.CANCELLED


def owner_on(day: date, customer_field: str = "customer") -> Subquery:
    """Primary CSM of the row's customer on that day, as a column."""
    held = Assignment.objects.current().filter(
        Q(to_on=None) | Q(to_on__gt=day),
        customer=OuterRef(customer_field),
        role=AssignmentRole.PRIMARY,
        from_on__lte=day,
    )
    return Subquery(held.values("user_id")[:1])


def contacts_named_by(rule: dict[str, Any], *, user: Any, as_of: date) -> QuerySet[Contact]:
    """Contacts of the customers `user` may change that match the rule; an empty list of a filter means all.

    Asking is an act, so reading a customer is not enough to mail its people.
    """
    rows = Contact.objects.filter(customer__in=customers_to_edit(user)).annotate(owner_id=owner_on(as_of))
    for name, lookup in FILTERS.items():
        if rule.get(name):
            rows = rows.filter(**{lookup: rule[name]})
    if rule.get("age_from") or rule.get("age_to"):
        rows = _of_age(rows, rule.get("age_from"), rule.get("age_to"), as_of)
    return rows


def _of_age(rows: QuerySet[Contact], least: int | None, most: int | None, as_of: date) -> QuerySet[Contact]:
    """Contacts of customers so many days after their first paid day (else the day they were created)."""
    rows = rows.annotate(since=Coalesce("customer__summary__first_paid_on", "customer__created_on"))
    if least:
        rows = rows.filter(since__lte=as_of - timedelta(days=least))
    if most:
        rows = rows.filter(since__gte=as_of - timedelta(days=most))
    return rows


def escalated_tickets() -> QuerySet[Any]:
    """Tickets that put their customer into escalation: reported as escalated and not solved."""
    return Ticket.objects.current().filter(escalated=True, solved_at=None)


def candidates(
    rule: dict[str, Any], *, user: Any, as_of: date, customers: Collection[int] | None = None
) -> list[Candidate]:
    """The contacts of `contacts_named_by` as plain rows in id order, not yet judged; of some customers or of all."""
    named = contacts_named_by(rule, user=user, as_of=as_of)
    if customers is not None:
        named = named.filter(customer__in=customers)
    rows = named.annotate(
        escalated=Exists(escalated_tickets().filter(customer=OuterRef("customer"))),
        mrr=F("customer__summary__mrr"),
        paying=F("customer__summary__is_paying"),
        first_paid_on=F("customer__summary__first_paid_on"),
    )
    return [
        Candidate(
            contact_id=row.pk,
            customer_id=row.customer_id,
            customer=row.customer.name,
            name=row.name,
            email=row.email,
            role=row.role,
            time_zone=row.time_zone or row.customer.time_zone,
            phase=row.customer.phase,
            language=row.language,
            owner_id=row.owner_id,
            mrr=row.mrr or Decimal(0),
            do_not_survey=row.do_not_survey,
            contact_left=row.erased_at is not None or (row.left_on is not None and row.left_on <= as_of),
            customer_left=row.customer.archived_at is not None,
            churned=bool(row.first_paid_on and not row.paying),
            escalated=row.escalated,
        )
        for row in rows.select_related("customer").order_by("pk")
    ]


def judge(found: Iterable[Candidate], *, rules: Rules, hasher: Hasher) -> list[Candidate]:
    """The same candidates with key, hash and reason. Checked in the order of this function; the first reason stays."""
    staff = {key for email in User.objects.values_list("email", flat=True) if (key := address_key(email))}
    blocked = set(
        Suppression.objects.in_force(rules.now)
        .covering(rules.version.kind)
        .values_list("email_hash", flat=True)
    )
    judged = []
    for candidate in found:
        key = address_key(candidate.email) or ""
        keyed = replace(candidate, key=key, email_hash=hasher(key) if key else "")
        judged.append(replace(keyed, reason=_own_reason(keyed, rules, staff, blocked)))
    free = _not_asked_lately(_without_twins(judged, by_customer=rules.by_customer), rules)
    return _capped(_sampled(free, rules), rules)


def _own_reason(one: Candidate, rules: Rules, staff: set[str], blocked: set[str]) -> str:
    """The reason that lies in the contact, the customer or the address."""
    checks = (
        (one.contact_id in rules.excluded, SkipReason.EXCLUDED_BY_HAND),
        (one.contact_left, SkipReason.CONTACT_INACTIVE),
        (one.customer_left or (one.churned and not rules.asks_the_lost), SkipReason.CUSTOMER_INACTIVE),
        (one.escalated and not rules.version.asks_escalated, SkipReason.CUSTOMER_ESCALATED),
        (one.do_not_survey, SkipReason.DO_NOT_SURVEY),
        (not one.key, SkipReason.NO_VALID_ADDRESS),
        (one.key in staff, SkipReason.STAFF_ADDRESS),
        (one.email_hash in blocked, SkipReason.SUPPRESSED),
        (
            not language_for(one.language, rules.languages, rules.version.default_language),
            SkipReason.NO_LANGUAGE,
        ),
    )
    return next((str(reason) for hit, reason in checks if hit), "")


def language_for(wanted: str, offered: frozenset[str], default: str = ENGLISH) -> str:
    """The contact's language when a text exists, else its base language, else the campaign's; empty when none fits."""
    options = (wanted, wanted.split("-", maxsplit=1)[0], default)
    return next((option for option in options if option in offered), "")


def _without_twins(judged: Sequence[Candidate], *, by_customer: bool) -> list[Candidate]:
    """One person is asked once per wave, for the customer with the highest MRR (tie: lowest id)."""
    best: dict[tuple[str, int], Candidate] = {}

    def twin(one: Candidate) -> tuple[str, int]:
        return one.key, one.customer_id if by_customer else 0

    for one in judged:
        if not one.reason:
            other = best.get(twin(one))
            if other is None or (one.mrr, -one.customer_id) > (other.mrr, -other.customer_id):
                best[twin(one)] = one
    return [
        one
        if one.reason or best[twin(one)] is one
        else replace(one, reason=str(SkipReason.DUPLICATE_ADDRESS))
        for one in judged
    ]


def _not_asked_lately(judged: Sequence[Candidate], rules: Rules) -> list[Candidate]:
    """The gaps between two askings of a person."""
    asked = throttle.last_asked(now=rules.now, policy=rules.policy)
    return [
        one if one.reason else _throttled(one, asked.get(one.email_hash, throttle.NEVER), rules)
        for one in judged
    ]


def _sampled(judged: Sequence[Candidate], rules: Rules) -> list[Candidate]:
    """The sample among those who may be asked."""
    if not rules.per_customer and not rules.per_role:
        return list(judged)
    chosen = in_sample(
        (Sampled(one.contact_id, one.customer_id, one.role) for one in judged if not one.reason),
        seed=rules.seed,
        per_customer=rules.per_customer,
        per_role=rules.per_role,
    )
    return [
        one if one.reason or one.contact_id in chosen else replace(one, reason=str(SkipReason.SAMPLED_OUT))
        for one in judged
    ]


def _capped(judged: Sequence[Candidate], rules: Rules) -> list[Candidate]:
    """The most persons per customer, counting this wave's own."""
    if not rules.policy.customer_cap:
        return list(judged)
    persons = throttle.persons_asked(now=rules.now)
    capped = []
    for one in judged:
        checked = one
        if not one.reason:
            known = persons.setdefault(one.customer_id, set())
            if one.email_hash not in known and len(known) >= rules.policy.customer_cap:
                checked = replace(one, reason=str(SkipReason.CUSTOMER_CAP))
            else:
                known.add(one.email_hash)
        capped.append(checked)
    return capped


def _throttled(one: Candidate, last: throttle.LastAsked, rules: Rules) -> Candidate:
    free_at = last.free_at(rules.version, rules.policy)
    if free_at is None or free_at <= rules.now:
        return one
    if rules.version.on_throttle == OnThrottle.DEFER and free_at < rules.ends_at:
        return replace(one, not_before=free_at)
    return replace(one, reason=str(SkipReason.THROTTLED))


def reasons_counted(judged: Iterable[Candidate]) -> list[tuple[str, int]]:
    """(reason, contacts) for everybody left out, most frequent first."""
    return Counter(one.reason for one in judged if one.reason).most_common()


@dataclass(frozen=True)
class AudienceFacts:
    """A judged audience in numbers. `languages`: those people are written to in; `wanted`: those they speak."""

    named: int
    asked: int
    customers: int
    most_at_one: int
    deferred: int
    throttled: int
    reasons: tuple[tuple[str, int], ...]
    languages: frozenset[str]
    wanted: Mapping[str, int]

    @property
    def left_out(self) -> int:
        return sum(count for _, count in self.reasons)


def facts_of(judged: Sequence[Candidate], *, version: CampaignVersion) -> AudienceFacts:
    """The numbers that preflight and pages show."""
    asked = [one for one in judged if not one.reason]
    per_customer = Counter(one.customer_id for one in asked)
    offered = frozenset(text.language for text in version.texts.all()) if version.pk else frozenset({ENGLISH})
    reasons = reasons_counted(judged)
    held_back = {SkipReason.THROTTLED, SkipReason.CUSTOMER_CAP}
    return AudienceFacts(
        named=len(judged),
        asked=len(asked),
        customers=len(per_customer),
        most_at_one=max(per_customer.values(), default=0),
        deferred=sum(one.not_before is not None for one in asked),
        throttled=sum(count for reason, count in reasons if reason in held_back),
        reasons=tuple(reasons),
        languages=frozenset(language_for(one.language, offered, version.default_language) for one in asked),
        wanted=Counter(one.language.split("-", maxsplit=1)[0] for one in asked if one.language),
    )
