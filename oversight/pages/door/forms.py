"""Forms that change something: bound to whoever drew them, so that no other site can send them (CSRF).

A form carries `token()` in a hidden field named `form`; `faulty()` is asked before anything is done. The token is an
HMAC over the person's name and session; a browser also names the page that a form comes from (`Origin`).
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from flask import Response, current_app, make_response, render_template, request

from oversight.pages.door.access import person

FIELD = "form"
SECRET = "OVERSIGHT_FORM_SECRET"  # noqa: S105 (the name of an entry of the application's config)


def token() -> str:
    """What a form of this person carries."""
    secret: bytes = current_app.config[SECRET]
    who = person()
    return hmac.digest(secret, f"{who.name}\n{who.session}".encode(), "sha256").hex()


def faulty() -> Response | None:
    """None where the form is one of ours and of this person, else the page that says that it is not."""
    given = request.form.getlist(FIELD)
    if len(given) == 1 and hmac.compare_digest(given[0].encode(), token().encode()) and _from_here():
        return None
    faults = ["The form is not one of this page, or too old. Open the page again; nothing was changed."]
    return make_response(render_template("oversight/bad_request.html", faults=faults), 403)


def _from_here() -> bool:
    """Whether a browser that says where the form comes from names this host."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        return origin != "null" and urlsplit(origin).netloc == request.host
    except ValueError:  # no URL at all
        return False
