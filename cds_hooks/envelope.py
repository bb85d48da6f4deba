"""A service request's JSON → `Invocation` (CDS Hooks 2.0.1, "Calling a CDS Service").

Required members have no defaults. Unknown members pass; null counts as absent where a member is optional.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from cds_hooks.context import Context, Fields
from cds_hooks.context_resources import check_patient
from cds_hooks.services import Service
from clinical.errors import MalformedRequest, WrongPatient
from clinical.invocation import FhirAccess, Invocation

LOG = logging.getLogger("chartside.cds_hooks")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}", re.ASCII)


def read_invocation(
    body: Mapping[str, object],
    service: Service,
    client: str,
    *,
    seconds: float | None = None,
    request_key: str = "",
) -> Invocation:
    """Read the envelope. Raises `MalformedRequest`, `Unprocessable` or `WrongPatient`.

    `seconds` and `request_key` are handed on. What a client does otherwise than its hook is defined, and is taken all
    the same, is logged in fixed words. The body's prefetch is emptied when the invocation's `let_go` is called.
    """
    prefetch = _prefetch(body.get("prefetch"))
    context = service.hook.read(Fields(body.get("context")))
    invocation = Invocation(
        client=client,
        service=service.info.id,
        hook=service.hook.name,
        hook_instance=_hook_instance(body.get("hookInstance")),
        patient_id=context.patient_id,
        encounter_id=context.encounter_id,
        user=context.user,
        prefetch=prefetch,
        access=_access(body, context),
        seconds=seconds,
        request_key=request_key,
        let_go=prefetch.clear,
    )
    check_patient(context.resources, context.patient_id, str(body.get("fhirServer") or ""))
    if context.deviations:
        note = {"client": client, "service": service.info.id, "hook": service.hook.name}
        LOG.info("deviation", extra={**note, "deviations": list(context.deviations)})
    return invocation


def _hook_instance(value: object) -> str:
    """A UUID (RFC 9562 section 4), in lower case."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise MalformedRequest("'hookInstance' is missing or is not a UUID.")
    return value.lower()


def _prefetch(value: object) -> dict[str, object]:
    """The prefetch object; absent and null mean that nothing was sent."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedRequest("'prefetch' is not an object.")
    return value


def _access(body: Mapping[str, object], context: Context) -> FhirAccess | None:
    """`fhirServer` with `fhirAuthorization`, or None where the caller grants no access."""
    granted = body.get("fhirAuthorization")
    server = body.get("fhirServer")
    if server is not None and not _is_base_url(server):
        raise MalformedRequest("'fhirServer' is not an http(s) base URL.")
    if granted is None:
        return None
    if not isinstance(granted, Mapping):
        raise MalformedRequest("'fhirAuthorization' is not an object.")
    if not isinstance(server, str):
        raise MalformedRequest("'fhirAuthorization' came without 'fhirServer'.")
    _same_patient(granted.get("patient"), context)
    return FhirAccess(server.rstrip("/"), _token(granted), _scopes(granted))


def _is_base_url(value: object) -> bool:
    """An absolute URL without credentials, query or fragment."""
    if not isinstance(value, str) or len(value) > 2048 or not _TOKEN.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain


def _token(granted: Mapping[str, object]) -> str:
    """The bearer token, after its required companions were checked (CDS Hooks 2.0.1, "FHIR Resource Access")."""
    token, lifetime = granted.get("access_token"), granted.get("expires_in")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise MalformedRequest("'fhirAuthorization.access_token' is missing or is not a token.")
    if granted.get("token_type") != "Bearer":
        raise MalformedRequest("'fhirAuthorization.token_type' must be 'Bearer'.")
    # 300.0 is the same JSON number as 300.
    whole = isinstance(lifetime, int | float) and not isinstance(lifetime, bool) and lifetime == int(lifetime)
    if not whole or lifetime <= 0:  # type: ignore[operator]
        raise MalformedRequest("'fhirAuthorization.expires_in' must be a positive whole number of seconds.")
    if not isinstance(granted.get("subject"), str):
        raise MalformedRequest("'fhirAuthorization.subject' is missing.")
    return token


def _scopes(granted: Mapping[str, object]) -> tuple[str, ...]:
    """The granted scopes."""
    scope = granted.get("scope")
    if not isinstance(scope, str):
        raise MalformedRequest("'fhirAuthorization.scope' is missing.")
    return tuple(scope.split())


def _same_patient(patient: object, context: Context) -> None:
    """A token that is bound to another patient stops the call."""
    if patient is None:
        return
    if not isinstance(patient, str) or patient.removeprefix("Patient/") != context.patient_id:
        raise WrongPatient("'fhirAuthorization.patient' is not the patient of this call.")
