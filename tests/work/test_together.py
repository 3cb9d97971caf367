"""Tables made together are the tables made one after the other."""

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from config.work.together import Together

SHELF = migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True))])
BOOK = migrations.CreateModel(
    "Book",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("shelf", models.ForeignKey("work.Shelf", on_delete=models.CASCADE)),
        ("title", models.TextField()),
    ],
    options={"indexes": [models.Index(fields=["title"], name="book_title")]},
)


@pytest.mark.django_db
def test_tables_that_point_at_each_other_come_and_go_together():
    together = Together([SHELF, BOOK])
    before, after = ProjectState(), ProjectState()
    together.state_forwards("work", after)
    with connection.schema_editor(atomic=False) as editor:
        together.database_forwards("work", editor, before, after)
    tables = set(connection.introspection.table_names())
    assert {"work_shelf", "work_book"} <= tables
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "work_book")
    assert "book_title" in constraints
    assert [one["foreign_key"] for one in constraints.values() if one["foreign_key"]] == [
        ("work_shelf", "id")
    ]
    with connection.schema_editor(atomic=False) as editor:
        together.database_backwards("work", editor, after, before)
    assert not {"work_shelf", "work_book"} & set(connection.introspection.table_names())


def test_models_rendered_before_are_rendered_anew():
    state = ProjectState()
    assert not list(state.apps.get_models())
    Together([SHELF, BOOK]).state_forwards("work", state)
    assert {model.__name__ for model in state.apps.get_models()} == {"Shelf", "Book"}
