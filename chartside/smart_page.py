"""The clinician's page, joined to the things that it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from flask import Blueprint

import smart_app.blueprint
from chartside.clients import Client
from chartside.house import House, derive_key
from chartside.learned import learned
from chartside.page_assessment import PageAssessment, PageBanner, visit_invocation
from clinical.advice import Advice, WithheldReason
from clinical.audit import AuditEvent, AuditKind
from clinical.errors import NotAllowed
from clinical.invocation import SMART_HOOK
from fhir_adapters.smart.client_keys import published
from fhir_adapters.source_fact import read_fact
from fhir_adapters.write.write_back import WriteBack
from fhir_adapters.write.write_errors import WriteFailed
from fhir_adapters.write.write_scopes import WRITTEN
from models.runtime.manifest import Manifest
from smart_app.deps import Deps
from smart_app.ports.ehr import Ehr, Visit
from smart_app.ports.fact import SourceFact


def smart_page(house: House) -> Blueprint:
    """Everything under `/smart`."""
    ehrs = [_ehr(client) for client in house.clients.values() if client.smart_client_id]
    return smart_app.blueprint.create_blueprint(
        Deps(
            ehrs={ehr.iss: ehr for ehr in ehrs},
            sessions=house.sessions,
            assess=PageAssessment(house),
            banner=PageBanner(house),
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
            languages=house.languages,
            learned={
                name: learned(manifest)
                for name, manifest in house.shelf.items()
                if name in house.models and isinstance(manifest, Manifest)
            },
            writer=_Writer(house, WriteBack(house.fhir, house.clock, house.settings.base_url)),
        )
    )


def _ehr(client: Client) -> Ehr:
    """An entry of the registry as far as a launch needs it."""
    return Ehr(
        client.id,
        client.fhir_base,
        client.smart_client_id,
        client.origins,
        own_redirect=client.smart_redirect == "own",
        sign_in_origins=client.smart_sign_in_origins,
    )


def _silence(house: House) -> Callable[[Visit, str], WithheldReason | None]:
    """Why a user may see nothing of a service now: the kill switch, their role, a silent run; asked at every look."""

    def silence(visit: Visit, service: str) -> WithheldReason | None:
        return house.policy(visit_invocation(visit, service, None)).silence(visit.user)

    return silence


@dataclass(frozen=True, slots=True)
class _Facts:
    """Fills `smart_app.ports.fact.FactSource`."""

    house: House

    def read_fact(self, visit: Visit, reference: str) -> SourceFact:
        """One resource of the open chart."""
        found = read_fact(self.house.fhir, self.house.sessions.access(visit), visit.patient_id, reference)
        return SourceFact(**asdict(found))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Fills `smart_app.ports.write.Writer`."""

    house: House
    into: WriteBack

    def offered(self, visit: Visit) -> bool:
        """Whether the registry, the EHR's grant and leave to read it back all say so."""
        return set(WRITTEN) <= set(self.house.sessions.granted(visit).can_write)

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
