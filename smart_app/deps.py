"""Everything that the page works with, as one value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from clinical.advice import WithheldReason
from clinical.app_context import AppContexts
from clinical.errors import SettingsInvalid
from clinical.ports import Clock, Incidents, Ledger
from smart_app.language.language import Language
from smart_app.ports.ehr import Assessed, Banner, Ehr, EhrSessions, Visit
from smart_app.ports.fact import FactSource
from smart_app.ports.learned import Learned
from smart_app.ports.what_if import WhatIfModel
from smart_app.ports.write import Writer

MIN_SECRET_BYTES = 32


def nothing_silent(_visit: Visit, _service: str) -> WithheldReason | None:
    """No service is silent."""
    return None


def nothing_beside(_visit: Visit, _service: str, _models: Sequence[str]) -> Collection[str]:
    """No model is kept from standing beside another."""
    return ()


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything the page works with.

    `ehrs` is keyed by `iss`. `assess` reads the record once and runs every model that is meant for an opened chart, and
    the services named, through `clinical.advise`; `banner` reads who the patient is. `contexts` reads what a card's
    link carries. `base_url` is where browsers find this service, without a closing slash; `secret` keys the form
    tokens; `zone` is the hospital's time zone, for display only. `public_keys` is the JWK Set that EHRs prove our
    signed assertions with.

    `silence` is asked at every look and says why this user may see nothing of a service now (kill switch, silent run,
    role); it raises `LedgerUnavailable` where nobody can say; `silent_beside` says
    which models may not stand beside a service's answer. Without `incidents`, no problem can be reported here,
    without `facts` no source opened, without `writer` nothing written into the EHR; `what_ifs` and `learned` go
    by the model's id, `languages` beside English by their tags.
    """

    ehrs: Mapping[str, Ehr]
    sessions: EhrSessions
    assess: Callable[[Visit, Sequence[str]], Assessed]
    banner: Callable[[Visit], Banner]
    ledger: Ledger
    clock: Clock
    contexts: AppContexts
    base_url: str
    secret: bytes = field(repr=False)
    zone: tzinfo = UTC
    public_keys: Mapping[str, object] = field(default_factory=lambda: {"keys": []})
    silence: Callable[[Visit, str], WithheldReason | None] = nothing_silent
    silent_beside: Callable[[Visit, str, Sequence[str]], Collection[str]] = nothing_beside
    incidents: Incidents | None = None
    facts: FactSource | None = None
    what_ifs: Mapping[str, WhatIfModel] = field(default_factory=dict)
    writer: Writer | None = None
    learned: Mapping[str, Learned] = field(default_factory=dict)
    languages: Mapping[str, Language] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would open the door."""
        if len(self.secret) < MIN_SECRET_BYTES:
            raise SettingsInvalid(f"The secret of the SMART page needs at least {MIN_SECRET_BYTES} bytes.")
        if any(iss != ehr.iss for iss, ehr in self.ehrs.items()):
            raise SettingsInvalid("The EHRs of the SMART page must be keyed by their iss.")
