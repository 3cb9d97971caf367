"""Who a campaign would ask, and for everybody else the one reason why not."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from customers.choices import AssignmentRole
from customers.models import Assignment, Contact
from customers.queries.access import customers_to_edit
from surveys.choices import OnThrottle, SkipReason
from surveys.formulas.addresses import address_key
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
    return rows


def candidates(rule: dict[str, Any], *, user: Any, as_of: date) -> list[Candidate]:
    """The contacts of `contacts_named_by` as plain rows in id order, not yet judged."""
    rows = contacts_named_by(rule, user=user, as_of=as_of).annotate(
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
            customer_left=row.customer.archived_at is not None or bool(row.first_paid_on and not row.paying),
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
    return _limited(_without_twins(judged), rules)


def _own_reason(one: Candidate, rules: Rules, staff: set[str], blocked: set[str]) -> str:
    """The reason that lies in the contact, the customer or the address."""
    checks = (
        (one.contact_id in rules.excluded, SkipReason.EXCLUDED_BY_HAND),
        (one.contact_left, SkipReason.CONTACT_INACTIVE),
        (one.customer_left, SkipReason.CUSTOMER_INACTIVE),
        (one.do_not_survey, SkipReason.DO_NOT_SURVEY),
        (not one.key, SkipReason.NO_VALID_ADDRESS),
        (one.key in staff, SkipReason.STAFF_ADDRESS),
        (one.email_hash in blocked, SkipReason.SUPPRESSED),
        (not language_for(one.language, rules.languages), SkipReason.NO_LANGUAGE),
    )
    return next((str(reason) for hit, reason in checks if hit), "")


def language_for(wanted: str, offered: frozenset[str]) -> str:
    """The contact's language when a text exists, else its base language, else English; empty when none fits."""
    options = (wanted, wanted.split("-", maxsplit=1)[0], ENGLISH)
    return next((option for option in options if option in offered), "")


def _without_twins(judged: Sequence[Candidate]) -> list[Candidate]:
    """One person is asked once per wave, for the customer with the highest MRR (tie: lowest id)."""
    best: dict[str, Candidate] = {}
    for one in judged:
        if not one.reason:
            other = best.get(one.key)
            if other is None or (one.mrr, -one.customer_id) > (other.mrr, -other.customer_id):
                best[one.key] = one
    return [
        one if one.reason or best[one.key] is one else replace(one, reason=str(SkipReason.DUPLICATE_ADDRESS))
        for one in judged
    ]


def _limited(judged: Sequence[Candidate], rules: Rules) -> list[Candidate]:
    """Gaps between two askings and the cap per customer, counting this wave's own persons."""
    asked = throttle.last_asked(now=rules.now, policy=rules.policy)
    persons = throttle.persons_asked(now=rules.now) if rules.policy.customer_cap else {}
    limited = []
    for one in judged:
        checked = one if one.reason else _throttled(one, asked.get(one.email_hash, throttle.NEVER), rules)
        if not checked.reason and rules.policy.customer_cap:
            known = persons.setdefault(checked.customer_id, set())
            if checked.email_hash not in known and len(known) >= rules.policy.customer_cap:
                checked = replace(checked, reason=str(SkipReason.CUSTOMER_CAP))
            else:
                known.add(checked.email_hash)
        limited.append(checked)
    return limited


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
