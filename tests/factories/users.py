"""People and teams for tests. Plain functions, no random values."""

from itertools import count

from accounts.choices import GRANTS_AT_START, Role
from accounts.models import Organisation, Team, User

PASSWORD = "a quiet orchard in spring"

_numbers = count(1)


def make_team(name="", parent=None):
    return Team.objects.create(name=name or f"Team {next(_numbers)}", parent=parent)


def make_user(name="", role=Role.CSM, *, email="", password=None, **fields):
    number = next(_numbers)
    name = name or f"Person {number}"
    fields.setdefault("grants", [str(grant) for grant in GRANTS_AT_START[Role(role)]])
    user = User(
        name=name, role=role, email=email or f"{name.split()[0].lower()}.{number}@tend.example", **fields
    )
    user.set_password(password) if password else user.set_unusable_password()
    user.save()
    return user


def make_organisation(**fields):
    organisation, _ = Organisation.objects.update_or_create(pk=1, defaults=fields)
    return organisation
