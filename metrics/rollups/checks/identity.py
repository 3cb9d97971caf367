"""What an identity is: the tables it is about, and statements that find what breaks it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """`violations` are SELECTs of (table, id, detail); without rows the identity holds. `tables` are counted."""

    id: str
    title: str
    tables: tuple[str, ...]
    violations: tuple[str, ...]
