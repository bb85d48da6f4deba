"""Which codes stand for one thing: exact codes, and in code systems that are trees also branches and ranges of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from clinical.record import LOINC, Coding
from models.formulae import charlson_codes

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ICD_9_CM = "http://hl7.org/fhir/sid/icd-9-cm"
SNOMED_CT = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
ICD_10_PCS = "http://www.cms.gov/Medicare/Coding/ICD10"

# The short names of a manifest. The list of a publication for "ICD-10" holds for WHO's edition and for the US one.
SYSTEMS: Mapping[str, tuple[str, ...]] = {
    "icd-10": (ICD_10, ICD_10_CM),
    "icd-10-cm": (ICD_10_CM,),
    "icd-9-cm": (ICD_9_CM,),
    "snomed": (SNOMED_CT,),
    "rxnorm": (RXNORM,),
    "atc": (ATC,),
    "icd-10-pcs": (ICD_10_PCS,),
    "cpt": ("http://www.ama-assn.org/go/cpt",),
    "loinc": (LOINC,),
    "act": ("http://terminology.hl7.org/CodeSystem/v3-ActCode",),
    "act-priority": ("http://terminology.hl7.org/CodeSystem/v3-ActPriority",),
    "admit-source": ("http://terminology.hl7.org/CodeSystem/admit-source",),
    "discharge-disposition": ("http://terminology.hl7.org/CodeSystem/discharge-disposition",),
}
# Code systems whose codes begin with the code of what they are a kind of.
TREES = frozenset({ICD_10_CM, ICD_10, ICD_9_CM, ICD_10_PCS, ATC})
# In place of a system: groups of diagnoses that the Charlson index defines, with its own rules for codes.
CHARLSON = "charlson"


@dataclass(frozen=True, slots=True)
class CodeList:
    """Codes of one thing. Dots and case do not count in a tree ("E11.9", "E119"); elsewhere a code is a whole code.

    `charlson` are groups of the Charlson index; `systems` all systems whose codes can be told to be of this thing or
    not.
    """

    exact: frozenset[tuple[str, str]] = frozenset()
    branches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    charlson: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()

    def has(self, coding: Coding) -> bool:
        """Whether a coding is one of the codes, or lies below one."""
        system = coding.system
        if system not in TREES:
            return (system, coding.code) in self.exact
        if self.charlson and not self.charlson.isdisjoint(charlson_groups(system, coding.code)):
            return True
        code = bare(coding.code)
        if code.startswith(self.branches.get(system, ())):
            return True
        return any(first <= code[: len(first)] <= last for first, last in self.ranges.get(system, ()))

    def any_of(self, codings: Iterable[Coding]) -> bool:
        """Whether any of some codings is one of the codes."""
        return any(map(self.has, codings))


def charlson_groups(system: str, code: str) -> frozenset[str]:
    """The Charlson groups of a diagnosis code."""
    icd = charlson_codes.SYSTEMS.get(system)
    return charlson_codes.groups_of(code, icd) if icd else frozenset()


def bare(code: str) -> str:
    """A code of a tree as it is compared."""
    return code.replace(".", "").upper()


def code_list(written: Mapping[str, Iterable[str]]) -> CodeList:
    """Codes by short name of the system. Raises ValueError for a system or a range that is none."""
    exact: set[tuple[str, str]] = set()
    branches: dict[str, list[str]] = {}
    ranges: dict[str, list[tuple[str, str]]] = {}
    groups = frozenset(written.get(CHARLSON, ()))
    if not groups <= set(charlson_codes.GROUPS):
        raise ValueError(f"{CHARLSON} has the groups {', '.join(charlson_codes.GROUPS)}")
    for system, code in _pairs({name: codes for name, codes in written.items() if name != CHARLSON}):
        if system not in TREES:
            exact.add((system, code))
        elif "-" in code:
            ranges.setdefault(system, []).append(_range(code))
        else:
            branches.setdefault(system, []).append(bare(code))
    return CodeList(
        frozenset(exact),
        {system: tuple(found) for system, found in branches.items()},
        {system: tuple(found) for system, found in ranges.items()},
        groups,
        frozenset(
            {system for system, _ in exact} | {*branches, *ranges} | (set(charlson_codes.SYSTEMS) if groups else set())
        ),
    )


def codings(written: Mapping[str, Iterable[str]]) -> tuple[Coding, ...]:
    """Codes by short name of the system, each as a coding. Raises ValueError for a system that is none."""
    return tuple(Coding(system, code) for system, code in _pairs(written))


def _pairs(written: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    for name, codes in written.items():
        if name not in SYSTEMS:
            raise ValueError(f"{name} is not one of {', '.join(SYSTEMS)}")
        for system in SYSTEMS[name]:
            for code in codes:
                yield system, code


def _range(text: str) -> tuple[str, str]:
    first, _, last = (bare(part.strip()) for part in text.partition("-"))
    if len(first) != len(last) or not first < last:
        raise ValueError(f"{text} is not a range of codes of the same length")
    return first, last
