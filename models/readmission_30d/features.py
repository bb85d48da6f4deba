"""The columns of the model: what a record says about a stay that is about to end, and whom the model is not for.

`training/data.py` renders the training rows as records, so that training and service both come through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import nan

from clinical.assessment import Basis
from clinical.record import LOINC, Coding, PatientRecord, SetAside, SetAsideReason, Stay
from models.runtime.columns import Value
from models.runtime.gather import Series
from models.runtime.placed import Placed
from models.runtime.whereabouts import Refusal, outside

from .destinations import (
    DESTINATIONS,
    DIED_OR_HOSPICE,
    ORIGINS,
    UNKNOWN,
    URGENCIES,
    alive_is_not_told,
    destination_of,
    origin_of,
    urgency_of,
)
from .diagnoses import Diagnoses, Named, diagnoses_of
from .earlier_stays import days_between, year_before
from .has_diabetes import HBA1C, lacking, without_diabetes
from .icd_groups import CHAPTER_OF, CHAPTERS, LABELS
from .medicines import (
    GLINIDE,
    GLITAZONE,
    INSULIN,
    METFORMIN,
    SULFONYLUREA,
    Medicine,
    medicines_of,
)

# As in the training data: ages in bands of ten years from 20 to 99, and at most so many diagnoses and procedures.
_YOUNGEST, _OLDEST = 25.0, 95.0
_MOST_DIAGNOSES = 9
_CLASSES = {
    METFORMIN: "metformin",
    SULFONYLUREA: "sulfonylurea",
    GLITAZONE: "glitazone",
    GLINIDE: "glinide",
    INSULIN: "insulin",
}
# How the references of measurements begin: FHIR, and an OBX segment of an ORU message.
_MEASURED = ("Observation/", "ORU ")
_NO = Value(0.0)
_NOT_KNOWN = Value(nan)

_Columns = dict[str, Value]


def columns(record: PatientRecord, placed: Placed, _series: Mapping[str, Series]) -> _Columns:
    """The declared columns by name. What nobody can say is left out."""
    stay = placed.stay
    if stay is None:
        return {}
    found = {
        "age_band": Value(age_band(placed.person.age)),
        "days": Value(days_between(placed.start, min(stay.end or placed.as_of, placed.as_of))),
    }
    found |= _flags("urgency", URGENCIES, urgency_of(stay.priority), _of_stay(stay, stay.priority))
    found |= _flags("origin", ORIGINS, origin_of(stay.admit_source), _of_stay(stay, stay.admit_source))
    disposition = stay.discharge_disposition
    found |= _flags("to", DESTINATIONS, destination_of(disposition), _of_stay(stay, disposition))
    found |= _earlier(record, placed, stay)
    found |= _diagnosed(diagnoses_of(record, stay, placed.as_of))
    found |= _treated(record, stay, placed.as_of)
    return found


def age_band(age: float) -> float:
    """The middle of the band of ten years, as the training data give it."""
    return min(_OLDEST, max(_YOUNGEST, age // 10 * 10 + 5))


def _of_stay(stay: Stay, coding: Coding | None) -> tuple[Basis, ...]:
    return () if coding is None else (Basis(stay.reference, coding.display or coding.code, stay.start),)


def _flags(prefix: str, names: Iterable[str], chosen: str | None, basis: tuple[Basis, ...]) -> _Columns:
    """1 for the one that is so, 0 for the others; nothing where nobody can say."""
    if chosen == UNKNOWN:
        return {}
    found = {f"{prefix}_{name}": _NO for name in names}
    if chosen is not None:
        found[f"{prefix}_{chosen}"] = Value(1.0, basis=basis)
    return found


def _earlier(record: PatientRecord, placed: Placed, stay: Stay) -> _Columns:
    """Stays and visits of the year before; unknown where not all of them could be read."""
    if _unread(record, ("encounters", "encounter"), ("Encounter/",)):
        return {}
    past = year_before(record, stay, placed.start)
    return {
        "inpatient_year": _count(past.inpatient, "stay in hospital"),
        "emergency_year": _count(past.emergency, "emergency visit"),
    }


def _count(stays: tuple[Stay, ...], text: str) -> Value:
    return Value(float(len(stays)), basis=tuple(Basis(one.reference, text, one.start) for one in stays))


def _diagnosed(diagnoses: Diagnoses) -> _Columns:
    """The principal diagnosis, the two after it, their chapters, and what codes of diabetes say."""
    found = {"diagnoses": Value(float(min(diagnoses.number, _MOST_DIAGNOSES)))}
    principal = diagnoses.principal
    if principal is not None and principal.meaning is not None:
        found |= _NO_PRINCIPAL
        _mark(found, "principal", principal)
    if not diagnoses.others or any(one.meaning for one in diagnoses.others):
        found |= _NO_OTHER
        for one in diagnoses.others:
            _mark(found, "other", one)
    return found | _diabetes(diagnoses)


def _none_of(prefix: str) -> _Columns:
    """A diagnosis of no group. More groups than the manifest declares: too rare ones have no column there."""
    return {f"{prefix}_{name}": _NO for name in LABELS} | {f"{prefix}_chapter_{name}": _NO for name in CHAPTERS}


_NO_PRINCIPAL, _NO_OTHER = _none_of("principal"), _none_of("other")


def _mark(found: _Columns, prefix: str, named: Named) -> None:
    """Set the group of a diagnosis and count its chapter."""
    if named.meaning is None:
        return
    group = named.meaning.group
    for column, most in ((f"{prefix}_{group}", 1.0), (f"{prefix}_chapter_{CHAPTER_OF[group]}", 2.0)):
        known = found[column]
        found[column] = Value(min(known.number + 1.0, most), basis=(*known.basis, named.basis))


def _diabetes(diagnoses: Diagnoses) -> _Columns:
    """How many of the named diagnoses are diabetes, and what their codes say of its type and control."""
    coded = [(one.meaning.diabetes, one.basis) for one in diagnoses.named if one.meaning and one.meaning.diabetes]
    basis = tuple(found for _, found in coded)
    number = Value(float(len(coded)), basis=basis)
    if not coded:
        return {"diabetes_codes": number}
    return {
        "diabetes_codes": number,
        "type_1": Value(float(any(found.type_1 for found, _ in coded)), basis=basis),
        "uncontrolled": Value(float(any(found.uncontrolled for found, _ in coded)), basis=basis),
    }


def _treated(record: PatientRecord, stay: Stay, as_of: datetime) -> _Columns:
    """The medicines of the stay; unknown where they could not be read, or none was ordered at all."""
    medicines = medicines_of(record, stay, as_of)
    if not medicines or _unread(record, ("medications",), ("Medication",)):
        return {}
    lowering = [one for one in medicines if one.ingredients]
    found = {
        "medicines": _those(medicines, float(len(medicines))),
        "glucose_medicines": _those(lowering, float(len(lowering))),
    }
    for name, column in _CLASSES.items():
        of_class = [one for one in lowering if name in one.classes]
        found[column] = _those(of_class, float(bool(of_class)))
    return found


def _those(medicines: Sequence[Medicine], number: float) -> Value:
    return Value(number, basis=tuple(one.basis for one in medicines))


def _unread(record: PatientRecord, needs: Iterable[str], kinds: tuple[str, ...]) -> bool:
    """Whether facts of some kinds may only not have been read. What never held (`VOID`) is none of them."""
    if any(gap.startswith(tuple(f"{need}:" for need in needs)) for gap in record.incomplete):
        return True
    aside = (fact for fact in record.set_aside if fact.reason is not SetAsideReason.VOID)
    return any(fact.reference.startswith(kinds) and not _is_another_measurement(fact) for fact in aside)


def _is_another_measurement(fact: SetAside) -> bool:
    """Whether it was measured and its codes say that it is no HbA1c, which is all that is asked for here."""
    measured = fact.reference.startswith(_MEASURED) and fact.codings
    return bool(measured) and all((coding.system, coding.code) != (LOINC, HBA1C) for coding in fact.codings)


def refusal(record: PatientRecord, placed: Placed, _series: Mapping[str, Series]) -> Refusal | None:
    """Who is not meant: nobody comes back from a hospice, and without diabetes nothing was learnt."""
    stay = placed.stay
    if stay is None:
        return None
    if destination_of(stay.discharge_disposition) == DIED_OR_HOSPICE:
        return outside("the patient has died or goes to a hospice")
    found = _undiagnosed(record, placed, stay)
    if alive_is_not_told(stay.discharge_disposition) and (found is None or found.in_population):
        return lacking("the record does not say whether the patient leaves alive", "Discharge disposition")
    return found


def _undiagnosed(record: PatientRecord, placed: Placed, stay: Stay) -> Refusal | None:
    """Why the diagnoses do not do."""
    if not diagnoses_of(record, stay, placed.as_of).readable:
        return lacking("no diagnosis of this stay has a code of ICD-9-CM or ICD-10", "Diagnoses of this stay")
    return without_diabetes(record, placed.as_of, _unread(record, ("conditions", "medications", "hba1c"), ("",)))
