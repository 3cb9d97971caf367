"""The whole product, with real processes, for people who walk through it."""

import pytest

from tests.browser.conftest import Visitor
from tests.chaos.product import Product


@pytest.fixture
def product(cluster, tmp_path):
    """An empty installation; the test seeds and starts it."""
    made = Product(cluster, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def visit(browser, product):
    """Open windows on the product."""
    windows = []

    def open_window(**options):
        window = Visitor(browser, product.url, viewport={"width": 1440, "height": 1000}, **options)
        window.page.set_default_timeout(30_000)
        windows.append(window)
        return window

    yield open_window
    for window in windows:
        window.context.close()
