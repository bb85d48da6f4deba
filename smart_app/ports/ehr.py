"""What the page needs from outside its room; the factory hands it over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from clinical.advice import Advice
from clinical.errors import SettingsInvalid
from clinical.invocation import FhirAccess

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")


@dataclass(frozen=True, slots=True)
class Ehr:
    """One EHR that may launch the page.

    `client` is its id in the client registry, `iss` its FHIR base URL exactly as it sends it, `smart_client_id` our
    client_id there, `frame_origins` the origins whose frames may hold the page. With `own_redirect`, its answers come
    to an address that no other EHR knows (RFC 9700 section 4.4.2.2). `sign_in_origins` are those that its
    authorization endpoint may send the browser to before it comes back.
    """

    client: str
    iss: str
    smart_client_id: str
    frame_origins: tuple[str, ...] = ()
    own_redirect: bool = False
    sign_in_origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an origin that is more than scheme, host and port: it is written into a header."""
        for kind, origins in (("frame", self.frame_origins), ("sign-in", self.sign_in_origins)):
            if not all(map(_ORIGIN.fullmatch, origins)):
                raise SettingsInvalid(f"A {kind} origin of the client '{self.client}' is not an origin.")


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

    @property
    def form(self) -> Mapping[str, str]:
        """What the browser posts to `authorize_url`; empty where it only follows it."""
        ...


class ContextItem(Protocol):
    """One more resource that the EHR opened the page with (`fhirContext`)."""

    @property
    def reference(self) -> str:
        """A reference, or a canonical URL."""
        ...

    @property
    def type(self) -> str:
        """The type of the resource, if it is known."""
        ...

    @property
    def role(self) -> str:
        """What it is there for."""
        ...


class Visit(Protocol):
    """A completed launch: whose chart, and who looks. It holds no token, and no scope: `EhrSessions.granted` knows."""

    @property
    def client(self) -> str:
        """The id in the client registry."""
        ...

    @property
    def handle(self) -> str:
        """Where the tokens are (`EhrSessions.access`). Opaque; it never leaves the server."""
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
    def intent(self) -> str:
        """What the EHR opened the page for; empty if it did not say, and not to be trusted to be known."""
        ...

    @property
    def tenant(self) -> str:
        """The organisation in the EHR, or empty."""
        ...

    @property
    def fhir_context(self) -> Sequence[ContextItem]:
        """What else the page was opened with."""
        ...

    @property
    def style(self) -> Mapping[str, str]:
        """Checked values of the EHR's style (`color_background`: `#ffffff`); empty if there is none."""
        ...

    @property
    def locale(self) -> str:
        """The user's language (BCP 47), or empty."""
        ...


class Granted(Protocol):
    """What the EHR permits in a visit at this moment."""

    @property
    def not_granted(self) -> tuple[str, ...]:
        """The scopes to read that were asked for and do not hold."""
        ...

    @property
    def can_write(self) -> tuple[str, ...]:
        """The types of resources that may be created and read back."""
        ...


class EhrSessions(Protocol):
    """A SMART launch, and its tokens as long as the page is open."""

    def begin(self, ehr: Ehr, launch: str | None, redirect_uri: str) -> Begun:
        """Form the authorization request; without `launch`, of a standalone launch. Raises `LaunchFailed`."""
        ...

    def complete(self, pending: str, callback: Mapping[str, str]) -> Visit:
        """Exchange the code and verify what came back. Raises `LaunchFailed`."""
        ...

    def access(self, visit: Visit) -> FhirAccess:
        """Leave to read, renewed where it is about to end. Raises `NotAllowed` when it has run out."""
        ...

    def renewed(self, visit: Visit, access: FhirAccess) -> FhirAccess:
        """Leave to read after the EHR refused this one. Raises `NotAllowed` when there is no other."""
        ...

    def granted(self, visit: Visit) -> Granted:
        """What the EHR permits now; a renewed token may permit less than the first. Never raises."""
        ...

    def end(self, visit: Visit) -> None:
        """Forget the tokens, and ask the EHR to. Never raises for an EHR that fails."""
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
class Assessed:
    """What was found in one reading of the record: who the patient is, and the advice, which is stored."""

    banner: Banner
    advice: Sequence[Advice]
