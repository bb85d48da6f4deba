"""Who vouches for an export. Keys and their mathematics belong to `chartside`; here is only what is asked of them."""

from __future__ import annotations

from typing import Protocol

# What is signed begins with its purpose, so that a signature made for something else never fits.
PURPOSE = b"chartside export manifest v1\n"
MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public_key.txt"
FORMAT = 1


class Signer(Protocol):
    """An Ed25519 key (RFC 8032)."""

    @property
    def public_key(self) -> str:
        """The public half: 64 hex digits."""
        ...

    def sign(self, content: bytes) -> bytes:
        """The 64 bytes of a signature."""
        ...


class Check(Protocol):
    """Whether a signature over a content was made with the key of these 64 hex digits."""

    def __call__(self, public_key: str, signature: bytes, content: bytes) -> bool:
        """False also where the key is none."""
        ...
