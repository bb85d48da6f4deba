"""The registration sheet: what an EHR vendor or an integration team asks for, filled in from registry and models.

The headings follow what vendors ask for in public (github.com/cerner/fhir.cerner.com pull request 707; CDS Hooks
2.0.1, "Trusting CDS Clients").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from cds_hooks.services import known_hooks
from chartside.clients.client import Client
from chartside.clients.smart_entry import WRITTEN
from clinical.assessment import ModelInfo
from clinical.need import DataNeed, smart_scopes
from fhir_adapters.smart.smart_scopes import REFRESHES, V1, V2, asked, asked_writes

YOURS = "(to be filled in by you)"
WIDTH = 110
SMART_TYPES = {
    "public": "public; no secret",
    "basic": "confidential, symmetric: client_secret_basic",
    "private_key_jwt": "confidential, asymmetric: private_key_jwt",
}


@dataclass(frozen=True, slots=True)
class Offered:
    """A service as far as the sheet tells of it. `names` are words for codes, where a code brings none itself.

    `served` says whether it is offered unasked; the others are for sites with a table of their own for them.
    """

    info: ModelInfo
    needs: tuple[DataNeed, ...]
    names: Mapping[str, str]
    served: bool = True


def registration_sheet(client: Client, base_url: str, services: Sequence[Offered]) -> str:
    """The sheet as plain text."""
    base = base_url.rstrip("/")
    parts = [
        f"REGISTRATION SHEET: Chartside for {client.name}",
        _section("Addresses", _addresses(base, services)),
        _section("How calls are authenticated", _authentication(client, base)),
        _section("SMART page", _smart(client, base, services)),
        _section("Browsers", _browsers(client, base)),
        *(_section(f"Service {service.info.id}", _service(service, client)) for service in services),
        _section("FHIR access", _access(client, services)),
        _section("Minimum necessary data", _data(services)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, rows: Iterator[tuple[str, str]]) -> str:
    """A heading with labelled lines."""
    return "\n".join([title, "-" * len(title), *(line for label, text in rows for line in _row(label, text))])


def _row(label: str, text: str) -> list[str]:
    """A label and its text, wrapped; addresses and queries stay whole."""
    return wrap(
        text,
        WIDTH,
        initial_indent=f"{label + ':':<22}",
        subsequent_indent=" " * 22,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _addresses(base: str, services: Sequence[Offered]) -> Iterator[tuple[str, str]]:
    """Where to call."""
    yield "discovery", f"GET {base}/cds-services"
    for service in services:
        yield "service", f"POST {base}/cds-services/{service.info.id}"
        yield "feedback", f"POST {base}/cds-services/{service.info.id}/feedback"
    yield "links in answers", f"all begin with {base}/"
    yield "owner, e-mail", YOURS


def _authentication(client: Client, base: str) -> Iterator[tuple[str, str]]:
    """What a token must be like."""
    if client.authentication == "loopback":
        yield "token", "none; calls from the machine of Chartside only"
        return
    yield "header", "Authorization: Bearer <JWT> on discovery, call and feedback; a new JWT for each call"
    yield "alg, typ, kid", f"{' or '.join(client.algorithms)}; JWT; the id of a key in the JWK Set"
    yield "JWK Set", client.jku or "handed over as a file"
    yield "jku", f"left out, or exactly {client.jku}" if client.jku else "left out"
    yield "iss", client.issuer
    yield "aud", f"the called URL, such as {base}/cds-services{''.join(f'; or {name}' for name in client.audiences)}"
    yield (
        "iat, exp",
        f"required; exp - iat at most {client.max_token_seconds} s; clocks may differ by 60 s; nbf is kept",
    )
    yield "jti", "required, used once, at most 256 characters"
    if client.subjects:
        yield "sub", " or ".join(client.subjects)
    if client.tenants:
        yield "tenant", " or ".join(client.tenants)
    for mark in client.certificates:
        yield "certificate", f"SHA-256 {mark}"


def _smart(client: Client, base: str, services: Sequence[Offered]) -> Iterator[tuple[str, str]]:
    """What to register for the page that opens from the chart or a card (SMART App Launch 2.2.0)."""
    if not client.smart_client_id:
        yield "used", "no"
        return
    yield "client_id", f"client_id {client.smart_client_id}"
    yield "launch URL", f"{base}/smart/launch"
    yield "redirect URI", f"{base}{client.smart_callback}"
    yield "standalone URL", f"{base}/smart/standalone/{client.id}"
    yield "iss, aud", client.fhir_base
    yield "client type", SMART_TYPES[client.smart_authentication]
    if client.smart_keys:
        yield "JWKS URL", f"{base}/smart/jwks.json"
        yield "keys", ", ".join(f"{key.kid} ({key.algorithm})" for key in client.smart_keys)
    yield "PKCE", "always, S256"
    yield "scopes, launch", "launch (from the chart), launch/patient (standalone), openid, fhirUser"
    if client.smart_refresh != "none":
        yield "scopes, refresh", REFRESHES[client.smart_refresh]
    reads = smart_scopes([need for service in services for need in service.needs])
    for form in (V2, V1):
        if client.smart_scopes in ("auto", form):
            writes = asked_writes(WRITTEN, form) if client.smart_write_back else ()
            yield f"scopes, {form} form", ", ".join((*asked(reads, form), *writes))


def _browsers(client: Client, base: str) -> Iterator[tuple[str, str]]:
    """CORS and frames."""
    yield "origins", ", ".join(client.origins) or "none registered"
    yield "CORS", "GET, POST, OPTIONS with Authorization and Content-Type; no credentials"
    yield "frame", f"{base}/smart/ may stand in a frame of these origins and of no others"


def _service(service: Offered, client: Client) -> Iterator[tuple[str, str]]:
    """One service with its hooks and prefetch."""
    info = service.info
    yield "title", info.title
    yield "description", info.description
    yield "intended use", info.intended_use
    yield "hooks", ", ".join(info.hooks)
    yield "trigger condition", "every event of these hooks for such patients; the answer says where it does not apply"
    fault = "a 4xx or 5xx with an OperationOutcome" if client.on_error == "outcome" else "an empty list, as agreed"
    yield "answer", f"reads end in time for {client.deadline_ms} ms; a fault is {fault}"
    hooks = known_hooks()
    always = all(hooks[hook].encounter_always_known for hook in info.hooks if hook in hooks)
    for need in service.needs:
        template = need.prefetch_template(encounter_always_known=always)
        yield f"prefetch {need.key}", f"{template} ({need.importance})"


def _access(client: Client, services: Sequence[Offered]) -> Iterator[tuple[str, str]]:
    """What is read where prefetch is not complete."""
    needs = [need for service in services for need in service.needs]
    yield "FHIR R4 server", ", ".join((client.fhir_base, *client.fhir_hosts))
    yield "scopes", ", ".join(smart_scopes(needs))
    yield "used for", "what prefetch did not bring, with the token of the call, which is never stored"


def _data(services: Sequence[Offered]) -> Iterator[tuple[str, str]]:
    """Each kind of data once, with its codes: nothing else is asked for."""
    codes: dict[str, dict[str, str]] = {}
    for service in services:
        for need in service.needs:
            words = {coding.code: coding.display or service.names.get(coding.code, "") for coding in need.codes}
            codes.setdefault(need.resource_type, {}).update(words)
    for resource_type, named in codes.items():
        texts = [f"{code} {words}".strip() for code, words in sorted(named.items(), key=lambda item: item[::-1])]
        yield resource_type, "; ".join(texts) if texts else "of the one patient of the call"
    yield "nothing else", "is asked for; advice is stored under keyed pseudonyms of patient and clinician"
