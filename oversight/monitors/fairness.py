"""The monitor of local fairness: does the model serve groups of patients alike? For the card, and to be watched.

It looks at first assessments of stays whose outcome is known, over the reference weeks, because groups are small. It
never raises the alarm: outcomes as they came depend on who acted on a card, and that may differ between groups too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.monitors.judged_source import JUDGED_NEEDS, JudgedRows, JudgedSource, judged_rows, ripe
from oversight.monitors.result import MonitorResult, Status, refused
from oversight.monitors.thresholds import Thresholds
from oversight.monitors.weeks import during
from oversight.proportions import Proportion
from oversight.statistics.discovery import benjamini_hochberg
from oversight.statistics.equity import EquityReport
from oversight.statistics.equity_groups import attribute
from oversight.statistics.equity_models import GroupFigure, ModelEquity, model_equity
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.two_proportions import equal_shares_p

# From which difference of sensitivities on a group is told, if chance does not bring it among so many groups.
GAP = 0.1
RATES = {"TPR": "sensitivity", "PPV": "ppv", "selection rate": "selection"}
_ATTRIBUTES = "SELECT DISTINCT CAST(attribute AS VARCHAR) FROM patient_attribute ORDER BY 1"
# One attribute at a time: a hospital's entries with all of them would not fit where pages are served beside it.
_GROUPS = """
SELECT event.sequence AS sequence, value FROM event JOIN patient_attribute USING (client, patient)
WHERE attribute = $attribute AND hook <> 'smart-launch' AND probability IS NOT NULL AND {where} ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class FairnessMonitor:
    """Sensitivity, PPV, share of cards, O:E, AUROC of each group; small groups and what tells of them are hidden."""

    judged: JudgedSource
    name: str = "fairness"
    subject: str = "sensitivity by group"
    needs: tuple[str, ...] = JUDGED_NEEDS

    def run(
        self, mart: Questions, selection: Selection, thresholds: Thresholds, rng: np.random.Generator
    ) -> MonitorResult:
        """The reference weeks that are ripe, by every attribute that patients were told of."""
        if not thresholds.outcome:
            return refused(self.name, self.subject, "The model's manifest names no outcome.")
        period = ripe(selection.period, thresholds, thresholds.reference_weeks)
        rows = judged_rows(self.judged, mart, selection, period, thresholds)
        firsts = np.unique(rows.cluster, return_index=True)[1]
        figures: dict[str, Any] = {
            "first": period.first.isoformat(), "last": period.last.isoformat(), "rows": int(firsts.size),
            "events": int(rows.outcome[firsts].sum()),
        }  # fmt: skip
        if not firsts.size:
            return refused(self.name, self.subject, "No assessment of these weeks has a known outcome.", figures)
        asked = during(selection, period)
        made = {name: _equity(mart, asked, name, rows, firsts) for (name,) in mart.rows(_ATTRIBUTES)}
        if not made:
            return refused(self.name, self.subject, "Nobody has told of groups of patients.", figures)
        figures["attributes"] = {name: _figures(each) for name, each in made.items()}
        return self._told(made, figures)

    def _told(self, made: Mapping[str, ModelEquity | Refused], figures: Mapping[str, Any]) -> MonitorResult:
        """The groups whose sensitivity is another one, beyond chance."""
        compared = [each for equity in made.values() if isinstance(equity, ModelEquity) for each in _compared(equity)]
        if not compared:
            why = "Of no two groups the sensitivity is shown: too few events in each."
            return refused(self.name, self.subject, why, figures)
        adjusted = benjamini_hochberg([p for _, _, _, p in compared]).tolist()
        far = [
            f"{name}: sensitivity {share.value:.1%} of {share.total:,} events, against {other.value:.1%}."
            for (name, share, other, _), p in zip(compared, adjusted, strict=True)
            if p <= 0.05 and abs(share.value - other.value) >= GAP
        ]
        quiet = "In no group the sensitivity differs by ten points beyond chance."
        status = Status.WATCH if far else Status.OK
        return MonitorResult(self.name, status, self.subject, " ".join(far) or quiet, figures)


def _equity(
    mart: Questions, asked: Selection, name: str, rows: JudgedRows, firsts: npt.NDArray[np.int64]
) -> ModelEquity | Refused:
    """One attribute; whose is not told is a group too."""
    where, values = asked.where()
    told = mart.arrays(_GROUPS.format(where=where), values | {"attribute": name})
    known, mine = told["sequence"].astype(np.int64), rows.sequence[firsts]
    labels = np.concatenate((told["value"].astype(object), np.array([None], dtype=object)))
    places = np.searchsorted(known, mine)
    found = np.append(known, -1)[places] == mine
    coded = attribute(name, labels[np.where(found, places, known.size)].tolist())
    return model_equity([coded], rows.outcome[firsts] > 0, rows.alerted[firsts], rows.risk[firsts])


def _compared(equity: ModelEquity) -> Iterator[tuple[str, Proportion, Proportion, float]]:
    """Each shown group against the largest: its name, both sensitivities, and p of no difference."""
    report = next(each for each in equity.rates if each.name == "TPR")
    reference = next((each.rate for each in report.groups if each.reference), None)
    for each in report.groups:
        if isinstance(reference, Proportion) and isinstance(each.rate, Proportion) and not each.reference:
            yield ", ".join(label for _, label in each.group), each.rate, reference, equal_shares_p(
                each.rate, reference
            )  # fmt: skip


def _figures(equity: ModelEquity | Refused) -> list[dict[str, Any]] | str:
    """Everybody first, then each group, as plain JSON."""
    if isinstance(equity, Refused):
        return equity.reason
    hidden = next(each.hidden_as for each in equity.rates)
    rates = {RATES[each.name]: _by_group(each) for each in equity.rates if each.name in RATES}
    areas = {each.group: each for each in equity.auroc}
    return [
        {
            "group": ", ".join(label for _, label in each.group) or "everybody",
            "rows": hidden if isinstance(each.rows, Refused) else each.rows,
            "observed_expected": _numbers(each.figure),
            "auroc": _numbers(areas[each.group].figure),
            **{name: found.get(each.group, "") for name, found in rates.items()},
        }
        for each in _shown(equity.observed_expected, rates)
    ]


def _shown(figures: Sequence[GroupFigure], rates: Mapping[str, Mapping[Any, Any]]) -> Iterator[GroupFigure]:
    """Groups in which somebody is."""
    return (each for each in figures if not each.group or any(each.group in found for found in rates.values()))


def _by_group(report: EquityReport) -> dict[Any, list[float] | str]:
    """A rate of each group."""
    return {each.group: _share(each.rate) for each in (report.overall, *report.groups)}


def _share(it: Proportion | Refused) -> list[float] | str:
    """Value, low, high, or why not."""
    return it.reason if isinstance(it, Refused) else [it.value, it.low, it.high]


def _numbers(it: Estimate | Refused) -> list[float] | str:
    """Value, low, high, or why not."""
    return it.reason if isinstance(it, Refused) else [it.value, it.low, it.high]
