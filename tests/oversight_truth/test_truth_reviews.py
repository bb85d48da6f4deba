"""Reviews of the seeded ledger: the weighted share is the true one, where the plain share of the sample is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from oversight.database import open_engine
from oversight.mart.mart import Mart
from oversight.reviews.cases import SqlCases
from oversight.reviews.drawing import drawn
from oversight.reviews.plan import Allocation, Grouping, Response, ReviewPlan
from oversight.reviews.population import population
from oversight.reviews.results import results
from oversight.reviews.sheet import Item, Judgement, Sheet
from oversight.reviews.store import SqlReviews
from oversight.statistics.adjudication import Verdict
from oversight.statistics.review_share import review_share
from oversight.statistics.sampling import allocate, draw

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
REPEATS = 4_000
# An override was appropriate where no sepsis followed in the stay.
_TRUTH = """
SELECT event.sequence, bool_or(said.occurred) AS happened
FROM event JOIN outcome_latest AS said
  ON said.client = event.client AND said.patient = event.patient AND said.encounter = event.encounter
WHERE event.card AND event.outcome = 'overridden' AND event.service = 'sepsis-6h' GROUP BY 1
"""


def plan(seeded, **changes) -> ReviewPlan:
    """A third of the overridden cards of sepsis-6h, as many from rare groups as from common ones."""
    members = {
        "name": "sepsis", "service": "sepsis-6h", "first": seeded.period.first, "last": seeded.period.last,
        "responses": (Response.OVERRIDDEN,), "groupings": (Grouping.RISK, Grouping.UNIT), "size": 130,
        "allocation": Allocation.EQUAL, "seed": 1, "entry": 10**9,
    }  # fmt: skip
    return ReviewPlan(**members | changes)


@pytest.fixture(scope="module")
def cards(seeded):
    """The overridden cards in their strata."""
    return population(seeded.mart, plan(seeded))


@pytest.fixture(scope="module")
def cards_by_risk(seeded):
    """The same cards in thirds of the risk."""
    return population(seeded.mart, plan(seeded, groupings=(Grouping.RISK,)))


@pytest.fixture(scope="module")
def right(seeded, cards) -> dict[int, bool]:
    """Whether each override was appropriate. Where no outcome is known, nothing happened that anybody knows of."""
    happened = dict(seeded.mart.rows(_TRUTH))
    return {int(sequence): not happened.get(int(sequence), False) for sequence in cards.sequences}


def judged(wanted, cards, verdict) -> Sheet:
    """A sheet on which two people give the verdict of each card, as the results take it."""
    items = [
        Item(
            place, card.advice, NOW, card.stratum, card.probability,
            tuple(Judgement(who, verdict(card.advice), "", NOW) for who in ("a", "b")),
        )
        for place, card in enumerate(drawn(wanted, cards).cards)
    ]  # fmt: skip
    return Sheet(wanted, NOW, tuple(items))


def as_verdict(right: dict[int, bool]):
    """The true verdict."""
    return lambda advice: Verdict.APPROPRIATE if right[advice] else Verdict.INAPPROPRIATE


def test_right_and_wrong_overrides_are_there(right) -> None:
    """Otherwise the tests below would prove nothing."""
    share = np.mean(list(right.values()))
    assert 0.5 < share < 0.97


def test_the_weighted_share_recovers_the_true_rate(seeded, cards, right) -> None:
    """Without bias, and in its interval in 94 to 96 % of draws; the plain share of the sample is off by points."""
    # In this history wards differ little; let every override of the smallest strata be wrong.
    small = np.bincount(cards.strata)[cards.strata] < 12
    truth = np.array([right[sequence] for sequence in cards.sequences.tolist()]) & ~small
    numbers = allocate(np.bincount(cards.strata), 130, 130 // len(cards.labels))
    found, plain, within = [], [], 0
    for seed in range(REPEATS):
        sample = draw(cards.strata, numbers, np.random.default_rng(seed))
        share = review_share(truth[sample.rows], sample.probabilities, sample.strata, len(truth)).share
        found.append(share.value)
        plain.append(truth[sample.rows].mean())
        within += share.low <= truth.mean() <= share.high
    assert np.mean(found) == pytest.approx(truth.mean(), abs=0.005)
    assert abs(np.mean(plain) - truth.mean()) > 0.04
    assert 0.94 <= within / REPEATS <= 0.96, within / REPEATS
    by_sequence = dict(zip(cards.sequences.tolist(), truth.tolist(), strict=True))
    for seed in range(5):
        share = results(judged(plan(seeded, seed=seed), cards, as_verdict(by_sequence))).share.share
        assert share.value == pytest.approx(found[seed], abs=1e-9)


def test_it_holds_while_a_tenth_is_unreviewed_and_some_cannot_be_judged(seeded, cards_by_risk, right) -> None:
    """Verdicts that are missing by chance cost width and not truth."""
    true, rng, within = float(np.mean(list(right.values()))), np.random.default_rng(3), 0
    wanted = plan(seeded, groupings=(Grouping.RISK,), allocation=Allocation.PROPORTIONAL)
    for seed in range(100):
        sheet = judged(replace(wanted, seed=seed), cards_by_risk, as_verdict(right))
        left = tuple(
            replace(item, judgements=item.judgements[: int(rng.random() > 0.1) * 2]) for item in sheet.items
        )  # fmt: skip
        unsure = Judgement("a", Verdict.CANNOT_TELL, "", NOW)
        some = tuple(
            replace(item, judgements=(unsure, replace(unsure, reviewer="b"), replace(unsure, reviewer="c")))
            if rng.random() < 0.05 else item for item in left
        )  # fmt: skip
        found = results(replace(sheet, items=some))
        within += found.share.share.low <= true <= found.share.share.high
        assert 0 <= found.unclear.low <= found.unclear.value < 0.2
        assert found.bounds[0] <= found.share.share.value <= found.bounds[1]
    assert within >= 90


def test_the_whole_way_through_the_ledger(seeded, right) -> None:
    """Two people who err now and then, a third who does not, and the true rate in the interval."""
    copy = seeded.file.with_name("reviewed.db")
    shutil.copy(seeded.file, copy)
    for tail in ("-wal", "-shm"):
        side = seeded.file.with_name(seeded.file.name + tail)
        if side.exists():
            shutil.copy(side, copy.with_name(copy.name + tail))
    engine = open_engine(f"sqlite:///{copy}")
    try:
        reviews = SqlReviews(engine, seeded.pseudonyms)
        wanted = plan(seeded, groupings=(Grouping.REASON,), size=60, seed=9)
        with Mart(seeded.file.parent / "mart").open() as mart:
            reviews.add(wanted, drawn(wanted, population(mart, wanted)).cards, NOW)
        rng, say = np.random.default_rng(2), as_verdict(right)
        other = {Verdict.APPROPRIATE: Verdict.INAPPROPRIATE, Verdict.INAPPROPRIATE: Verdict.APPROPRIATE}
        for person in ("ann", "ben"):
            while (item := reviews.turn("sepsis", person).item) is not None:
                verdict = say(item.advice)
                said = other[verdict] if rng.random() < 0.1 else verdict
                reviews.judge("sepsis", item.number, said, "seen", person=person, now=NOW)
        while (item := reviews.turn_to_settle("sepsis", "cem").item) is not None:
            reviews.settle("sepsis", item.number, say(item.advice), "seen", person="cem", now=NOW)
        found = results(reviews.sheet("sepsis"))
        true = float(np.mean(list(right.values())))
        assert found.share.share.low <= true <= found.share.share.high
        assert found.population == len(right)
        assert 0.3 < found.agreement.kappa.value < 0.95
        case = SqlCases(engine, seeded.pseudonyms).case(reviews.sheet("sepsis").items[0].advice, NOW)
        assert case.response is Response.OVERRIDDEN
        assert case.lines
    finally:
        engine.dispose()
