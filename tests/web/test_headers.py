"""The headers of every answer: each route, static files and errors."""

import pytest
from django.urls import NoReverseMatch, reverse

from config.checks import routes
from tests.factories.users import PASSWORD, make_user

POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'", "font-src": "'self'",
    "connect-src": "'self'", "manifest-src": "'self'", "form-action": "'self'", "base-uri": "'none'",
    "object-src": "'none'", "frame-ancestors": "'none'",
}  # fmt: skip
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
OWN_POLICY = {
    "accounts:outbox_frame",
    "surveys:campaign_mail_frame",
}  # a mail in a frame, with a policy of its own
SAMPLE = {"pk": 1, "secret": "x" * 43, "token": "x" * 22, "uidb36": "1", "key": "a-b", "score": 9}


def paths():
    for route in routes():
        if not route["name"]:
            continue
        wanted = [part.split(":")[-1].rstrip(">") for part in route["pattern"].split("<")[1:]]
        names = [name.split(">")[0] for name in wanted]
        try:
            yield route["name"], reverse(route["name"], kwargs={name: SAMPLE.get(name, 1) for name in names})
        except NoReverseMatch:
            yield route["name"], None


def check(response, name):
    policy = dict(
        part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";")
    )
    if name not in OWN_POLICY:
        in_force = {key: policy.get(key, policy["default-src"]) for key in POLICY}
        assert all(in_force[key] in {POLICY[key], "'none'"} for key in POLICY), name  # or stricter
        assert response.headers["X-Frame-Options"] == "DENY", name
    assert response.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}, name
    assert "camera=()" in response.headers["Permissions-Policy"], name
    assert {key: response.headers.get(key) for key in FIXED} == FIXED, name
    assert "Access-Control-Allow-Origin" not in response.headers, name


@pytest.mark.parametrize("signed_in", [False, True])
def test_every_route_answers_with_all_headers_and_without_a_crash(client, vera, signed_in):
    if signed_in:
        client.force_login(vera)
    seen = 0
    for name, path in paths():
        if path is None or name == "account_logout":
            continue
        response = client.get(path)
        assert response.status_code < 500, name
        check(response, name)
        seen += 1
    assert seen > 20


def test_static_files_and_missing_pages_have_them_too(client, db):
    for path in ("/static/css/app.css", "/static/js/app.js", "/nowhere/", "/static/nowhere.css"):
        check(client.get(path), path)


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client, db):
    person = make_user("Paula Word", password=PASSWORD)
    client.get(reverse("account_login"))
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
            True,
            "Lax",
            "/",
            "",
        )


@pytest.mark.parametrize("name", ["accounts:profile", "account_login", "account_reset_password"])
def test_a_post_without_a_token_is_refused(anna, name):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    if name.startswith("accounts"):
        strict.force_login(anna)
    assert strict.post(reverse(name), {"name": "x"}).status_code == 403


def test_the_style_sheet_and_the_script_stay_small():
    import gzip
    from pathlib import Path

    from django.contrib.staticfiles import finders

    css = Path(finders.find("css/app.css")).read_bytes()
    script = Path(finders.find("js/app.js")).read_bytes()
    assert len(css) < 42 * 1024
    assert len(gzip.compress(css)) < 11 * 1024
    assert len(script) < 5 * 1024


def test_no_template_has_inline_style_script_or_handler():
    import re
    from pathlib import Path

    from django.conf import settings

    wrong = re.compile(r"\sstyle=|<style|<script(?! src)|\son[a-z]+=|hx-on|javascript:", re.IGNORECASE)
    mails = ("/emails/", "/mail/", "/email/")
    found = [
        f"{path.name}: {match.group(0).strip()}"
        for path in Path(settings.BASE_DIR, "templates").rglob("*.html")
        if not any(part in path.as_posix() for part in mails)
        for match in wrong.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
