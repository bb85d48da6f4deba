"""Sorting the diagnoses of a record into the inputs that ask for them, in one pass.

A long history has hundreds of diagnoses, an index of comorbidity asks for seventeen groups, and the same codes come
again and again: so what a code stands for is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from clinical.record import Coding, Condition
from models.runtime.code_list import CodeList

REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Sorted:
    """Diagnoses by the name of the input that asks for them, and by code systems those that are in none of these."""

    of: Mapping[str, Sequence[Condition]] = field(default_factory=dict)
    foreign: Mapping[frozenset[str], Sequence[Condition]] = field(default_factory=dict)


class DiagnosisSorter:
    """Sorts for the inputs of one score. Built once; safe to share between threads."""

    def __init__(self, lists: Mapping[str, CodeList]) -> None:
        """Take the code list of each input, by name."""
        self._lists = lists
        self._systems = {codes.systems for codes in lists.values()}
        self._names_of = lru_cache(maxsize=REMEMBERED)(self._names)

    def sort(self, conditions: Iterable[Condition]) -> Sorted:
        """Sort all of them; one may belong to several inputs."""
        if not self._lists:
            return Sorted()
        of: dict[str, list[Condition]] = {name: [] for name in self._lists}
        foreign: dict[frozenset[str], list[Condition]] = {systems: [] for systems in self._systems}
        for condition in conditions:
            pairs = [(coding.system, coding.code) for coding in condition.codings]
            for name in {name for pair in pairs for name in self._names_of(pair)}:
                of[name].append(condition)
            for systems, apart in foreign.items():
                if not any(system in systems for system, _ in pairs):
                    apart.append(condition)
        return Sorted(of, foreign)

    def _names(self, pair: tuple[str, str]) -> tuple[str, ...]:
        """The inputs that a code stands for."""
        coding = Coding(*pair)
        return tuple(name for name, codes in self._lists.items() if codes.has(coding))
