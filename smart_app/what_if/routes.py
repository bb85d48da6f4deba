"""`/smart/page/…/what-if`: the answer to other numbers, and what a browser needs to work it out by itself.

Numbers come by POST, because a value in an address would stand in logs. Nothing is recorded: the ledger keeps what was
assessed, not what somebody tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from flask import Blueprint, Response, jsonify, make_response, render_template, request

from clinical.advice import Advice
from clinical.assessment import RiskAssessment
from clinical.errors import MalformedRequest, NotAllowed
from smart_app.form_token import check_form_token, form_token
from smart_app.headers import Exemption, allow
from smart_app.language.speaking import said_plain
from smart_app.opening import Opening
from smart_app.ports.what_if import WhatIfModel
from smart_app.sessions import Launch
from smart_app.what_if.view import WhatIfView, may_ask, what_if_view

FIELD = "value-"
# The file is that of one published version and names no patient, but what a site fitted is the site's own.
KEPT = "private, max-age=3600"
_NUMBER = re.compile(r"-?\d{1,7}([.,]\d{1,6})?")
# Either 1.234 or 1234: nobody can say.
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+")


class WhatIf:
    """The routes of what-if, and its part of the page."""

    def __init__(self, opening: Opening, models: Mapping[str, WhatIfModel]) -> None:
        """Keep the collaborators."""
        self._opening = opening
        self._models = models

    def views(self, advice: Iterable[Advice]) -> dict[str, WhatIfView]:
        """What stands on the page, by the id of the advice."""
        zone = self._opening.deps.zone
        found = {one.id: what_if_view(one, self._models, zone) for one in advice}
        return {id_: view for id_, view in found.items() if view is not None}

    def answer(self, launch_id: str) -> Response:
        """The model's answer to the numbers of a form, on a page of its own."""
        launch = self._opening.mine(launch_id)
        secret = self._opening.deps.secret
        check_form_token(secret, launch.id, launch.browser, request.form.get("csrf_token", ""))
        advice, finding, model = self._of(launch, request.form.get("advice", ""))
        problem, response = "", None
        try:
            numbers = _numbers(request.form)
            response = model.respond(finding, numbers)
            if any(numbers[name] != value for name, value in response.values):
                problem = "A number lies outside what can be tried; the nearest that can was taken."
        except MalformedRequest as fault:
            problem = fault.message
        view = what_if_view(advice, self._models, self._opening.deps.zone, response)
        body = render_template(
            "smart_app/what_if_page.html",
            what_if=view,
            launch=launch,
            csrf_token=form_token(secret, launch.id, launch.browser),
            problem=problem,
            person=self._opening.person(launch),
        )
        allow(Exemption(script=True))
        return make_response(body, 400 if response is None else 200)

    def sheet(self, launch_id: str, advice_id: str) -> Response:
        """The row and its program, as JSON; `shown` has the labels and tiers that have other words in this language."""
        _, finding, model = self._of(self._opening.mine(launch_id), advice_id)
        sheet = model.sheet(finding)
        texts = (*sheet["labels"], *(tier["name"] for tier in sheet["tiers"]))
        shown = {text: told for text in texts if (told := said_plain(text)) != text}
        return jsonify({**sheet, "shown": shown})

    def model(self, launch_id: str, advice_id: str) -> Response:
        """The published file of the model."""
        _, finding, model = self._of(self._opening.mine(launch_id), advice_id)
        if model.offer(finding).refused:
            raise NotAllowed("This model is not the one that was asked.")
        response = make_response(model.content)
        response.headers["Content-Type"] = "application/octet-stream"
        allow(Exemption(cache=KEPT))
        return response

    def _of(self, launch: Launch, advice_id: str) -> tuple[Advice, RiskAssessment, WhatIfModel]:
        """An advice of this page that may be asked about. Raises `NotAllowed` for any other."""
        advice = self._opening.advice(launch, advice_id)
        finding = may_ask(advice)
        model = None if finding is None else self._models.get(finding.model.id)
        if finding is None or model is None:
            raise NotAllowed("There is no what-if for this advice.")
        return advice, finding, model


def add_what_if(blueprint: Blueprint, what_if: WhatIf) -> None:
    """Register the routes with the room's blueprint."""
    blueprint.add_url_rule("/page/<launch_id>/what-if", "what_if", what_if.answer, methods=["POST"])
    blueprint.add_url_rule("/page/<launch_id>/what-if/<advice_id>", "what_if_sheet", what_if.sheet, methods=["GET"])
    blueprint.add_url_rule("/page/<launch_id>/model/<advice_id>", "what_if_model", what_if.model, methods=["GET"])


def _numbers(form: Mapping[str, str]) -> dict[str, float]:
    """The numbers of a form; an empty field is left as measured. Raises `MalformedRequest`; no message quotes one."""
    found = {}
    for name, text in form.items():
        if name.startswith(FIELD) and text.strip():
            if not _NUMBER.fullmatch(text.strip()) or _THOUSANDS.fullmatch(text.strip()):
                raise MalformedRequest("Enter numbers, such as 72 or 4.5.")
            found[name.removeprefix(FIELD)] = float(text.strip().replace(",", "."))
    return found
