"""Override concordance: of overridden cards, how many were not followed by the event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oversight.proportions import Proportion, proportion
from oversight.statistics.cluster_share import cluster_proportion
from oversight.statistics.labelled import BoolArray
from oversight.statistics.refused import Refused


@dataclass(frozen=True, slots=True)
class Concordance:
    """`without_event`: of overridden cards with a known outcome; `unknown`: overridden, outcome not known."""

    without_event: Proportion | Refused
    unknown: int


def override_concordance(
    overridden: BoolArray, outcome: npt.ArrayLike, clusters: npt.ArrayLike | None = None
) -> Concordance:
    """`outcome`: 1, 0, or NaN if not known, for each card. `clusters`: a label for each where patients have several.

    No event after an override does not prove the override right: the event may have been averted by other means, and
    most cards are not followed by the event anyway. Read it beside 1 - PPV of all cards.
    """
    happened = np.asarray(outcome, dtype=np.float64)
    if happened.shape != overridden.shape:
        raise ValueError("overridden and outcome must be equally long")
    among = overridden & ~np.isnan(happened)
    known = happened[among]
    if not np.all((known == 0) | (known == 1)):
        raise ValueError("an outcome is 0, 1 or NaN")
    if clusters is None:
        share = proportion(int(np.count_nonzero(known == 0)), len(known))
    else:
        share = cluster_proportion(1 - known, np.asarray(clusters)[among])
    return Concordance(
        share if share is not None else Refused("no overridden card with a known outcome"),
        int(overridden.sum()) - len(known),
    )
