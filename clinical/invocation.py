"""`Invocation`: somebody with a right to ask wants advice about one patient, now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# Stands for a hook where the clinician's page asks.
SMART_HOOK = "smart-launch"


def _keep() -> None:
    """Let go of nothing."""


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """Leave to read from one FHIR server for one patient (CDS Hooks `fhirAuthorization`).

    The token is transient: it is never stored, logged or printed.
    """

    base_url: str
    token: str = field(repr=False)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of one service (CDS Hooks service request), or one opening of the SMART page.

    `client` is the id in the client registry; `user` a reference such as `Practitioner/7`; `prefetch` the decoded
    JSON per key, where a key that is present with None means "asked, no data". `seconds` is how long reading may take;
    None leaves it to the reader. `request_key` is equal for a call that is sent again, and empty where there is none.
    `user` is empty for hooks that name nobody.

    `let_go` is called by who has made the record: from then on nobody needs the prefetch. A hundred KB of it are some
    ten thousand objects; while they stay, all that follows runs in memory that the processor has to fetch first.
    """

    client: str
    service: str
    hook: str
    hook_instance: str
    patient_id: str
    user: str
    encounter_id: str | None = None
    prefetch: Mapping[str, object] = field(default_factory=dict, repr=False)
    access: FhirAccess | None = None
    seconds: float | None = None
    request_key: str = ""
    let_go: Callable[[], None] = field(default=_keep, repr=False, compare=False)
