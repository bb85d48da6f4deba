"""A shadow model beside the live one, on the same stays at the same moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.analytics.judged_stays import Rows
from oversight.analytics.selection import Selection
from oversight.analytics.side_by_side import Figure, as_estimate
from oversight.mart.mart import Questions
from oversight.statistics.discrimination import auroc
from oversight.statistics.labelled import BoolArray, FloatArray, labelled, shared
from oversight.statistics.operating_point import operating_point
from oversight.statistics.shadow import ShadowComparison, compare_shadow
from oversight.statistics.suppression import SMALLEST_SHOWN

# Two models that are asked at one call answer within moments; an hour leaves room for queues.
_NEAR_SECONDS = 3600
_SERVICES = """
SELECT DISTINCT CAST(service AS VARCHAR) FROM advice
WHERE withheld = 'shadow' AND service <> $live AND day BETWEEN $first AND $last ORDER BY 1
"""
_SHADOWS = """
SELECT hash(client, hash(coalesce(encounter, patient))) AS stay, min(time) AS time,
  arg_min(probability, time) AS risk, arg_min(withheld = 'shadow', time) AS crossing
FROM advice WHERE service = $shadow AND hook <> 'smart-launch' AND probability IS NOT NULL
  AND (withheld = 'shadow' OR withheld = 'below-threshold') AND day BETWEEN $first AND $last AND stay <= $most
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two models on the shared stays."""

    name: str
    crossings: int
    ppv: Figure
    sensitivity: Figure
    auroc: Figure
    aware_ppv: Figure | None
    aware_auroc: Figure | None


@dataclass(frozen=True, slots=True)
class ShadowBeside:
    """`agree`: stays by (live crosses, shadow crosses). `strata`: the event after live and after shadow, by score."""

    service: str
    stays: int
    live: Kind
    shadow: Kind
    both: int
    live_only: int
    shadow_only: int
    neither: int
    strata: ShadowComparison


def shadows_beside(
    mart: Questions, selection: Selection, rows: Rows, weight: FloatArray | None, threshold: float
) -> tuple[ShadowBeside, ...]:
    """Each service that ran in shadow in the period, where it shares eleven stays or more with the live one.

    `rows`: one for each stay, of the live service; `threshold`: from which on the live one gives cards.
    """
    live = selection.service or ""
    days = {name: value for name, value in selection.where()[1].items() if name in {"first", "last"}}
    found = []
    for (name,) in mart.rows(_SERVICES, days | {"live": live}):
        # Where the rows are a sample, they are the stays with the smallest numbers: of others nothing is needed.
        shadow = mart.arrays(_SHADOWS, days | {"shadow": name, "most": int(rows.stay.max(initial=0))})
        made = beside(name, live, shadow, rows, weight, threshold)
        if made is not None:
            found.append(made)
    return tuple(found)


def beside(
    name: str, live: str, shadow: dict[str, np.ndarray], rows: Rows, weight: FloatArray | None, threshold: float
) -> ShadowBeside | None:
    """Join by stay and moment."""
    _, mine, other = np.intersect1d(rows.stay, shadow["stay"], return_indices=True)
    near = np.abs(rows.time[mine] - np.asarray(shadow["time"])[other]) <= _NEAR_SECONDS * 1_000_000
    mine, other = mine[near], other[near]
    if len(mine) < SMALLEST_SHOWN:
        return None
    both = rows.where(mine)
    own = None if weight is None else weight[mine]
    risk = np.asarray(shadow["risk"], dtype=np.float64)[other]
    crossing = np.asarray(shadow["crossing"], dtype=np.bool_)[other]
    first = both.risk >= threshold
    pairs = np.bincount(2 * first + crossing, minlength=4)
    return ShadowBeside(
        name, len(mine), _kind(live, both, both.risk, first, own), _kind(name, both, risk, crossing, own),
        int(pairs[3]), int(pairs[2]), int(pairs[1]), int(pairs[0]),
        _strata(both, risk, first, crossing),
    )  # fmt: skip


def _kind(name: str, rows: Rows, risk: FloatArray, crossing: BoolArray, weight: FloatArray | None) -> Kind:
    """The figures of one model; patients are what is independent."""
    found, patients = labelled(rows.outcome, risk), shared(rows.patient)
    at = operating_point(found, crossing, patients)
    aware_ppv = aware_auroc = None
    if weight is not None:
        weighted = labelled(rows.outcome, risk, weight)
        aware_ppv = as_estimate(operating_point(weighted, crossing, patients).ppv)
        aware_auroc = auroc(weighted, patients)
    return Kind(
        name, int(crossing.sum()), as_estimate(at.ppv), as_estimate(at.sensitivity), auroc(found, patients),
        aware_ppv, aware_auroc,
    )  # fmt: skip


def _strata(rows: Rows, risk: FloatArray, live: BoolArray, shadow: BoolArray) -> ShadowComparison:
    """The event after live cards and after shadow ones, in quarters of the score that each gave itself.

    Where both cross, it is the same patient on either side.
    """
    scores = np.concatenate([rows.risk[live], risk[shadow]])
    kind = np.repeat(np.array([True, False]), [int(live.sum()), int(shadow.sum())])
    happened = np.concatenate([rows.outcome[live], rows.outcome[shadow]]) == 1
    edges = np.unique(np.round(np.quantile(scores, [0.25, 0.5, 0.75]), 3)) if len(scores) else np.array([])
    patients = np.concatenate([rows.patient[live], rows.patient[shadow]])
    return compare_shadow(scores, kind, happened, [float(edge) for edge in edges], patients)


_SILENT = "SELECT sequence FROM event WHERE withheld = 'shadow' AND {where} ORDER BY 1"


def silent_cards(mart: Questions, selection: Selection, rows: Rows) -> ShadowComparison | None:
    """The event after cards that were shown and after cards of the same service that ran in shadow, at equal risk.

    Some clients, users or weeks may run a service silently. None where either kind has fewer than eleven stays. The
    entries must be laid out; `rows`: one for each stay.
    """
    where, values = selection.where()
    found = np.asarray(mart.arrays(_SILENT.format(where=where), values)["sequence"], dtype=np.int64)
    silent = np.isin(rows.sequence, found)
    if min(int(silent.sum()), int(rows.alerted.sum())) < SMALLEST_SHOWN:
        return None
    both = silent | rows.alerted
    risk = rows.risk[both]
    edges = np.unique(np.round(np.quantile(risk, [0.25, 0.5, 0.75]), 3))
    return compare_shadow(
        risk, rows.alerted[both], rows.outcome[both] == 1, [float(edge) for edge in edges], rows.patient[both]
    )
