"""Keyed pseudonyms: how patients, encounters and clinicians are named in the ledger.

HMAC-SHA256 (RFC 2104) under a key that stands outside the database. Kind and client are part of the message, so the
same id in two hospitals, or of a patient and of an encounter, gives two pseudonyms that cannot be joined.
"""

from __future__ import annotations

import hmac

from clinical.errors import SettingsInvalid

MIN_KEY_BYTES = 32

# What CDS Hooks 2.0.1 lets `context.userId` name, and the role that the SMART page may add.
_ROLES = frozenset({"Practitioner", "PractitionerRole", "Patient", "RelatedPerson", "Person"})


class Pseudonyms:
    """The pseudonyms of one key."""

    def __init__(self, key: bytes) -> None:
        """Keep the key. Raises `SettingsInvalid` below 32 bytes (the block that RFC 2104 section 3 asks for)."""
        if len(key) < MIN_KEY_BYTES:
            raise SettingsInvalid(f"The pseudonym key is shorter than {MIN_KEY_BYTES} bytes.")
        self._key = key
        self._key_id = self._of("key-id", "", "")[:16]

    @property
    def key_id(self) -> str:
        """16 hex digits that tell one key from another and do not reveal it."""
        return self._key_id

    def patient(self, client: str, patient_id: str) -> str:
        """The pseudonym of a patient, 64 hex digits."""
        return self._of("patient", client, patient_id)

    def encounter(self, client: str, encounter_id: str | None) -> str | None:
        """The pseudonym of an encounter, 64 hex digits; None where none was named."""
        return None if encounter_id is None else self._of("encounter", client, encounter_id)

    def user(self, client: str, reference: str) -> str:
        """The pseudonym of a clinician, 64 hex digits; empty where nobody was named.

        An absolute URL and the relative reference at its end are the same person.
        """
        return self._of("user", client, "/".join(reference.split("/")[-2:])) if reference else ""

    def reviewer(self, name: str) -> str:
        """The pseudonym of somebody who judges overrides, 64 hex digits, by the name of their sign-in here."""
        return self._of("reviewer", "", name)

    def _of(self, kind: str, client: str, value: str) -> str:
        """HMAC over length-prefixed parts, so that no two lists of parts give the same message."""
        parts = [part.encode("utf-8", "surrogatepass") for part in ("chartside-1", kind, client, value)]
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._key, message, "sha256").hex()


def role(reference: str) -> str:
    """The resource type in a user reference (`Practitioner/7`), or empty where it is none that a user can have."""
    segments = reference.split("/")
    return segments[-2] if len(segments) > 1 and segments[-2] in _ROLES else ""
