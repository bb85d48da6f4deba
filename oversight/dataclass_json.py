"""Frozen dataclasses to plain JSON trees and back, by their type hints.

Covers what the words in `clinical` are made of: str, bool, int, float, datetime, StrEnum, sequences of one type (read
as tuples), optional values and other dataclasses. Numbers keep every bit: Python writes the shortest text that reads
back as the same float.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def to_tree(value: Any) -> Any:
    """A tree of dict, list, str, float, int, bool and None. Raises nothing; unknown types stay as they are."""
    return _writer(value.__class__)(value)


def members(value: Any, *, without: Collection[str] = ()) -> dict[str, Any]:
    """The tree of a dataclass value, but for some of its fields."""
    tree = {}
    for name in _wanted(value.__class__, frozenset(without)):
        member = getattr(value, name)
        kind = member.__class__
        tree[name] = member if kind in _PLAIN else _writer(kind)(member)
    return tree


def from_tree(kind: Any, tree: Any) -> Any:
    """The value of type `kind` that `to_tree` turned into `tree`.

    A field that the tree does not have takes its default, so a field added later does not spoil older entries.
    Raises TypeError, ValueError, KeyError or IndexError where the tree is not of this type.
    """
    return _reader(kind)(tree)


def from_members(kind: Any, tree: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for a dataclass out of the tree of some of its fields. Raises as `from_tree` does."""
    hints = _hints(kind)
    return {name: from_tree(hints[name], value) for name, value in tree.items()}


# What is its own tree: it stands in most fields, and is sooner seen here than looked up.
_PLAIN = frozenset({str, float, int, bool, types.NoneType})


@cache
def _wanted(kind: Any, without: frozenset[str]) -> tuple[str, ...]:
    """The fields of a dataclass, but for some."""
    return tuple(name for name in names(kind) if name not in without)


@cache
def names(kind: Any) -> tuple[str, ...]:
    """The fields of a dataclass."""
    return tuple(field.name for field in fields(kind))


@cache
def _writer(kind: Any) -> Callable[[Any], object]:
    """How to write a value of a type."""
    if issubclass(kind, Sequence) and not issubclass(kind, str | bytes):
        return lambda items: [to_tree(item) for item in items]
    if is_dataclass(kind):
        return members
    if issubclass(kind, Enum):
        return lambda member: member.value
    return datetime.isoformat if issubclass(kind, datetime) else lambda plain: plain


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """How to read a value of a type."""
    if get_origin(kind) in (Union, types.UnionType):
        (present,) = (option for option in get_args(kind) if option is not types.NoneType)
        return lambda tree: None if tree is None else from_tree(present, tree)
    if get_origin(kind) in (tuple, Sequence):
        member = get_args(kind)[0]
        return lambda tree: tuple(from_tree(member, item) for item in tree)
    if is_dataclass(kind):
        make: Any = kind
        return lambda tree: make(**from_members(kind, tree))
    if kind is datetime:
        return datetime.fromisoformat
    return kind if kind is float or issubclass(kind, Enum) else lambda tree: tree


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The resolved type hints of a dataclass."""
    return get_type_hints(kind)
