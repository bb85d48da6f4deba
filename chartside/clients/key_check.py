"""Which keys stand behind a client: what would be found if a call came now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cds_hooks.trust.keys import PublicKeys, rows_of
from chartside.clients.client import Client
from clinical.errors import ChartsideError


@dataclass(frozen=True, slots=True)
class FoundKeys:
    """What a key set holds, in words; `usable` if a token of this client could be verified with it."""

    usable: bool
    lines: tuple[str, ...]


def check_keys(client: Client, fetch: Callable[[str], object]) -> FoundKeys:
    """Fetch or take the key set of a client with a JWT, and say which keys and algorithms it holds."""
    try:
        key_set = fetch(client.keys) if isinstance(client.keys, str) else client.keys
    except ChartsideError as fault:
        return FoundKeys(False, (f"{client.keys}: {fault.message}.",))
    rows = rows_of(key_set)
    if rows is None:
        return FoundKeys(False, (f"{client.keys}: the answer is not a JWK Set.",))
    keys = PublicKeys(key_set)
    kids = sorted({kid for row in rows if isinstance(kid := row.get("kid"), str)})
    fits = {kid: [name for name in client.algorithms if keys.find(kid, name)] for kid in kids}
    return FoundKeys(any(fits.values()), tuple(_lines(fits, len(rows))))


def _lines(fits: dict[str, list[str]], rows: int) -> Iterator[str]:
    """One line for each key id."""
    for kid, algorithms in fits.items():
        yield f"key {ascii(kid)[:80]}: {' or '.join(algorithms) or 'not usable for the algorithms of this entry'}."
    if not any(fits.values()):
        yield f"None of its {rows} keys can verify a token of this client."
