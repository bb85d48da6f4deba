"""What the server says it can do, each part to be switched off, as some EHRs lack it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offers:
    """`challenge_methods` None leaves the member out of discovery (PKCE is required all the same).

    `scope_forms` are the forms of clinical scopes that are granted: "v1" (`.read`) and "v2" (`.rs`).
    """

    well_known: bool = True
    capability_extension: bool = True
    revocation: bool = True
    introspection: bool = True
    post: bool = True
    response_issuer: bool = True
    challenge_methods: tuple[str, ...] | None = ("S256",)
    scope_forms: tuple[str, ...] = ("v1", "v2")
