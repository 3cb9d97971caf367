"""The people and the moment every test speaks of."""

from datetime import UTC, datetime

import pytest

from accounts.choices import Role
from tests.browser.chromium import browser  # noqa: F401 - a fixture, one for all folders
from tests.chaos.product import cluster  # noqa: F401 - likewise
from tests.factories.users import make_team, make_user


@pytest.fixture
def now():
    return datetime(2026, 3, 16, 10, 0, tzinfo=UTC)


@pytest.fixture
def company(db):
    """The team everything hangs from; nobody of the cast is a member of it."""
    return make_team("Customer success")


@pytest.fixture
def north(company):
    return make_team("North", parent=company)


@pytest.fixture
def south(company):
    return make_team("South", parent=company)


@pytest.fixture
def anna(north):
    """CSM, owner of the customer in question."""
    return make_user("Anna Berg", team=north, email="anna@tend.example")


@pytest.fixture
def ben(north):
    """CSM in Anna's team."""
    return make_user("Ben Ode", team=north, email="ben@tend.example")


@pytest.fixture
def carl(south):
    """CSM in another team: the stranger."""
    return make_user("Carl Voss", team=south, email="carl@tend.example")


@pytest.fixture
def mia(north):
    """Manager of Anna's team."""
    return make_user("Mia Holm", Role.MANAGER, team=north, email="mia@tend.example")


@pytest.fixture
def vera(db):
    """Admin."""
    return make_user("Vera Lund", Role.ADMIN, email="vera@tend.example")


@pytest.fixture
def vic(db):
    """Viewer: reads everything, writes nothing, sees no names of contacts."""
    return make_user("Vic Ray", Role.VIEWER, email="vic@tend.example")


@pytest.fixture(autouse=True)
def mail_rows(settings):
    """Mail is rows here as in the product; the test runner would put a list in their place."""
    settings.EMAIL_BACKEND = "config.work.mail.OutgoingMailBackend"


# Folders and files whose tests take longest, the longest first; the rest follows in its own order.
LONGEST = ("tests/browser/", "tests/journeys/", "tests/stack/test_dev_s", "tests/chaos/")


def pytest_collection_modifyitems(items):
    """The longest files first, so that two processes end together; the order inside a file stays."""
    items.sort(
        key=lambda item: next(
            (place for place, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST)
        )
    )
