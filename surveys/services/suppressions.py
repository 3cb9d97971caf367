"""Addresses that must not be asked: added by anybody's wish or a bounce, lifted only by an admin with a reason."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from surveys.choices import ALL_SURVEYS, SuppressionReason
from surveys.formulas.addresses import address_key
from surveys.models import Suppression
from surveys.services.addresses import hasher

PERSONS_OWN_WISH = frozenset(
    {SuppressionReason.UNSUBSCRIBED, SuppressionReason.COMPLAINT, SuppressionReason.ERASED}
)


class LiftRefusedError(DomainError):
    code = "lift_refused"


def suppress(
    *,
    email_norm: str,
    reason: SuppressionReason,
    source: str,
    now: datetime,
    scope: str = ALL_SURVEYS,
    expires_at: datetime | None = None,
) -> None:
    """Ask this address no more. Saying it again changes nothing. `email_norm` is an address key."""
    row = Suppression(
        email_hash=hasher()(email_norm),
        email=email_norm,
        scope=scope,
        reason=reason,
        source=source,
        occurred_at=now,
        expires_at=expires_at,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return


@transaction.atomic
def suppress_by_hand(*, email: str, by: User, now: datetime, scope: str = ALL_SURVEYS) -> None:
    """A user's entry, for example after a call. Refused when the address cannot be mailed anyway."""
    key = address_key(email)
    if key is None:
        raise DomainError("This is no address that can be mailed.", hint="Check its spelling.", field="email")
    suppress(email_norm=key, reason=SuppressionReason.MANUAL, source=f"user:{by.pk}", now=now, scope=scope)
    audit.record(by=by, now=now, action="suppression.added", after={"email": key, "scope": scope})


@transaction.atomic
def lift(*, suppression: Suppression, reason: str, by: User, now: datetime) -> None:
    """Ask the address again from now on. Only an admin; a person's own wish needs that person's recorded request."""
    if not by.is_admin:
        raise LiftRefusedError("Only an admin lifts a suppression.", hint="Ask an admin.")
    if not reason.strip():
        raise LiftRefusedError(
            "A lift needs its reason.",
            hint="Say who asked for it and when."
            if suppression.reason in PERSONS_OWN_WISH
            else "Say why the address works again.",
            field="reason",
        )
    changed = Suppression.objects.filter(pk=suppression.pk, lifted_at=None).update(
        lifted_at=now, lifted_by=by, lift_reason=reason.strip()[:300]
    )
    if changed:
        audit.record(
            by=by, now=now, action="suppression.lifted", subject=suppression, after={"reason": reason}
        )
