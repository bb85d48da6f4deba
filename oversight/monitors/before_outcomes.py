"""The monitor of performance before outcomes arrive (CBPE), with its badge: blind to concept drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.judged_source import JudgedRows, JudgedSource, judged_rows, ripe
from oversight.monitors.result import MonitorResult, Status, refused
from oversight.monitors.thresholds import Thresholds
from oversight.statistics.discrimination import auroc
from oversight.statistics.estimate import Estimate
from oversight.statistics.estimated import BLIND_TO, Estimated, estimated
from oversight.statistics.labelled import labelled
from oversight.statistics.refused import Refused
from oversight.tallies import Period

BADGE = f"blind to {BLIND_TO}"
_RISKS = """
SELECT sequence, probability, card, hash(client, coalesce(patient, encounter)) AS patient FROM event
WHERE hook <> 'smart-launch' AND probability IS NOT NULL AND {where}
QUALIFY row_number() OVER (PARTITION BY client, coalesce(encounter, patient) ORDER BY time, sequence) = 1
"""


@dataclass(frozen=True, slots=True)
class EstimatedMonitor:
    """What outcomes are expected to show for the week. It may ask to be watched, and never raises the alarm.

    The figure rests on risks meaning what they meant, so it cannot be the last word in either direction.
    """

    judged: JudgedSource
    name: str = "estimated-performance"
    subject: str = "estimated performance"
    needs: tuple[str, ...] = ("time", "service", "client", "patient", "encounter", "probability", "card")

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """Recalibrate on the latest ripe weeks before this one, and take the risks of the week at their word."""
        if not thresholds.outcome:
            return refused(self.name, self.subject, "The model's manifest names no outcome.")
        last = ripe(selection.period, thresholds, thresholds.reference_weeks)
        period = Period(last.first, min(last.last, selection.period.first - timedelta(days=1)))
        known = judged_rows(self.judged, mart, selection, period, thresholds)
        firsts = np.unique(known.cluster, return_index=True)[1]
        where, values = selection.where()
        now = mart.arrays(_RISKS.format(where=where), values)
        made = estimated(
            known.outcome[firsts], known.risk[firsts], np.asarray(now["probability"], dtype=np.float64), 0.0, rng,
            alerted=np.asarray(now["card"], dtype=np.bool_), reference_ids=known.sequence[firsts], ids=now["sequence"],
            reference_alerted=known.alerted[firsts], reference_patients=known.person[firsts], patients=now["patient"],
        )  # fmt: skip
        if isinstance(made, Refused):
            return refused(self.name, self.subject, f"{made.reason[:1].upper()}{made.reason[1:]}.", {"badge": BADGE})
        return self._told(made, known, thresholds)

    def _told(self, made: Estimated, known: JudgedRows, thresholds: Thresholds) -> MonitorResult:
        """The estimate beside what was last realised."""
        then = auroc(labelled(known.outcome, known.risk), known.patient)
        fell = isinstance(then, Estimate) and then.low > made.auroc.high
        large = isinstance(then, Estimate) and then.value - made.auroc.value >= thresholds.auroc[0]
        figures: dict[str, Any] = {
            "badge": BADGE,
            "auroc": _numbers(made.auroc),
            "auroc_realised": _numbers(then),
            "ppv": _numbers(made.ppv),
            "sensitivity": _numbers(made.sensitivity),
            "rows": made.rows,
            "alerts": made.alerts,
            "reference_rows": made.reference_rows,
            "outside": made.outside,
        }
        realised = f"; last realised {then.value:.2f}" if isinstance(then, Estimate) else ""
        words = (
            f"Estimated AUROC {made.auroc.value:.2f} ({made.auroc.low:.2f} to {made.auroc.high:.2f}){realised}. "
            f"The estimate is {BADGE}."
        )
        return MonitorResult(self.name, Status.WATCH if fell and large else Status.OK, self.subject, words, figures)


def _numbers(it: Estimate | Refused) -> list[float] | str:
    """Value, low, high, or why not."""
    return it.reason if isinstance(it, Refused) else [it.value, it.low, it.high]
