"""The one rule by which pages and reports hide groups: all counts of a group are told, or none."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from oversight.analytics.funnel import Funnel
from oversight.statistics.hidden_parts import few, hidden_parts
from oversight.statistics.suppression import Flags


def hidden_groups(found: Sequence[Funnel], of_few: Collection[str]) -> tuple[Flags, str]:
    """Which groups to hide, and what to print in the place of their counts; the total is shown.

    Small ones by what was assessed or shown, those in `of_few` (few clinicians stand behind them), and the smallest of
    the others where these would follow from the total.
    """
    cards = np.array([one.cards for one in found], dtype=np.int64)
    assessed = np.array([one.assessed for one in found], dtype=np.int64)
    small = few(cards) | few(assessed) | np.array([one.key in of_few for one in found], dtype=np.bool_)
    flags, word = hidden_parts(assessed, small)
    # What protects by its assessments may have no cards, and then those of a small group follow from the total.
    more = flags | hidden_parts(cards, flags)[0]
    return (flags, word) if bool((flags == more).all()) else hidden_parts(assessed, more)
