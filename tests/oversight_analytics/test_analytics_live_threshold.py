"""The threshold at which cards are given at the end of a period, worked out from entries that a test makes up."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import said

from oversight.analytics.judged_elsewhere import JudgedElsewhere
from oversight.analytics.laid_out import lay_out
from oversight.analytics.live_threshold import HIGH, LOW, LiveThreshold, live_threshold
from oversight.analytics.selection import Selection
from oversight.analytics.threshold_stretch import ENOUGH, Entries, Stretch, most_agree, value_of

NUMBER, DAYS = 4_000, 80
DAY = np.arange(NUMBER) * DAYS // NUMBER
FIRST = date(2026, 3, 2)


@pytest.fixture
def told(make_mart, period) -> Callable[..., LiveThreshold | None]:
    """What is told of entries whose threshold is given for each, and of which client they are."""

    def tell(threshold: Any, number: int = NUMBER, **more: Any) -> LiveThreshold | None:
        """The risks are drawn once and for all."""
        with make_mart(number, entries(threshold, number) | more) as mart:
            lay_out(mart, Selection(period), "death", 10**9)
            return live_threshold(mart, Selection(period))

    return tell


def entries(threshold: Any, number: int = NUMBER) -> dict[str, Any]:
    """Entries over eighty days; the tier says nothing."""
    risk = np.random.default_rng(0).beta(1.3, 6, number)
    withheld = np.where(risk >= threshold, None, "below-threshold")
    return {"probability": risk, "withheld": withheld, "days": DAY[:number], "tier_at_least": np.zeros(number)}


def test_one_threshold_throughout_leaves_no_doubt(told) -> None:
    """The shortest number that the entries allow."""
    found = told(np.full(NUMBER, 0.25))
    assert (found.value, found.agreed, found.client, found.doubts) == (pytest.approx(0.25), True, "ward", "")


@pytest.mark.parametrize(("before", "after"), [(0.25, 0.40), (0.40, 0.25), (0.25, 0.05)])
def test_it_is_the_one_at_the_end_of_the_period(told, before, after) -> None:
    """Not the lowest of the period, nor the longest; and since when it holds is said."""
    found = told(np.where(DAY < 60, before, after))
    assert (found.value, found.agreed) == (pytest.approx(after), True)
    assert abs(found.since - (FIRST + timedelta(days=60))) <= timedelta(days=1)
    assert f"It holds since about {found.since}" in found.doubts


@pytest.mark.parametrize("number", [1, 12, ENOUGH - 20])
def test_a_handful_of_entries_does_not_turn_it(told, number) -> None:
    """A day's trial at another threshold is said, and changes no figure."""
    found = told(np.where(np.arange(NUMBER) < NUMBER - number, 0.25, 0.0))
    assert found.value == pytest.approx(0.25, abs=0.001)
    assert found.since is None
    # Of very few entries each may be such as the usual threshold allows.
    assert number == 1 or (found.later and f"fewer than {ENOUGH}: too few to go by" in found.doubts)


def test_a_wrong_hour_in_the_middle_is_said_and_no_more(told) -> None:
    """Twenty entries at nought, weeks ago."""
    place = np.arange(NUMBER)
    found = told(np.where((place > 1_500) & (place < 1_520), 0.0, 0.25))
    assert found.value == pytest.approx(0.25)
    assert found.since == FIRST + timedelta(days=30)


def test_two_thresholds_at_once_are_no_exact_one(told) -> None:
    """As of two servers with different settings: between them, and doubtful."""
    found = told(np.where(np.arange(NUMBER) % 2, 0.2, 0.3))
    assert 0.2 <= found.value <= 0.3
    assert not found.agreed
    assert "do not agree" in found.doubts


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("risks", [[0.05, 0.1, 0.2, 0.3, 0.4], [0.0, 1.0], [0.9], None])
def test_no_threshold_has_fewer_entries_against_it(risks, seed) -> None:
    """Held against every threshold there is, also where many entries have the same risk and most were too low."""
    rng = np.random.default_rng(seed)
    risk = rng.random(600) if risks is None else rng.choice(risks, 600)
    setting = rng.choice([0.15, 0.25, 0.97], 600, p=rng.dirichlet([1, 1, 1]))
    low = risk < setting
    found, stretch = most_agree(Entries(np.zeros(600, dtype=np.int64), risk, low, np.full(600, np.nan)))
    against = lambda at: int((~low & (risk < at)).sum() + (low & (risk >= at)).sum())  # noqa: E731
    fewest = min(against(at) for at in (*np.unique(risk), 1.1))
    assert against(min(stretch.upper, 1.1)) == fewest
    assert 0 < found < 1
    if stretch.upper > 0 and stretch.below < 1:
        assert against(found) == fewest


@pytest.mark.parametrize("below", [0.0, 0.05, 0.29, 0.57, 0.58, 0.989, 0.99, 0.9989, 0.999, 0.99995, 0.9999999])
def test_what_no_entry_reached_stands_above_all_that_were_too_low(below) -> None:
    """The next per cent, or of a risk above 99 % the next number."""
    few = Entries(np.zeros(3, dtype=np.int64), np.array([0.0, below / 2, below]), np.ones(3, dtype=bool), np.zeros(3))
    found = value_of(few, Stretch(0, 3, below, math.inf))
    assert below < found < 1
    assert found <= below + 0.01 + 1e-12


@pytest.mark.parametrize(("below", "upper"), [(-math.inf, 0.0), (0.4, 1.0), (0.999, 1.0), (1.0, math.inf)])
def test_a_threshold_lies_above_nothing_and_below_certainty(below, upper) -> None:
    """Figures weigh by its odds, which are none at 0 and 1."""
    none = Entries(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0))
    found = value_of(none, Stretch(0, 0, below, upper))
    assert 0 < found < 1
    assert found > below or below == 1


def test_the_client_with_most_of_the_latest_entries_speaks(told) -> None:
    """A small client at nought changes nothing, and is named; so is one that was large, and left."""
    small = np.arange(NUMBER) % 40 == 0
    found = told(np.where(small, 0.0, 0.25), client=np.where(small, "trial", "hospital").astype(object))
    assert (found.client, found.value) == ("hospital", pytest.approx(0.25, abs=0.001))
    assert [name for name, _ in found.others] == ["trial"]
    assert "It is that of hospital, which has most of the latest entries." in found.doubts
    assert re.search(r"Other clients have another one: trial at most 0\.\d %\.", found.doubts)


def test_a_large_client_that_left_does_not_speak(told) -> None:
    """Its entries are older than four weeks."""
    old = DAY < 50
    found = told(np.where(old, 0.1, 0.4), client=np.where(old, "left", "stays").astype(object))
    assert (found.client, found.value, found.others) == ("stays", pytest.approx(0.4), ())


def test_a_client_without_any_card_does_not_speak_and_is_named(told) -> None:
    """Nine tenths of the entries are too low at .97: the threshold is the other's, and theirs is told as a bound."""
    small = np.arange(NUMBER) % 10 == 0
    found = told(np.where(small, 0.25, 0.97), client=np.where(small, "small", "big").astype(object))
    highest = entries(0)["probability"][~small].max()
    assert (found.client, found.instead) == ("small", "big")
    assert (
        "It is that of small. Most of the latest entries are of big, which gave no card in these days." in found.doubts
    )
    bound = float(re.search(r"Other clients have another one: big above ([\d.]+) %\.", found.doubts)[1]) / 100
    assert highest - 0.001 <= bound <= highest


def test_the_only_client_with_cards_may_be_the_twelfth_or_gone(told) -> None:
    """There was a card, so none of the sentences about no card is true."""
    place = np.arange(NUMBER)
    client = np.where(place % 100 == 0, "z", np.char.add("ehr-", (place % 11).astype(str))).astype(object)
    assert told(np.where(client == "z", 0.25, 1.1), client=client).client == "z"


def test_a_client_that_left_speaks_where_nobody_else_had_a_card(told) -> None:
    """And it is said that the one that is there never gave one."""
    old = DAY < 40
    found = told(np.where(old, 0.25, 1.1), client=np.where(old, "left", "stays").astype(object))
    assert (found.client, found.instead) == ("left", "stays")


def test_doubts_about_other_clients_are_told(told) -> None:
    """Few entries, and two thresholds at once."""
    place = np.arange(NUMBER)
    few = place >= NUMBER - 60
    client = np.where(few & (place % 2 == 0), "new", "old").astype(object)
    assert re.search(
        r"new (at most )?\S+ % \(read from fewer than 100 entries\)",
        told(np.where(client == "new", 0.02, 0.6), client=client).doubts,
    )
    mixed = place % 3 == 0
    threshold = np.where(mixed, np.where(place % 2, 0.05, 0.1), 0.4)
    assert re.search(r"b about \S+ %", told(threshold, client=np.where(mixed, "b", "a").astype(object)).doubts)


def test_clients_at_the_same_threshold_are_no_doubt(told) -> None:
    """What few entries of one allow, the other's are."""
    found = told(np.full(NUMBER, 0.25), client=np.where(np.arange(NUMBER) % 9, "a", "b").astype(object))
    assert found.doubts == ""


@pytest.mark.parametrize("case", ["until day 60", "left on day 40", "eleventh client"])
def test_cards_given_below_it_are_counted_whoever_gave_them(told, case) -> None:
    """Clients that had another threshold earlier, that left, or that are small are no threshold of their own."""
    place = np.arange(NUMBER)
    client, lower = {
        "until day 60": (np.where(place % 2, "B", "A"), (place % 2 == 1) & (DAY < 60)),
        "left on day 40": (np.where((place % 2 == 1) & (DAY < 40), "B", "A"), (place % 2 == 1) & (DAY < 40)),
        "eleventh client": (np.char.add("ehr-", (place % 12 + 10).astype(str)), place % 12 >= 10),
    }[case]
    found = told(np.where(lower, 0.05, 0.25), client=client.astype(object))
    risk = entries(0.25)["probability"]
    below, cards = (lower & (risk >= 0.05) & (risk < 0.25)).sum(), ((risk >= 0.25) | (lower & (risk >= 0.05))).sum()
    assert found.value == pytest.approx(0.25, abs=0.001)
    assert (
        f"{below:,} of the {cards:,} cards of these days ({100 * below / cards:.0f} %) were given at a lower risk"
        in (found.doubts)
    )


def test_entries_above_it_that_were_too_low_are_counted(told) -> None:
    """Another client's threshold stood higher: the replay gives its patients cards that they did not have."""
    other = (np.arange(NUMBER) % 2 == 1) & (DAY < 60)
    found = told(np.where(other, 0.5, 0.25), client=np.where(np.arange(NUMBER) % 2, "B", "A").astype(object))
    risk = entries(0.25)["probability"]
    low, above = (other & (risk >= 0.25) & (risk < 0.5)).sum(), (risk >= 0.25).sum()
    assert f"{low:,} of the {above:,} entries at or above it ({100 * low / above:.0f} %) were too low for a card" in (
        found.doubts
    )


@pytest.mark.parametrize(
    ("counts", "says"),
    [((1000, 9, 1000, 9), []), ((10_000, 99, 100, 0), []), ((1000, 10, 0, 0), ["Some of the cards"]),
     ((1000, 995, 0, 0), ["Nearly all of the cards"]), ((50, 50, 0, 0), ["50 of the 50 cards"]),
     ((200, 0, 20, 1), ["Some of the entries at or above it (fewer than 11)"])],
)  # fmt: skip
def test_one_in_a_hundred_is_worth_telling_and_a_few_have_no_number(counts, says) -> None:
    """Neither those below it nor those that are left."""
    told = list(JudgedElsewhere(*counts).sentences())
    assert len(told) == len(says)
    assert all(one.startswith(other) for one, other in zip(told, says, strict=True))


def test_few_entries_are_said_to_be_few(told) -> None:
    """Of a new installation there is nothing else."""
    found = told(np.full(30, 0.25), 30)
    assert found.few
    assert f"fewer than {ENOUGH} entries" in found.doubts


def test_entries_may_close_it_in_from_one_side(told) -> None:
    """Everything a card, or nothing since it was raised."""
    assert told(np.zeros(NUMBER)).never == LOW


def test_a_threshold_that_nothing_reaches_is_at_least_so_high(told) -> None:
    """Raised above all risks: no card since."""
    found = told(np.where(DAY < 60, 0.25, 0.99))
    assert (found.never, found.agreed) == (HIGH, True)
    assert 0.6 < found.value <= 0.99
    assert "so it may be higher" in found.doubts


def test_without_any_card_there_is_none(told) -> None:
    """And the pages then say what stands in for it."""
    assert told(np.ones(NUMBER)) is None
    assert "50 % stands in for it" in LiveThreshold(0.5, False).doubts


def test_what_was_not_asked_about_its_height_tells_nothing(told) -> None:
    """Switched off, or not for this role, says nothing of the threshold."""
    threshold = np.full(NUMBER, 0.25)
    withheld = entries(threshold)["withheld"]
    withheld[-500:] = "switched-off"
    found = told(threshold, withheld=withheld)
    assert (found.value, found.doubts) == (pytest.approx(0.25, abs=0.001), "")


def test_the_page_says_its_doubts_beside_the_figures(make_mart, get) -> None:
    """A dozen entries of the last day at nought: cards a day stay those of 25 %, and the page says so."""
    threshold = np.where(np.arange(NUMBER) < NUMBER - 12, 0.25, 0.0)
    with make_mart(NUMBER, entries(threshold) | {"encounter": np.arange(NUMBER).astype(str).astype(object)}):
        pass
    text = said(get("/oversight/thresholds?from=2026-03-02&to=2026-05-20&service=icu-mortality&repeat=0"))
    above = np.count_nonzero(entries(threshold)["probability"] >= 0.25)
    assert (
        f"At the live threshold of 25 %, on all of these days, these rules give {above / DAYS:.1f} cards a day" in text
    )
    assert "About the live threshold of 25 %. Some entries since" in text
    assert "fewer than 100: too few to go by" in text
    assert "not of what was done" in text
