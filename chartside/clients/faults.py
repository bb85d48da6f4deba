"""Everything that is wrong with a registry, told at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from chartside.clients.keys import CLIENT_ID, CLIENT_ID_WORDS, JWT_KEYS, KEYS, SERVICE_KEYS, Key
from chartside.clients.smart_entry import smart_faults
from clinical import strict_json
from clinical.errors import ChartsideError

REQUIRED = ("name", "authentication", "fhir_base")


def faults_of(rows: Mapping[str, object], folder: Path) -> Iterator[str]:
    """The faults of all entries, then what is wrong between them. Key files are looked for in `folder`."""
    for name, row in rows.items():
        yield from (f"[clients.{name}] {fault}" for fault in _entry_faults(name, row, folder))
    yield from _clashes({name: row for name, row in rows.items() if isinstance(row, dict)})


def _entry_faults(name: str, row: object, folder: Path) -> Iterator[str]:
    """What is wrong with one entry."""
    if not CLIENT_ID.fullmatch(name):
        yield f"has an id other than {CLIENT_ID_WORDS}."
    if not isinstance(row, dict):
        yield "is not a table."
        return
    yield from _table_faults(row, KEYS)
    yield from (f"lacks '{key}'." for key in REQUIRED if key not in row)
    yield from _shadow_faults(row)
    yield from _trust_faults(row, folder)
    yield from smart_faults(row, folder)
    services = row.get("services")
    for service, own in services.items() if isinstance(services, dict) else ():
        yield from (f"[services.{service}] {fault}" for fault in _service_faults(own))


def _service_faults(own: object) -> Iterator[str]:
    """What is wrong with what an entry says about one service."""
    if not isinstance(own, dict):
        yield "is not a table."
        return
    yield from _table_faults(own, SERVICE_KEYS)
    yield from _shadow_faults(own)


def _table_faults(row: Mapping[str, object], keys: Mapping[str, Key]) -> Iterator[str]:
    """Unknown keys, and values that are not what they must be."""
    for key in sorted(row.keys() - keys.keys()):
        yield f"has the unknown key '{key}'."
    yield from (fault for key, value in row.items() if key in keys and (fault := keys[key].fault(key, value)))


def _shadow_faults(row: Mapping[str, object]) -> Iterator[str]:
    """All users in the shadow, or a share of them: not both."""
    if row.get("shadow") is True and "shadow_share" in row:
        yield "has 'shadow = true' beside a 'shadow_share'; say one of them."


def _trust_faults(row: Mapping[str, object], folder: Path) -> Iterator[str]:
    """What is wrong with how a client proves who it is."""
    if row.get("authentication") == "jwt":
        if "issuer" not in row:
            yield "lacks 'issuer'."
        if "jwks_url" not in row and "jwks_file" not in row:
            yield "needs either 'jwks_url' or 'jwks_file'."
        if isinstance(row.get("jwks_file"), str):
            yield from _key_file_faults(folder / str(row["jwks_file"]))
    elif row.get("authentication") == "loopback":
        for key in JWT_KEYS.keys() & row.keys():
            yield f"has '{key}', which is checked with authentication 'jwt' only."


def _key_file_faults(path: Path) -> Iterator[str]:
    """A key file must be a JWK Set of public keys."""
    rows = read_key_file(path).get("keys")
    if not isinstance(rows, list):
        yield f"names the key file {path.name}, which cannot be read or is not a JWK Set."
    elif any(isinstance(row, Mapping) and ("d" in row or row.get("kty") == "oct") for row in rows):
        yield f"names the key file {path.name}, which holds a private or symmetric key; only public keys belong there."


def read_key_file(path: Path) -> Mapping[str, object]:
    """A JWK Set from a file, or an empty mapping where there is none."""
    try:
        keys = strict_json.loads(path.read_bytes())
    except (OSError, ChartsideError):
        return {}
    return keys if isinstance(keys, Mapping) else {}


def _clashes(rows: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Two entries that one call or one launch could mean, and more than one entry for this machine."""
    issuers = Counter(row["issuer"] for row in rows.values() if isinstance(row.get("issuer"), str))
    for issuer in (issuer for issuer, times in issuers.items() if times > 1):
        tenants = [row.get("tenants") for row in rows.values() if row.get("issuer") == issuer]
        named = [str(tenant) for names in tenants if isinstance(names, list) for tenant in names]
        if not all(tenants) or len(set(named)) < len(named):
            yield f"Two entries have the issuer {issuer}; each of them must name 'tenants' of its own."
    bases = Counter(str(row.get("fhir_base")).rstrip("/") for row in rows.values() if row.get("smart_client_id"))
    for base in (base for base, times in bases.items() if times > 1):
        yield f"Two entries with a 'smart_client_id' have the fhir_base {base}; a launch could mean either."
    if sum(row.get("authentication") == "loopback" for row in rows.values()) > 1:
        yield "More than one entry has authentication 'loopback'."
