"""The room's front door: a blueprint with everything under `/smart`."""

from __future__ import annotations

from flask import Blueprint, request

from smart_app.compress import compress
from smart_app.deps import Deps
from smart_app.faults import fault_page
from smart_app.headers import protect
from smart_app.language.speaking import speak
from smart_app.launch.launching import Launching
from smart_app.launch.public_keys import key_route
from smart_app.look import add_look
from smart_app.opening import Opening
from smart_app.page.facts import Facts, add_facts
from smart_app.page.routes import Page
from smart_app.page.write_route import add_writing
from smart_app.sessions import Stores, memory_stores
from smart_app.what_if.routes import WhatIf, add_what_if

MAX_FORM_BYTES = 20_000


def create_blueprint(deps: Deps, stores: Stores | None = None) -> Blueprint:
    """Join the routes. Without `stores`, sessions live in this process's memory."""
    kept = stores or memory_stores(deps.clock)
    blueprint = Blueprint(
        "smart_app",
        __name__,
        url_prefix="/smart",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    launching, opening = Launching(deps, kept), Opening(deps, kept)
    what_if = WhatIf(opening, deps.what_ifs)
    page = Page(opening, what_if)
    blueprint.add_url_rule("/launch", "launch", launching.launch, methods=["GET"])
    blueprint.add_url_rule("/standalone/<client>", "standalone", launching.standalone, methods=["GET"])
    blueprint.add_url_rule("/callback", "callback", launching.callback, methods=["GET"])
    blueprint.add_url_rule("/callback/<client>", "own_callback", launching.callback, methods=["GET"])
    blueprint.add_url_rule("/page/<launch_id>", "page", page.show, methods=["GET"])
    blueprint.add_url_rule("/page/<launch_id>/again", "again", page.again, methods=["POST"])
    blueprint.add_url_rule("/page/<launch_id>/decision", "decision", page.decide, methods=["POST"])
    blueprint.add_url_rule("/page/<launch_id>/wake", "wake", page.wake, methods=["POST"])
    blueprint.add_url_rule("/page/<launch_id>/report", "report", page.report, methods=["POST"])
    blueprint.add_url_rule("/page/<launch_id>/leave", "leave", page.leave, methods=["POST"])
    add_what_if(blueprint, what_if)
    add_writing(blueprint, page.writing)
    add_look(blueprint, opening)
    if deps.facts is not None:
        add_facts(blueprint, Facts(opening, deps.facts))
    blueprint.add_url_rule("/jwks.json", "jwks", key_route(deps.public_keys), methods=["GET"])
    blueprint.register_error_handler(Exception, fault_page)
    blueprint.before_request(_limit)
    speak(blueprint, deps.languages, lambda: _locale(kept))
    blueprint.after_request(compress)
    blueprint.after_request(lambda response: protect(response, _frame_origins(deps, kept)))
    return blueprint


def _limit() -> None:
    """A form of this room is small."""
    request.max_content_length = MAX_FORM_BYTES
    request.max_form_memory_size = MAX_FORM_BYTES


def _locale(stores: Stores) -> str:
    """The locale of the launch, else the browser's first choice."""
    launch = stores.launches.get((request.view_args or {}).get("launch_id", ""))
    said = "" if launch is None else launch.visit.locale
    return said or request.accept_languages.best or ""


def _frame_origins(deps: Deps, stores: Stores) -> tuple[str, ...]:
    """The origins of the EHR of this launch; of all EHRs where no patient is on the page (errors, redirects)."""
    launch = stores.launches.get((request.view_args or {}).get("launch_id", ""))
    if launch is not None and launch.iss in deps.ehrs:
        return deps.ehrs[launch.iss].frame_origins
    return tuple(origin for ehr in deps.ehrs.values() for origin in ehr.frame_origins)
