"""Comments and firing side by side: the rule that is broken is named, and in null histories none is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
from oversight_truth.drawn_marts import drawn_mart, period_of

from chartside.history.comments import BROKEN
from chartside.history.events import draw
from chartside.history.plan import READMISSION, SEPSIS, SERVICES, Plan
from chartside.history.rows import FIRST_BROKEN_COMMENT
from oversight.analytics.broken_rules import JOINED, Evidence, suspects
from oversight.analytics.reasons import inbox
from oversight.analytics.selection import Selection
from oversight.pages.broken_rules import broken_rules


def test_the_join_names_the_broken_rule_and_no_other(seeded):
    """The planted service stands first, from its week on, with the share of its comments; the others are not joined."""
    found = suspects(seeded.mart, Selection(seeded.period), seeded.period)
    first, *others = found
    assert (first.service, first.evidence) == (SERVICES[READMISSION], Evidence.COMMENTS_AND_FIRING)
    assert {each.service for each in found} == set(SERVICES[:3])
    assert not [each for each in others if each.evidence in JOINED]
    plan = seeded.wishes.plan
    began, ended = (
        seeded.wishes.first_day + timedelta(days=day)
        for day in (plan.broken_day, plan.broken_day + plan.broken_days - 1)
    )
    assert first.joined.first <= began < first.joined.first + timedelta(weeks=1)
    assert first.joined.last <= ended
    assert 0.5 * seeded.truth.broken_comments <= first.then <= first.voices.suspicious
    assert first.joined.spell.higher
    assert first.overrides.spell.higher
    # Every comment about the rule suggests it, and hardly one about the others.
    assert seeded.truth.broken_comments <= first.voices.suspicious <= 1.1 * seeded.truth.broken_comments
    assert all(each.share.value < 0.15 for each in others)


def test_known_changes_stand_beside_the_weeks(seeded):
    """The version that came to sepsis-6h is named where its rates moved at that time, and nowhere else."""
    for suspect in suspects(seeded.mart, Selection(seeded.period), seeded.period):
        for moved in (suspect.firing, suspect.overrides):
            for known in moved.beside if moved else ():
                assert suspect.service == SERVICES[SEPSIS]
                assert known.version == "1.0.0"


def test_the_sentence_says_where_to_look(seeded):
    """One headline, with the service, its version and the week."""
    found = broken_rules(seeded.mart, Selection(seeded.period))
    began = seeded.wishes.first_day + timedelta(days=seeded.wishes.plan.broken_day)
    monday = began - timedelta(days=began.weekday())
    (headline,) = found.headline
    assert headline == (
        f"Comments and firing both point to a broken rule in the week of {monday.day} {monday:%B %Y}: look at the rule "
        "of readmission-30d 1.0.0 first. The override rate rose as well. No new version and no new threshold came at "
        "that time."
    )
    assert found.lines[0].loud
    assert not any(line.loud for line in found.lines[1:])


def test_comments_of_the_joined_weeks_come_no_later(seeded):
    """Of the first twenty comments of the page no fewer are about the broken rule than by the words alone."""
    selection = Selection(seeded.period)
    found = broken_rules(seeded.mart, selection)
    shares = []
    for supports in (None, found.supports):
        first = (inbox(seeded.mart, selection, supports) if supports else inbox(seeded.mart, selection)).comments[:20]
        shares.append(sum(one.text in BROKEN for one in first) / 20)
    assert shares[1] >= max(shares[0], 0.8)


def grumbling(history, rng, part):
    """Everywhere and always the same part of comments says that the rule is broken."""
    written = history.rows["comment"] >= 0
    loud = written & (rng.random(history.rows.size) < part)
    codes = FIRST_BROKEN_COMMENT + rng.integers(len(BROKEN), size=history.rows.size)
    history.rows["comment"] = np.where(loud, codes, history.rows["comment"])
    return history


def test_null_histories_are_not_joined(tmp_path):
    """In 40 histories without effects at most two services are joined, though people grumble alike in all weeks."""
    joined = 0
    for seed in range(40):
        rng = np.random.default_rng(1_000 + seed)
        history = grumbling(draw(Plan().without_effects(), rng), rng, 0.2)
        period = period_of(history)
        with drawn_mart(tmp_path / str(seed), history) as mart:
            found = suspects(mart, Selection(period), period)
        assert len(found) == 3
        joined += sum(each.evidence in JOINED for each in found)
    assert joined <= 2


def test_a_rate_that_moves_by_itself_is_not_joined(tmp_path):
    """More cards in some weeks, and overrides, while nobody complains: firing alone, or nothing."""
    kinds = []
    for seed in range(10):
        rng = np.random.default_rng(2_000 + seed)
        history = draw(Plan(), rng)
        history.rows["comment"] = np.where(history.rows["comment"] >= FIRST_BROKEN_COMMENT, -1, history.rows["comment"])
        with drawn_mart(tmp_path / str(seed), history) as mart:
            found = suspects(mart, Selection(period_of(history)), period_of(history))
        kinds += [each.evidence for each in found if each.service == SERVICES[READMISSION]]
    assert set(kinds) <= {Evidence.FIRING, Evidence.NOTHING}
    assert kinds.count(Evidence.FIRING) >= 5


def test_the_broken_rule_is_joined_in_other_hospitals_too(tmp_path):
    """In at least nine of ten histories, and in no more than one another service."""
    right, wrong = 0, 0
    for seed in range(10):
        history = draw(Plan(), np.random.default_rng(3_000 + seed))
        with drawn_mart(tmp_path / str(seed), history) as mart:
            found = suspects(mart, Selection(period_of(history)), period_of(history))
        joined = {each.service for each in found if each.evidence in JOINED}
        right += found[0].service == SERVICES[READMISSION] and found[0].evidence in JOINED
        wrong += bool(joined - {SERVICES[READMISSION]})
    assert right >= 9
    assert wrong <= 1


def test_a_large_house_is_no_less_sure(tmp_path):
    """Where chance is so small that it is 0 in floating point, the rule is joined all the same."""
    history = draw(replace(Plan(), stays=60_000), np.random.default_rng(5))
    with drawn_mart(tmp_path, history) as mart:
        first = suspects(mart, Selection(period_of(history)), period_of(history))[0]
    assert (first.service, first.evidence) == (SERVICES[READMISSION], Evidence.COMMENTS_AND_FIRING)


def test_a_break_that_came_with_a_version_names_it(tmp_path):
    """The version is told beside the weeks, and does not hide them."""
    plan = replace(Plan(), broken_service=SEPSIS, broken_day=49, broken_days=41, version_day=49, mix_shift=False)
    history = draw(plan, np.random.default_rng(7))
    with drawn_mart(tmp_path, history) as mart:
        selection = Selection(period_of(history))
        found = suspects(mart, selection, selection.period)
        told = broken_rules(mart, selection)
    first = found[0]
    assert (first.service, first.version, first.evidence) == ("sepsis-6h", "1.0.0", Evidence.COMMENTS_AND_FIRING)
    assert [known.version for known in first.joined.beside] == ["1.0.0"]
    (headline,) = told.headline
    assert "since the week of 20 April 2026: look at the rule of sepsis-6h 1.0.0 first." in headline
    assert "At that time version 1.0.0 came on 20 April 2026, which may be all there is to it." in headline
