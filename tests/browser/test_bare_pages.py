"""Pages before there is anything to show, and for people who are not signed in."""

import pytest

from tests.browser.looks import TWO_WINDOWS, clean
from tests.browser.pages import plain_pages, public_pages

pytestmark = pytest.mark.browser


def test_every_page_for_people_who_are_not_signed_in_is_clean(window, axe):
    assert clean(window, axe, public_pages(), is_asked=False) == []


def test_every_page_is_clean_before_there_is_anything(window, axe):
    window.sign_in()
    assert clean(window, axe, plain_pages(), TWO_WINDOWS) == []
