"""The audit log only grows."""

import pytest
from django.db import IntegrityError, connection, transaction

from config.work import audit


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["UPDATE work_auditentry SET action = 'x'", "DELETE FROM work_auditentry"]
)
def test_raw_sql_cannot_change_an_entry(now, statement):
    audit.record(by=None, now=now, action="organisation.renamed", before={"name": "A"}, after={"name": "B"})
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
