"""The visit of a person who has signed in: a cookie with an idle time-out, an end, and an id that can be ended before.

The cookie holds the person's own name, roles and times, signed, so that every process can read it and none has to keep
it. `__Host-` with Secure and Path=/ keeps other hosts from setting it; SameSite=Lax lets it come along when the sign-in
server sends the browser back, and keeps it from forms of other sites. When a visit was last used stands in the cookie
itself, renewed at most once a minute. An id whose visit was ended is remembered in the database until it would have
ended anyway, so that a copy of the cookie opens nothing in any process.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from flask import Response

from clinical.ports import Clock
from oversight.pages.door.roles import Person, Role
from oversight.pages.door.signed import Signed

COOKIE = "__Host-oversight-visit"
RENEWED_AFTER = timedelta(minutes=1)
_ENDED = "oversight visit"
_FORM = 1  # of the cookie's content; a cookie of another form is none


class UsedIds(Protocol):
    """What was used up, in every process; `oversight.used_tokens.SqlUsedTokens` is one. Raises `LedgerUnavailable`."""

    def claim(self, client: str, token_id: str, expires: float) -> bool:
        """True for the first who comes with this id; remembered until `expires` (seconds since 1970)."""
        ...

    def was_used(self, client: str, token_id: str) -> bool:
        """Whether somebody came with this id."""
        ...


class Over(StrEnum):
    """Why a visit is over."""

    IDLE = "idle"
    LONG = "long"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a visit may stay without use, and how long it may last."""

    idle: timedelta = timedelta(minutes=15)
    longest: timedelta = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who came, and when. `mark` is a keyed pseudonym of issuer and subject, `seen` the last use as far as noted."""

    id: str = field(repr=False)
    mark: str
    name: str
    roles: frozenset[Role]
    began: datetime
    seen: datetime

    @property
    def person(self) -> Person:
        """As the pages know them."""
        return Person(self.name, self.roles, self.id)


class Visits:
    """Begins, reads and ends visits. `edition` changes with the rules of who has which role, and ends all visits."""

    def __init__(self, secret: bytes, limits: Limits, used: UsedIds, clock: Clock, *, edition: str = "") -> None:
        """All processes of a service need the same secret."""
        # Visits of another longest time are none: what was ended is only remembered as long as it could have lasted.
        self._signed = Signed(secret, f"visit {_FORM} {limits.longest} {edition}")
        self._secret = secret
        self._used = used
        self._clock = clock
        self.limits = limits

    def mark(self, issuer: str, subject: str) -> str:
        """A short pseudonym of a person of an issuer."""
        return hmac.digest(self._secret, f"person\0{issuer}\0{subject}".encode(), "sha256").hex()[:16]

    def begin(self, mark: str, name: str, roles: frozenset[Role]) -> Visit:
        """A visit with an id that nobody has known before."""
        now = self._clock.now()
        return Visit(secrets.token_urlsafe(24), mark, name, roles, now, now)

    def read(self, cookies: Mapping[str, str]) -> Visit | Over | None:
        """The visit of a browser, why it is over, or None where there is none. Raises `LedgerUnavailable`."""
        content = self._signed.read(cookies.get(COOKIE))
        if content is None:
            return None
        visit, now = _unpacked(content), self._clock.now()
        if now - visit.began >= self.limits.longest:
            return Over.LONG
        if now - visit.seen >= self.limits.idle:
            return Over.IDLE
        return Over.OUT if self._used.was_used(_ENDED, visit.id) else visit

    def renew(self, response: Response, visit: Visit) -> None:
        """Note that a visit is used, where that was not noted within the last minute."""
        now = self._clock.now()
        if now - visit.seen >= RENEWED_AFTER:
            self.hand_out(response, replace(visit, seen=now))

    def hand_out(self, response: Response, visit: Visit) -> None:
        """Give the browser the cookie, until it is closed."""
        response.set_cookie(COOKIE, self._signed.write(_packed(visit)), **attributes())

    def end(self, visit: Visit) -> None:
        """Make the id unusable for every process. Raises `LedgerUnavailable`."""
        self._used.claim(_ENDED, visit.id, (visit.began + self.limits.longest).timestamp())


def take_back(response: Response, name: str = COOKIE) -> None:
    """Remove a cookie of ours."""
    response.set_cookie(name, "", max_age=0, **attributes())


def attributes() -> dict[str, Any]:
    """What every cookie here has."""
    return {"secure": True, "httponly": True, "samesite": "Lax", "path": "/"}


def _packed(visit: Visit) -> dict[str, Any]:
    """For JSON; times in seconds since 1970."""
    return {
        "id": visit.id,
        "mark": visit.mark,
        "name": visit.name,
        "roles": sorted(visit.roles),
        "began": visit.began.timestamp(),
        "seen": visit.seen.timestamp(),
    }


def _unpacked(content: Mapping[str, Any]) -> Visit:
    """From JSON that we have signed."""
    roles = frozenset(map(Role, content["roles"]))
    began, seen = (datetime.fromtimestamp(content[name], UTC) for name in ("began", "seen"))
    return Visit(content["id"], content["mark"], content["name"], roles, began, seen)
