"""Forms that change something: bound to whoever drew them, so that no other site can send them (CSRF), and bounded.

A form carries `token()` in a hidden field named `form`; `faulty()` is asked before anything is done. The token is an
HMAC over the person's name and session; a browser also names the page that a form comes from (`Origin`). What was typed
comes back with every fault (`echoed`), without marks that nobody sees and not without end.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, current_app, g, make_response, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from clinical.typed_words import shown
from oversight.pages.door.access import person

FIELD = "form"
SECRET = "OVERSIGHT_FORM_SECRET"  # noqa: S105 (the name of an entry of the application's config)
# Two fields of 4,000 characters (`oversight.incident_events`) of 12 bytes each, as a browser writes the longest, and
# what stands around them.
MOST_BYTES = 128 * 1024
# Twice the longest field: who has written somewhat too much shortens it and does not write it anew.
MOST_ECHOED = 8_000
MOST_FIELDS = 40
# Fields that hold somebody's words, by what the page calls them; all others go along unseen.
_WRITTEN = {"words": "Your words", "expected": "What is expected of it, and by when", "value": "What stands in it"}
_UNTOLD = frozenset({FIELD, "seen", "item", "comment"})


@dataclass(frozen=True, slots=True)
class Again:
    """A form that could not be kept, to be sent again: where to, with which token, the words, and all else.

    `told` names what goes along, for who sends it.
    """

    action: str
    token: str
    written: tuple[tuple[str, str, str], ...]
    along: tuple[tuple[str, str], ...]

    @property
    def told(self) -> str:
        """Fields and values that go along, other than those that say nothing to a person."""
        return ", ".join(f"{name} {value}" for name, value in self.along if name not in _UNTOLD and value)


def limit() -> None:
    """What is sent here is read up to so many bytes; beyond it there is a 413."""
    request.max_content_length = MOST_BYTES
    request.max_form_memory_size = MOST_BYTES


def token() -> str:
    """What a form of this person carries."""
    secret: bytes = current_app.config[SECRET]
    who = person()
    return hmac.digest(secret, f"{who.name}\n{who.session}".encode(), "sha256").hex()


def faulty() -> Response | None:
    """None where the form is one of ours and of this person, else the page that says that it is not."""
    if _is_ours():
        return None
    faults = ["The form is not one of this page, or too old. Open the page again; nothing was changed."]
    return make_response(render_template("oversight/bad_request.html", faults=faults), 403)


def echoed() -> MultiDict[str, str]:
    """What was sent, as a form shows it again: without marks that nobody sees, and of each field at most so much."""
    found = list(request.form.items(multi=True))[:MOST_FIELDS]
    return MultiDict([(name, shown(value[: MOST_ECHOED + 1])[:MOST_ECHOED]) for name, value in found])


def with_echo(fault: str) -> str:
    """A fault, and in what the form that stands below it differs from what was sent."""
    if not fault:
        return ""
    values = [value.replace("\r\n", "\n") for value in request.form.values()]
    if any(len(value) > MOST_ECHOED for value in values):
        return f"{fault} Of what you wrote, the first {MOST_ECHOED:,} characters stand below."
    if any(shown(value) != value.strip() for value in values):
        return f"{fault} Below, your words stand as plain text: read them again before you send them."
    return fault


def again() -> Again | None:
    """The form of this request, to be sent once more; None where none was sent, or not one of ours.

    Where the ledger could not even say whether the visit still lasts, nobody is known, and the form keeps the token
    that it came with: it is looked at when it comes again.
    """
    try:
        if request.method != "POST" or ("oversight_person" in g and not _is_ours()):
            return None
        sent = echoed()
    except RequestEntityTooLarge:
        return None
    mark = token() if "oversight_person" in g else sent.get(FIELD, "")
    written = tuple((name, label, sent[name]) for name, label in _WRITTEN.items() if name in sent)
    along = tuple((name, value) for name, value in sent.items(multi=True) if name not in (*_WRITTEN, FIELD))
    return Again(request.script_root + request.path, mark, written, along)


def _is_ours() -> bool:
    """Whether the form was drawn for this person, and comes from here."""
    given = request.form.getlist(FIELD)
    return len(given) == 1 and hmac.compare_digest(given[0].encode(), token().encode()) and _from_here()


def _from_here() -> bool:
    """Whether a browser that says where the form comes from names this host."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        return origin != "null" and urlsplit(origin).netloc == request.host
    except ValueError:  # no URL at all
        return False
