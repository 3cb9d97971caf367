"""Installations for the tests that kill parts of them."""

import pytest

from tests.chaos.product import Product


@pytest.fixture
def install(cluster, tmp_path):
    """Make installations; all of it is stopped after the test."""
    made = []

    def begin(**options):
        product = Product(cluster, tmp_path, **options)
        made.append(product)
        return product

    yield begin
    for product in made:
        product.stop()
