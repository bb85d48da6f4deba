"""Which codes stand for one thing: exact codes, and in code systems that are trees also branches and ranges of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from clinical.record import LOINC, Coding
from models.formulae import charlson_codes

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ICD_9_CM = "http://hl7.org/fhir/sid/icd-9-cm"
SNOMED_CT = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
ICD_10_PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CPT = "http://www.ama-assn.org/go/cpt"

# The same systems by their object identifiers, as documents of CDA and what was made of them name them
# (terminology.hl7.org, external code systems).
_SAME: Mapping[str, str] = {
    "urn:oid:2.16.840.1.113883.6.90": ICD_10_CM,
    "urn:oid:2.16.840.1.113883.6.3": ICD_10,
    "urn:oid:2.16.840.1.113883.6.103": ICD_9_CM,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED_CT,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "urn:oid:2.16.840.1.113883.6.4": ICD_10_PCS,
    "urn:oid:2.16.840.1.113883.6.12": CPT,
    "http://www.cms.gov/Medicare/Coding/ICD10PCS": ICD_10_PCS,
}

# The short names of a manifest. The list of a publication for "ICD-10" holds for WHO's edition and for the US one.
SYSTEMS: Mapping[str, tuple[str, ...]] = {
    "icd-10": (ICD_10, ICD_10_CM),
    "icd-10-cm": (ICD_10_CM,),
    "icd-9-cm": (ICD_9_CM,),
    "snomed": (SNOMED_CT,),
    "rxnorm": (RXNORM,),
    "atc": (ATC,),
    "icd-10-pcs": (ICD_10_PCS,),
    "cpt": (CPT,),
    "loinc": (LOINC,),
    "act": ("http://terminology.hl7.org/CodeSystem/v3-ActCode",),
    "act-priority": ("http://terminology.hl7.org/CodeSystem/v3-ActPriority",),
    "admit-source": ("http://terminology.hl7.org/CodeSystem/admit-source",),
    "discharge-disposition": ("http://terminology.hl7.org/CodeSystem/discharge-disposition",),
}
# Code systems whose codes begin with the code of what they are a kind of.
TREES = frozenset({ICD_10_CM, ICD_10, ICD_9_CM, ICD_10_PCS, ATC})
# How codes of those that are no ICD of diagnoses look.
_FORMS = {
    ICD_10_PCS: re.compile(r"[0-9A-HJ-NP-Z]{3,7}"),
    ATC: re.compile(r"[A-Z](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?"),
}
# In place of a system: groups of diagnoses that the Charlson index defines, with its own rules for codes.
CHARLSON = "charlson"
# The same codes come again and again, and are asked about for each group.
REMEMBERED = 8192


@dataclass(frozen=True, slots=True)
class CodeList:
    """Codes of one thing. Dots and case do not count in a tree ("E11.9", "E119"); elsewhere a code is a whole code.

    `charlson` are groups of the Charlson index. `judges` are the systems in which the list is complete, so that a code
    of theirs that is not of this thing is something else: those that are trees. Single codes prove nothing by their
    absence: the same thing has hundreds of SNOMED CT concepts. `open` are branches of trees that may be this thing.
    """

    exact: frozenset[tuple[str, str]] = frozenset()
    branches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    charlson: frozenset[str] = frozenset()
    judges: frozenset[str] = frozenset()
    open: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def has(self, coding: Coding) -> bool:
        """Whether a coding is one of the codes, or lies below one."""
        return self.judge(coding) is True

    def judge(self, coding: Coding) -> bool | None:
        """Whether a coding is one of the codes or lies below one; False where it says that this is something else.

        None where it does not say: a code of a system that does not judge, what has not the form of a code, a category
        above one of the codes (E11 where E11.2 is listed), and what is left open.
        """
        system = canonical(coding.system)
        if system not in TREES:
            return True if (system, coding.code.strip()) in self.exact else None
        if self.charlson and not self.charlson.isdisjoint(charlson_groups(system, coding.code)):
            return True
        branches, ranges = self.branches.get(system, ()), self.ranges.get(system, ())
        code = bare(coding.code) if branches or ranges else ""
        if code.startswith(branches) or any(first <= code[: len(first)] <= last for first, last in ranges):
            return True
        if system not in self.judges or not legible(system, coding.code):
            return None
        if self.charlson and not self.charlson.isdisjoint(_groups_below(system, coding.code)):
            return None
        left_open = self.open.get(system, ())
        ends = (*branches, *left_open, *(end for pair in ranges for end in pair))
        return None if code.startswith(left_open) or any(end.startswith(code) for end in ends) else False

    def any_of(self, codings: Iterable[Coding]) -> bool:
        """Whether any of some codings is one of the codes."""
        return any(map(self.has, codings))

    def none_of(self, codings: Iterable[Coding]) -> bool:
        """Whether some codings say that this is something else."""
        judged = [self.judge(coding) for coding in codings]
        return False in judged and True not in judged


def canonical(system: str) -> str:
    """A code system by the name that FHIR gives it."""
    return _SAME.get(system, system)


@lru_cache(maxsize=REMEMBERED)
def legible(system: str, code: str) -> bool:
    """Whether a code has the form that the codes of a tree have."""
    icd = charlson_codes.SYSTEMS.get(system)
    if icd:
        return bool(charlson_codes.plain_code(code, icd))
    form = _FORMS.get(system)
    return form is not None and form.fullmatch(bare(code)) is not None


@lru_cache(maxsize=REMEMBERED)
def charlson_groups(system: str, code: str) -> frozenset[str]:
    """The Charlson groups of a diagnosis code."""
    icd = charlson_codes.SYSTEMS.get(system)
    return charlson_codes.groups_of(code, icd) if icd else frozenset()


@lru_cache(maxsize=REMEMBERED)
def _groups_below(system: str, code: str) -> frozenset[str]:
    """The Charlson groups of which a diagnosis code is a category that says too little."""
    icd = charlson_codes.SYSTEMS.get(system)
    return charlson_codes.groups_below(code, icd) if icd else frozenset()


def bare(code: str) -> str:
    """A code of a tree as it is compared."""
    return code.strip().replace(".", "").upper()


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
        frozenset({*branches, *ranges} | (set(charlson_codes.SYSTEMS) if groups else set())),
    )


def open_branches(written: Mapping[str, Iterable[str]]) -> Mapping[str, tuple[str, ...]]:
    """Branches for `CodeList.open`, by short name of the system. A code of a system without any is open unless listed.

    Raises ValueError for a system that is none, or no tree.
    """
    found: dict[str, list[str]] = {}
    for system, code in _pairs(written):
        if system not in TREES:
            raise ValueError(f"{system} has no branches; its codes are open unless they are listed")
        found.setdefault(system, []).append(bare(code))
    return {system: tuple(codes) for system, codes in found.items()}


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
