"""Fixed statements that a connection plans once, because planning them takes longer than running them.

Behind a pooler that changes connections between transactions they are sent whole, to be planned each time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakSet

from django.conf import settings
from django.db import connection

_VALUE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, eq=False)
class Statement:
    """SQL with `%(name)s` for its values. `types` names every value and its type, in any order."""

    name: str
    types: Mapping[str, str]
    sql: str
    _known_to: WeakSet[Any] = field(init=False, default_factory=WeakSet)  # database connections

    def prepare(self, cursor: Any) -> None:
        """Tell this connection of it, unless it knows."""
        if connection.connection in self._known_to:
            return
        number = {name: f"${place}" for place, name in enumerate(self.types, start=1)}
        sql = _VALUE.sub(lambda found: number[found[1]], self.sql)
        cursor.execute(f"PREPARE tend_{self.name} ({', '.join(self.types.values())}) AS {sql}")
        self._known_to.add(connection.connection)

    @cached_property
    def call(self) -> str:
        """What runs it when prepared."""
        return f"EXECUTE tend_{self.name} ({', '.join(f'%({name})s' for name in self.types)})"

    @cached_property
    def whole(self) -> str:
        """What runs it unprepared."""
        return _VALUE.sub(lambda found: f"{found[0]}::{self.types[found[1]]}", self.sql)

    def run(self, cursor: Any, values: Mapping[str, Any]) -> None:
        """Run it with these values."""
        if settings.DATABASE_POOLER:
            cursor.execute(self.whole, values)
        else:
            self.prepare(cursor)
            cursor.execute(self.call, values)
