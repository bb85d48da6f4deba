"""`/smart/page/…/write`: one risk into the EHR's chart, when the clinician asks for it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, make_response, redirect, request, url_for

from clinical.assessment import Abstention
from clinical.errors import ChartsideError, NotAllowed
from smart_app.faults import fault_page
from smart_app.opening import Opening
from smart_app.sessions import Launch


class Writing:
    """The route, and whether the page offers it."""

    def __init__(self, opening: Opening, mine_by_form: Callable[[str], Launch]) -> None:
        """`mine_by_form` finds the launch of a form that came from its page."""
        self._opening = opening
        self._mine = mine_by_form

    def offered(self, launch: Launch) -> bool:
        """Whether this visit may write."""
        writer = self._opening.deps.writer
        return writer is not None and writer.offered(launch.visit)

    def written(self, launch: Launch) -> dict[str, str]:
        """What was written from this page, by the id of the advice."""
        found = {id_: self._opening.stores.written.get(f"{launch.id}/{id_}") for id_ in launch.advice_ids}
        return {id_: reference for id_, reference in found.items() if reference is not None}

    def write(self, launch_id: str) -> Response:
        """Write; say so only after it stands in the EHR and was read back."""
        launch, writer = self._mine(launch_id), self._opening.deps.writer
        advice = self._opening.advice(launch, request.form.get("advice", ""))
        if writer is None or advice.hidden or isinstance(advice.finding, Abstention):
            raise NotAllowed("There is nothing here that may be written into the chart.")
        back = url_for("smart_app.page", launch_id=launch_id)
        try:
            reference = writer.write(launch.visit, advice)
        except ChartsideError as fault:
            return fault_page(fault, heading="Not written, or not for certain", back=back)
        self._opening.stores.written.put(f"{launch.id}/{advice.id}", reference, launch.until)
        return make_response(redirect(f"{back}#e-{advice.id}", 303))


def add_writing(blueprint: Blueprint, writing: Writing) -> None:
    """Register the route with the room's blueprint."""
    blueprint.add_url_rule("/page/<launch_id>/write", "write", writing.write, methods=["POST"])
