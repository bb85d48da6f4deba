"""What stands in the place of a page that is not there, takes no such request, or was sent too much: where to go on.

All of it is behind the door: who has not come in gets the same answer as for a page that there is.
"""

from __future__ import annotations

from typing import NoReturn

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request, url_for
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.routing import RequestRedirect

from oversight.pages.door import forms

_ENDPOINT = "unknown"
_METHODS = ("GET", "POST")


def add_routes(pages: Blueprint) -> None:
    """Every address below `/oversight/` that no other route takes, and the pages of the faults of all of them."""
    pages.add_url_rule("/oversight/<path:unknown>", _ENDPOINT, _unknown, methods=_METHODS)
    pages.register_error_handler(404, lambda _fault: _not_there())
    pages.register_error_handler(RequestEntityTooLarge, _too_large)


def no_such(what: str, endpoint: str, label: str) -> NoReturn:
    """Answer that there is no such thing, with the way to the page of all of them."""
    abort(_page(404, f"There is no such {what}", _MISTYPED, (url_for(f"oversight.{endpoint}"), label)))


_MISTYPED = "The address may be mistyped, or from another installation."


def _unknown(unknown: str) -> Response:
    """No page at all, or one that takes only the other kind of request."""
    allowed = _allowed()
    if not allowed:
        return _not_there()
    words = (
        "It only takes a form that one of the pages sends. Open the page of the form."
        if "POST" in allowed
        else "It takes no form. Open it without sending one."
    )
    response = _page(405, "This address is no page to open", words)
    response.headers["Allow"] = ", ".join(allowed)
    return response


def _allowed() -> tuple[str, ...]:
    """What the other routes of this address take; nothing where there is none."""
    adapter = current_app.create_url_adapter(request)
    found = []
    for method in _METHODS:
        try:
            endpoint, _ = adapter.match(method=method) if adapter is not None else ("", {})
        except (HTTPException, MethodNotAllowed, RequestRedirect):
            continue
        if endpoint and endpoint != f"oversight.{_ENDPOINT}":
            found.append(method)
    return tuple(found)


def _not_there() -> Response:
    """No page."""
    return _page(404, "There is no such page", _MISTYPED)


def _too_large(_fault: HTTPException) -> Response:
    """More than a form may be. It was not read, so it cannot be given back."""
    sent = request.content_length
    size = f" You sent {sent:,}." if sent else ""
    words = (
        f"A form may be {forms.MOST_BYTES:,} bytes long.{size} Nothing was kept. Go back in your browser, shorten what "
        "you wrote, and send it again."
    )
    return _page(413, "What you sent is too large", words)


def _page(status: int, heading: str, said: str, back: tuple[str, str] | None = None) -> Response:
    """Heading and words, the navigation, and the way back, where one is better than the others."""
    page = render_template("oversight/no_page.html", heading=heading, said=said, back=back)
    return make_response(page, status)
