"""The clinician's page, joined to the things that it asks for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from flask import Blueprint

import smart_app.blueprint
from chartside.house import SMART_HOOK, House, derive_key
from chartside.learned import learned
from clinical.advice import Advice, WithheldReason
from clinical.assessment import ModelInfo
from clinical.audit import AuditEvent, AuditKind
from clinical.errors import DataUnavailable, NotAllowed
from clinical.invocation import FhirAccess, Invocation
from clinical.need import DataNeed
from fhir_adapters.client_keys import published
from fhir_adapters.source_fact import read_fact
from fhir_adapters.write_back import WriteBack
from fhir_adapters.write_scopes import WRITTEN, can_write
from models.runtime.manifest import Manifest
from smart_app.deps import Deps
from smart_app.fact_port import SourceFact
from smart_app.ports import Banner, Ehr, Visit

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


def _assess(house: House) -> Callable[[Visit], Sequence[Advice]]:
    """Every model that is meant for an opened chart, through the same main job as the hook.

    Where the EHR gave leave to read a part of the record only, a model that lacks what it needs says so, and the others
    answer. Any other fault of reading ends the page: trying again may help.
    """

    def assess(visit: Visit) -> list[Advice]:
        chosen = [model.info for model in house.models.values() if MODEL_HOOK in model.info.hooks]
        return [one(visit, info) for info in chosen]

    def one(visit: Visit, info: ModelInfo) -> Advice:
        call = visit_invocation(visit, info.id, house.sessions.access(visit))
        try:
            return house.advise(call)
        except DataUnavailable as fault:
            if not visit.not_granted:
                raise
            return house.not_read(call, info, fault)

    return assess


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
        """Whether both resources may be created, and read back."""
        return set(WRITTEN) <= set(can_write(visit.scopes))

    def write(self, visit: Visit, advice: Advice) -> str:
        """Write one advice, unless the service went silent meanwhile."""
        silent = self.house.policy(visit_invocation(visit, advice.service, None)).silence(visit.user)
        if silent is not None:
            raise NotAllowed("This result is not shown here, so nothing was written.")
        written = self.into.write(
            advice,
            access=self.house.sessions.access(visit),
            user=visit.user,
            encounter_id=visit.encounter_id,
            patient_id=visit.patient_id,
        )
        now, how = self.house.clock.now(), "stood there" if written.already else "created"
        event = AuditEvent(now, AuditKind.WRITTEN_BACK, visit.client, advice.service, SMART_HOOK, 200, advice.id, how)
        self.house.audit.note(event)
        return written.risk_reference


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
