"""Each page with rows in it: no axe finding, nothing on the console, no sideways scroll."""

import pytest

from tests.browser.looks import clean
from tests.browser.pages import filled_pages, plain_pages

pytestmark = pytest.mark.browser


def test_every_page_is_clean_with_rows_in_it(window, axe):
    window.sign_in()
    assert clean(window, axe, [*filled_pages(), *plain_pages()]) == []
