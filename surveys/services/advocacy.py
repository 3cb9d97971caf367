"""Promoters: one private follow-up for the CSM, never two asks of one person within half a year (S-209)."""

from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from accounts.models import User
from accounts.queries import organisation
from customers.choices import FollowUpPriority
from customers.models import FollowUp
from customers.services import follow_ups
from surveys.choices import CaseState, Channel, SurveyKind
from surveys.formulas.scales import SCALES
from surveys.models import Case, Response
from surveys.queries.audience import owner_on

ORIGIN = "advocacy"
REST = timedelta(days=180)  # between two asks of a person
PER_CUSTOMER = 2  # asks of a customer within that time
FRESH = timedelta(days=7)  # how long an answer may lie before somebody is told
SETTLED = timedelta(hours=1)  # a score may still be corrected
DUE = timedelta(days=7)
BATCH = 100


@transaction.atomic
def ask_promoters(*, now: datetime) -> int:
    """A follow-up for each new promoter who may be asked for a reference; returns how many."""
    found = _promoters(now)
    recent = FollowUp.objects.filter(origin=ORIGIN, created_at__gt=now - REST)
    asked = Counter(
        recent.filter(customer__in={one.customer_id for one in found}).values_list("customer", flat=True)
    )
    owners = {user.pk: user for user in User.objects.filter(pk__in={one.owner_id for one in found})}
    persons: set[int] = set()
    for answer in found:
        if asked[answer.customer_id] < PER_CUSTOMER and answer.contact_id not in persons:
            asked[answer.customer_id] += 1
            persons.add(answer.contact_id)
            _open(answer, owners.get(answer.owner_id), now)
    return len(persons)


def _promoters(now: datetime) -> list[Response]:
    """Fresh nines and tens of people who may be asked, without an open case at their customer; `owner_id` is the CSM."""
    open_case = Case.objects.filter(customer=OuterRef("customer")).exclude(state=CaseState.CLOSED)
    asked = FollowUp.objects.filter(
        origin=ORIGIN,
        customer=OuterRef("customer"),
        dedupe_key=Concat(Value(f"{ORIGIN}:"), Cast(OuterRef("contact"), CharField())),
        created_at__gt=now - REST,
    )
    rows = Response.objects.counted().filter(
        ~Exists(open_case),
        ~Exists(asked),
        kind=SurveyKind.NPS,
        channel=Channel.EMAIL,
        is_anonymous=False,
        score__gte=SCALES[SurveyKind.NPS].positive_from,
        answered_at__range=(now - FRESH, now - SETTLED),
        contact__erased_at=None,
        contact__left_on=None,
        customer__archived_at=None,
    )
    rows = rows.annotate(owner_id=owner_on(organisation.local_day(now)))
    return list(rows.select_related("customer", "contact").order_by("answered_at", "pk")[:BATCH])


def _open(answer: Response, owner: User | None, now: datetime) -> None:
    who = answer.contact.name or answer.contact.email
    follow_ups.open_follow_up(
        customer=answer.customer,
        title=f"{who} gave {answer.score}: ask for a reference, a case study or a referral"[:200],
        owner=owner,
        due_on=organisation.local_day(now + DUE),
        origin=ORIGIN,
        dedupe_key=f"{ORIGIN}:{answer.contact_id}",
        by=None,
        now=now,
        note=answer.comment,
        priority=FollowUpPriority.LOW,
    )
