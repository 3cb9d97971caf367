"""Each page in both modes and on desk and phone: no axe finding, nothing on the console, no sideways scroll."""

import pytest

from tests.browser.pages import filled_pages, plain_pages, public_pages

pytestmark = pytest.mark.browser

WINDOWS = [(1440, 900, "light"), (1440, 900, "dark"), (390, 844, "light"), (390, 844, "dark")]
NARROW = (320, 700)


def findings(axe, window, path):
    """What is wrong with the page that is open."""
    results = axe.run(window.page)
    found = [
        f"{path}: axe {rule['id']} at {rule['nodes'][0]['target']}" for rule in results.response["violations"]
    ]
    if window.sideways() > 0:
        found.append(f"{path}: scrolls sideways by {window.sideways()} px")
    found += [f"{path}: {complaint}" for complaint in window.complaints]
    window.complaints.clear()
    return found


@pytest.fixture(scope="session")
def axe():
    return pytest.importorskip("axe_playwright_python.sync_playwright").Axe()


@pytest.mark.parametrize(("width", "height", "scheme"), WINDOWS)
def test_every_page_is_clean(visit, admin, axe, width, height, scheme):
    window = visit(width, height, scheme)
    found = []
    for path in public_pages():
        window.go(path)
        found += findings(axe, window, path)
    window.sign_in()
    for path in [*filled_pages(), *plain_pages()]:
        if window.shows(path):
            window.go(path)
            found += findings(axe, window, path)
    assert found == []


def test_no_page_scrolls_sideways_at_320_pixels(visit, admin):
    window = visit(*NARROW)
    window.sign_in()
    wide = []
    for path in [*filled_pages(), *plain_pages()]:
        if not window.shows(path):
            continue
        window.go(path)
        if window.sideways() > 0:
            wide.append(f"{path}: {window.sideways()} px")
    assert wide == []
