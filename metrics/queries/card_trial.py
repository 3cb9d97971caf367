"""One customer under a card that nobody saved: today's readings through the arithmetic, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from customers.models import CustomerSummary
from customers.models.customer import CustomerQuerySet
from metrics.formulas.health import Level, Reading, Subject, explain
from metrics.formulas.health_cards import Card
from metrics.models import ScorecardVersion
from metrics.queries.card_moves import peer_standing
from metrics.queries.cards import CardInForce
from metrics.queries.health_inputs import Around, arithmetic_of, inputs_of, readings_matrix
from metrics.queries.holds import held_feeds
from metrics.queries.measures import Catalog

OFFERED = 8  # names under the field of the test strip


@dataclass(frozen=True, slots=True)
class TrialCustomer:
    """The customer of the test strip, and the score in force that the result stands beside."""

    pk: int
    name: str
    score: Decimal | None


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of one customer with the readings that gave it, in card order; None for a customer without any."""

    customer: TrialCustomer
    card: Card
    level: Level | None
    readings: Sequence[Reading]
    subject: Subject


def names_like(readers: CustomerQuerySet, text: str) -> list[TrialCustomer]:
    """Customers whose name holds the text, the largest MRR first. One query."""
    rows = CustomerSummary.objects.filter(customer__in=readers.active())
    if text:
        rows = rows.filter(customer__name__icontains=text)
    found = rows.order_by("-mrr", "customer_id").values_list("customer_id", "customer__name", "score")
    customers = [TrialCustomer(*row) for row in found[:OFFERED]]
    return sorted(customers, key=lambda one: one.name.lower() != text.lower())


def trial_of(
    draft: ScorecardVersion,
    card: Card,
    customer: TrialCustomer,
    *,
    catalog: Catalog,
    as_of: date,
    now: datetime,
) -> Trial:
    """Score one customer under a card as it stands in the editor. Writes nothing."""
    packed = readings_matrix([customer.pk])
    if not packed:
        return Trial(customer, card, None, (), Subject())
    chosen = CardInForce(draft, card)
    around = Around(catalog, peer_standing(chosen, packed, catalog, as_of), held_feeds(now))
    readings, subject = arithmetic_of(inputs_of(packed[0], card, around, chosen.segments), as_of)
    return Trial(customer, card, explain(card, readings, subject), readings, subject)
