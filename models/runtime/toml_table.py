"""A TOML table (or JSON object) that is read key by key and remembers every fault, so that all are seen at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, cast

_T = TypeVar("_T")


class TomlTable:
    """One table of a document. Tables of one document share one list of faults.

    Every reader gives a harmless value of the right type where the document has none, and notes the fault.
    """

    def __init__(self, data: Mapping[str, object], where: str, faults: list[str]) -> None:
        """Hold the table; `where` is its dotted path, for the messages."""
        self._data = data
        self._where = where
        self._asked: set[str] = set()
        self.faults = faults

    def fault(self, text: str) -> None:
        """Note a fault of this table."""
        self.faults.append(f"{self._where}: {text}" if self._where else text)

    def _get(self, key: str, kind: type[_T], words: str, default: _T) -> _T:
        self._asked.add(key)
        value = self._data.get(key)
        if isinstance(value, kind) and not isinstance(value, bool):
            return value
        self.fault(f"{key} is missing" if value is None else f"{key} must be {words}")
        return default

    def text(self, key: str) -> str:
        """A text that is not blank."""
        value = self._get(key, str, "a text", "?")
        if not value.strip():
            self.fault(f"{key} is blank")
        return value.strip()

    def number(self, key: str) -> float:
        """An integer or float."""
        return float(self._get(key, cast("type[float]", int | float), "a number", 0.0))

    def integer(self, key: str) -> int:
        """An integer."""
        return self._get(key, int, "a whole number", 0)

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """True or false. Without a default it must be there."""
        self._asked.add(key)
        value = self._data.get(key, default)
        if not isinstance(value, bool):
            self.fault(f"{key} is missing" if value is None else f"{key} must be true or false")
        return value is True

    def choice(self, key: str, options: Sequence[str], *, default: str = "") -> str:
        """One of some texts; the default where there is one and the key is not there."""
        if default and not self.has(key):
            return default
        value = self.text(key)
        if value not in options:
            self.fault(f"{key} must be one of {', '.join(options)}")
            return options[0]
        return value

    def text_or(self, key: str, default: str) -> str:
        """A text, or the default where the key is not there."""
        return self.text(key) if self.has(key) else default

    def texts_or_none(self, key: str) -> tuple[str, ...]:
        """A list of texts; nothing where the key is not there."""
        return self.texts(key) if self.has(key) else ()

    def span(self, key: str) -> tuple[float, float]:
        """`[lowest, highest]`."""
        bounds = self.numbers(key)
        if len(bounds) != 2:
            self.fault(f"{key} must be [lowest, highest]")
            return 0.0, 1.0
        return bounds[0], bounds[1]

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts that is not empty."""
        return self._list(key, str, "texts")

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of numbers that is not empty."""
        return tuple(map(float, self._list(key, cast("type[float]", int | float), "numbers")))

    def _list(self, key: str, kind: type[_T], words: str) -> tuple[_T, ...]:
        items = self._get(key, list, f"a list of {words}", cast("list[object]", []))
        good = tuple(item for item in items if isinstance(item, kind) and not isinstance(item, bool))
        if len(good) != len(items) or (key in self._data and not items):
            self.fault(f"{key} must be a list of {words} and not empty")
        return good

    def has(self, key: str) -> bool:
        """Whether an optional key is there."""
        return key in self._data

    def table(self, key: str) -> TomlTable:
        """A table within."""
        data = self._get(key, dict, "a table", cast("dict[str, object]", {}))
        return TomlTable(data, f"{self._where}.{key}".lstrip("."), self.faults)

    def names(self) -> tuple[str, ...]:
        """Every key, where keys are names that the author chose."""
        return tuple(self._data)

    def tables(self, key: str) -> Iterator[tuple[str, TomlTable]]:
        """Name and table of each table within a table."""
        outer = self.table(key)
        for name in outer._data:
            yield name, outer.table(name)

    def rows(self, key: str) -> Iterator[TomlTable]:
        """Each table of an array of tables."""
        for number, item in enumerate(self._list(key, dict, "tables"), start=1):
            yield TomlTable(item, f"{self._where}.{key}[{number}]".lstrip("."), self.faults)

    def close(self) -> None:
        """Note every key that nobody asked for: a misspelt key must not be silently without effect."""
        for key in sorted(set(self._data) - self._asked):
            self.fault(f"unknown key {key}")
