"""The patient's record, as every door (prefetch, FHIR, HL7 v2) fills it.

A fact in here has passed the rules of the record: right patient, final status, a number, a unit that the
allow-list of its analyte knows, a time with a zone. What did not pass stands in `set_aside` with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

LOINC = "http://loinc.org"
# Since when something may have been true of which only the latest moment is known.
EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Coding:
    """A code in a system (FHIR Coding)."""

    system: str
    code: str
    display: str = ""

    @property
    def token(self) -> str:
        """`system|code`, the form of a FHIR search token."""
        return f"{self.system}|{self.code}"


class Source(StrEnum):
    """The door a fact came through."""

    PREFETCH = "prefetch"
    FHIR = "fhir"
    HL7V2 = "hl7v2"


@dataclass(frozen=True, slots=True)
class Observation:
    """One measured number (FHIR Observation, or one component of it, or one OBX segment).

    `value` and `unit` are canonical for the analyte; `reported_value` and `reported_unit` are what was sent.
    `reference_range` is the sender's usual range in words, in the unit of what was sent ("3.5 to 5.1 mmol/L"), or
    empty. It is for people alone: no feature and no rule reads it.
    """

    reference: str
    codings: tuple[Coding, ...]
    value: float
    unit: str
    time: datetime
    status: str
    source: Source
    reported_value: float
    reported_unit: str
    reference_range: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An observation whose value is a code and not a number (FHIR Observation.valueCodeableConcept): smoking status.

    `text` is what the sender calls the value; a value without a code has only that.
    """

    reference: str
    codings: tuple[Coding, ...]
    values: tuple[Coding, ...]
    text: str
    time: datetime
    status: str
    source: Source


@dataclass(frozen=True, slots=True)
class Condition:
    """A diagnosis or problem that somebody has confirmed (FHIR Condition).

    `active` is False once it has resolved. `onset` is when it began and `recorded` when it was written down, where that
    is known; `encounter` is the reference of the stay it belongs to, or empty; `text` what the sender calls it.
    """

    reference: str
    codings: tuple[Coding, ...]
    onset: datetime | None = None
    recorded: datetime | None = None
    active: bool = True
    encounter: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class MedicationUse:
    """A medicine ordered, given or taken (FHIR MedicationRequest, MedicationStatement, MedicationAdministration).

    `active` is False once it has ended. `start` is when it was ordered or begun; where only a day, a month or a year is
    told, `start` is its first moment and `latest_start` its last. `status` is that of FHIR, or empty.
    """

    reference: str
    codings: tuple[Coding, ...]
    start: datetime | None = None
    end: datetime | None = None
    active: bool = True
    encounter: str = ""
    text: str = ""
    status: str = ""
    latest_start: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProcedureDone:
    """Something that was done (FHIR Procedure, completed or under way).

    `performed` is when it began, or the moment it was done; where only a day, a month or a year is told, `performed` is
    its first moment and `latest_start` its last. `end` is there where a period has one. `status` is that of FHIR, or
    empty.
    """

    reference: str
    codings: tuple[Coding, ...]
    performed: datetime | None = None
    encounter: str = ""
    text: str = ""
    end: datetime | None = None
    status: str = ""
    latest_start: datetime | None = None


@dataclass(frozen=True, slots=True)
class StayLocation:
    """A place within a stay (FHIR Encounter.location, HL7 v2 PV1-3).

    `recognised_by` says why the place counts as intensive care; it is empty where it does not. `known` is False where
    the place could not be looked up, so that nobody can say whether it does.
    `start_unclear`: a start was written from which no moment can be read; `start_day` is its calendar day, if it has
    one. Of an end that is only a day, `end` is the last moment at which that day may end anywhere, and `end_unclear` is
    True: the patient may have left earlier. `status_known` is False where the status is none of FHIR's, so that nobody
    can say whether the patient is there.
    """

    name: str
    codings: tuple[Coding, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    intensive_care: bool = False
    recognised_by: str = ""
    known: bool = True
    start_unclear: bool = False
    start_day: date | None = None
    status_known: bool = True
    end_unclear: bool = False


@dataclass(frozen=True, slots=True)
class StayDiagnosis:
    """A diagnosis that an encounter names (FHIR Encounter.diagnosis). `role` is a code of DiagnosisRole, or empty."""

    condition: str
    role: str = ""
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """An encounter (FHIR Encounter). `status` is the FHIR encounter status, `class_code` an ActCode.

    `priority` is an ActPriority; `admit_source` and `discharge_disposition` are as in Encounter.hospitalization.
    `start_day` and `end_day` are the calendar days as they were written, also where no time of day was; `offset` is
    that of the written start from UTC, None where it was written in UTC ("Z") or without a time. `latest_end` is there
    where no moment of the end is told, but a day, a month or a year: the last moment at which that may end.
    """

    reference: str
    status: str
    class_code: Coding | None
    start: datetime | None
    end: datetime | None
    locations: tuple[StayLocation, ...] = ()
    priority: Coding | None = None
    admit_source: Coding | None = None
    discharge_disposition: Coding | None = None
    diagnoses: tuple[StayDiagnosis, ...] = ()
    start_day: date | None = None
    end_day: date | None = None
    offset: timedelta | None = None
    latest_end: datetime | None = None


class SetAsideReason(StrEnum):
    """Why a fact that was read is not used.

    `VOID`: its sender says that it never held (entered in error, ruled out, not done). Nothing is missing without it,
    while any of the others may have been true.
    """

    MALFORMED = "malformed"
    STATUS = "status"
    NO_VALUE = "no-value"
    NO_TIME = "no-time"
    FUTURE = "future"
    UNIT = "unit"
    IMPLAUSIBLE = "implausible"
    SAME_TIME = "same-time"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Says:
    """What a fact says that could be used if it told the moment: a number in the unit of its analyte, or an answer."""

    value: float | None = None
    unit: str = ""
    values: tuple[Coding, ...] = ()


@dataclass(frozen=True, slots=True)
class SetAside:
    """A fact that was read and is not used. `detail` is for people and never holds the value itself.

    `time` is when it was true, at the latest (of what bears only a day, the last moment of that day); None where that
    is not known. `since` is there where no moment is told: the first at which it may have been true (`EVER` where only
    a bound is known: when it was issued). `empty`: its sender says that there is no value (entered in error, cancelled,
    absent, none yet), so that nothing was seen which an older fact could contradict. `says` is there where only the
    moment is missing; by it a copy of another fact is known, and nobody shows it. `decides`: the answer might be
    another if this could be used, so that people have to be told of it first.
    """

    reference: str
    reason: SetAsideReason
    detail: str
    codings: tuple[Coding, ...] = ()
    time: datetime | None = None
    empty: bool = False
    since: datetime | None = None
    says: Says | None = None
    decides: bool = False


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """Everything that was read about one patient for one call.

    `focus` is the reference of the stay that the caller named (`Encounter/…`), if any. `incomplete` says which
    needs were read only in part and why. `caveats` says what the reader had to decide (a birth date without a day).
    `name` is for the banner of the page only.
    """

    patient_id: str
    read_at: datetime
    birth_date: date | None = None
    sex: str | None = None
    stays: tuple[Stay, ...] = ()
    observations: tuple[Observation, ...] = ()
    conditions: tuple[Condition, ...] = ()
    medications: tuple[MedicationUse, ...] = ()
    procedures: tuple[ProcedureDone, ...] = ()
    answers: tuple[Answer, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    incomplete: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    focus: str | None = None
    name: str = ""
    deceased: bool = False


def completed_years(birth: date, on: date) -> int:
    """Age in completed years on a day; negative before birth."""
    before_birthday = (on.month, on.day) < (birth.month, birth.day)
    return on.year - birth.year - int(before_birthday)
