"""Who of an audience is asked, and on which day: the same inputs always give the same answer."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ROLES = ("decision maker", "influencer", "user")  # quotas are set for these
STANDARD_QUOTA = 3


@dataclass(frozen=True)
class Sampled:
    """A contact that may be asked, as far as sampling knows it."""

    contact_id: int
    customer_id: int
    role: str = ""


def drip_slot(campaign_id: int, wave_number: int, contact_id: int, days: int) -> int:
    """Day 0 … days − 1 on which this contact is asked; planning again keeps it (S-201)."""
    return _number(f"{campaign_id}:{wave_number}:{contact_id}") % days


def in_sample(
    found: Iterable[Sampled], *, seed: int, per_customer: int, per_role: Mapping[str, int]
) -> set[int]:
    """Contacts of the sample: drawn in the order of sha256(seed, contact), at most so many per customer and role (S-202).

    `per_customer` 0 means no limit; a role without a quota has none; roles are compared without case.
    """
    quotas = {role.casefold(): most for role, most in per_role.items()}
    at_customer: Counter[int] = Counter()
    in_role: Counter[tuple[int, str]] = Counter()
    chosen = set()
    for one in sorted(found, key=lambda one: (_number(f"{seed}:{one.contact_id}"), one.contact_id)):
        role = one.role.casefold()
        if per_customer and at_customer[one.customer_id] >= per_customer:
            continue
        if role in quotas and in_role[one.customer_id, role] >= quotas[role]:
            continue
        at_customer[one.customer_id] += 1
        in_role[one.customer_id, role] += 1
        chosen.add(one.contact_id)
    return chosen


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest())
