"""People join, change and leave."""

from datetime import timedelta

import pytest

from accounts.choices import Role
from accounts.models import OneTimeLink, User
from accounts.services import users as services
from config.work.models import AuditEntry, OutgoingMail
from tests.factories.users import PASSWORD, make_user


def invite(by, now, **fields):
    values = {"email": "New.Person@Tend.example", "name": "Nora Falk", "role": Role.CSM, "team": None}
    return services.invite(**{**values, **fields}, by=by, now=now)


def change(user, by, now, **fields):
    values = {
        "name": user.name, "role": user.role, "team": user.team, "grants": user.grants, "read_scope": user.read_scope,
    }  # fmt: skip
    return services.change_user(user=user, **{**values, **fields}, by=by, now=now)


def secret_of_last_mail():
    raw = bytes(OutgoingMail.objects.order_by("-pk").first().raw).decode()
    text = raw.replace("=\r\n", "").replace("=3D", "=")
    return text.split("/invite/", 1)[1].split("/", 1)[0]


def test_an_invitation_makes_a_person_without_a_password_and_one_mail(vera, now):
    person = invite(vera, now)
    assert (person.email, person.has_usable_password()) == ("new.person@tend.example", False)
    assert sorted(person.grants) == ["export", "see_identities"]
    assert list(OutgoingMail.objects.values_list("recipient", flat=True)) == ["new.person@tend.example"]
    assert OneTimeLink.objects.get().digest not in bytes(OutgoingMail.objects.get().raw).decode()


def test_an_invitation_is_accepted_once(vera, now):
    invite(vera, now)
    secret = secret_of_last_mail()
    person = services.accept(secret=secret, name="Nora F", password=PASSWORD, now=now)
    assert person.check_password(PASSWORD)
    with pytest.raises(services.InviteLinkError):
        services.accept(secret=secret, name="Again", password=PASSWORD, now=now)


def test_an_invitation_ends_after_a_day_with_a_newer_one_and_with_the_access(vera, now):
    person = invite(vera, now)
    first = secret_of_last_mail()
    with pytest.raises(services.InviteLinkError):
        services.open_invitation(secret=first, now=now + timedelta(hours=24))
    services.invite_again(user=person, by=vera, now=now)
    with pytest.raises(services.InviteLinkError):
        services.open_invitation(secret=first, now=now)
    second = secret_of_last_mail()
    assert services.open_invitation(secret=second, now=now).user == person
    services.deactivate(user=person, by=vera, now=now)
    with pytest.raises(services.InviteLinkError):
        services.open_invitation(secret=second, now=now)


def test_an_address_is_invited_once_whatever_its_case(vera, anna, now):
    with pytest.raises(services.EmailTakenError) as refused:
        invite(vera, now, email="ANNA@tend.example")
    assert refused.value.field == "email"
    assert OutgoingMail.objects.count() == 0


def test_twenty_invitations_a_day_are_enough(vera, now):
    for number in range(20):
        invite(vera, now, email=f"p{number}@tend.example")
    with pytest.raises(services.TooManyInvitesError):
        invite(vera, now, email="p20@tend.example")
    assert not User.objects.filter(email="p20@tend.example").exists()


def test_the_last_admin_can_neither_leave_nor_be_demoted(vera, now):
    with pytest.raises(services.LastAdminError):
        services.deactivate(user=vera, by=vera, now=now)
    with pytest.raises(services.LastAdminError):
        change(vera, vera, now, role=Role.CSM)
    second = make_user("Sam Second", Role.ADMIN)
    assert not services.deactivate(user=vera, by=second, now=now).is_active


def test_an_admin_without_access_does_not_count_as_the_second_one(vera, now):
    make_user("Gone Admin", Role.ADMIN, is_active=False)
    with pytest.raises(services.LastAdminError):
        change(vera, vera, now, role=Role.VIEWER)


def test_nobody_gives_what_the_giver_does_not_hold(mia, anna, now):
    mia.grants = [*mia.grants, "manage_users"]
    mia.save()
    with pytest.raises(services.NotYoursToGiveError):
        change(anna, mia, now, role=Role.ADMIN)
    with pytest.raises(services.NotYoursToGiveError):
        change(anna, mia, now, grants=[*anna.grants, "publish_scorecard"])
    assert change(anna, mia, now, grants=[*anna.grants, "send_campaign"]).grants == [
        "export", "see_identities", "send_campaign",
    ]  # fmt: skip


def test_only_an_admin_touches_an_admin(mia, vera, now):
    mia.grants = [*mia.grants, "manage_users"]
    with pytest.raises(services.NotYoursToGiveError):
        services.deactivate(user=vera, by=mia, now=now)


def test_a_change_is_logged_with_what_differs_and_no_change_is_not(vera, anna, south, now):
    change(anna, vera, now)
    assert not AuditEntry.objects.filter(action="user.changed").exists()
    change(anna, vera, now, team=south)
    entry = AuditEntry.objects.get(action="user.changed")
    assert (entry.before["team"], entry.after["team"]) == ("North", "South")


@pytest.mark.parametrize(
    "password", ["short one", "password1234567", "kestrel tend 12", "anna berg anna", "tend.example tend"]
)
def test_weak_passwords_are_refused(vera, now, password):
    from tests.factories.users import make_organisation

    make_organisation(name="Kestrel")
    with pytest.raises(services.WeakPasswordError):
        services.create_user(
            email="anna.berg@tend.example",
            name="Anna Berg",
            role=Role.CSM,
            password=password,
            by=vera,
            now=now,
        )


@pytest.mark.parametrize(
    "password", [PASSWORD, "x" * 3 + "ÄÖÜ lange Wörter ohne Regeln" * 3, "aaaa bbbb cccc dddd"]
)
def test_long_passwords_of_any_characters_are_taken(vera, now, password):
    person = services.create_user(
        email="p@tend.example", name="Pat", role=Role.CSM, password=password, by=vera, now=now
    )
    assert person.check_password(password)


def test_database_refuses_unknown_roles_grants_and_upper_case_addresses(db):
    from django.db import IntegrityError, transaction

    for fields in (
        {"role": "king"},
        {"grants": ["fly"]},
        {"email": "Upper@tend.example"},
        {"read_scope": "moon"},
    ):
        person = User(name="X", **{"email": "x@tend.example", **fields})
        with pytest.raises(IntegrityError), transaction.atomic():
            person.save()
