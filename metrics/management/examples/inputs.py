"""Reads the inputs of an example: exact numbers, days and months; what is missing is named."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Number = Decimal | int


class InputError(ValueError):
    """An input is missing or has another form."""


class Inputs:
    """The map `inputs` of an example, or a map inside it."""

    def __init__(self, values: Mapping[str, Any], path: str = "inputs") -> None:
        self.values = values
        self.path = path

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def __getitem__(self, key: str) -> Any:
        if key not in self.values:
            raise InputError(f"{self.path} lacks {key}")
        return self.values[key]

    def number(self, key: str, default: Number | None = None) -> Number:
        """An exact number."""
        if default is not None and self.values.get(key) is None:
            return default
        return as_number(self[key], f"{self.path}.{key}")

    def decimal(self, key: str, default: Number | None = None) -> Decimal:
        """An exact number as a decimal."""
        return Decimal(self.number(key, default))

    def maybe(self, key: str) -> Number | None:
        """An exact number, or None when it is absent or null."""
        return self.number(key) if key in self else None

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        return as_whole(self.number(key, default), f"{self.path}.{key}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text; a number is taken as it reads."""
        value = self.values.get(key, default) if default is not None else self[key]
        return str(value)

    def day(self, key: str) -> date:
        """A local day."""
        return as_day(self[key], f"{self.path}.{key}")

    def day_or_none(self, key: str) -> date | None:
        """A local day, or None when it is absent or null."""
        return self.day(key) if key in self else None

    def moment(self, key: str) -> datetime:
        """A local instant."""
        return datetime.fromisoformat(str(self[key]))

    def month(self, key: str) -> date:
        """A month (2024-03) as its first day."""
        return as_month(self[key], f"{self.path}.{key}")

    def items(self, key: str) -> list[Any]:
        """A list as it stands; an absent one is refused."""
        value = self[key]
        if not isinstance(value, list):
            raise InputError(f"{self.path}.{key} is not a list")
        return value

    def numbers(self, key: str) -> list[Number]:
        """A list of exact numbers."""
        return [as_number(value, f"{self.path}.{key}") for value in self.items(key)]

    def pairs(self, key: str) -> list[tuple[Number, Number]]:
        """A list of pairs of numbers."""
        return [
            (as_number(one, f"{self.path}.{key}"), as_number(other, f"{self.path}.{key}"))
            for one, other in self.items(key)
        ]

    def inner(self, key: str) -> "Inputs":
        """A map inside."""
        return Inputs(self[key], f"{self.path}.{key}")

    def maps(self, key: str) -> Iterator["Inputs"]:
        """The maps of a list."""
        for place, value in enumerate(self.items(key)):
            yield Inputs(value, f"{self.path}.{key}[{place}]")

    def counts(self, key: str = "counts") -> dict[int, int]:
        """Answer value -> number of answers."""
        inner = self.inner(key)
        return {
            as_whole(as_number(value, inner.path), inner.path): inner.whole(value) for value in inner.values
        }


def as_number(value: Any, path: str) -> Number:
    """An int or Decimal; text that reads as a number too."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise InputError(f"{path}: {value!r} is not a number")
    if isinstance(value, int):
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise InputError(f"{path}: {value!r} is not a number") from None
    if not number.is_finite():
        raise InputError(f"{path}: {value!r} is not a number")
    return number


def as_whole(value: Number, path: str) -> int:
    """A number without a fraction."""
    if value != int(value):
        raise InputError(f"{path}: {value} is not a whole number")
    return int(value)


def as_day(value: Any, path: str) -> date:
    """A day as 2024-03-31; the time of an instant is left out."""
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        raise InputError(f"{path}: {value!r} is not a day") from None


def as_month(value: Any, path: str) -> date:
    """The first day of a month given as 2024-03, or of a day's month."""
    text = str(value)
    return as_day(f"{text}-01" if text.count("-") == 1 else text, path).replace(day=1)
