"""The threshold simulator on past assessments that a test makes up, held against slow replays and its own page."""

from __future__ import annotations

import math
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE, said

from oversight.analytics.judged_stays import Rows
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.past_assessments import Past
from oversight.analytics.shadow_beside import beside
from oversight.analytics.simulated import Rules, Simulator, curve, grid, worths
from oversight.mart.columns import COPIED
from oversight.mart.parts import Parts
from oversight.pages.door import roles
from oversight.pages.door.roles import Right, Role
from oversight.pages.outcome_words import beside as beside_figure
from oversight.pages.shadow_rows import shadow_view, silent_view
from oversight.pages.simulated_rows import column, headline, unit_rows
from oversight.statistics.estimate import Estimate
from oversight.statistics.refused import Refused
from oversight.statistics.shadow import compare_shadow

ADDRESS = "/oversight/thresholds?from=2026-03-02&to=2026-05-30&service=icu-mortality"
NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000
DAYS = 30


def past_of(number: int = 3_000, seed: int = 1, days: int = DAYS) -> Past:
    """Assessments of stays in four units, about six of each stay."""
    rng = np.random.default_rng(seed)
    stay = rng.integers(0, number // 6, number)
    seconds = np.sort(rng.choice(days * 86_400, number, replace=False))
    unit = stay % 4
    outcome = (rng.random(number) < 0.2).astype(float)
    outcome[rng.random(number) < 0.2] = np.nan
    risk = np.clip(rng.beta(2, 6, number // 6)[stay] + rng.normal(0, 0.05, number), 0.001, 0.999)
    return Past(
        sequence=np.arange(1, number + 1), seconds=seconds, risk=risk, unit=unit, units=("A", "B", "C", "D"),
        day=seconds // 86_400, days=days, card=risk >= 0.3, stay=np.unique(stay, return_inverse=True)[1],
        clinician=rng.integers(-1, 40, number), staff=np.array([100.0, 100, 100, 100]), outcome=outcome,
    )  # fmt: skip


def slowly(past: Past, rules: Rules) -> tuple[list[int], list[int]]:
    """(Rows with a card, numbers withheld by repeat, stay and clinician), row by row and rule by rule."""
    upper = {n for n in range(len(past.risk)) if rules.second is not None and past.risk[n] >= rules.second}
    crossing = [n for n in range(len(past.risk)) if past.risk[n] >= rules.threshold]
    last: dict[int, int] = {}
    after_repeat = []
    for row in crossing:
        stay, now = int(past.stay[row]), int(past.seconds[row])
        fresh = stay not in last or now - last[stay] >= rules.repeat_hours * 3600
        if fresh:
            last[stay] = now
        if fresh or row in upper:
            after_repeat.append(row)
    after_stay = first_of(after_repeat, [int(past.stay[n]) for n in after_repeat], rules.per_stay, upper)
    days = [None if past.clinician[n] < 0 else (int(past.clinician[n]), int(past.day[n])) for n in after_stay]
    left = first_of(after_stay, days, rules.per_clinician_day, upper)
    sizes = [len(crossing), len(after_repeat), len(after_stay), len(left)]
    return left, [sizes[n] - sizes[n + 1] for n in range(3)]


def first_of(rows: list[int], groups: list, most: int | None, upper: set[int]) -> list[int]:
    """At most so many rows of each group, and those that no rule withholds."""
    seen: dict = {}
    kept = []
    for row, group in zip(rows, groups, strict=True):
        seen[group] = seen.get(group, 0) + 1
        if most is None or group is None or seen[group] <= most or row in upper:
            kept.append(row)
    return kept


@pytest.mark.parametrize("hours", [0.0, 12.0, math.inf])
@pytest.mark.parametrize(
    "limits", [{}, {"second": 0.45}, {"per_stay": 2}, {"second": 0.4, "per_stay": 1, "per_clinician_day": 1}]
)
def test_cards_are_those_of_a_slow_replay(hours, limits) -> None:
    """Cards, what each rule withholds, cards by unit and day, stays and events reached."""
    past = past_of()
    rules = Rules(0.25, repeat_hours=hours, **limits)
    made = Simulator(past, hours).cards(rules)
    rows, withheld = slowly(past, rules)
    assert made.cards == len(rows)
    assert [made.by_repeat, made.by_stay, made.by_clinician] == withheld
    assert made.by_unit.tolist() == [sum(past.unit[n] == unit for n in rows) for unit in range(4)]
    assert made.busiest_day == max(np.bincount([past.day[n] for n in rows]))
    assert made.per_day.value == pytest.approx(len(rows) / DAYS, abs=1e-12)
    assert made.stays_with_card == len({past.stay[n] for n in rows})
    stricken = set(past.stay[past.outcome == 1].tolist())
    assert made.events_reached.total == len(stricken)
    assert made.events_reached.count == len(stricken & {int(past.stay[n]) for n in rows})
    assert made.upper == (0 if rules.second is None else np.count_nonzero(past.risk >= rules.second))


def firsts(past: Past) -> Rows:
    """One row for each stay whose outcome is known."""
    known = np.flatnonzero(~np.isnan(past.outcome))
    number = len(known)
    no, unit = np.zeros(number, dtype=bool), np.array(past.units, dtype=object)[past.unit[known]]
    rows = Rows(
        past.sequence[known], past.seconds[known] * 1_000_000, past.risk[known], past.outcome[known],
        past.risk[known] >= 0.3, no, no, no, no, np.full(number, np.nan), past.stay[known].astype(np.uint64),
        past.stay[known].astype(np.uint64), unit, unit,
    )  # fmt: skip
    return rows.first_of_each_stay()


def test_what_a_threshold_is_worth_is_counted() -> None:
    """PPV, sensitivity and net benefit to 1e-9, naive and weighted, over all, by unit, and along the curve."""
    past = past_of()
    rows = firsts(past)
    weight = np.where(rows.alerted, 1.7, 1.0)
    threshold = 0.32
    (made,) = worths(rows, weight, past, [threshold])
    above, event = rows.risk >= threshold, rows.outcome == 1
    (point,) = curve(Simulator(past, 24.0), past, rows, weight, [threshold])
    for worth, w, ppv, sensitivity, benefit in (
        (made.naive, np.ones_like(weight), point.ppv, point.sensitivity, point.net_benefit),
        (made.aware, weight, point.aware_ppv, point.aware_sensitivity, point.aware_net_benefit),
    ):
        true = (w * (above & event)).sum()
        false = (w * (above & ~event)).sum()
        assert worth.card_ppv.value == pytest.approx(true / (true + false), abs=1e-9)
        assert ppv == pytest.approx(true / (true + false), abs=1e-9)
        assert worth.sensitivity.value == pytest.approx(true / (w * event).sum(), abs=1e-9)
        assert sensitivity == pytest.approx(true / (w * event).sum(), abs=1e-9)
        assert worth.net_benefit.value == pytest.approx((true - false * 0.32 / 0.68) / w.sum(), abs=1e-9)
        assert benefit == pytest.approx((true - false * 0.32 / 0.68) / w.sum(), abs=1e-9)
    unit = past.unit[rows.sequence - 1]
    for place in range(4):
        here = above & (unit == place)
        assert made.unit_cards[place] == here.sum()
        assert made.units[place][0].card_ppv.value == pytest.approx(event[here].mean(), abs=1e-9)
        assert made.unit_events[place] == event[unit == place].sum()
        naive, true = made.units[place][0], (event & here).sum()
        assert naive.sensitivity.value == pytest.approx(true / event[unit == place].sum(), abs=1e-9)
        assert naive.net_benefit.value == pytest.approx(
            (true - (here & ~event).sum() * 0.32 / 0.68) / (unit == place).sum(), abs=1e-9
        )
    assert point.above == above.sum()
    assert point.cards_per_day == Simulator(past, 24.0).cards(Rules(threshold, repeat_hours=24.0)).cards / DAYS


def test_ninety_days_are_replayed_within_seconds() -> None:
    """100,000 assessments of 90 days, live and chosen threshold, by unit and along the curve: at most 4 s of CPU.

    The simulator is promised to answer within 2 s on a machine that has nothing else to do, so that a committee can
    try thresholds in a meeting. The bound is of CPU time, and twice as wide, so that only a change of kind breaks it
    (a loop in Python over assessments, say); the usual time is far below.
    """
    past = past_of(100_000, days=90)
    rows = firsts(past)
    weight = np.where(rows.alerted, 1.7, 1.0)
    begun = time.process_time()
    simulator = Simulator(past, 24.0)
    cards = [
        simulator.cards(Rules(at, second, per_stay=5, per_clinician_day=20)) for at, second in ((0.3, None), (0.2, 0.5))
    ]
    worth = worths(rows, weight, past, [0.2, 0.3])
    points = curve(simulator, past, rows, weight, grid(past.risk, [0.2, 0.3]))
    spent = time.process_time() - begun
    assert past.days == 90
    assert int(past.day.max()) == 89
    assert cards[0].cards > 1_000
    assert (len(worth), len(points) > 15) == (2, True)
    assert spent <= 4.0


def test_a_unit_shows_what_the_threshold_is_worth_there() -> None:
    """PPV, sensitivity and net benefit, both ways; a net benefit below 0 is said to be worse than no card."""
    past = past_of(6_000)
    rows = firsts(past)
    (worth,) = worths(rows, np.where(rows.alerted, 1.7, 1.0), past, [0.45])
    made = column("Chosen", Simulator(past, 24.0).cards(Rules(0.45)), worth, 2.0)
    for place, row in enumerate(unit_rows(past, [made])):
        if worth.unit_cards[place] >= 11:
            assert row.naive.net_benefit == worth.units[place][0].net_benefit
            assert row.aware.sensitivity.value == worth.units[place][1].sensitivity.value
    below = Estimate(-0.02, -0.03, -0.01)
    assert "worse than no card at all" in beside_figure(below, "thousand")
    assert beside_figure(replace(below, value=0.02), "thousand") == beside_figure(below, "share") == ""
    columns = [
        made,
        replace(made, naive=replace(made.naive, net_benefit=below), aware=replace(made.aware, net_benefit=below)),
    ]
    assert headline(columns, DAYS).endswith("worse than no card at all.")


def test_two_days_have_a_mean_but_no_interval() -> None:
    """Work is the cards of both days over two, though how days differ cannot be told."""
    past = past_of(600, days=2)
    cards = Simulator(past, 24.0).cards(Rules(0.3))
    assert isinstance(cards.per_day, Refused)
    assert cards.cards > 0
    assert column("Chosen", cards, None, 3.0).minutes_per_day == pytest.approx(3 * cards.cards / 2)


def test_the_grid_holds_what_is_marked() -> None:
    """Ascending, between 0 and 1, with the live and the chosen threshold in it."""
    found = grid(past_of().risk, [0.3, 0.415])
    assert list(found) == sorted(set(found))
    assert {0.3, 0.415} <= set(found)
    assert 0 < found[0] < found[-1] < 1


def test_few_are_hidden() -> None:
    """Units with few cards, or few stays above the threshold, show nothing, and one of them is never alone."""
    past = past_of(700)
    rows = firsts(past)
    simulator = Simulator(past, 24.0)
    (worth,) = worths(rows, None, past, [0.45])
    made = column("Chosen", simulator.cards(Rules(0.45)), worth, 2.0)
    units = unit_rows(past, [made])
    shown = [float(row.per_day[0]) * DAYS for row in units if row.per_day[0].replace(".", "").isdigit()]
    assert all(round(count) == 0 or round(count) >= 11 for count in shown)
    hidden = [row for row in units if not row.per_day[0].replace(".", "").isdigit()]
    assert len(hidden) != 1
    for place, row in enumerate(units):
        few_cards, few_events = 0 < worth.unit_cards[place] < 11, 0 < worth.unit_events[place] < 11
        if few_cards:
            assert "hidden" in row.naive.ppv.reason
        if few_cards or few_events:
            assert "hidden" in row.naive.sensitivity.reason
            assert "hidden" in row.naive.net_benefit.reason
    assert any(isinstance(row.naive.sensitivity, Refused) for row in units)
    assert made.minutes_per_day == pytest.approx(2 * made.cards.per_day.value)
    assert "not weighted" in made.aware.ppv.reason
    assert headline([made], DAYS).startswith("At the live threshold of 45 %")


def test_a_shadow_is_joined_by_stay_and_moment() -> None:
    """Who agrees with whom is exact; what lies more than an hour apart is left out, and few are hidden."""
    rows = firsts(past_of(6_000))
    number = len(rows.risk)
    rng = np.random.default_rng(0)
    risk = np.clip(rows.risk + rng.normal(0, 0.1, number), 0.001, 0.999)
    time = rows.time + np.where(np.arange(number) < 50, 2 * HOUR, 0)
    shadow = {"stay": rows.stay, "time": time, "risk": risk, "crossing": risk >= 0.3}
    found = beside("new", "old", shadow, rows, None, 0.3)
    kept = np.arange(number) >= 50
    live, other = rows.risk[kept] >= 0.3, risk[kept] >= 0.3
    assert found.stays == kept.sum()
    assert found.both == (live & other).sum()
    assert (found.live_only, found.shadow_only) == ((live & ~other).sum(), (~live & other).sum())
    assert found.live.ppv.value == pytest.approx(rows.outcome[kept][live].mean(), abs=1e-9)
    assert found.shadow.sensitivity.value == pytest.approx(
        (other & (rows.outcome[kept] == 1)).sum() / rows.outcome[kept].sum()
    )
    view = shadow_view(found)
    assert all(text == "hidden" or int(text.replace(",", "")) >= 11 for _, text in view.agreement)
    assert beside("new", "old", shadow, rows.where(np.arange(number) < 5), None, 0.3) is None


def agreement_of(both: int, live_only: int, shadow_only: int, neither: int):
    """A model in shadow that agrees with the live one so often, as the page shows it."""
    pairs = np.repeat(np.arange(4), [both, live_only, shadow_only, neither])
    number = len(pairs)
    live, crossing = pairs <= 1, (pairs == 0) | (pairs == 2)
    stay, no, unit = np.arange(number).astype(np.uint64), np.zeros(number, dtype=bool), np.full(number, "")
    rows = Rows(
        np.arange(number), np.zeros(number, dtype=np.int64), np.where(live, 0.5, 0.1), (pairs % 2).astype(float),
        live, no, no, no, no, np.full(number, np.nan), stay, stay, unit, unit,
    )  # fmt: skip
    shadow = {"stay": stay, "time": rows.time, "risk": np.where(crossing, 0.6, 0.2), "crossing": crossing}
    return shadow_view(beside("new", "old", shadow, rows, None, 0.3))


def test_agreement_does_not_follow_from_how_many_each_would_alert_about() -> None:
    """Both 48, live 58, shadow 62: the ten that only the live one would alert about are 58 less 48."""
    view = agreement_of(48, 10, 14, 400)
    assert (view.stays, view.would_alert) == ("472", ("58", "62"))
    assert [text for _, text in view.agreement] == ["hidden"] * 4
    assert [text for _, text in agreement_of(48, 11, 14, 400).agreement] == ["48", "11", "14", "400"]


@pytest.mark.parametrize("seed", range(40))
def test_no_small_agreement_follows_from_the_margins(seed) -> None:
    """Every hidden cell of fewer than eleven has another value that fits all that is shown."""
    cells = np.random.default_rng(seed).choice([0, 3, 9, 10, 11, 20, 30], 4)
    cells[3] += 11
    view = agreement_of(*cells.tolist())
    assert view.stays == str(cells.sum())
    told = [
        int(text) if text.isdigit() else None for text in (*(text for _, text in view.agreement), *view.would_alert)
    ]
    inner = np.indices((45, 45, 45)).reshape(3, -1)
    tried = np.vstack([inner, cells.sum() - inner.sum(axis=0), inner[0] + inner[1], inner[0] + inner[2]])
    fits = np.all([row >= 1 if text is None else row == text for row, text in zip(tried, told, strict=True)], axis=0)
    assert fits[np.all(tried[:4] == cells[:, None], axis=0)].all()
    for place in np.flatnonzero((cells > 0) & (cells < 11)):
        assert len(np.unique(tried[place, fits])) > 1


def test_where_few_would_alert_their_shares_are_hidden_too() -> None:
    """A PPV with its interval tells of how many it is."""
    view = agreement_of(5, 0, 0, 400)
    assert not view.would_alert[0].isdigit()
    assert "hidden" in view.kinds[0].ppv.reason
    assert "hidden" in view.kinds[1].sensitivity.reason
    assert all(row.live is None and row.shadow is None for row in view.strata)


@pytest.mark.parametrize("seed", range(20))
def test_one_stratum_alone_is_never_hidden(seed) -> None:
    """Stays and events of a hidden one would be those of all less the others."""
    rng = np.random.default_rng(seed)
    number = 300
    risk = rng.random(number)
    live = rng.random(number) < 0.5
    found = compare_shadow(risk, live, rng.random(number) < 0.4 * risk, [0.04, 0.3, 0.6, 0.8])
    view = silent_view(found)
    hidden = False
    for name in ("live", "shadow"):
        shown = [getattr(row, name) for row in view.strata]
        true = [getattr(each, name) for each in found.strata]
        gone = [share for share, row in zip(true, shown, strict=True) if row is None and share is not None]
        assert all(share is None or (share.total >= 11 and share.count not in range(1, 11)) for share in shown)
        for count in ("total", "count"):
            few = [getattr(share, count) for share in gone if getattr(share, count)]
            assert not few or (len(few) > 1 and sum(few) >= 11)
        hidden = hidden or bool(gone)
    assert hidden
    assert all(row.difference is None for row in view.strata if row.live is None or row.shadow is None)


@pytest.fixture
def get(app):
    """Reads a page as the quality team."""
    own = {"icu-mortality": OutcomeQuestion("death", None, 24.0)}
    return lambda address: app(outcomes=own).test_client().get(address, headers=INSIDE)


@pytest.fixture
def ward(make_mart, tmp_path):
    """Three thousand stays over ninety days; cards from .3 on; a second model in shadow; outcomes of all."""
    number, rng = 3_000, np.random.default_rng(3)
    risk = rng.beta(2, 5, number)
    days = np.sort(rng.integers(0, 90, number))
    shadow = np.clip(risk + rng.normal(0, 0.1, number), 0.01, 0.99)
    both = lambda one, other: np.concatenate([one, other])  # noqa: E731
    advice = {
        "days": both(days, days), "probability": both(risk, shadow),
        "service": np.repeat(np.array(["icu-mortality", "new"], dtype=object), number),
        "withheld": both(np.where(risk >= 0.3, None, "below-threshold"),
                         np.where(shadow >= 0.3, "shadow", "below-threshold")),
        "tier_at_least": np.where(both(risk, shadow) >= 0.3, 0.3, 0.0),
        "unit_name": np.tile(np.array([f"Ward {n % 5}" for n in range(number)], dtype=object), 2),
        "encounter": np.tile(np.array([f"encounter-{n}" for n in range(number)], dtype=object), 2),
        "patient": np.tile(np.array([f"patient-{n}" for n in range(number)], dtype=object), 2),
    }  # fmt: skip
    accepted = rng.random(number) < 0.5
    about = np.flatnonzero(risk >= 0.3) + 1
    answers = np.where(accepted, "accepted", "overridden").astype(object)[about - 1]
    happened = rng.random(number) < risk * np.where((risk >= 0.3) & accepted, 0.4, 1.0)
    with make_mart(2 * number, advice, {"about": about, "outcome": answers}):
        pass
    (copied,) = (one for one in COPIED if one.name == "outcome")
    at = NOON + days * 24 * HOUR + 20 * HOUR
    plain = {name: np.full(number, None, dtype=object) for name in copied.names}
    Parts(tmp_path / "outcome").add(plain | {
        "sequence": np.arange(1, number + 1), "time": at, "at": at, "occurred": happened,
        "client": np.full(number, "ward", dtype=object), "name": np.full(number, "death", dtype=object),
        "patient": advice["patient"][:number], "encounter": advice["encounter"][:number],
    })  # fmt: skip
    return SimpleNamespace(risk=risk, shadow=shadow, happened=happened, accepted=accepted)


def test_the_page_says_what_would_change(ward, get) -> None:
    """Cards a day, PPV both ways and the agreement with the shadow are those of the arrays."""
    text = said(get(f"{ADDRESS}&threshold=40&repeat=0&minutes=3"))
    live, chosen = (np.count_nonzero(ward.risk >= at) / 90 for at in (0.3, 0.4))
    assert f"At 40 % there would be {chosen:.1f} cards a day instead of {live:.1f}" in text
    assert f"Cards a day {live:.2f}" in text
    above = ward.risk >= 0.4
    assert re.search(rf"PPV, naive \S+ % \S+ to \S+ {100 * ward.happened[above].mean():.1f} %", text)
    assert f"Work, minutes a day (at 3 a card) {3 * live:.0f} {3 * chosen:.0f}" in text
    assert "new, in shadow" in text
    agree = np.count_nonzero((ward.risk >= 0.3) & (ward.shadow >= 0.3))
    assert f"both would alert {agree:,}" in text
    aware = float(re.search(r"PPV, feedback-aware (\S+) %", text)[1])
    assert aware > 100 * ward.happened[ward.risk >= 0.3].mean() + 5


@pytest.mark.parametrize("asked", ["from=2026-01-01&to=2026-06-30", "from=2026-03-01&to=2026-05-31"])
def test_days_without_entries_do_not_thin_the_cards(ward, get, asked) -> None:
    """Cards a day are of the days from the first entry to today, over all, by unit and along the curve."""
    text = said(get(f"/oversight/thresholds?{asked}&service=icu-mortality&repeat=0"))
    above = ward.risk >= 0.3
    told = "entries begin on 2026-03-02, the last of them is 2026-05-30, because later ones are not over"
    assert f"90 days replayed: {told}" in text
    assert f"Cards a day {np.count_nonzero(above) / 90:.2f}" in text
    assert f"In the ledger there were {np.count_nonzero(above) / 90:.1f} cards a day" in text
    assert f"30 % (live) {np.count_nonzero(above) / 90:.1f}" in text
    for unit in range(5):
        assert f"Ward {unit} {np.count_nonzero(above[unit::5]) / 90:.2f}" in text


def test_days_without_cards_after_the_first_entry_count(ward, get, clock) -> None:
    """A week of silence is a week without cards; the day that is not over is not yet one."""
    clock.time = datetime(2026, 6, 7, 12, tzinfo=UTC)
    text = said(get("/oversight/thresholds?from=2026-05-01&to=2026-06-07&service=icu-mortality&repeat=0"))
    assert "37 days replayed: the last of them is 2026-06-06" in text
    assert "There is no entry after 2026-05-30; the days since then count as days without a card." in text


def test_what_has_ended_is_not_thinned_by_days_on_which_it_no_longer_ran(make_mart, get) -> None:
    """A version of thirty-four days, then another: its cards a day are of its own days, and so with a unit."""
    place = np.arange(770)
    days = place // 10
    advice = {
        "days": days, "probability": np.where(place % 2, 0.1, 0.5), "tier_at_least": np.zeros(770),
        "withheld": np.where(place % 2, "below-threshold", None),
        "model_version": np.where(days < 34, "0.9.0", "1.0.0").astype(object),
        "unit_name": np.where(days < 20, "closed", "open").astype(object),
    }  # fmt: skip
    with make_mart(770, advice):
        pass
    address = "/oversight/thresholds?from=2026-03-02&to=2026-05-24&service=icu-mortality"
    for asked, number, last in (("version=0.9.0", 34, "2026-04-04"), ("unit=closed", 20, "2026-03-21")):
        text = said(get(f"{address}&{asked}"))
        told = "because later ones are without an entry of this selection, while the service goes on"
        assert f"{number} days replayed: the last of them is {last}, {told}." in text
        assert "Cards a day 5.00" in text
    text = said(get(f"{address}&version=1.0.0"))
    assert "50 days replayed: entries begin on 2026-04-05. There is no entry after 2026-05-17;" in text
    assert "84 days replayed. There is no entry after 2026-05-17;" in said(get(address))


def test_the_only_day_of_an_installation_is_one_day(make_mart, get, clock) -> None:
    """Twelve cards of today are twelve cards a day, whatever period is shown unasked."""
    clock.time = datetime(2026, 3, 2, 13, tzinfo=UTC)
    with make_mart(12, {}):
        pass
    text = said(get("/oversight/thresholds?service=icu-mortality"))
    assert "1 day replayed: entries begin on 2026-03-02" in text
    assert "In the ledger there were 12.0 cards a day" in text


def test_the_form_keeps_what_was_asked(ward, get) -> None:
    """It works by GET: every choice stands in the form again, and the page holds no script."""
    answer = get(f"{ADDRESS}&threshold=40&second=55.5&repeat=stay&per_stay=2&per_clinician=7&minutes=1.5")
    for name, value in (("threshold", "40"), ("second", "55.5"), ("per_stay", "2"), ("per_clinician", "7")):
        assert re.search(rf'name="{name}"[^>]* value="{value}"', answer.text)
    assert '<option value="stay" selected>' in answer.text
    assert not re.search(r"<script|style=|https?://|\bnan\b", answer.text)
    assert answer.text.count("<svg") >= 4
    assert "How to read this" in answer.text
    text = said(answer)
    assert "of these in the upper tier, which no rule withholds" in text
    assert "live" in text
    assert "chosen" in text


@pytest.mark.parametrize(
    "wrong",
    ["threshold=0", "threshold=100", "threshold=x", "second=10&threshold=20", "repeat=5", "per_stay=0",
     "per_clinician=-1", "minutes=999", "threshold=1&threshold=2", "minutes=nan"],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(ward, get, wrong) -> None:
    """400 with the fault in words."""
    assert get(f"{ADDRESS}&{wrong}").status_code == 400


def test_without_outcomes_cards_are_counted_all_the_same(make_mart, get) -> None:
    """The burden needs no outcome; what cards are worth does, and that is said."""
    with make_mart(200, {"probability": np.linspace(0.01, 0.9, 200), "days": np.arange(200) % 90}):
        pass
    text = said(get(f"{ADDRESS}&threshold=50"))
    assert "No outcome has been loaded yet" in text
    assert "Cards a day" in text
    assert "PPV, naive" in text
    assert "no known outcome" in text


def test_few_assessments_are_refused(make_mart, get) -> None:
    """Ten assessments are no past to replay; no service is a list to choose from."""
    with make_mart(10, {}):
        pass
    assert "fewer than 11 assessments" in said(get(ADDRESS))


@pytest.fixture
def few_repeats(make_mart):
    """600 entries of twelve weeks, half of them cards in three units; five repeat the stay of the one before.

    Returns how many cards a repeat rule leaves.
    """
    place = np.arange(600)
    stay = np.where((place % 100 == 2) & (place > 100), place - 2, place)
    advice = {
        "days": place * 84 // 600, "probability": np.where(place % 2, 0.1, 0.5), "tier_at_least": np.zeros(600),
        "withheld": np.where(place % 2, "below-threshold", None),
        "encounter": np.char.add("stay-", stay.astype(str)).astype(object),
        "clinician": np.char.add("c-", (place // 2 % 20).astype(str)).astype(object),
        "unit_name": np.char.add("Ward ", (place // 2 % 3).astype(str)).astype(object),
    }  # fmt: skip
    with make_mart(600, advice):
        pass
    return 295


@pytest.mark.parametrize("asked", ["", "&threshold=50", "&threshold=30", "&repeat=0&per_stay=1"])
def test_hidden_cards_do_not_follow_from_cards_a_day(few_repeats, get, monkeypatch, asked) -> None:
    """What a rule withheld is hidden with the cards; the days, work, units and the curve would tell them."""
    address = f"/oversight/thresholds?from=2026-03-02&to=2026-05-24&service=icu-mortality{asked}"
    text = said(get(address))
    assert f"Cards in all {few_repeats}" in text
    assert f"Cards a day {few_repeats / 84:.2f}" in text
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})
    text = said(get(address))
    assert "Withheld" in text
    assert "Cards in all hidden" in text
    for told in (
        f"{few_repeats / 84:.2f}",
        f"{few_repeats / 84:.1f}",
        f" {2 * few_repeats / 84:.0f} ",
        str(few_repeats),
    ):
        assert told not in text[text.index("What the threshold brings") : text.index("How to read this")]
    assert "is hidden: few were given, or withheld by" in text


@pytest.mark.parametrize(
    ("asked", "first", "second"),
    [("threshold=40.6", "41 %", None), ("threshold=40.8", "41 %", None), ("threshold=0.1", "1 %", None),
     ("threshold=99.9", "99 %", None), ("threshold=40.6&second=41.4", "41 %", "42 %"),
     ("threshold=99.1&second=99.9", "99 %", None)],
)  # fmt: skip
def test_neighbouring_thresholds_tell_no_single_stay(ward, get, monkeypatch, asked, first, second) -> None:
    """Who may not see single clinicians gets whole per cents, and the form says so; quality any threshold."""
    text = said(get(f"{ADDRESS}&{asked}"))
    assert f"Chosen: {re.search('[0-9.]+', asked)[0]} %" in text
    assert "in whole per cents for your role" not in text
    monkeypatch.setattr(roles, "RIGHTS", {Role.QUALITY: frozenset({Right.FIGURES})})
    answer = get(f"{ADDRESS}&{asked}")
    text = said(answer)
    assert f"Chosen: {first}" in text
    assert f"upper tier from {second}" in text if second else "upper tier from" not in text
    assert "Threshold, % risk, in whole per cents for your role" in text
    assert f'name="threshold" min="1" max="99" step="1" value="{first[:-2]}"' in answer.text


def test_of_one_tier_nothing_is_replayed(ward, get) -> None:
    """A tier is a range of the risk: who leaves the others out has no past to try thresholds on."""
    text = said(get(f"{ADDRESS}&tier=amber"))
    assert "Thresholds are judged on all tiers. Take the filter by tier off." in text
    assert "Cards a day" not in text


def test_silent_cards_of_the_service_itself_are_compared(make_mart, tmp_path, get) -> None:
    """Half of the cards ran in shadow: at equal risk the event came less often after those that were shown."""
    number, rng = 2_000, np.random.default_rng(4)
    risk, silent = rng.beta(3, 5, number), rng.random(number) < 0.5
    shown = (risk >= 0.3) & ~silent
    withheld = np.where(risk < 0.3, "below-threshold", np.where(silent, "shadow", None))
    happened = rng.random(number) < risk * np.where(shown, 0.4, 1.0)
    with make_mart(number, {"probability": risk, "withheld": withheld, "days": np.arange(number) % 90}):
        pass
    (copied,) = (one for one in COPIED if one.name == "outcome")
    at = NOON + 100 * 24 * HOUR + np.zeros(number, dtype=np.int64)
    texts = lambda kind: np.array([f"{kind}-{n}" for n in range(number)], dtype=object)  # noqa: E731
    plain = {name: np.full(number, None, dtype=object) for name in copied.names}
    Parts(tmp_path / "outcome").add(plain | {
        "sequence": np.arange(1, number + 1), "time": at, "at": at, "occurred": happened,
        "client": np.full(number, "ward", dtype=object), "name": np.full(number, "death", dtype=object),
        "patient": texts("patient"), "encounter": texts("encounter"),
    })  # fmt: skip
    text = said(get(ADDRESS))
    assert "icu-mortality itself, in shadow" in text
    found = re.search(r"At equal score, the event came ([\d.]+) points less often after live cards", text)
    high = risk >= 0.3
    crude = happened[high & silent].mean() - happened[shown].mean()
    assert float(found[1]) / 100 == pytest.approx(crude, abs=0.03)
