"""Who may see the quality team's pages: nobody, unless somebody has signed in and a role of theirs has the right.

`sign_in.py` is the way in with a sign-in server. Here is the one by password (HTTP Basic, RFC 7617): the user
`quality`, for who has no such server. Basic sends the password with every request, so these pages belong behind TLS, as
everything here does.
"""

from __future__ import annotations

import hmac

from flask import Response, g, make_response, render_template, request

from oversight.pages.door.roles import Person, Right, Role
from oversight.pages.door.visits import Visit

USER = "quality"
PASSWORD_SETTING = "CHARTSIDE_QUALITY_PASSWORD_FILE"  # noqa: S105 (the name of a setting)


def person() -> Person:
    """Who is asking. There is somebody wherever a page is drawn."""
    found: Person = g.oversight_person
    return found


def enter(found: Person) -> None:
    """Let somebody in for this request."""
    g.oversight_person = found


def refused(right: Right) -> Response | None:
    """None where the person has the right, else the page that says that they have not."""
    if person().may(right):
        return None
    return make_response(render_template("oversight/not_for_you.html", person=person()), 403)


def visit_now() -> Visit | None:
    """The visit that let somebody in for this request; None for who came by password, or not at all."""
    found: Visit | None = g.get("oversight_visit")
    return found


def by_password(password: str) -> Person | None:
    """Who the request's password lets in."""
    return Person(USER, frozenset({Role.QUALITY})) if _proven(password) else None


def ask_for_password() -> Response:
    """The page that makes a browser ask for it."""
    response = make_response(render_template("oversight/password.html", user=USER), 401)
    response.headers["WWW-Authenticate"] = 'Basic realm="Chartside oversight", charset="UTF-8"'
    return response


def _proven(password: str) -> bool:
    """Compare user and password in constant time, both in any case."""
    given = request.authorization
    if given is None or given.type != "basic":
        return False
    same_user = _equal(given.username or "", USER)
    same_password = _equal(given.password or "", password)
    return same_user and same_password


def _equal(given: str, wanted: str) -> bool:
    """Compare two texts without telling by the time taken where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass"))
