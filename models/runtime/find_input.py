"""What a record says about each input of a score: one number, the words for it, and the facts that it came from.

None means that nobody can say. Nothing is guessed from silence: a diagnosis that is not there counts as absent only if
the diagnoses could be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.runtime import find_diagnoses, find_facts, find_medicines, find_person, find_procedures, find_visits
from models.runtime.chart import Chart, Found
from models.runtime.score_inputs import (
    Answered,
    AnyInput,
    Diagnosed,
    Measured,
    Medicated,
    Paired,
    Performed,
    Personal,
    Stayed,
    Visits,
)

_FINDERS: dict[type, Callable[[Any, Chart], Found]] = {
    Measured: find_facts.measured,
    Paired: find_facts.paired,
    Answered: find_facts.answered,
    Diagnosed: find_diagnoses.diagnosed,
    Medicated: find_medicines.medicated,
    Performed: find_procedures.performed,
    Visits: find_visits.visits,
    Stayed: find_person.stayed,
    Personal: find_person.personal,
}


def find(one: AnyInput, chart: Chart) -> Found:
    """Look one input up."""
    return _FINDERS[type(one)](one, chart)
