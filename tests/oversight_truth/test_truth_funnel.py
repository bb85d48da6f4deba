"""The last step of the funnel: what was done after a card, held against what was planted."""

from __future__ import annotations

import numpy as np
import pytest

from chartside.history.plan import SERVICES
from chartside.history.truth import cards, stands
from chartside.history.ward import UNITS
from oversight.analytics.funnel import actions_loaded, funnel, funnels
from oversight.analytics.selection import By, Selection
from oversight.proportions import proportion


def acted(rows):
    """Cards after which something was done: of the accepted, the unanswered, and the overridden or snoozed."""
    done = rows["acted"] & cards(rows)
    accepted, declined = stands(rows, "accepted"), stands(rows, "overridden") | stands(rows, "snoozed")
    return tuple(int((done & each).sum()) for each in (accepted, ~accepted & ~declined, declined))


def as_acted(found):
    """The same of a funnel."""
    return found.accepted_acted, found.silent_acted, found.declined_acted


def test_actions_after_cards_are_exact(seeded):
    """In all, and among cards that nobody answered: these were accepted without a word."""
    found = funnel(seeded.mart, Selection(seeded.period))
    assert actions_loaded(seeded.mart)
    assert as_acted(found) == acted(seeded.history.rows)
    assert min(found.accepted_acted, found.silent_acted) > 100
    assert found.acted == sum(as_acted(found))


@pytest.mark.parametrize(("by", "names"), [(By.SERVICE, SERVICES), (By.UNIT, [unit.name for unit in UNITS])])
def test_actions_of_each_group_are_exact(seeded, by, names):
    """By service and by unit."""
    rows = seeded.history.rows
    column = "service" if by is By.SERVICE else "unit"
    true = {name: acted(rows[rows[column] == place]) for place, name in enumerate(names)}
    found = {each.key: as_acted(each) for each in funnels(seeded.mart, Selection(seeded.period), by)}
    assert found == {name: counts for name, counts in true.items() if name in found}
    assert np.sum(list(found.values())) == sum(acted(rows))


def test_the_shares_name_what_they_are_of(seeded):
    """Of the accepted, the unanswered, the declined and all cards; by Wilson."""
    found, rows = funnel(seeded.mart, Selection(seeded.period)), seeded.history.rows
    accepted, silent, declined = acted(rows)
    answered = {name: int(stands(rows, name).sum()) for name in ("accepted", "overridden", "snoozed")}
    shown = int(cards(rows).sum())
    assert found.accepted_action_share == proportion(accepted, answered["accepted"])
    assert found.inferred_share == proportion(silent, shown - sum(answered.values()))
    assert found.declined_action_share == proportion(declined, answered["overridden"] + answered["snoozed"])
    assert found.action_share == proportion(accepted + silent + declined, shown)
