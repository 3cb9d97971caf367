from datetime import UTC, date, datetime

from accounts.queries import organisation
from accounts.services.organisation import change_organisation
from config.work.models import AuditEntry
from tests.factories.users import make_organisation


def test_before_anybody_saved_one_the_defaults_are_shown_and_nothing_is_stored(db):
    row = organisation.current()
    assert (row.currency, row.csm_read_scope) == ("EUR", "own")
    assert type(row).objects.count() == 0


def test_a_day_is_the_organisations_day(db):
    make_organisation(time_zone="Europe/Berlin")
    assert organisation.local_day(datetime(2026, 3, 16, 23, 30, tzinfo=UTC)) == date(2026, 3, 17)
    make_organisation(time_zone="America/New_York")
    assert organisation.local_day(datetime(2026, 3, 16, 3, 30, tzinfo=UTC)) == date(2026, 3, 15)


def test_a_change_is_stored_once_and_logged_with_before_and_after(vera, now):
    values = {"name": "Kestrel", "time_zone": "Europe/Berlin", "currency": "USD", "csm_read_scope": "team"}
    change_organisation(**values, by=vera, now=now)
    change_organisation(**values, by=vera, now=now)
    entry = AuditEntry.objects.get(action="organisation.changed")
    assert (entry.actor, entry.before, entry.after) == (vera, None, values)
    assert organisation.current().name == "Kestrel"
