"""What the clinician's page assesses: one reading of the record, one moment, every model that is meant for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chartside.house import House
from clinical.advice import Advice, History
from clinical.errors import NotOffered
from clinical.invocation import SMART_HOOK, FhirAccess, Invocation
from clinical.need import DataNeed
from clinical.ports import AdviceKeeper, RiskModel
from clinical.record import PatientRecord
from fhir_adapters.reading import Reading
from smart_app.ports.ehr import Assessed, Banner, Visit

MODEL_HOOK = "patient-view"
_PATIENT = DataNeed("patient", "Patient")
# A record, or what the EHR does not permit to read.
_Read = PatientRecord | NotOffered


@dataclass(frozen=True, slots=True)
class PageAssessment:
    """Every model that is meant for an opened chart, and those of the page, through the same main job as the hook.

    A launch whose `intent` is the id of a model (`readmission-30d`) asks for that one too.

    Nothing is stored before all have answered: what nobody saw must not stand there as shown. Where the EHR does not
    permit to read what a model needs, that model says so, and the others answer; any other fault of reading ends the
    page: trying again may help.
    """

    house: House

    def __call__(self, visit: Visit, also: Sequence[str]) -> Assessed:
        """Read once, assess, store. Raises what `clinical.advise` raises."""
        asked = {*also, visit.intent}  # an intent that names no model is for other apps
        models = self.house.models.items()
        chosen = {id_: model for id_, model in models if MODEL_HOOK in model.info.hooks or id_ in asked}
        records = dict(self._read(visit, chosen))
        patient = records[_PATIENT.key]
        if not isinstance(patient, PatientRecord):
            raise patient
        now, held = self.house.clock.now(), _Held(self.house.ledger)
        advice = [self._one(visit, model, records[id_], now, held) for id_, model in chosen.items()]
        return Assessed(_banner(patient, visit), [self.house.ledger.append(item) for item in advice])

    def _read(self, visit: Visit, models: Mapping[str, RiskModel]) -> Iterator[tuple[str, _Read]]:
        """The record of each model, and who the patient is, from the same answers."""
        call = visit_invocation(visit, "page", self.house.sessions.access(visit))
        needs = {_PATIENT.key: (_PATIENT,)} | {id_: model.needs for id_, model in models.items()}
        with self.house.records.begin(call) as reading:
            for wanted in needs.values():
                reading.start(wanted)
            for id_, wanted in needs.items():
                yield id_, _record(reading, wanted)

    def _one(self, visit: Visit, model: RiskModel, record: _Read, now: datetime, held: _Held) -> Advice:
        """One model's advice, which nobody has stored yet."""
        call = visit_invocation(visit, model.info.id, None)
        if not isinstance(record, PatientRecord):
            return self.house.not_read(call, model.info, record, now)
        return self.house.advise(call, _AlreadyRead(record), ledger=held, clock=_Moment(now))


@dataclass(frozen=True, slots=True)
class PageBanner:
    """Who the page is about, read with the visit's own access."""

    house: House

    def __call__(self, visit: Visit) -> Banner:
        """The banner of the open chart. Raises what reading raises."""
        call = visit_invocation(visit, "banner", self.house.sessions.access(visit))
        return _banner(self.house.records.read(call, [_PATIENT]), visit)


@dataclass(frozen=True, slots=True)
class _AlreadyRead:
    """A record source for one model."""

    record: PatientRecord

    def read(self, _invocation: Invocation, _needs: Sequence[DataNeed]) -> PatientRecord:
        """Hand it over."""
        return self.record


@dataclass(frozen=True, slots=True)
class _Moment:
    """A clock that stands: all that is on a page is as of one moment."""

    time: datetime

    def now(self) -> datetime:
        """That moment."""
        return self.time


@dataclass(frozen=True, slots=True)
class _Held:
    """A ledger that is asked about the past and stores nothing yet."""

    ledger: AdviceKeeper

    def append(self, advice: Advice) -> Advice:
        """Hand it back."""
        return advice

    def history(self, advice: Advice, since: datetime) -> History:
        """What was shown before."""
        return self.ledger.history(advice, since)

    def put_off(self, advice: Advice, since: datetime) -> bool:
        """Whether the clinician put a card off."""
        return self.ledger.put_off(advice, since)


def _record(reading: Reading, needs: Sequence[DataNeed]) -> _Read:
    """The record for some needs, or what the EHR does not permit to read."""
    try:
        return reading.read(needs)
    except NotOffered as fault:
        return fault


def _banner(record: PatientRecord, visit: Visit) -> Banner:
    """What the page says about the patient."""
    return Banner(visit.patient_id, record.name, record.birth_date, record.sex, record.incomplete, record.caveats)


def visit_invocation(visit: Visit, service: str, access: FhirAccess | None) -> Invocation:
    """An opening of the page as a call, with leave to read that holds now, if anything is to be read."""
    return Invocation(
        client=visit.client,
        service=service,
        hook=SMART_HOOK,
        hook_instance=str(uuid.uuid4()),
        patient_id=visit.patient_id,
        user=visit.user,
        encounter_id=visit.encounter_id,
        access=access,
    )
