"""The next steps of an alert as forms, and what comes back from them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from clinical.errors import Unprocessable
from clinical.typed_words import typed
from oversight.alerts import MOST_WORDS, Alert, AlertEvent, AlertStep

# An action says what is hoped for, so that the check has something to be held against.
EXPECTED = "\nExpected: "
_ASKED: Mapping[AlertStep, tuple[str, str, str]] = {
    AlertStep.ACKNOWLEDGED: ("Acknowledge", "Who looks at it, and by when", "Acknowledge"),
    AlertStep.CAUSE: ("State the cause", "What was found; for a false alarm, why it is one", "Keep the cause"),
    AlertStep.ACTION: ("Record an action", "What was changed", "Keep the action"),
    AlertStep.CHECK: ("Check the action", "What the check says, in your words", "Keep this check"),
    AlertStep.CLOSED: ("Close the alert", "Why nothing more has to be done", "Close the alert"),
}


@dataclass(frozen=True, slots=True)
class StepForm:
    """One form: the step, its heading, what it asks for, and the button."""

    step: AlertStep
    heading: str
    asks: str
    button: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A closed alert as a line of the action log; what did not happen is empty."""

    alert: Alert
    cause: str
    change: str
    expected: str
    observed: str
    closed: AlertEvent


def step_forms(alert: Alert) -> tuple[StepForm, ...]:
    """What may be done now."""
    return tuple(StepForm(step, *_ASKED[step]) for step in alert.next_steps)


def step_words(step: AlertStep, words: str, expected: str) -> str:
    """The words to keep. Raises `Unprocessable` where some are missing, too long, or no plain text."""
    parts = [typed(words, MOST_WORDS)]
    if step is AlertStep.ACTION:
        parts.append(typed(expected, MOST_WORDS, "expectation"))
    if not all(parts):
        raise Unprocessable("A step needs words that can be seen; an action also says what is expected of it.")
    # An expectation may not look like another one.
    said = EXPECTED.join(part.replace(EXPECTED, " ") for part in parts)
    if len(said) > MOST_WORDS:
        raise Unprocessable(f"At most {MOST_WORDS:,} characters are kept of both together; you sent {len(said):,}.")
    return said


def with_figures(words: str, figures: str) -> str:
    """A check's words with its figures. Raises `Unprocessable` where both together would be cut off."""
    said = f"{words} {figures}"
    if len(said) > MOST_WORDS:
        most = MOST_WORDS - len(figures) - 1
        raise Unprocessable(f"The figures take {len(figures)} characters; say it in {most}, not in {len(words):,}.")
    return said


def parted(words: str) -> tuple[str, str]:
    """An action's words: what was changed, and what was expected of it."""
    change, _, expected = words.partition(EXPECTED)
    return change, expected


def logged(alert: Alert) -> Logged:
    """The last cause, action and check of a closed alert."""
    said = {event.step: event.words for event in alert.events}
    change, expected = parted(said.get(AlertStep.ACTION, ""))
    cause, observed = said.get(AlertStep.CAUSE, ""), said.get(AlertStep.CHECK, "")
    return Logged(alert, cause, change, expected, observed, alert.events[-1])


def fingerprint(words: str) -> str:
    """What ties a check that is sent to the figures that were shown."""
    return hashlib.sha256(words.encode("utf-8")).hexdigest()
