"""The clinician's page, joined to the things that it asks for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from flask import Blueprint

import smart_app.blueprint
from chartside.house import SMART_HOOK, House, derive_key
from chartside.learned import learned
from clinical.advice import Advice, History, WithheldReason
from clinical.audit import AuditEvent, AuditKind
from clinical.errors import DataUnavailable, NotAllowed
from clinical.invocation import FhirAccess, Invocation
from clinical.need import DataNeed
from clinical.ports import AdviceKeeper, RiskModel
from fhir_adapters.smart.client_keys import published
from fhir_adapters.source_fact import read_fact
from fhir_adapters.write.write_back import WriteBack
from fhir_adapters.write.write_errors import WriteFailed
from fhir_adapters.write.write_scopes import WRITTEN, can_write
from models.runtime.manifest import Manifest
from smart_app.deps import Deps
from smart_app.ports.ehr import Banner, Ehr, Visit
from smart_app.ports.fact import SourceFact

MODEL_HOOK = "patient-view"


def smart_page(house: House) -> Blueprint:
    """Everything under `/smart`."""
    ehrs = [Ehr(c.id, c.fhir_base, c.smart_client_id, c.origins) for c in house.clients.values() if c.smart_client_id]
    return smart_app.blueprint.create_blueprint(
        Deps(
            ehrs={ehr.iss: ehr for ehr in ehrs},
            sessions=house.sessions,
            assess=_assess(house),
            banner=_banner(house),
            ledger=house.ledger,
            clock=house.clock,
            contexts=house.contexts,
            base_url=house.settings.base_url,
            secret=derive_key(house.settings.secret, "page"),
            zone=house.settings.time_zone,
            public_keys=published(key for client in house.clients.values() for key in client.smart_keys),
            silence=_silence(house),
            silent_beside=lambda visit, service, models: house.silent_beside(
                visit_invocation(visit, service, None), models
            ),
            incidents=house.incidents,
            facts=_Facts(house),
            what_ifs=house.what_ifs,
            learned={
                name: learned(manifest)
                for name, manifest in house.shelf.items()
                if name in house.models and isinstance(manifest, Manifest)
            },
            writer=_Writer(house, WriteBack(house.fhir, house.clock, house.settings.base_url)),
        )
    )


def _assess(house: House) -> Callable[[Visit, Sequence[str]], Sequence[Advice]]:
    """Every model that is meant for an opened chart, and those of the page, through the same main job as the hook.

    Nothing is stored before all have answered: what nobody saw must not stand there as shown. Where the EHR gave no
    leave for what a model needs, that model says so, and the others answer; any other fault of reading ends the page:
    trying again may help.
    """

    def assess(visit: Visit, also: Sequence[str]) -> list[Advice]:
        chosen = {id_: model for id_, model in house.models.items() if MODEL_HOOK in model.info.hooks or id_ in also}
        held = _Held(house.ledger)
        advice = [one(visit, model, held) for model in chosen.values()]
        return [house.ledger.append(item) for item in advice]

    def one(visit: Visit, model: RiskModel, held: _Held) -> Advice:
        call = visit_invocation(visit, model.info.id, house.sessions.access(visit))
        try:
            return house.advise(call, ledger=held)
        except DataUnavailable as fault:
            if fault.key not in _closed(visit, model.needs):
                raise
            return house.not_read(call, model.info, fault)

    return assess


def _closed(visit: Visit, needs: Sequence[DataNeed]) -> frozenset[str]:
    """The keys of the needs whose type the EHR gave no leave to read."""
    types = {scope.partition("/")[2].partition(".")[0] for scope in visit.not_granted}
    return frozenset(need.key for need in needs if need.resource_type in types)


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


def _silence(house: House) -> Callable[[Visit, str], WithheldReason | None]:
    """Why a user may see nothing of a service now: the kill switch, their role, a silent run; asked at every look."""

    def silence(visit: Visit, service: str) -> WithheldReason | None:
        return house.policy(visit_invocation(visit, service, None)).silence(visit.user)

    return silence


def _banner(house: House) -> Callable[[Visit], Banner]:
    """Who the page is about, read with the visit's own access."""
    need = DataNeed("patient", "Patient")

    def banner(visit: Visit) -> Banner:
        record = house.records.read(visit_invocation(visit, "banner", house.sessions.access(visit)), [need])
        return Banner(visit.patient_id, record.name, record.birth_date, record.sex, record.incomplete, record.caveats)

    return banner


@dataclass(frozen=True, slots=True)
class _Facts:
    """Fills `smart_app.fact_port.FactSource`."""

    house: House

    def read_fact(self, visit: Visit, reference: str) -> SourceFact:
        """One resource of the open chart."""
        found = read_fact(self.house.fhir, self.house.sessions.access(visit), visit.patient_id, reference)
        return SourceFact(**asdict(found))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Fills `smart_app.write_port.Writer`."""

    house: House
    into: WriteBack

    def offered(self, visit: Visit) -> bool:
        """Whether the registry, the EHR's grant and leave to read it back all say so."""
        return set(WRITTEN) <= set(visit.can_write) & set(can_write(visit.scopes))

    def write(self, visit: Visit, advice: Advice) -> str:
        """Write one advice, unless the service went silent meanwhile."""
        silent = self.house.policy(visit_invocation(visit, advice.service, None)).silence(visit.user)
        if silent is not None or not self.offered(visit):
            raise NotAllowed("This result is not shown here, or may not be written, so nothing was.")
        try:
            written = self.into.write(
                advice,
                access=self.house.sessions.access(visit),
                user=visit.user,
                encounter_id=visit.encounter_id,
                patient_id=visit.patient_id,
            )
        except WriteFailed as fault:  # something may stand in the chart all the same
            self._note(advice, fault.status, f"{type(fault).__name__} {fault.risk_reference}".strip())
            raise
        how = "stood there" if written.already else "created"
        self._note(advice, 200, f"{how} {written.risk_reference}")
        return written.risk_reference

    def _note(self, advice: Advice, status: int, how: str) -> None:
        """What became of it, for the audit."""
        now, kind = self.house.clock.now(), AuditKind.WRITTEN_BACK
        self.house.audit.note(AuditEvent(now, kind, advice.client, advice.service, SMART_HOOK, status, advice.id, how))


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
