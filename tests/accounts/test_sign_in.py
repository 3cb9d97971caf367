"""Signing in, staying in, and what strangers learn from trying."""

import re
import time

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.services.users import deactivate
from config.sessions import SEEN, STARTED
from config.work.models import AuditEntry, OutgoingMail, RateCounter
from tests.factories.users import PASSWORD, make_user


@pytest.fixture(autouse=True)
def fresh_limits(db):
    cache.clear()


@pytest.fixture
def paula(db):
    return make_user("Paula Word", password=PASSWORD, email="paula@tend.example")


def sign_in(client, email="paula@tend.example", password=PASSWORD, **headers):
    return client.post(reverse("account_login"), {"login": email, "password": password}, **headers)


def page_text(response):
    return re.sub(r'value="[^"]*"', "", response.content.decode().split("<main")[1])


def test_signing_in_opens_the_start_page_and_is_logged(client, paula):
    response = sign_in(client)
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert AuditEntry.objects.get(action="sign_in.ok").actor == paula


def test_an_unknown_address_and_a_wrong_password_look_the_same(client, paula):
    wrong, unknown = (
        sign_in(client, password="wrong password here"),
        sign_in(client, email="nobody@tend.example"),
    )
    assert (wrong.status_code, page_text(wrong)) == (unknown.status_code, page_text(unknown))
    assert AuditEntry.objects.filter(action="sign_in.failed").count() == 2
    assert PASSWORD not in str(AuditEntry.objects.values_list("after", flat=True))


def test_a_reset_answers_the_same_for_known_and_unknown_addresses(client, paula):
    known = client.post(reverse("account_reset_password"), {"email": "paula@tend.example"})
    unknown = client.post(reverse("account_reset_password"), {"email": "nobody@tend.example"})
    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )
    assert list(OutgoingMail.objects.values_list("recipient", flat=True)) == ["paula@tend.example"]


def test_a_reset_link_starts_with_the_site_and_sets_a_password_once(client, paula, settings):
    client.post(
        reverse("account_reset_password"), {"email": "paula@tend.example"}, headers={"host": "127.0.0.1"}
    )
    raw = bytes(OutgoingMail.objects.get().raw).decode().replace("=\r\n", "")
    link = re.search(r"(http\S+/password/reset/key/\S+)", raw).group(1)
    assert link.startswith(settings.SITE_URL)
    page = client.get(link.removeprefix(settings.SITE_URL), follow=True)
    action = page.request["PATH_INFO"]
    new = "another orchard in autumn"
    assert client.post(action, {"password1": new, "password2": new}).status_code == 302
    paula.refresh_from_db()
    assert paula.check_password(new)
    assert "no longer works" in client.get(link.removeprefix(settings.SITE_URL), follow=True).content.decode()


def test_after_ten_wrong_tries_the_right_password_waits_too(client, paula):
    for _ in range(10):
        sign_in(client, password="wrong password here")
    assert "Wait 15 minutes" in sign_in(client).content.decode()


def test_the_front_counter_refuses_the_thirty_first_post_of_a_minute(client, paula):
    RateCounter.objects.all().delete()
    codes = [
        client.post(reverse("account_login"), {"login": "x", "password": ""}).status_code for _ in range(31)
    ]
    assert codes[:30] == [200] * 30
    assert codes[30] == 429


def test_a_forwarded_header_changes_nothing_without_a_trusted_proxy(client, paula):
    sign_in(client, headers={"X-Forwarded-For": "203.0.113.9"})
    assert AuditEntry.objects.get(action="sign_in.ok").after == {"from": "127.0.0.1"}


def test_behind_one_proxy_the_last_entry_counts(client, paula, settings):
    settings.TRUSTED_PROXIES = 1
    sign_in(client, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})
    assert AuditEntry.objects.get(action="sign_in.ok").after == {"from": "203.0.113.9"}


def test_nobody_registers_alone(client, db):
    page = client.get(reverse("account_signup"))
    assert "by invitation" in page.content.decode()
    client.post(reverse("account_signup"), {"email": "me@tend.example", "password1": PASSWORD})
    assert not paula_like("me@tend.example")


def paula_like(email):
    from accounts.models import User

    return User.objects.filter(email=email).exists()


def test_access_ends_with_the_next_request(client, vera, paula, now):
    sign_in(client)
    assert client.get(reverse("accounts:profile")).status_code == 200
    deactivate(user=paula, by=vera, now=now)
    response = client.get(reverse("accounts:profile"))
    assert (response.status_code, response.headers["Location"].split("?")[0]) == (302, "/login/")


def test_a_demotion_counts_on_the_next_request(client, vera):
    client.force_login(vera)
    assert client.get(reverse("accounts:audit")).status_code == 200
    vera.role = "csm"
    vera.save()
    assert client.get(reverse("accounts:audit")).status_code == 403


def test_an_hour_without_a_click_signs_out(client, anna):
    client.force_login(anna)
    _age(client, **{SEEN: 3601})
    assert client.get(reverse("accounts:profile")).status_code == 302


def test_a_working_day_signs_out_even_who_never_stopped_clicking_and_admins_sooner(client, anna, vera):
    for person, hours, status in ((anna, 11, 200), (anna, 13, 302), (vera, 7, 200), (vera, 9, 302)):
        client.force_login(person)
        _age(client, **{STARTED: hours * 3600})
        assert client.get(reverse("accounts:profile")).status_code == status


def _age(client, **ages):
    """Move the session's stamps back as if time had passed."""
    from django.contrib.sessions.models import Session

    session = client.session
    data = session.load()
    for key, seconds in ages.items():
        data[key] = int(time.time()) - seconds
    Session.objects.filter(pk=session.session_key).update(session_data=session.encode(data))


def test_signing_out_needs_a_post_and_clears_the_browser(client, paula):
    sign_in(client)
    assert client.get(reverse("account_logout")).status_code == 200
    assert client.get(reverse("accounts:profile")).status_code == 200
    response = client.post(reverse("account_logout"))
    assert response.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert client.get(reverse("accounts:profile")).status_code == 302


def test_a_password_change_ends_the_other_devices(client, paula, django_user_model):
    from django.test import Client

    other = Client()
    sign_in(client)
    sign_in(other)
    new = "another orchard in autumn"
    client.post(
        reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new}
    )
    assert client.get(reverse("accounts:profile")).status_code == 200
    assert other.get(reverse("accounts:profile")).status_code == 302


def test_after_login_only_our_own_pages_are_opened(client, paula):
    response = client.post(
        reverse("account_login"),
        {"login": "paula@tend.example", "password": PASSWORD, "next": "https://evil.example/"},
    )
    assert response.headers["Location"] == "/"
