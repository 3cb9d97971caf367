"""People join, change and leave. Every act is in the audit log and counts from the next request on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import emails, tokens
from accounts.choices import GRANTS_AT_START, Grant, LinkPurpose, ReadScope, Role
from accounts.models import OneTimeLink, Team, User
from accounts.permissions import may
from accounts.services.locks import lock_admins, lock_user
from config.web.errors import DomainError
from config.work import audit, limits

INVITE_HOURS = 24
INVITES_PER_DAY = 20  # per inviting user


class EmailTakenError(DomainError):
    code = "email_taken"


class LastAdminError(DomainError):
    code = "last_admin"


class NotYoursToGiveError(DomainError):
    code = "not_yours_to_give"


class InviteLinkError(DomainError):
    code = "invite_link"


class TooManyInvitesError(DomainError):
    code = "too_many_invites"


class WeakPasswordError(DomainError):
    code = "weak_password"


@transaction.atomic
def create_user(
    *,
    email: str,
    name: str,
    role: str,
    password: str | None,
    by: User | None,
    now: datetime,
    team: Team | None = None,
) -> User:
    """Add a person who may log in at once (with a password) or after an invitation (without).

    Grants start as those of the role's usual ones that the giver holds too. Raises EmailTakenError and WeakPasswordError.
    """
    address = email.strip().lower()
    if User.objects.filter(email=address).exists():
        raise EmailTakenError(
            f"{address} has a login already.", hint="Open that user and change it there.", field="email"
        )
    user = User(email=address, name=name.strip(), role=role, team=team)
    user.grants = [str(grant) for grant in GRANTS_AT_START[Role(role)] if by is None or may(by, grant)]
    if password is None:
        user.set_unusable_password()
    else:
        _check_password(password, user)
        user.set_password(password)
    user.save()
    audit.record(by=by, now=now, action="user.created", subject=user, after=_facts(user))
    return user


def invite(*, email: str, name: str, role: str, team: Team | None, by: User, now: datetime) -> User:
    """Create a person and mail a link that works once within 24 hours.

    At most 20 invitations a day per inviting user. Raises TooManyInvitesError, EmailTakenError, NotYoursToGiveError.
    """
    _check_may_give(by, Role(role), ())
    _count_invite(by)
    with transaction.atomic():
        user = create_user(email=email, name=name, role=role, password=None, by=by, now=now, team=team)
        _mail_invitation(user, by=by, now=now)
    return user


def invite_again(*, user: User, by: User, now: datetime) -> None:
    """Mail a fresh link to somebody who has not joined yet; links mailed before stop working."""
    if user.has_usable_password():
        raise InviteLinkError(
            f"{user} has joined already.", hint="A new password is set from the sign-in page."
        )
    _check_may_give(by, Role(user.role), ())
    _count_invite(by)
    with transaction.atomic():
        lock_user(user.pk)
        OneTimeLink.objects.filter(user=user, purpose=LinkPurpose.INVITE, used_at=None).update(used_at=now)
        _mail_invitation(user, by=by, now=now)
        audit.record(by=by, now=now, action="user.invited_again", subject=user)


def open_invitation(*, secret: str, now: datetime) -> OneTimeLink:
    """The invitation a mailed link stands for. Raises InviteLinkError for unknown, used and late links alike."""
    link = (
        OneTimeLink.objects.select_related("user")
        .filter(digest=tokens.digest(secret), purpose=LinkPurpose.INVITE, used_at=None, expires_at__gt=now)
        .filter(user__is_active=True)
        .first()
    )
    if link is None:
        raise InviteLinkError(
            "This invitation no longer works.",
            hint=f"It is older than {INVITE_HOURS} hours or was used. Ask for a new one.",
        )
    return link


@transaction.atomic
def accept(*, secret: str, name: str, password: str, now: datetime) -> User:
    """Turn an invitation into a login with a password. Raises InviteLinkError and WeakPasswordError."""
    link = open_invitation(secret=secret, now=now)
    user = lock_user(link.user_id)
    user.name = name.strip()
    _check_password(password, user)
    if not OneTimeLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now):
        raise InviteLinkError(
            "This invitation was used a moment ago.", hint="Sign in with the password set then."
        )
    user.set_password(password)
    user.save(update_fields=["name", "password"])
    audit.record(by=user, now=now, action="user.joined", subject=user)
    return user


@transaction.atomic
def change_user(
    *,
    user: User,
    name: str,
    role: str,
    team: Team | None,
    grants: Sequence[str],
    read_scope: str,
    by: User,
    now: datetime,
) -> User:
    """Change what a person is and may do. Only admins change what decides their own scope. Raises LastAdminError and NotYoursToGiveError."""
    admins = lock_admins()
    user = lock_user(user.pk)
    before = _facts(user)
    new = [grant for grant in grants if grant not in user.grants]
    if role != user.role or new or read_scope != user.read_scope or team != user.team:
        _refuse_self_promotion(by, user)
        _check_may_give(by, Role(role), new)
        _check_may_give(by, Role(user.role), ())
    if user.role == Role.ADMIN and role != Role.ADMIN:
        _keep_one_admin(user, admins)
    user.name, user.role, user.team = name.strip(), role, team
    user.grants = sorted(Grant(grant).value for grant in grants)
    user.read_scope = ReadScope(read_scope).value if read_scope else ""
    user.save(update_fields=["name", "role", "team", "grants", "read_scope"])
    after = _facts(user)
    if after != before:
        audit.record(by=by, now=now, action="user.changed", subject=user, before=before, after=after)
    return user


@transaction.atomic
def deactivate(*, user: User, by: User, now: datetime) -> User:
    """End a person's access with the next request; history and book stay. Raises LastAdminError."""
    admins = lock_admins()
    user = lock_user(user.pk)
    _check_may_give(by, Role(user.role), ())
    if user.role == Role.ADMIN:
        _keep_one_admin(user, admins)
    if user.is_active:
        user.is_active, user.deactivated_at = False, now
        user.save(update_fields=["is_active", "deactivated_at"])
        OneTimeLink.objects.filter(user=user, used_at=None).update(used_at=now)
        audit.record(by=by, now=now, action="user.deactivated", subject=user)
    return user


@transaction.atomic
def reactivate(*, user: User, by: User, now: datetime) -> User:
    """Give access back, with the rights the person had."""
    user = lock_user(user.pk)
    _check_may_give(by, Role(user.role), ())
    if not user.is_active:
        user.is_active, user.deactivated_at = True, None
        user.save(update_fields=["is_active", "deactivated_at"])
        audit.record(by=by, now=now, action="user.reactivated", subject=user)
    return user


@transaction.atomic
def change_profile(*, user: User, name: str, time_zone: str, now: datetime) -> User:
    """What people may change about themselves: name and zone, nothing that gives rights."""
    user = lock_user(user.pk)
    before = {"name": user.name, "time_zone": user.time_zone}
    user.name, user.time_zone = name.strip(), time_zone
    user.save(update_fields=["name", "time_zone"])
    after = {"name": user.name, "time_zone": user.time_zone}
    if after != before:
        audit.record(
            by=user, now=now, action="user.profile_changed", subject=user, before=before, after=after
        )
    return user


def _mail_invitation(user: User, *, by: User, now: datetime) -> None:
    secret = tokens.new_secret()
    OneTimeLink.objects.create(
        user=user,
        purpose=LinkPurpose.INVITE,
        digest=tokens.digest(secret),
        expires_at=now + timedelta(hours=INVITE_HOURS),
    )
    emails.send_invitation(user=user, secret=secret, by=by)


def _count_invite(by: User) -> None:
    if not limits.allow("invite", str(by.pk), limit=INVITES_PER_DAY, window=timedelta(days=1)):
        raise TooManyInvitesError(
            f"You have sent {INVITES_PER_DAY} invitations within a day.",
            hint="Go on tomorrow, or let another admin do it.",
        )


def _check_may_give(by: User, role: Role, grants: Sequence[str]) -> None:
    """Only admins make or change admins, and nobody gives a right the giver does not hold."""
    if role == Role.ADMIN and not by.is_admin:
        raise NotYoursToGiveError(
            "Only an admin can make, change or remove an admin.", hint="Ask an admin.", field="role"
        )
    if not by.is_admin and role not in {Role.CSM, by.role}:
        raise NotYoursToGiveError(
            "This role may see more than you do, so you cannot give it.", hint="Ask an admin.", field="role"
        )
    missing = [str(Grant(grant).label) for grant in grants if not may(by, grant)]
    if missing:
        raise NotYoursToGiveError(
            f"You do not hold “{', '.join(missing)}” yourself.",
            hint="Ask an admin to give it.",
            field="grants",
        )


def _refuse_self_promotion(by: User, user: User) -> None:
    """Role, team and scope decide whose customers one sees; managing users is no way to see more oneself."""
    if by.pk == user.pk and not by.is_admin:
        raise NotYoursToGiveError(
            "You cannot change your own role, team, scope or rights.", hint="Ask an admin.", field="role"
        )


def _keep_one_admin(user: User, admins: set[int]) -> None:
    if user.pk in admins and len(admins) == 1:
        raise LastAdminError(
            f"{user} is the last admin.",
            hint="Make somebody else an admin first; else nobody could change settings.",
            field="role",
        )


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPasswordError(" ".join(error.messages), field="password") from error


def _facts(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "team": user.team.name if user.team else None,
        "grants": sorted(user.grants),
        "read_scope": user.read_scope,
    }
