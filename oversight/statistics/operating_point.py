"""What the alerts at one threshold were worth: PPV, sensitivity, specificity, NPV, number needed to alert."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oversight.proportions import CONFIDENCE
from oversight.statistics.cluster_share import cluster_share
from oversight.statistics.estimate import Estimate
from oversight.statistics.labelled import BoolArray, IntArray, Labelled, by_cluster
from oversight.statistics.refused import Refused
from oversight.statistics.weighted_share import Share, share


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Shares of weights, each with its denominator and Wilson's interval for the effective number of rows."""

    alerted: Share | Refused
    ppv: Share | Refused
    npv: Share | Refused
    sensitivity: Share | Refused
    specificity: Share | Refused
    number_needed_to_alert: Estimate | Refused


def operating_point(
    rows: Labelled, alerted: BoolArray, clusters: IntArray | None = None, confidence: float = CONFIDENCE
) -> OperatingPoint:
    """`alerted`: which rows were alerted on. Each share is refused where nothing stands in its denominator.

    `clusters` (codes from 0): rows of one patient are then taken to be alike.
    """
    event, weight = rows.outcome == 1, rows.weight
    if alerted.shape != event.shape:
        raise ValueError("alerted must be as long as the rows")

    def part(hit: BoolArray, among: BoolArray, of_what: str) -> Share | Refused:
        counted = np.where(among, weight, 0.0)
        if clusters is None:
            return share(hit & among, counted, of_what, confidence)
        hits, totals = by_cluster(counted * hit, clusters), by_cluster(counted, clusters)
        return cluster_share(hits, totals, of_what, int(np.count_nonzero(counted)), confidence)

    ppv = part(event, alerted, "alert")
    return OperatingPoint(
        alerted=part(alerted, np.ones_like(alerted), "row"),
        ppv=ppv,
        npv=part(~event, ~alerted, "row without an alert"),
        sensitivity=part(alerted, event, "event"),
        specificity=part(~alerted, ~event, "row without the event"),
        number_needed_to_alert=number_needed(ppv),
    )


def number_needed(ppv: Share | Refused) -> Estimate | Refused:
    """Alerts per alert that was followed by the event: 1/PPV, with the inverted interval."""
    if isinstance(ppv, Refused):
        return ppv
    if ppv.numerator == 0:
        return Refused("no alert was followed by the event")
    return Estimate(1 / ppv.value, 1 / ppv.high, 1 / ppv.low)
