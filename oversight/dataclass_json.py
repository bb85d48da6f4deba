"""Frozen dataclasses to plain JSON trees and back, by their type hints.

Covers what the words in `clinical` are made of: str, bool, int, float, datetime, StrEnum, tuples of one type, optional
values and other dataclasses. Numbers keep every bit: Python writes the shortest text that reads back as the same float.
"""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def to_tree(value: object) -> object:
    """A tree of dict, list, str, float, int, bool and None. Raises nothing; unknown types stay as they are."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_tree(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [to_tree(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def from_tree(kind: Any, tree: Any) -> Any:
    """The value of type `kind` that `to_tree` turned into `tree`.

    A field that the tree does not have takes its default, so a field added later does not spoil older entries.
    Raises TypeError, ValueError or KeyError where the tree is not of this type.
    """
    if get_origin(kind) in (Union, types.UnionType):
        return None if tree is None else from_tree(_present(kind), tree)
    if get_origin(kind) is tuple:
        return tuple(from_tree(get_args(kind)[0], item) for item in tree)
    if is_dataclass(kind):
        return _dataclass(kind, tree)
    if kind is datetime:
        return datetime.fromisoformat(tree)
    return kind(tree) if kind is float or issubclass(kind, Enum) else tree


def _dataclass(kind: Any, tree: dict[str, object]) -> Any:
    """A dataclass from its members."""
    hints = _hints(kind)
    return kind(**{name: from_tree(hints[name], value) for name, value in tree.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The resolved type hints of a dataclass."""
    return get_type_hints(kind)


def _present(kind: Any) -> Any:
    """The type in `X | None`."""
    (present,) = (option for option in get_args(kind) if option is not types.NoneType)
    return present
