"""Frozen dataclasses to plain JSON trees and back, by their type hints.

Covers what the words in `clinical` are made of: str, bool, int, float, datetime, StrEnum, tuples of one type, optional
values and other dataclasses. Numbers keep every bit: Python writes the shortest text that reads back as the same float.

Values of the types in `shared` are written once, in a list, and referred to by their place in it: one blood pressure
stands behind its last, its mean and its trend.
"""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


class Writer:
    """Turns one value into a tree; `shared` then holds the trees of the shared values."""

    def __init__(self, *shared: type) -> None:
        """Name the types whose values are written once."""
        self._types = shared
        self._places: dict[object, int] = {}
        self.shared: list[object] = []

    def tree(self, value: object) -> object:
        """A tree of dict, list, str, float, int, bool and None. Raises nothing; unknown types stay as they are."""
        if isinstance(value, tuple):
            return [self.tree(item) for item in value]
        if isinstance(value, self._types):
            return self._shared(value)
        return self._plain(value)

    def _shared(self, value: object) -> int:
        """The place of a shared value in the list."""
        place = self._places.get(value)
        if place is None:
            place = self._places[value] = len(self.shared)
            self.shared.append(self._plain(value))
        return place

    def _plain(self, value: object) -> object:
        """A value that is no tuple."""
        if is_dataclass(value) and not isinstance(value, type):
            return {name: self.tree(getattr(value, name)) for name in _names(type(value))}
        if isinstance(value, Enum):
            return value.value
        return value.isoformat() if isinstance(value, datetime) else value


class Reader:
    """Turns trees back into values; `shared` are the trees of the shared values of type `kind`."""

    def __init__(self, kind: type, shared: list[object]) -> None:
        """Read the shared values first."""
        self._kind = kind
        self._shared = [self._dataclass(kind, tree) for tree in shared]

    def value(self, kind: Any, tree: Any) -> Any:
        """The value of type `kind` that a `Writer` turned into `tree`.

        A field that the tree does not have takes its default, so a field added later does not spoil older entries.
        Raises TypeError, ValueError, KeyError or IndexError where the tree is not of this type.
        """
        if get_origin(kind) in (Union, types.UnionType):
            return None if tree is None else self.value(_present(kind), tree)
        if get_origin(kind) is tuple:
            return tuple(self.value(get_args(kind)[0], item) for item in tree)
        if kind is self._kind:
            return self._shared[tree]
        return self._dataclass(kind, tree) if is_dataclass(kind) else _scalar(kind, tree)

    def _dataclass(self, kind: Any, tree: Any) -> Any:
        """A dataclass from its members."""
        hints = _hints(kind)
        return kind(**{name: self.value(hints[name], value) for name, value in tree.items()})


def _scalar(kind: Any, tree: Any) -> Any:
    """A value without parts."""
    if kind is datetime:
        return datetime.fromisoformat(tree)
    return kind(tree) if kind is float or issubclass(kind, Enum) else tree


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """The fields of a dataclass."""
    return tuple(field.name for field in fields(kind))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The resolved type hints of a dataclass."""
    return get_type_hints(kind)


def _present(kind: Any) -> Any:
    """The type in `X | None`."""
    (present,) = (option for option in get_args(kind) if option is not types.NoneType)
    return present
