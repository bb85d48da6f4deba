"""What was shown at one opening of a chart, so that buttons act on those very cards and a reload calls nobody."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field

from ehr_simulator.chart.hook_client import Result

MOST_KEPT = 300


@dataclass(slots=True)
class Visit:
    """One opening of a chart, or one fired hook. `said` is what came back after a decision, per card."""

    id: str
    patient: str
    hook: str
    results: list[Result]
    problem: str = ""
    said: dict[str, str] = field(default_factory=dict)


class Visits:
    """Visits in memory, oldest forgotten first; safe for threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, patient: str, hook: str, results: list[Result], problem: str = "") -> Visit:
        """A new visit."""
        visit = Visit(str(uuid.uuid4()), patient, hook, results, problem)
        with self._lock:
            self._visits[visit.id] = visit
            while len(self._visits) > MOST_KEPT:
                self._visits.popitem(last=False)
        return visit

    def find(self, visit_id: str, patient: str) -> Visit | None:
        """The visit, if it is about this patient."""
        with self._lock:
            visit = self._visits.get(visit_id)
        return visit if visit is not None and visit.patient == patient else None
