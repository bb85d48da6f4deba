"""What the sign-in asks of a sign-in server, which `chartside` fills, and the ways in which nobody is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from clinical.errors import ChartsideError
from oversight.pages.door.roles import Role


class Refusal(StrEnum):
    """Why somebody was not signed in."""

    NOT_BEGUN = "not begun in this browser"
    LATE = "too late"
    USED = "used before"
    SERVER = "the sign-in server could not be used"
    DECLINED = "declined at the sign-in server"
    IDENTITY = "identity not proved"
    TOO_MANY = "too many at once"


# What the page says about each, and the status that goes with it.
_SEE_LOG = "Whoever runs Chartside finds more in its log."
WORDS: Mapping[Refusal, tuple[str, int]] = {
    Refusal.NOT_BEGUN: ("This sign-in was not begun in this browser, or another one was begun after it.", 400),
    Refusal.LATE: ("The sign-in took more than ten minutes.", 400),
    Refusal.USED: ("This sign-in was used already.", 400),
    Refusal.SERVER: (f"The sign-in server did not answer as it should. {_SEE_LOG}", 503),
    Refusal.DECLINED: ("The sign-in was declined.", 403),
    Refusal.IDENTITY: (f"The sign-in server's answer did not prove who you are. {_SEE_LOG}", 403),
    Refusal.TOO_MANY: ("Too many sign-ins were begun from your network within a minute. Wait a minute.", 429),
}


class SignInRefused(ChartsideError):
    """Nobody was signed in."""

    def __init__(self, why: Refusal) -> None:
        """Keep the reason."""
        super().__init__(WORDS[why][0])
        self.why = why


@dataclass(frozen=True, slots=True)
class Started:
    """Where to send the browser, the state to expect back, and what `complete` will need, sealed."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    kept: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """Who has signed in, proved. `name` is for the header and the audit; without a role nothing opens."""

    issuer: str
    subject: str
    name: str
    roles: frozenset[Role]


class SignIn(Protocol):
    """A sign-in server."""

    @property
    def label(self) -> str:
        """What people call it: the button says "Sign in with …"."""
        ...

    def begin(self, redirect_uri: str) -> Started:
        """Form the request. Raises `SignInRefused`."""
        ...

    def complete(self, query: Mapping[str, str], kept: str) -> Known:
        """Prove who came, from the server's answer. Raises `SignInRefused`."""
        ...

    def sign_out_url(self, back: str) -> str:
        """Where to sign out at the server itself; empty where it offers no such thing. Never raises."""
        ...
