"""What the pages about outcomes ask for: an outcome, how long it has to come, and the service it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from oversight.analytics.outcome_question import OutcomeQuestion, outcome_names
from oversight.mart.mart import Questions
from oversight.pages.view import View, repeated

WHOLE_STAY = "stay"
# Hours that can be chosen, with their words; a model's own are added.
_HOURS = {
    6.0: "6 hours", 12.0: "12 hours", 24.0: "24 hours", 48.0: "48 hours", 72.0: "72 hours", 168.0: "7 days",
    672.0: "28 days", 720.0: "30 days", 2160.0: "90 days", 8760.0: "1 year",
}  # fmt: skip

Own = Mapping[str, OutcomeQuestion]
"""The outcome that each service is judged by, where its model says so."""


@dataclass(frozen=True, slots=True)
class OutcomeAsked:
    """A service, or None to choose one; the name of an outcome and a window, or None for what is usual."""

    service: str | None
    name: str | None
    window: str | None


@dataclass(frozen=True, slots=True)
class OutcomeForm:
    """What the form offers and has chosen. `question` None: nothing can be said, because of `problem`."""

    question: OutcomeQuestion | None
    names: tuple[str, ...]
    windows: tuple[tuple[str, str], ...]
    window: str
    problem: str


def service_asked(view: View) -> str | None:
    """The service; where none is named and the figures know only one, that one."""
    known = view.choices["service"]
    return view.selection.service or (known[0] if len(known) == 1 else None)


def ask_outcome(args: MultiDict[str, str], view: View) -> OutcomeAsked | list[str]:
    """What of the address is about the outcome, or the faults."""
    faults = repeated(args, ("outcome", "window"))
    window = args.get("window") or None
    if window is not None and window != WHOLE_STAY and _hours(window) is None:
        faults.append("“window” must be “stay” or a number of hours from 1 to 87600.")
    return faults or OutcomeAsked(service_asked(view), args.get("outcome") or None, window)


def outcome_form(mart: Questions, asked: OutcomeAsked, own: Own) -> OutcomeForm:
    """The question, with the model's own outcome where nothing else is asked for, else the only one there is."""
    names = outcome_names(mart)
    usual = own.get(asked.service or "")
    name = asked.name or (usual.name if usual and usual.name in names else names[0] if len(names) == 1 else "")
    problem = ""
    if not names:
        problem = "No outcome has been loaded yet, so nothing can be said about how right the risks were."
    elif asked.name and asked.name not in names:
        problem = "The outcome that was asked for is none that the figures know."
    elif not name:
        problem = "Choose the outcome that this service is about."
    if problem:
        return OutcomeForm(None, names, _windows(None), WHOLE_STAY, problem)
    question = _question(name, asked.window, usual)
    return OutcomeForm(question, names, _windows(question.window_hours), _key(question.window_hours), "")


def _question(name: str, window: str | None, usual: OutcomeQuestion | None) -> OutcomeQuestion:
    """The usual question, unless another one is asked."""
    own = usual if usual and usual.name == name else OutcomeQuestion(name, None)
    if window is None:
        return own
    hours = None if window == WHOLE_STAY else _hours(window)
    return own if hours == own.window_hours else OutcomeQuestion(name, hours)


def _windows(chosen: float | None) -> tuple[tuple[str, str], ...]:
    """The choices of the form."""
    hours = _HOURS if chosen is None or chosen in _HOURS else {**_HOURS, chosen: f"{chosen:g} hours"}
    return ((WHOLE_STAY, "the end of the stay"), *((_key(each), hours[each]) for each in sorted(hours)))


def _key(hours: float | None) -> str:
    """A window in the address."""
    return WHOLE_STAY if hours is None else f"{hours:g}"


def _hours(text: str) -> float | None:
    """A number of hours, or None for what is none."""
    if not text.replace(".", "", 1).isdigit() or not text.isascii() or len(text) > 8:
        return None
    hours = float(text)
    return hours if 1 <= hours <= 87_600 else None
