"""Pages before there is anything to show, and for people who are not signed in."""

import pytest

from tests.browser.looks import clean, findings
from tests.browser.pages import plain_pages, public_pages

pytestmark = pytest.mark.browser


PLANTED = """<!doctype html><html lang="en"><head><title>Faults</title></head><body><main><h1>Faults</h1>
<p style="color: #eee; background: #fff">Pale</p><img src="data:,"><hr width="1500"></main></body></html>"""


def test_faults_that_were_planted_are_found(window, axe):
    window.page.set_content(PLANTED)
    found = "\n".join(findings(axe, window, "planted"))
    for fault in ("axe image-alt", "axe color-contrast", "planted at 390 in dark: scrolls sideways"):
        assert fault in found


def test_every_page_for_people_who_are_not_signed_in_is_clean(window, axe):
    assert clean(window, axe, public_pages(), is_asked=False) == []


def test_every_page_is_clean_before_there_is_anything(window, axe):
    window.sign_in()
    assert clean(window, axe, plain_pages()) == []
