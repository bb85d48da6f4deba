"""The key that signs exports: Ed25519 (RFC 8032), made from the deployment's secret and kept nowhere."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chartside.house import House, derive_key
from chartside.quality_outcomes import own_outcomes
from oversight.pages.exports import ExportParts


def software() -> str:
    """The name and version that exports carry."""
    try:
        return f"Chartside {version('chartside')}"
    except PackageNotFoundError:
        return "Chartside (not installed)"


def export_parts(house: House) -> ExportParts:
    """What the pages of exports need."""
    settings = house.settings
    key = ExportKey(settings.secret)
    return ExportParts(
        house.standing, key, settings.base_url, software(), own_outcomes(house.shelf), settings.metrics_token,
        house.reviews.sheets,
    )  # fmt: skip


class ExportKey:
    """Fills `oversight.exports.signing.Signer`."""

    def __init__(self, secret: bytes) -> None:
        """The 32 bytes of `derive_key` are the seed."""
        self._private = Ed25519PrivateKey.from_private_bytes(derive_key(secret, "exports"))

    @property
    def public_key(self) -> str:
        """The public half: 64 hex digits."""
        return self._private.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> bytes:
        """The 64 bytes of a signature."""
        return self._private.sign(content)


def signed_with(public_key: str, signature: bytes, content: bytes) -> bool:
    """Whether a signature was made with this key. Fills `oversight.exports.signing.Check`."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
