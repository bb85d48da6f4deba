"""What the page needs from outside its room; the factory hands it over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Protocol

from clinical.advice import Advice
from clinical.app_context import AppContexts
from clinical.errors import SettingsInvalid
from clinical.invocation import FhirAccess
from clinical.ports import Clock, Ledger

MIN_SECRET_BYTES = 32

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")


@dataclass(frozen=True, slots=True)
class Ehr:
    """One EHR that may launch the page.

    `client` is its id in the client registry, `iss` its FHIR base URL exactly as it sends it, `smart_client_id` our
    client_id there, `frame_origins` the origins whose frames may hold the page.
    """

    client: str
    iss: str
    smart_client_id: str
    frame_origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an origin that is more than scheme, host and port: it is written into a header."""
        for origin in self.frame_origins:
            if not _ORIGIN.fullmatch(origin):
                raise SettingsInvalid(f"A frame origin of the client '{self.client}' is not an origin.")


class Begun(Protocol):
    """A launch on its way: where to send the browser, the state to expect back, and sealed data for `complete`."""

    @property
    def authorize_url(self) -> str:
        """Where to send the browser."""
        ...

    @property
    def state(self) -> str:
        """The OAuth state, of at least 122 random bits."""
        ...

    @property
    def pending(self) -> str:
        """What `complete` needs, sealed."""
        ...


class Visit(Protocol):
    """A completed launch: whose chart, who looks, and leave to read."""

    @property
    def client(self) -> str:
        """The id in the client registry."""
        ...

    @property
    def patient_id(self) -> str:
        """The patient whose chart is open (FHIR id)."""
        ...

    @property
    def encounter_id(self) -> str | None:
        """The encounter that is open, if any (FHIR id)."""
        ...

    @property
    def user(self) -> str:
        """Who opened the page, such as `Practitioner/7`."""
        ...

    @property
    def app_context(self) -> str | None:
        """What the link carried: the id of the advice whose card was clicked."""
        ...

    @property
    def need_patient_banner(self) -> bool:
        """False only if the EHR shows the patient itself."""
        ...

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that were granted."""
        ...

    @property
    def not_granted(self) -> tuple[str, ...]:
        """The scopes that were asked for and not granted."""
        ...

    @property
    def access(self) -> FhirAccess:
        """Leave to read from the FHIR server."""
        ...

    @property
    def expires_at(self) -> datetime | None:
        """When that leave ends, if the EHR said so."""
        ...


class EhrSessions(Protocol):
    """The two steps of a SMART launch."""

    def begin(self, ehr: Ehr, launch: str, redirect_uri: str) -> Begun:
        """Form the authorization request. Raises `LaunchFailed`."""
        ...

    def complete(self, pending: str, callback: Mapping[str, str]) -> Visit:
        """Exchange the code and verify what came back. Raises `LaunchFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class Banner:
    """Who the page is about, and what could not be read of the record in full (`PatientRecord.incomplete`)."""

    patient_id: str
    name: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)
    incomplete: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything the page works with. `ehrs` is keyed by `iss`; `assess` runs every model through `clinical.advise`.

    `contexts` reads what a card's link carries. `base_url` is where browsers find this service, without a closing
    slash; `secret` keys the form tokens; `zone` is the hospital's time zone, for display only.
    """

    ehrs: Mapping[str, Ehr]
    sessions: EhrSessions
    assess: Callable[[Visit], Sequence[Advice]]
    banner: Callable[[Visit], Banner]
    ledger: Ledger
    clock: Clock
    contexts: AppContexts
    base_url: str
    secret: bytes = field(repr=False)
    zone: tzinfo = UTC

    def __post_init__(self) -> None:
        """Refuse what would open the door."""
        if len(self.secret) < MIN_SECRET_BYTES:
            raise SettingsInvalid(f"The secret of the SMART page needs at least {MIN_SECRET_BYTES} bytes.")
        if any(iss != ehr.iss for iss, ehr in self.ehrs.items()):
            raise SettingsInvalid("The EHRs of the SMART page must be keyed by their iss.")
