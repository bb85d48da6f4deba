"""Errors as pages: words for the clinician, a status for machines, an incident id for the log. No patient data."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass

from flask import Response, make_response, render_template
from werkzeug.exceptions import HTTPException

from clinical.errors import (
    BodyTooLarge,
    ChartsideError,
    DataUnavailable,
    LaunchFailed,
    LedgerUnavailable,
    MalformedRequest,
    ModelFault,
    NotAllowed,
    NotAuthenticated,
    NotOffered,
    RequestRefused,
    Unprocessable,
    WrongPatient,
    origin,
)

LOG = logging.getLogger("chartside.smart_app")


class TooManyLaunches(ChartsideError):
    """No further launch is begun before some of those that wait for their EHR have ended."""


SUPPORT = "If it stays, tell the support and name the incident."
REOPEN = f"Close this page and open it again from the patient's chart. {SUPPORT}"
RELOAD = f"Try again in a moment. {SUPPORT}"


@dataclass(frozen=True, slots=True)
class Words:
    """A status, what happened, and what to do now; `again` where the same page may come a moment later."""

    status: int
    heading: str
    advice: str
    again: bool = False


# The first class that fits, so the narrower ones come first.
TABLE: tuple[tuple[type[Exception], Words], ...] = (
    (WrongPatient, Words(409, "Not shown: another patient", REOPEN)),
    (Unprocessable, Words(422, "The page cannot be shown", REOPEN)),
    (MalformedRequest, Words(400, "The request cannot be read", REOPEN)),
    (BodyTooLarge, Words(413, "The form is too large", "Go back and shorten the comment.")),
    (NotAuthenticated, Words(403, "The page is not open in this browser", REOPEN)),
    (NotAllowed, Words(403, "Not allowed", REOPEN)),
    (RequestRefused, Words(400, "The request was refused", REOPEN)),
    (NotOffered, Words(502, "Not assessed: the EHR does not let the record be read", REOPEN)),
    (DataUnavailable, Words(503, "Not assessed: the record could not be read", RELOAD, again=True)),
    (LedgerUnavailable, Words(503, "Nothing is shown: the ledger cannot be reached", RELOAD, again=True)),
    (TooManyLaunches, Words(503, "Too many launches at once", RELOAD, again=True)),
    (LaunchFailed, Words(502, "The launch did not come to its end", REOPEN)),
    (ModelFault, Words(500, "Not assessed: the model failed", RELOAD, again=True)),
)
UNKNOWN = Words(500, "The page failed", RELOAD, again=True)


def fault_page(error: Exception, *, heading: str = "", said: str = "", back: str = "") -> Response:
    """Show an error. `said` are another server's words, `back` a link to the page that is still open.

    Without that link the page says that there is no assessment on it, and that this is no sign of safety.
    """
    incident = secrets.token_hex(4)
    words = _words(error)
    note = {"fault": type(error).__name__, "where": origin(error), "status": words.status, "incident": incident}
    LOG.log(logging.ERROR if words.status >= 500 else logging.WARNING, "page fault", extra=note)
    body = render_template(
        "smart_app/fault.html",
        heading=heading or words.heading,
        message=error.message if isinstance(error, ChartsideError) else "",
        advice=words.advice,
        again=words.again,
        said=said[:200],
        incident=incident,
        back=back,
    )
    response = make_response(body, words.status)
    if words.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _words(error: Exception) -> Words:
    """The row of the table."""
    if isinstance(error, HTTPException):
        return Words(error.code or 500, "The request was refused", REOPEN)
    return next((words for kind, words in TABLE if isinstance(error, kind)), UNKNOWN)
