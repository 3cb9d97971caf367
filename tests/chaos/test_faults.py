"""Points of death do nothing unless somebody asks for them, and never on an address that others can reach."""

import subprocess
import sys

import pytest

from config.devstack.paths import ROOT
from config.work.faults import InjectedFaultError, fault
from tests.stack.conftest import clean_environment


def test_a_point_of_death_is_passed_without_orders(monkeypatch):
    monkeypatch.delenv("CHAOS", raising=False)
    monkeypatch.setenv("FAULTS", "mail.after_dot=raise")
    fault("mail.after_dot")


def test_a_point_of_death_acts_on_the_passage_it_was_told(monkeypatch):
    monkeypatch.setenv("CHAOS", "1")
    monkeypatch.setenv("FAULTS", "some.point=raise@2")
    fault("some.point")
    fault("another.point")
    with pytest.raises(InjectedFaultError):
        fault("some.point")
    fault("some.point")


def test_chaos_is_refused_where_others_can_reach_the_site():
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=clean_environment(
            TEND_ENV="dev", CHAOS="1", SITE_URL="https://tend.example", DATABASE_URL="postgres://t@h/t"
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "CHAOS=1" in done.stderr
    assert "Unset CHAOS" in done.stderr
