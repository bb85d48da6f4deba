"""The monitor of all values together: can a classifier tell the week from the weeks before?"""

from __future__ import annotations

import numpy as np

from oversight.analytics.drift import joint_drift
from oversight.monitors.result import Check, Family, MonitorResult, level, refused, told
from oversight.monitors.stays import StayMonitor, StayWeek
from oversight.monitors.thresholds import Thresholds
from oversight.statistics.drift import JOINT
from oversight.statistics.refused import Refused


class ClassifierDriftMonitor(StayMonitor):
    """Two samples and a classifier, as on the page of drift: it sees relations that no column shows alone.

    At most 2,000 first assessments of stays on either side are drawn, by what is asked and by nothing else. The effect
    is the lower end of the AUROC's 95 % interval, so that few stays raise nothing.
    """

    name = "classifier-drift"
    subject = JOINT

    def judge(self, stays: StayWeek, thresholds: Thresholds, rng: np.random.Generator) -> MonitorResult:
        """One check. The p of the classifier is one-sided: it is doubled."""
        found = joint_drift(stays.rows, rng)
        if isinstance(found, Refused):
            return refused(self.name, JOINT, f"{found.reason[:1].upper()}{found.reason[1:]}.")
        area = found.auroc
        figures = {
            "auroc": [area.value, area.low, area.high],
            "p": found.p,
            "rows": [found.reference_rows, found.current_rows],
        }
        size = f"AUROC {area.value:.2f} ({area.low:.2f} to {area.high:.2f}; 0.5 is chance)"
        words = (
            f"A classifier tells the week from the weeks before by all values together: {size}. "
            "Where feature-drift names no value, look for values that no longer go together as they did."
        )
        loud = level(area.low, thresholds.classifier)
        check = Check(JOINT, loud, area.low, min(1.0, 2 * found.p), words, family=Family.DRIFT)
        return told(self.name, JOINT, f"All values together look as in the weeks before: {size}.", figures, (check,))
