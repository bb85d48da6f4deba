"""The g chart of overrides that the event followed, against what was planted."""

from __future__ import annotations

import numpy as np

from chartside.history.plan import ICU_MORTALITY
from chartside.history.truth import cards, stands
from oversight.analytics.charts import weekly_chart
from oversight.analytics.narrowed import narrow
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.rare_events import RareEvents, overridden_before_event
from oversight.analytics.selection import Selection
from oversight.mart.mart import Mart
from oversight.statistics.g_charts import g_chart

DEATH = OutcomeQuestion("death-in-hospital", None, 672.0)


def test_gaps_between_overrides_before_a_death_are_exact(seeded) -> None:
    """Each stay once, in order of time, among cards whose outcome is known; limits are those of the gaps."""
    rows = seeded.history.rows
    mine = cards(rows) & (rows["service"] == ICU_MORTALITY) & ~rows["abstained"]
    mine &= seeded.history.known(ICU_MORTALITY)[rows["stay"]]
    harm = stands(rows, "overridden") & seeded.history.happened[rows["stay"], ICU_MORTALITY]
    seen: set[int] = set()
    kept = []
    for stay, bad in zip(rows["stay"][mine], harm[mine], strict=True):
        if stay not in seen:
            kept.append(bool(bad))
        if bad:
            seen.add(int(stay))
    with Mart(seeded.file.parent / "mart").open() as mart:
        selection = Selection(seeded.period, service="icu-mortality")
        narrow(mart, selection, 2**62)
        found = overridden_before_event(mart, selection, DEATH, weekly_chart(mart, selection))
    assert isinstance(found, RareEvents)
    places = np.flatnonzero(kept)
    assert (found.events, found.cards) == (len(places), len(kept))
    assert found.gaps == tuple((np.diff(places) - 1).tolist())
    assert found.chart == g_chart(np.array(found.gaps))
    assert min(found.events, len(found.gaps)) > 10
