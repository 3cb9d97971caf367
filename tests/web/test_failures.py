"""What people see while the database is away or something breaks."""

import psycopg
import pytest
from django.db import InterfaceError, OperationalError
from django.test import RequestFactory
from django.urls import reverse

from config.web.failures import is_outage, server_error


def caused(state):
    error = OperationalError("away")
    cause = psycopg.OperationalError("away")
    cause.sqlstate = state
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("state", ["08006", "57P01", "57P02", "57P03", "53300", None])
def test_a_lost_database_is_an_outage(state):
    assert is_outage(caused(state))


@pytest.mark.parametrize("error", [caused("57014"), caused("40001"), ValueError("x"), None])
def test_other_errors_are_not(error):
    assert not is_outage(error)


def test_a_view_without_a_database_answers_503_and_says_when_to_come_back(client, anna, monkeypatch):
    client.force_login(anna)

    def away(*_args, **_kwargs):
        raise InterfaceError("connection already closed")

    monkeypatch.setattr("accounts.views.settings.user_counts", away)
    response = client.get(reverse("accounts:settings"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "Everything saved is safe" in response.content.decode()


def test_a_crash_shows_a_page_without_details(client, anna, monkeypatch):
    client.force_login(anna)
    client.raise_request_exception = False

    def broken(*_args, **_kwargs):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("accounts.views.settings.user_counts", broken)
    response = client.get(reverse("accounts:settings"))
    assert response.status_code == 500
    assert "secret detail" not in response.content.decode()
    assert "Content-Security-Policy" in response.headers


def test_the_error_handler_knows_an_outage_outside_a_view(monkeypatch):
    request = RequestFactory().get("/")
    assert server_error(request).status_code == 500
    monkeypatch.setattr("config.web.failures.sys.exc_info", lambda: (InterfaceError, InterfaceError(), None))
    assert server_error(request).status_code == 503
