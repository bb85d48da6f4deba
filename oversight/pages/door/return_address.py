"""Where to go on after the sign-in: to an address of these pages, and nowhere else (no open redirect)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import current_app, request, url_for

MAX_LENGTH = 600
# Our paths hold nothing but these; no "..", no "//", no percent sign. The query may hold anything that an address can.
_OURS = re.compile(r"/oversight/(?:[a-z0-9-]+/)*[a-z0-9-]*(?:\?[\x21\x23-\x5b\x5d-\x7e]*)?", re.ASCII)
# Whoever comes back to these would go round in circles.
_OF_THE_SIGN_IN = re.compile(r"/oversight/(?:sign-in|sign-out|callback|password)(?:[/?].*)?")


def first_page() -> str:
    """Where everybody may begin."""
    there = "oversight.overview" in current_app.view_functions
    return url_for("oversight.overview") if there else "/oversight/"


def return_address(asked: str | None) -> str:
    """The address, if it is one of ours, else the first page."""
    if asked and len(asked) <= MAX_LENGTH and _OURS.fullmatch(asked) and not _OF_THE_SIGN_IN.fullmatch(asked):
        return asked
    return first_page()


def here() -> str:
    """The address of this request, to come back to."""
    query = request.query_string.decode("ascii", "replace")
    return f"{request.path}?{query}" if query else request.path


def came_from() -> str:
    """The page of ours that a form was sent from, as far as the browser says so; still to be checked."""
    try:
        parts = urlsplit(request.referrer or "")
    except ValueError:
        return ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.path}{query}" if parts.netloc == request.host else ""
