"""`SignInEntry`: a sign-in server as its file describes it, and who gets which role."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from fhir_adapters.smart.client_authentication import ClientAuthentication
from oversight.pages.door.access import USER
from oversight.pages.door.roles import Role

MAX_NAME = 80
MAX_VALUES = 2_000
# The claims that name a person, if the file says nothing else; the subject is always there.
NAME_CLAIMS = ("preferred_username", "fhirUser", "sub")

# How the audit names those who come by the team's password and by the command line.
TAKEN = frozenset({USER, "command line"})


@dataclass(frozen=True, slots=True)
class SignInEntry:
    """The keys of the file, checked. `base` is the issuer or the FHIR base; `groups` and `people` are by role.

    `roles_claim` is the way to a claim: one name, or the names of objects within each other.
    """

    kind: str
    base: str
    client_id: str
    label: str
    scopes: tuple[str, ...]
    authentication: ClientAuthentication = field(repr=False)
    roles_claim: tuple[str, ...]
    groups: Mapping[Role, frozenset[str]]
    people: Mapping[Role, frozenset[str]]
    name_claim: str
    idle: timedelta
    longest: timedelta
    max_age: timedelta | None

    def roles_of(self, claims: Mapping[str, object], *ids: str) -> frozenset[Role]:
        """The roles of who has these claims and is one of these people. Without a match there is none."""
        named, known = self._values(claims), frozenset(filter(None, ids))
        by_group = {role for role, values in self.groups.items() if values & named}
        return frozenset(by_group | {role for role, people in self.people.items() if people & known})

    def name_of(self, claims: Mapping[str, object]) -> str:
        """A name for the header and the audit. Nobody is named like another way in."""
        wanted = (self.name_claim,) if self.name_claim else NAME_CLAIMS
        for claim in (*wanted, "sub"):
            value = claims.get(claim)
            name = value.strip() if isinstance(value, str) else ""
            if name and name.isprintable() and len(name) <= MAX_NAME and name.casefold() not in TAKEN:
                return name
        return f"person {hashlib.sha256(str(claims.get('sub')).encode('utf-8', 'replace')).hexdigest()[:12]}"

    @property
    def edition(self) -> str:
        """Changes with everything that decides who may come in as what."""
        ruled = [sorted((role.value, sorted(values)) for role, values in table.items()) for table in self._tables]
        return hashlib.sha256(
            repr((self.kind, self.base, self.client_id, self.roles_claim, ruled)).encode()
        ).hexdigest()

    @property
    def _tables(self) -> tuple[Mapping[Role, frozenset[str]], ...]:
        """Both tables of roles."""
        return self.groups, self.people

    def _values(self, claims: Mapping[str, object]) -> frozenset[str]:
        """What the claim of roles holds: a text or a list of texts."""
        found: object = claims if self.roles_claim else None
        for name in self.roles_claim:
            found = found.get(name) if isinstance(found, Mapping) else None
        listed = [found] if isinstance(found, str) else found
        return (
            frozenset(v for v in listed[:MAX_VALUES] if isinstance(v, str)) if isinstance(listed, list) else frozenset()
        )
