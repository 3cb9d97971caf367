"""Somebody with a browser without scripts: cookies, forms, no redirects followed, and every answer timed."""

import re
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.client import HTTPException
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urlsplit

from tests.factories.users import PASSWORD

PATIENCE_S = 20  # longer than the 15 s a page may take
OUTAGE = frozenset({0, 503})  # what a declared outage may answer; 0 is a broken connection
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
NONCE = re.compile(r'name="form" value="([^"]+)"')
HREF = re.compile(r'href="([^"]+)"')


@dataclass
class Reply:
    status: int
    text: str
    headers: dict
    seconds: float


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args):
        return None


@dataclass
class Person:
    base: str
    browser: str = "Firefox/140"
    seen: list = field(default_factory=list)  # (status, seconds, method and path)

    def __post_init__(self):
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.cookies), _Stay()
        )

    def ask(self, path, *, data=None, body=None, headers=None, method=None):
        """One request; `data` is a form. Redirects and errors come back as they are, a broken line as status 0."""
        sent = urlencode(data).encode() if data is not None else body
        url = path if path.startswith("http") else self.base + path
        request = urllib.request.Request(
            url,
            data=sent,
            headers={"Referer": self.base, "User-Agent": self.browser, **(headers or {})},
            method=method,
        )
        began = time.monotonic()
        try:
            with self.opener.open(request, timeout=PATIENCE_S) as found:
                reply = (found.status, found.read().decode(), dict(found.headers))
        except urllib.error.HTTPError as error:
            reply = (error.code, error.read().decode(errors="replace"), dict(error.headers))
        except (OSError, HTTPException):
            reply = (0, "", {})
        took = time.monotonic() - began
        self.seen.append((reply[0], took, f"{request.get_method()} {urlsplit(url).path}"))
        return Reply(*reply, took)

    def submit(self, path, *, form_at=None, **data):
        """Fetch a page, then post its form with the page's token."""
        page = self.ask(form_at or path)
        token = TOKEN.search(page.text)
        return self.ask(path, data={"csrfmiddlewaretoken": token[1], **data}) if token else page

    def sign_in(self, email):
        reply = self.submit("/login/", login=email, password=PASSWORD)
        assert reply.status == 302, (reply.status, reply.text[:2000])
        return self

    def answer(self, link, score, **more):
        """Answer a survey by its link; 303 means recorded."""
        path = urlsplit(link).path
        page = self.ask(path + "?change=1")
        nonce = NONCE.search(page.text)
        if page.status != 200 or nonce is None:
            return page
        return self.ask(path, data={"form": nonce[1], "score": score, **more})

    def upload(self, kind, name, text):
        """Upload a file; the address of its batch, or None when that was not acknowledged."""
        token = TOKEN.search(self.ask("/imports/").text)
        if token is None:
            return None
        boundary = uuid.uuid4().hex
        fields = {"csrfmiddlewaretoken": token[1], "kind": kind, "source": "import"}
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: text/csv\r\n\r\n{text}\r\n--{boundary}--\r\n"
        )
        kind_of_body = f"multipart/form-data; boundary={boundary}"
        reply = self.ask("/imports/", body="".join(parts).encode(), headers={"Content-Type": kind_of_body})
        return reply.headers.get("Location") if reply.status == 302 else None

    def match_columns(self, batch, columns):
        """Start the dry run, each column filling the field of its name."""
        fields = {f"column_{place}": name for place, name in enumerate(columns)}
        return self.submit(f"{batch}mapping/", form_at=batch, **fields).status == 302

    def commit(self, batch):
        return self.submit(f"{batch}commit/", form_at=batch).status == 302

    def faults(self):
        """Requests that ended in a server's error other than a declared outage."""
        return [row for row in self.seen if row[0] >= 500 and row[0] not in OUTAGE]


class Mail:
    """A survey mail as it was taken by the server."""

    def __init__(self, recipient, raw):
        self.recipient, self.raw = recipient, raw
        self.message = message_from_bytes(raw, policy=policy.default)
        self.text = self.message.get_body(("plain",)).get_content()
        self.html = self.message.get_body(("html",)).get_content()
        links = [link.replace("&amp;", "&") for link in HREF.findall(self.html)]
        self.ratings = [link for link in links if "/s/" in link and "r=" in link]
        self.unsubscribe = re.search(r"<(http[^>]+)>", self.message["List-Unsubscribe"])[1]
