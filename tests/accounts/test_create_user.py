import json
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import User
from tests.factories.users import PASSWORD


def run(*args):
    out = StringIO()
    call_command("create_user", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_password_is_made_and_shown_once(db):
    answer = run("New@tend.example", "--role", "admin")
    user = User.objects.get(email="new@tend.example")
    assert (user.role, user.name) == ("admin", "New")
    assert user.check_password(answer["password"])


def test_a_given_password_is_read_from_standard_input_and_not_shown(db, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO(f"{PASSWORD}\n"))
    answer = run("new@tend.example", "--role", "csm", "--password-stdin")
    assert "password" not in answer
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize(
    ("email", "password"),
    [("no address", PASSWORD), ("new@tend.example", "short"), ("anna@tend.example", PASSWORD)],
)
def test_what_is_wrong_is_said_and_nothing_is_made(anna, monkeypatch, email, password):
    monkeypatch.setattr("sys.stdin", StringIO(f"{password}\n"))
    with pytest.raises(SystemExit) as ended:
        run(email, "--role", "csm", "--password-stdin")
    assert ended.value.code == 2
    assert User.objects.count() == 1
