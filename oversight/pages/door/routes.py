"""The door of the quality team's pages: by a visit, by the team's password, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Blueprint, Response, g, make_response, render_template, request, url_for

from clinical.ports import Audit, Clock
from oversight.pages.door import forms
from oversight.pages.door.access import PASSWORD_SETTING, ask_for_password, by_password, enter, visit_now
from oversight.pages.door.return_address import came_from, here
from oversight.pages.door.sign_in import SignInDeps, SignInDesk, add_routes, go
from oversight.pages.door.visits import Over, Visit, take_back

SIGN_IN_SETTING = "CHARTSIDE_SIGN_IN_FILE"
# Open to everybody where there is a sign-in; the style sheet always is, because the pages that say "no" need it too.
_STYLE = "oversight.static"
_OUT = "oversight.sign_out"
_WAY_IN = ("oversight.sign_in", "oversight.begin_sign_in", "oversight.sign_in_callback")


@dataclass(frozen=True, slots=True)
class Locks:
    """What the door is closed with: the team's password, if any, the secret of the cookies, and who is told."""

    password: str | None = field(repr=False)
    secret: bytes = field(repr=False)
    audit: Audit
    clock: Clock


def add_door(pages: Blueprint, sign_in: SignInDeps | None, locks: Locks) -> None:
    """Closes a blueprint to everybody but those who come in. Without a password and a sign-in, nobody comes in."""
    desk = None
    if sign_in is not None:
        with_password = bool(locks.password)
        desk = SignInDesk(sign_in, locks.secret, locks.audit, locks.clock, with_password=with_password)
        pages.after_request(_renewed(desk))
    add_routes(pages, desk)
    pages.before_request(_check(locks.password, desk))
    pages.context_processor(_leaving)


def _check(password: str | None, desk: SignInDesk | None) -> Callable[[], Response | None]:
    """The `before_request` function."""

    def check() -> Response | None:
        """None to go on, else the page that says why not."""
        if request.endpoint == _STYLE or (desk is not None and request.endpoint in _WAY_IN):
            return None
        found = desk.visits.read(request.cookies) if desk is not None else None
        if isinstance(found, Visit):
            g.oversight_visit = found
            enter(found.person)
            return None
        if password and (who := by_password(password)) is not None:
            enter(who)
            return None
        return _closed() if not password and desk is None else _who_are_you(password, desk, found)

    return check


def _closed() -> Response:
    """Nobody comes in."""
    settings = (PASSWORD_SETTING, SIGN_IN_SETTING)
    return make_response(render_template("oversight/closed.html", settings=settings), 403)


def _who_are_you(password: str | None, desk: SignInDesk | None, over: Over | None) -> Response:
    """To the sign-in; where the password was tried, or is the only way, the question for it."""
    asked_for = request.endpoint == "oversight.by_password" or request.authorization is not None
    if desk is None or (password and asked_for):
        return ask_for_password()
    why = over.value if over is not None else ""
    if request.method in ("GET", "HEAD"):
        asked = {"to": here(), **({"why": why} if why else {})}
        response = go(f"{url_for('oversight.sign_in')}?{urlencode(asked)}")
    elif over is not None and request.endpoint == _OUT:
        response = go(url_for("oversight.sign_in", why=Over.OUT.value))
    else:
        response = desk.ask(why, came_from(), 401)
    if over is not None:
        take_back(response)
    return response


def _renewed(desk: SignInDesk) -> Callable[[Response], Response]:
    """The `after_request` function that notes the use of a visit."""

    def renew(response: Response) -> Response:
        """Not where the visit was ended just now."""
        if (visit := visit_now()) is not None and request.endpoint != _OUT:
            desk.visits.renew(response, visit)
        return response

    return renew


def _leaving() -> dict[str, object]:
    """What the header needs beside who it is: the token of its form, for who can sign out."""
    return {"sign_out_token": forms.token() if visit_now() is not None else ""}
