"""Write a risk into the chart: a RiskAssessment and the Provenance that says who made it, each read back and compared.

A clinician asks for it on the page. Nothing is written where the model did not answer or its answer is not shown. The
same advice is written once, however often it is asked for: it is looked for first, and created with If-None-Exist
(FHIR R4 http.html#ccreate) for the one who asks at the same moment.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from clinical.advice import HIDDEN, OTHER_STAY, Advice, WithheldReason
from clinical.assessment import Abstention
from clinical.errors import WrongPatient
from clinical.invocation import FhirAccess
from clinical.policy import LAYPEOPLE
from clinical.ports import Clock
from fhir_adapters.http.transport import Deadline, Transport
from fhir_adapters.ids import FHIR_ID, ID, TYPE
from fhir_adapters.write.fhir_store import FhirStore, Place, place_of
from fhir_adapters.write.provenance_resource import provenance_resource
from fhir_adapters.write.risk_resource import risk_resource
from fhir_adapters.write.risk_words import Answer
from fhir_adapters.write.sent_and_stored import core, differences, fault_in_written
from fhir_adapters.write.software_device import Software, is_ours
from fhir_adapters.write.write_errors import MayNotWrite, NotAsSent, NothingToWrite, WriteFailed
from fhir_adapters.write.write_scopes import WRITTEN, can_write

# What nobody may see on the page does not go into the chart either. A card held back only to spare its reader may.
NOT_SHOWN = HIDDEN | {WithheldReason.OUTSIDE_POPULATION}
# Advice share these locks by their id.
TURNS = 64
_USER = re.compile(rf"(?:.*/)?({TYPE})/{ID}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the EHR now, read back and as sent. `already` where the RiskAssessment stood there before."""

    risk_reference: str
    provenance_reference: str
    already: bool


class WriteBack:
    """Writes advice into the EHR of a visit. Keeps nothing; safe to share between threads.

    One advice is written by one thread at a time: not every server looks and creates in one step, and people click
    twice. Between processes the condition of the create has to do.
    """

    def __init__(self, transport: Transport, clock: Clock, base_url: str, seconds: float = 5.0) -> None:
        """`base_url` is this service's public address, the system of its identifiers; `seconds` bounds one write."""
        self._transport = transport
        self._clock = clock
        self._software = Software(base_url.rstrip("/"))
        self._seconds = seconds
        self._turns = tuple(threading.Lock() for _ in range(TURNS))

    def write(
        self,
        advice: Advice,
        *,
        access: FhirAccess,
        user: str,
        encounter_id: str | None,
        patient_id: str | None = None,
    ) -> Written:
        """Write one advice with the visit's permission; `patient_id` is the visit's patient, `user` its clinician.

        Raises `NothingToWrite` and `MayNotWrite` (both `NotAllowed`) and `WrongPatient` before anything is sent;
        `WriteFailed` and `NotAsSent` (both `LaunchFailed`) after that. After a `WriteFailed` it may be asked for again.
        """
        found = _finding(advice)
        _check_leave(access, user)
        encounter = _check_chart(advice, encounter_id, patient_id)
        risk = risk_resource(advice, found, self._software, encounter)
        _check_own(risk)
        store = FhirStore(self._transport, access, Deadline.after(self._seconds))
        with self._turn(advice, store.deadline):
            return self._write(store, risk, advice, found, user)

    @contextmanager
    def _turn(self, advice: Advice, deadline: Deadline) -> Iterator[None]:
        """This advice's turn. Raises `WriteFailed` where it does not come in time."""
        turn = self._turns[uuid.UUID(advice.id).int % TURNS]
        if not turn.acquire(timeout=deadline.left()):
            raise WriteFailed("This risk is being written at this moment. Trying again is safe.")
        try:
            yield
        finally:
            turn.release()

    def _write(self, store: FhirStore, risk: dict[str, object], advice: Advice, found: Answer, user: str) -> Written:
        """Both resources, one after the other."""
        stands = self._risk(store, risk, advice)
        try:
            made_by = self._provenance(store, advice, found, stands, user)
        except WriteFailed as fault:
            fault.risk_reference = stands.reference
            raise
        return Written(stands.reference, made_by, already=not stands.made)

    def _risk(self, store: FhirStore, risk: dict[str, object], advice: Advice) -> Place:
        """The RiskAssessment, found or made, and read back."""
        place = self._find(store, advice)
        if place is None:
            name = f"{quote(self._software.advice_system, safe=':/')}|{advice.id}"
            place = store.create(risk, (f"identifier={name}", f"_tag={name}")) or self._find(store, advice)
        if place is None:
            raise WriteFailed("The EHR took the RiskAssessment and does not say where it stands. Trying again is safe.")
        return _read_back(store, place, risk if place.made else core(risk))

    def _find(self, store: FhirStore, advice: Advice) -> Place | None:
        """The RiskAssessment of this advice that stands already. Raises `WriteFailed` where there are several.

        The patient is named because many EHRs search within one patient only. A server that ignores the identifier
        sends others' too; then it is asked by the tag, lest ours stand on a later page.
        """
        system, name = self._software.advice_system, f"{self._software.advice_system}|{advice.id}"
        rows = store.search("RiskAssessment", identifier=name, patient=advice.patient_id)
        if not all(_has_name(row, system, advice.id) for row in rows):
            rows += store.search("RiskAssessment", _tag=name)
        ours = {
            place.reference: place for row in rows if _has_name(row, system, advice.id) and (place := place_of(row))
        }
        if len(ours) > 1:
            raise WriteFailed("This risk stands in the EHR more than once. Nothing was written.")
        return next(iter(ours.values()), None)

    def _provenance(self, store: FhirStore, advice: Advice, found: Answer, stands: Place, user: str) -> str:
        """The Provenance, found or made, and read back. One that somebody else made for the same target is not ours."""
        for row in store.search("Provenance", target=stands.reference) if not stands.made else ():
            place = place_of(row)
            if place is not None and is_ours(row, self._software, found.model) and _aims_at(row, stands, store.base):
                return place.reference
        resource = provenance_resource(
            advice, found, self._software, target=stands.versioned, user=user, recorded=self._clock.now()
        )
        _check_own(resource)
        place = store.create(resource)
        if place is None:
            raise WriteFailed("The EHR took the Provenance and does not say where it stands.")
        return _read_back(store, place, resource).reference


def _finding(advice: Advice) -> Answer:
    """The answer that may stand in the chart."""
    if advice.withheld in NOT_SHOWN:
        raise NothingToWrite("This result is not shown to anybody, so it is not written into the chart.")
    if isinstance(advice.finding, Abstention):
        raise NothingToWrite("There is no result to write: this patient was not assessed.")
    return advice.finding


def _check_leave(access: FhirAccess, user: str) -> None:
    """Whether the visit may write, and for a clinician."""
    lacking = [resource_type for resource_type in WRITTEN if resource_type not in can_write(access.scopes)]
    if lacking:
        raise MayNotWrite(f"The EHR did not allow this app to create and read back {' and '.join(lacking)}.")
    match = _USER.fullmatch(user)
    if match is None or match[1] in LAYPEOPLE:
        raise MayNotWrite("Only a clinician whom the EHR has named can write into the chart.")


def _check_chart(advice: Advice, encounter_id: str | None, patient_id: str | None) -> str | None:
    """The stay to write to, after a look at whose chart it is."""
    if patient_id is not None and patient_id != advice.patient_id:
        raise WrongPatient("This result is about another patient than the chart that is open.")
    is_other = advice.encounter_id is not None and encounter_id is not None and advice.encounter_id != encounter_id
    if is_other or advice.encounter_id == OTHER_STAY:
        raise MayNotWrite("This result is about another stay than the one that is open.")
    encounter = advice.encounter_id if advice.encounter_id is not None else encounter_id
    if not all(FHIR_ID.fullmatch(name) for name in (advice.patient_id, encounter or "none")) or not _is_uuid(advice.id):
        raise MayNotWrite("This result names its patient or its stay in a way that FHIR does not know.")
    return encounter


def _is_uuid(name: str) -> bool:
    """Whether an id is a UUID: it becomes part of a header."""
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _check_own(resource: dict[str, object]) -> None:
    """Nothing that is not valid R4 leaves this room."""
    fault = fault_in_written(resource, str(resource["resourceType"]))
    if fault is not None:
        raise WriteFailed(f"The {resource['resourceType']} was not sent, because it is not valid FHIR ({fault}).")


def _read_back(store: FhirStore, place: Place, sent: dict[str, object]) -> Place:
    """Read what stands, and compare. Raises `NotAsSent`."""
    stored = store.read(place.reference)
    fault = fault_in_written(stored, str(sent["resourceType"]))
    if fault is not None or not isinstance(stored, dict):
        raise NotAsSent(place.reference, (f"its form ({fault})",))
    changed = differences(sent, stored, store.base)
    if changed:
        raise NotAsSent(place.reference, changed)
    return place


def _has_name(row: dict[str, object], system: str, value: str) -> bool:
    """Whether a resource carries an identifier."""
    names = row.get("identifier")
    told = (
        [(one.get("system"), one.get("value")) for one in names if isinstance(one, dict)]
        if isinstance(names, list)
        else []
    )
    return (system, value) in told


def _aims_at(row: dict[str, object], stands: Place, base: str) -> bool:
    """Whether a Provenance is about a resource, in whatever version."""
    targets = row.get("target")
    told = [one.get("reference") for one in targets if isinstance(one, dict)] if isinstance(targets, list) else []
    plain = [name.removeprefix(f"{base}/").partition("/_history/")[0] for name in told if isinstance(name, str)]
    return stands.reference in plain
