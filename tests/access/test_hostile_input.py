"""Input nobody types: ids beyond 64 bit, NUL, broken UTF-8, odd charsets. A named answer or 404, never 500."""

import pytest
from django.urls import NoReverseMatch, reverse

from config.checks import routes
from tests.factories.customers import make_customer, make_follow_up
from tests.factories.surveys import answer, make_sent_message

HUGE = 99999999999999999999
NAMES = (
    "q", "find", "view", "sort", "page", "size", "state", "tab", "kind", "bucket", "reason", "whose", "of",
    "from", "to", "grain", "customer", "saved", "sel", "owner", "tier", "band", "phase", "mrr_from", "renewal",
    "shown", "polls", "next", "r", "since", "until", "role", "left", "csm", "plan", "segment", "region", "as",
    "name", "query", "title", "email", "login", "password", "score", "comment", "form", "due_on", "from_on",
    "contact", "team", "user", "version", "typed_count", "subject", "body", "source", "nature", "once", "outcome",
    "level", "note", "occurred_at", "time_zone", "currency", "grants", "read_scope", "close_links", "scope",
    "change", "day", "days", "ends_on", "send_from", "key", "value", "note", "remember", "csrfmiddlewaretoken",
)  # fmt: skip
VALUES = {
    "nul": "%00x",
    "broken utf-8": "%FF%C3%28",
    "half a surrogate": "%ED%A0%80",
    "huge": str(HUGE),
    "huge negative": f"-{HUGE}",
    "exponent": "1e999999",
    "not a number": "NaN",
    "digits of another script": "%D9%A3%C2%B2",
    "long": "z" * 5000,
    "bidi": "%E2%80%AE%EF%BF%BF",
    "words": "%27%22%3Cb%3E%25_%5C",
    "dates": "0000-00",
    "year": "9999-12-31",
}


def hrefs(ids):
    """Every route with arguments of these ids."""
    for route in routes():
        name = route["name"]
        if not name or name.startswith(("healthz", "readyz")) or name == "account_logout":
            continue
        for args in ids:
            try:
                yield name, reverse(name, args=args)
                break
            except NoReverseMatch:
                continue


def shapes(number):
    text = "%00x"
    yield from ([], [number], [number, number], ["x" * 22], ["2026-03", number], ["nrr"], ["a", "b"], [text])


@pytest.fixture
def things(anna, vera, now):
    customer = make_customer(owner=anna, now=now)
    follow_up = make_follow_up(customer, owner=anna)
    message, _ = make_sent_message(anna, by=vera)
    answer(message, 2)
    return customer, follow_up


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_id_beyond_64_bit_is_not_found(client, things, vera, method):
    client.force_login(vera)
    client.raise_request_exception = False
    wrong = []
    for number in (HUGE, 2**63):
        for name, href in hrefs(list(shapes(number))):
            status = getattr(client, method)(href).status_code
            if status >= 500:
                wrong.append((name, href, status))
    assert wrong == []


@pytest.mark.parametrize("kind", VALUES)
def test_hostile_values_are_answered(client, things, vera, kind):
    client.force_login(vera)
    client.raise_request_exception = False
    customer, _ = things
    query = "&".join(f"{name}={VALUES[kind]}" for name in NAMES)
    wrong = []
    for name, href in hrefs(list(shapes(customer.pk))):
        status = client.get(f"{href}?{query}").status_code
        if status >= 500:
            wrong.append(("GET", name, href, status))
        status = client.post(href, query, content_type="application/x-www-form-urlencoded").status_code
        if status >= 500:
            wrong.append(("POST", name, href, status))
    assert wrong == []


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "nonsense"])
@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_charset_of_the_client_breaks_nothing(client, things, vera, charset, media):
    client.raise_request_exception = False
    wrong = []
    for signed_in in (False, True):
        if signed_in:
            client.force_login(vera)
        for href in (
            "/accounts/login/",
            reverse("account_login"),
            "/search/",
            "/portfolio/",
            "/surveys/suppressions/",
            "/s/x",
            "/u/x",
        ):
            for method in ("GET", "POST"):
                body = b'--x\r\nContent-Disposition: form-data; name="q"\r\n\r\n\xff%2B2AA-\r\n--x--\r\n'
                response = client.generic(
                    method,
                    f"{href}?q=%2B2AA-abc&next=%2B2AA-",
                    body,
                    content_type=f"{media}; charset={charset}",
                )
                if response.status_code >= 500:
                    wrong.append((method, href, response.status_code))
    assert wrong == []


@pytest.mark.parametrize(
    "address", ["http://[", "http://[x]/", "//", "http://testserver//evil.example/", "\x00"]
)
def test_an_odd_current_address_of_htmx_breaks_nothing(client, things, vera, address):
    client.raise_request_exception = False
    headers = {"HX-Request": "true", "HX-Current-URL": address}
    assert client.get("/portfolio/", headers=headers).status_code < 500
    client.force_login(vera)
    for href in ("/portfolio/", "/search/", "/"):
        assert client.get(href, headers=headers).status_code < 500


@pytest.mark.parametrize("cookie", ['"\\000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"', "\xff" * 32, "x" * 5000])
def test_an_odd_cookie_breaks_nothing(client, things, cookie):
    client.raise_request_exception = False
    for href in ("/", "/s/x", reverse("account_login")):
        response = client.get(
            href, headers={"Cookie": f"sessionid={cookie}; answer={cookie}; csrftoken={cookie}"}
        )
        assert response.status_code < 500
