"""A real browser before a real server."""

import pytest
from django.core.cache import cache

from tests.factories.users import PASSWORD, make_organisation, make_user

# Words of the browser itself that say nothing about the page.
NOISE = ("Failed to load resource: the server responded with a status of 4",)


@pytest.fixture
def admin(transactional_db):
    cache.clear()
    make_organisation(name="Kestrel", time_zone="Europe/Berlin")
    return make_user("Vera Lund", "admin", email="vera@tend.example", password=PASSWORD)


class Visitor:
    """One window, with everything the browser complained about."""

    def __init__(self, browser, base, **options):
        self.base = base
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))

    def _console(self, message):
        if message.type in {"error", "warning"} and not message.text.startswith(NOISE):
            self.complaints.append(f"{message.type}: {message.text[:300]}")

    def go(self, path):
        """Open a page and wait for the panels it loads by itself."""
        response = self.page.goto(self.base + path)
        self.page.locator("[hx-trigger=load][aria-busy=true]").first.wait_for(state="detached")
        return response

    def shows(self, path):
        """Whether the path is a page for this visitor, and not an act, a download or a way elsewhere."""
        answer = self.context.request.get(self.base + path, max_redirects=0)
        return answer.status == 200 and "text/html" in answer.headers.get("content-type", "")

    def sign_in(self, email="vera@tend.example"):
        self.go("/login/")
        self.page.fill("#id_login", email)
        self.page.fill("#id_password", PASSWORD)
        self.page.click("main button")
        self.page.wait_for_url(lambda url: "/login/" not in url)

    def sideways(self):
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@pytest.fixture
def visit(browser, live_server):
    windows = []

    def open_window(width=1440, height=900, scheme="light", **options):
        window = Visitor(
            browser,
            live_server.url,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            **options,
        )
        windows.append(window)
        return window

    yield open_window
    for window in windows:
        window.context.close()


@pytest.fixture(scope="session")
def axe():
    return pytest.importorskip("axe_playwright_python.sync_playwright").Axe()


@pytest.fixture
def window(visit, admin):
    return visit()
