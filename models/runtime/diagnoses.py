"""Sorting the diagnoses of a record into the inputs that ask for them, in one pass.

A diagnosis is one of those that an input asks for, or it is something else, or nobody can say: it has no code, only
codes of systems in which no list is complete, or a category that says too little. A long history has hundreds of
diagnoses, an index of comorbidity asks for seventeen groups, and the same codes come again and again: so what a code
stands for is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from clinical.record import Coding, Condition, PatientRecord, SetAside, SetAsideReason
from models.runtime.code_list import CodeList

REMEMBERED = 4096
# How the references of diagnoses begin: FHIR, and a DG1 segment of an ADT message.
_DIAGNOSES = ("Condition/", "ADT ")
_Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Sorted:
    """By the name of the input: the diagnoses that it asks for, and those of which nobody can say whether they are.

    `aside` are diagnoses that the reader set aside and that may be such. What never held (`VOID`) is none of them.
    """

    of: Mapping[str, Sequence[Condition]] = field(default_factory=dict)
    unclear: Mapping[str, Sequence[Condition]] = field(default_factory=dict)
    aside: Mapping[str, Sequence[SetAside]] = field(default_factory=dict)


class DiagnosisSorter:
    """Sorts for the inputs of one score. Built once; safe to share between threads."""

    def __init__(self, lists: Mapping[str, CodeList]) -> None:
        """Take the code list of each input, by name."""
        self._lists = lists
        self._all = frozenset(lists)
        self._meant = lru_cache(maxsize=REMEMBERED)(self._looked_up)

    def sort(self, record: PatientRecord) -> Sorted:
        """Sort all of them; one may belong to several inputs."""
        if not self._lists:
            return Sorted()
        of: dict[str, list[Condition]] = {name: [] for name in self._lists}
        unclear: dict[str, list[Condition]] = {name: [] for name in self._lists}
        aside: dict[str, list[SetAside]] = {name: [] for name in self._lists}
        for condition in record.conditions:
            yes, no = self._judged(condition.codings)
            for name in yes:
                of[name].append(condition)
            for name in self._all - yes - no:
                unclear[name].append(condition)
        for fact in record.set_aside:
            if fact.reference.startswith(_DIAGNOSES) and fact.reason is not SetAsideReason.VOID:
                yes, no = self._judged(fact.codings)
                for name in yes | (self._all - no):
                    aside[name].append(fact)
        return Sorted(of, unclear, aside)

    def _judged(self, codings: Iterable[Coding]) -> tuple[_Names, _Names]:
        """The inputs that a diagnosis is asked for by, and those for which it is something else."""
        yes: _Names = frozenset()
        no: _Names = frozenset()
        for coding in codings:
            one, other = self._meant((coding.system, coding.code))
            yes, no = yes | one, no | other
        return yes, no - yes

    def _looked_up(self, pair: tuple[str, str]) -> tuple[_Names, _Names]:
        """What one code says."""
        coding = Coding(*pair)
        judged = {name: codes.judge(coding) for name, codes in self._lists.items()}
        return (
            frozenset(name for name, said in judged.items() if said is True),
            frozenset(name for name, said in judged.items() if said is False),
        )
