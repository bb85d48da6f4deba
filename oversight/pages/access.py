"""Who may see the quality team's pages: nobody, unless a password is set and given (HTTP Basic, RFC 7617).

Basic sends the password with every request, so these pages belong behind TLS, as everything here does.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from flask import Response, make_response, render_template, request

USER = "quality"
PASSWORD_SETTING = "CHARTSIDE_QUALITY_PASSWORD_FILE"  # noqa: S105 (the name of a setting)

# What a role may see beyond counts. A role that is not named may not.
_SEES_CLINICIANS = frozenset({USER})
_READS_COMMENTS = frozenset({USER})


def may_see_clinicians(role: str) -> bool:
    """Whether figures of single clinicians are for this role. They stand under pseudonyms for everybody."""
    return role in _SEES_CLINICIANS


def may_read_comments(role: str) -> bool:
    """Whether this role may read what clinicians wrote."""
    return role in _READS_COMMENTS


def require_quality(password: str | None) -> Callable[[], Response | None]:
    """A `before_request` function that lets only the user `quality` pass. Without a password, nobody passes."""

    def check() -> Response | None:
        """None to go on, else the page that says why not."""
        if not password:
            return make_response(render_template("oversight/closed.html", setting=PASSWORD_SETTING), 403)
        if _proven(password):
            return None
        response = make_response(render_template("oversight/sign_in.html", user=USER), 401)
        response.headers["WWW-Authenticate"] = 'Basic realm="Chartside oversight", charset="UTF-8"'
        return response

    return check


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
