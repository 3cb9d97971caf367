"""The keyed hash of addresses."""

import secrets
from collections.abc import Callable
from functools import partial

from surveys.formulas.addresses import keyed_hash
from surveys.models import AddressPepper
from surveys.models.policy import THE_ROW

PEPPER_BYTES = 32


def hasher() -> Callable[[str], str]:
    """A function from address key to its hash. Makes the pepper where none exists yet; it is never changed."""
    row, _ = AddressPepper.objects.get_or_create(
        pk=THE_ROW, defaults={"secret": secrets.token_bytes(PEPPER_BYTES)}
    )
    return partial(keyed_hash, bytes(row.secret))
