"""How a customer and the customers below it stand together (HT-1), from the scores in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import User
from customers.models import CustomerSummary
from customers.queries.access import customers_for
from metrics.formulas.health import RollUp, roll_up
from metrics.formulas.health_numbers import MICRO
from metrics.sql.hierarchy import ids_below

MONEY = 10**8  # stored decimals of an amount


@dataclass(frozen=True, slots=True)
class Member:
    """A customer of the tree; `depth` 0 is the one looked at."""

    row: CustomerSummary
    depth: int


@dataclass(frozen=True, slots=True)
class Family:
    """Members the reader may see, worst score first below the top, and their roll-up in points."""

    members: Sequence[Member]
    found: RollUp
    worst: Member | None

    @property
    def mean(self) -> Decimal | None:
        """Scores weighted by MRR."""
        return None if self.found.weighted_mean is None else Decimal(self.found.weighted_mean) / MICRO

    @property
    def good_share(self) -> Decimal | None:
        """Share of the scored MRR in green or blue bands, cut so that it is 1 only when it is exactly 1."""
        share = self.found.good_share
        return None if share is None else Decimal(share.numerator * MICRO // share.denominator) / MICRO


def roll_up_of(customer_id: int, user: User) -> Family | None:
    """The roll-up of a customer over all levels below it; None for one without customers below that the reader may see."""
    depths = dict(ids_below(customer_id))
    if not depths:
        return None
    visible = customers_for(user).active().filter(pk__in=depths)
    wanted = [customer_id, *visible.values_list("pk", flat=True)]
    rows = CustomerSummary.objects.filter(customer_id__in=wanted).select_related("customer")
    by_id = {row.customer_id: row for row in rows}
    own = by_id.pop(customer_id, None) or CustomerSummary(customer_id=customer_id)
    if not by_id:
        return None
    below = sorted(
        (Member(row, depths[pk]) for pk, row in by_id.items()),
        key=lambda one: (one.row.score is None, one.row.score or 0, one.row.customer.name),
    )
    counting = [one for one in below if one.row.score is not None and one.row.mrr > 0]
    return Family(
        members=below,
        found=roll_up(_as_taken(own), [_as_taken(one.row) for one in below]),
        worst=counting[0] if counting else None,
    )


def _as_taken(row: CustomerSummary) -> tuple[int | None, int, str]:
    score = None if row.score is None else int(row.score * MICRO)
    return score, int(row.mrr * MONEY), row.tone
