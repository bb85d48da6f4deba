"""Everything that can go wrong, as one tree.

    ChartsideError
    ├── RequestRefused            the caller has to change something
    │   ├── MalformedRequest        not JSON, or not the shape that the specification asks for
    │   ├── NotAuthenticated        who calls is not proven
    │   ├── NotAllowed              known, but not allowed to do this
    │   ├── UnknownService          no such service, or not on this hook
    │   ├── BodyTooLarge            more than the door takes
    │   ├── UnsupportedMediaType    not the content type or encoding that the door takes
    │   └── Unprocessable           well formed, but cannot be acted on
    │       └── WrongPatient          a fact names another patient
    ├── DataUnavailable           a required part of the record could not be read
    │   └── NotOffered              the EHR does not permit or not offer it; asking again does not help
    ├── LedgerUnavailable         advice or feedback could not be stored
    ├── ModelFault                a model broke one of its own promises
    ├── LaunchFailed              a SMART launch did not come to its end
    └── NotStarted                a fault that keeps the service from starting
        ├── SettingsInvalid
        ├── ManifestInvalid
        └── ArtefactRejected

Rooms add leaves of their own where only they raise and catch them: `FetchFailed` in fhir_adapters, `CardRejected` in
cds_hooks.

Messages are written for the person who has to act, and never hold patient data, tokens or request text.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class ChartsideError(Exception):
    """Root of the tree. `message` is safe to show."""

    def __init__(self, message: str) -> None:
        """Keep the message."""
        super().__init__(message)
        self.message = message


class RequestRefused(ChartsideError):
    """The caller has to change something."""


class MalformedRequest(RequestRefused):
    """Not JSON, or not the shape that the specification asks for."""


class NotAuthenticated(RequestRefused):
    """Who calls is not proven. The reason is for the audit, not for the caller."""


class NotAllowed(RequestRefused):
    """Known, but not allowed to do this."""


class UnknownService(RequestRefused):
    """No such service, or not on this hook."""


class BodyTooLarge(RequestRefused):
    """More than the door takes."""


class UnsupportedMediaType(RequestRefused):
    """Not the content type or encoding that the door takes."""


class Unprocessable(RequestRefused):
    """Well formed, but cannot be acted on."""


class WrongPatient(Unprocessable):
    """A fact names another patient than the call."""


class DataUnavailable(ChartsideError):
    """A required part of the record could not be read: neither prefetched nor fetchable. Names the prefetch key."""

    def __init__(self, key: str, tried: str) -> None:
        """Keep the prefetch key and what was tried."""
        super().__init__(f"Required data '{key}' could not be read: {tried}.")
        self.key = key
        self.tried = tried


class NotOffered(DataUnavailable):
    """The EHR does not permit to read it, or does not offer it: no scope, HTTP 403, or a type that it does not know."""


class LedgerUnavailable(ChartsideError):
    """Advice or feedback could not be stored, so nothing may be shown or acknowledged."""


class ModelFault(ChartsideError):
    """A model broke one of its own promises (additivity, a finite probability)."""


class LaunchFailed(ChartsideError):
    """A SMART launch, or a read within its session, did not come to its end."""


class NotStarted(ChartsideError):
    """A fault that keeps the service from starting."""


class SettingsInvalid(NotStarted):
    """A setting or a client entry is missing or wrong."""


class ManifestInvalid(NotStarted):
    """A model.toml does not hold together. The message lists every fault."""


class ArtefactRejected(NotStarted):
    """A model file is not the one that its manifest names."""


def origin(fault: BaseException) -> str:
    """Where a fault arose, as `file:line` of the innermost frame: for a log line, which may not hold its message."""
    frames = traceback.extract_tb(fault.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
