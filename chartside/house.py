"""`House`: everything that runs, joined and warm, and the wishes of each client for one call."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from chartside.clients import Client
from chartside.settings import Settings
from chartside.sign_in import SignInEntry
from clinical.advice import Advice
from clinical.advise import advise, decide, not_read
from clinical.app_context import AppContexts
from clinical.assessment import ModelInfo
from clinical.errors import DataUnavailable, LedgerUnavailable
from clinical.invocation import SMART_HOOK, Invocation
from clinical.policy import Policy
from clinical.ports import AdviceKeeper, Clock, RecordSource, RiskModel
from clinical.snooze import LONGEST_SNOOZE
from fhir_adapters.http.renewing import RenewingTransport
from fhir_adapters.http.transport import Transport
from fhir_adapters.record import FhirRecords
from fhir_adapters.smart.session import SmartSessions
from models.runtime.catalogue import AnyManifest
from models.runtime.manifest import Manifest
from models.runtime.what_if import WhatIf
from oversight.alerts import SqlAlerts
from oversight.audit import SqlAudit
from oversight.device_report import Reported
from oversight.exports.standing import SqlStanding
from oversight.incident_events import SqlIncidentEvents
from oversight.incidents import SqlIncidents
from oversight.ledger import SqlLedger
from oversight.monitor_runs import SqlRuns
from oversight.pages.mart_source import FreshMart
from oversight.reviews.cases import SqlCases
from oversight.reviews.store import SqlReviews
from oversight.switches import SqlSwitches
from oversight.used_tokens import SqlUsedTokens
from smart_app.language.language import Language


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs, joined and warm. `close` gives the database connections back.

    `scores` are the services whose level is no probability; `shelf` holds all manifests, drafts among them; `what_ifs`
    answer what the offered models of trees would say to other numbers; `languages` are those of the page beside
    English. `fhir` is the way to the EHRs' FHIR servers, on which a token of a visit is renewed once when it is
    refused; `transport` is the way to everything else. `sign_in` is the sign-in server of the quality team's pages.
    """

    settings: Settings
    clients: Mapping[str, Client]
    models: Mapping[str, RiskModel]
    scores: frozenset[str]
    shelf: Mapping[str, AnyManifest]
    records: FhirRecords
    ledger: SqlLedger
    switches: SqlSwitches
    audit: SqlAudit
    used_tokens: SqlUsedTokens
    incidents: SqlIncidents
    incident_events: SqlIncidentEvents
    reported: Callable[[str], Reported | None]
    alerts: SqlAlerts
    monitor_runs: SqlRuns
    standing: SqlStanding
    mart: FreshMart
    reviews: SqlReviews
    review_cases: SqlCases
    what_ifs: Mapping[str, WhatIf]
    languages: Mapping[str, Language]
    contexts: AppContexts
    transport: Transport
    fhir: RenewingTransport
    sessions: SmartSessions
    clock: Clock
    close: Callable[[], None]
    sign_in: SignInEntry | None = None

    def advise(
        self,
        invocation: Invocation,
        records: RecordSource | None = None,
        *,
        ledger: AdviceKeeper | None = None,
        clock: Clock | None = None,
        check: Callable[[Advice], object] = lambda _: None,
    ) -> Advice:
        """The main job for one call; `records` replaces the FHIR reader where the data came through another door.

        `ledger` is for who stores later, `clock` for who asks several models as of one moment.
        """
        return advise(
            invocation,
            model=self.models[invocation.service],
            records=records or self.records,
            policy=self.policy(invocation),
            ledger=ledger or self.ledger,
            clock=clock or self.clock,
            check=check,
        )

    def look_at_mart(self) -> None:
        """Have the mart brought up where it is far behind. The service serves without it."""
        with suppress(LedgerUnavailable):
            self.mart.look()

    def not_read(self, invocation: Invocation, model: ModelInfo, fault: DataUnavailable, now: datetime) -> Advice:
        """What stands on a page for a model whose data could not be read; not stored yet."""
        advice = not_read(invocation, model, fault, now)
        return decide(advice, self.policy(invocation), self.ledger)

    def policy(self, invocation: Invocation) -> Policy:
        """The client's wishes for one call. The rules against too many cards do not hold for a page that was asked for.

        Raises `LedgerUnavailable` where nobody can say whether the service is switched off.
        """
        client = self.clients[invocation.client]
        rules = client.rules(invocation.service, is_risk=invocation.service not in self.scores)
        policy = Policy(
            show_from=rules.show_from,
            shadow=rules.shadow or self._in_shadow(invocation, rules.shadow_share),
            switched_off=self.switches.is_off(invocation.client, invocation.service),
            hidden_from=client.hidden_from,
            silent_beside=self.silent_beside(invocation, self._comparators(invocation.service)),
        )
        if invocation.hook == SMART_HOOK:
            return policy
        return replace(
            policy,
            repeat_within=rules.repeat_within,
            snooze=client.snooze,
            own_snooze=LONGEST_SNOOZE,
            per_clinician_day=client.cards_per_clinician_day,
            per_encounter=client.cards_per_encounter,
        )

    def silent_beside(self, invocation: Invocation, models: Iterable[str]) -> frozenset[str]:
        """Those of the models that may not stand beside another one's answer.

        They are switched off, or this client asked for them by themselves and runs them silently, at least for this
        user.
        """
        return frozenset(name for name in models if self._is_silent(replace(invocation, service=name)))

    def _is_silent(self, invocation: Invocation) -> bool:
        """Whether a score is switched off or runs silently by itself."""
        client, name = self.clients[invocation.client], invocation.service
        if self.switches.is_off(invocation.client, name):
            return True
        rules = client.rules(name, is_risk=name not in self.scores)
        return name in client.services and (rules.shadow or self._in_shadow(invocation, rules.shadow_share))

    def _comparators(self, service: str) -> tuple[str, ...]:
        """The scores beside a model; none of one that is not here any more."""
        manifest = self.shelf.get(service)
        return manifest.comparators if isinstance(manifest, Manifest) else ()

    def _in_shadow(self, invocation: Invocation, share: float) -> bool:
        """Whether this user of this service belongs to a share of users; always the same answer for the same user.

        A call that names nobody belongs to every share: it could not be told who is spared.
        """
        if share <= 0 or not invocation.user:
            return share > 0
        who = "/".join([invocation.client, invocation.service, *invocation.user.split("/")[-2:]])
        tag = hmac.digest(derive_key(self.settings.secret, "shadow share"), who.encode(), "sha256")
        return int.from_bytes(tag[:6]) / 2**48 < share


def derive_key(secret: bytes, purpose: str) -> bytes:
    """One key per purpose from the deployment's secret (HMAC-SHA256 as a key derivation function)."""
    return hmac.digest(secret, f"chartside {purpose}".encode(), "sha256")
