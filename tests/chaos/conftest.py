"""Installations for the tests that kill parts of them."""

import pytest

from config.devstack.postgres import PROCESS_TABLE
from tests.chaos.product import Cluster, Product


@pytest.fixture(scope="session")
def cluster():
    if not PROCESS_TABLE.is_dir():
        pytest.skip("needs /proc to find the processes of a pool")
    made = Cluster()
    yield made
    made.stop()


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
