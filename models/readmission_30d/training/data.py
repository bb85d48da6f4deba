"""The Diabetes 130-US encounters as patient records, so that training goes the same way as the service.

Only what the model reads is rendered. The source names three diagnoses and counts the others, gives ages in bands, and
counts the stays and visits of the year before: so an age is the middle of its band, and stays and visits are spread
over the year. That every patient has diabetes is how the source chose its encounters; it stands in the record as a
problem.

Other rows of the same person are never a row's history, although many have some. The encounter numbers do not always
rise with time: where they are highest, rows of one person stand in the reverse order, and the "earlier" one is the
readmission itself. A model that was shown them looked much better, by AUROC .685 against .675, and only in those rows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from clinical.record import Coding, Condition, MedicationUse, PatientRecord, Stay, StayDiagnosis
from models.readmission_30d.medicines import INGREDIENTS
from models.readmission_30d.training.audit import groups_of
from models.readmission_30d.training.codes import DISPOSITIONS, NOT_ASKED, PRIORITIES, SOURCES
from models.readmission_30d.training.comparators import scores_of
from models.readmission_30d.training.table import BACK, Row, read_rows
from models.runtime.code_list import ICD_9_CM, RXNORM, SNOMED_CT
from models.training.cases import Case, Moment

SHA256 = {"diabetes130_train.csv.gz": "cef2701723fe66ce8dcf99abc76fe4ac98864ddd9a07a5f4221981b1e048a845"}
SLICE = "at discharge"
# Every stay is rendered as one that ends now.
NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
HERE = "Encounter/now"
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_INPATIENT, _EMERGENCY = Coding(_ACT_CODE, "IMP"), Coding(_ACT_CODE, "EMER")
_SEXES = ("female", "male")
_DIABETES = Condition("Condition/diabetes", (Coding(SNOMED_CT, "73211009", "Diabetes mellitus"),))
_DAY = timedelta(days=1)
# The year before the stay, with a day to spare.
_IN_YEAR = timedelta(days=364)
_PARTS = (71_600_000, 125_900_000, 170_600_000, 252_500_000)


@dataclass(frozen=True, slots=True)
class Diabetes130:
    """The table of 130 US hospitals, 1999 to 2008. Fills `models.training.cases.Source`.

    A file is known by its columns; there may be several, as CSV (packed or not) or Parquet, in any order.
    """

    sha256: Mapping[str, str] = field(default_factory=lambda: dict(SHA256))

    def cases(self, files: Sequence[Path]) -> Iterator[Case]:
        """Every encounter that is asked about, in order of its number. Raises `WrongData`."""
        for row in read_rows(files):
            if row.disposition not in NOT_ASKED and row.sex in _SEXES:
                yield _case(row)


def _case(row: Row) -> Case:
    """One encounter."""
    codes = [icd_9(code) for code in row.diagnoses if code]
    return Case(
        record=record_of(row),
        patient=row.patient,
        moments=(Moment(NOW, row.back == BACK, SLICE, hour=24.0 * row.days),),
        groups=groups_of(row),
        period=_period(row.encounter),
        beside=scores_of(row, codes),
    )


def _period(encounter: int) -> str:
    """A stretch of encounter numbers, the nearest thing to a time in the source; each is a fifth of the open rows."""
    return f"part {bisect_right(_PARTS, encounter) + 1} of 5 by encounter number"


def record_of(row: Row) -> PatientRecord:
    """The record of one encounter at the moment of discharge."""
    start = NOW - row.days * _DAY
    named = [(rank, code) for rank, code in enumerate(row.diagnoses, start=1) if code]
    conditions = (*(diagnosis(rank, code) for rank, code in named), *_further(row.number_diagnoses - len(named)))
    return PatientRecord(
        patient_id=str(row.patient),
        read_at=NOW,
        birth_date=_born(row.age),
        sex=row.sex,
        stays=(
            _stay(row, start, conditions),
            *_before(start, row.inpatient, _INPATIENT),
            *_before(start, row.emergency, _EMERGENCY),
        ),
        conditions=(_DIABETES, *conditions),
        medications=_medicines(row),
        focus=HERE,
    )


def _born(band: str) -> date | None:
    """The first day of the year in which somebody in the middle of the band was born."""
    digits = band.strip("[)").partition("-")[0]
    return date(NOW.year - int(digits) - 5, 1, 1) if digits.isdigit() else None


def _stay(row: Row, start: datetime, conditions: Sequence[Condition]) -> Stay:
    return Stay(
        reference=HERE,
        status="in-progress",
        class_code=_INPATIENT,
        start=start,
        end=None,
        priority=PRIORITIES.get(row.admission_type),
        admit_source=SOURCES.get(row.source),
        discharge_disposition=DISPOSITIONS.get(row.disposition),
        diagnoses=tuple(_ranked(condition.reference) for condition in conditions),
    )


@lru_cache(maxsize=64)
def _ranked(reference: str) -> StayDiagnosis:
    return StayDiagnosis(reference, "DD", int(reference.rpartition("/")[2]))


@lru_cache(maxsize=8192)
def diagnosis(rank: int, code: str) -> Condition:
    """A named diagnosis of the encounter."""
    return Condition(f"Condition/{rank}", (Coding(ICD_9_CM, icd_9(code)),), encounter=HERE)


def icd_9(code: str) -> str:
    """A code as the classification has it. The source drops the zeros in front of a category: 8 is 008."""
    whole, dot, rest = code.partition(".")
    return f"{whole if whole[0] in 'VE' else whole.zfill(3)}{dot}{rest}"


@lru_cache(maxsize=64)
def _further(number: int) -> tuple[Condition, ...]:
    """Diagnoses that the source only counts."""
    return tuple(
        Condition(f"Condition/{rank}", (), encounter=HERE, text="a diagnosis that is not named")
        for rank in range(4, 4 + number)
    )


@lru_cache(maxsize=2048)
def _before(start: datetime, number: int, kind: Coding) -> tuple[Stay, ...]:
    """Stays or visits spread over the year before, each over after three hours: so no two of them meet."""
    step = _IN_YEAR / (number + 1)
    name = f"Encounter/{kind.code.lower()}"
    return tuple(
        Stay(f"{name}-{i}", "finished", kind, start - i * step, start - i * step + _DAY / 8)
        for i in range(1, number + 1)
    )


def _medicines(row: Row) -> tuple[MedicationUse, ...]:
    """Those that the source names, and as many others as it counts."""
    return (*map(_named, row.medicines), *_others(row.medications - len(row.medicines)))


@lru_cache(maxsize=64)
def _named(name: str) -> MedicationUse:
    """A medicine that lowers glucose, or two in one, with the codes of its ingredients."""
    parts = name.split("-")
    codings = tuple(Coding(RXNORM, INGREDIENTS[part][1], part) for part in parts)
    return MedicationUse(f"MedicationRequest/{name}", codings, encounter=HERE, text=" / ".join(parts))


@lru_cache(maxsize=256)
def _others(number: int) -> tuple[MedicationUse, ...]:
    """Medicines that the source only counts; letters for numbers, because a number in a name is a strength."""
    names = (f"{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(number))
    return tuple(
        MedicationUse(f"MedicationRequest/{name}", (), encounter=HERE, text=f"medicine {name}") for name in names
    )
