"""The mart: the ledger's rows in columns, brought up by what is new, on SQLite and on PostgreSQL."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical.advice import OVERRIDE_REASONS, Channel, Outcome, WithheldReason
from clinical.errors import LedgerUnavailable
from clinical.follow_up import ActionSeen, ObservedOutcome, PatientGroup
from oversight import chain, tables
from oversight.analytics.judged import judged
from oversight.analytics.selection import Selection
from oversight.database import writing
from oversight.follow_up.actions import SqlActions
from oversight.follow_up.groups import SqlGroups
from oversight.follow_up.outcomes import SqlOutcomes
from oversight.mart import build, parts
from oversight.mart.build import behind, bring_up, is_current
from oversight.mart.columns import ADVICE, FEEDBACK
from oversight.mart.mart import SPILL, Mart
from oversight.mart.parts import Parts
from oversight.pseudonyms import Pseudonyms
from oversight.tallies import Period

HOUR = timedelta(hours=1)
KEY = b"a key for tests, 32 bytes or more"


@pytest.fixture
def folder(tmp_path):
    """Where the mart lies."""
    return tmp_path / "mart's folder"


def test_an_empty_ledger_makes_an_empty_mart(engine, ledger, folder) -> None:
    """Every question can be asked, and has no rows."""
    assert bring_up(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT * FROM event") == []
        assert set(mart.arrays("SELECT seconds, outcome FROM event")) == {"seconds", "outcome"}


def test_what_the_ledger_holds_stands_in_columns(engine, ledger, make_advice, folder) -> None:
    """Numbers exactly, moments to the microsecond, what is not there as a gap."""
    advice = make_advice()
    ledger.append(advice)
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        found = mart.rows("SELECT id, time, date, probability, tier, withheld, card, outcome, seconds FROM event")
    microseconds = round(advice.time.timestamp() * 1e6)
    day = date(2026, 3, 2)
    assert found == [(advice.id, microseconds, day, advice.finding.probability, "high", None, True, None, None)]


def test_nobody_stands_there_by_name(engine, ledger, make_advice, folder) -> None:
    """Identities are the ledger's pseudonyms; the finding itself stays in the ledger."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    raw = b"".join(path.read_bytes() for path in folder.rglob("*.parquet"))
    assert b"dr-house-007" not in raw
    assert b"p-4711" not in raw


def test_only_what_is_new_is_read(engine, ledger, make_advice, folder) -> None:
    """Parts are added and never written again."""
    told = []
    for _ in range(3):
        ledger.append(make_advice())
        assert not is_current(engine, folder)
        assert bring_up(engine, folder, told=lambda *part: told.append(part))
        assert is_current(engine, folder)
    assert told == [(name, number) for number in (1, 2, 3) for name in ("advice", "value")]
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT count(*), count(DISTINCT sequence) FROM event") == [(3, 3)]


def test_who_cannot_wait_gets_a_part(engine, ledger, make_advice, folder, monkeypatch) -> None:
    """And is told that there is more."""
    for _ in range(5):
        ledger.append(make_advice())
    monkeypatch.setattr(build, "ROWS", 2)
    assert not bring_up(engine, folder, at_most=3)
    assert bring_up(engine, folder, at_most=3)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT max(sequence), count(*) FROM advice") == [(5, 5)]


def test_the_deciding_feedback_is_that_of_the_ledger(engine, ledger, make_advice, answer, folder) -> None:
    """The latest by its time, then by arrival; quarantine never decides, and what was withdrawn is no answer."""
    cards = [make_advice() for _ in range(4)]
    for card in cards:
        ledger.append(card)
    overridden = {"outcome": Outcome.OVERRIDDEN, "reason": OVERRIDE_REASONS[0]}
    ledger.record([answer(cards[0], **overridden, time=cards[0].time + 2 * HOUR)])
    ledger.record([answer(cards[0], time=cards[0].time + HOUR)])  # arrives later, was said earlier
    ledger.record([answer(cards[1], **overridden)])
    ledger.record([answer(cards[1], outcome=Outcome.WITHDRAWN, channel=Channel.PAGE, user=cards[1].user)])
    ledger.record([replace(answer(cards[2]), client="another")])
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        found = mart.rows("SELECT outcome, reason, seconds FROM event ORDER BY sequence")
    assert found[0] == ("overridden", OVERRIDE_REASONS[0].code, 7200.0)
    assert found[1:] == [(None, None, None)] * 3
    decided = [ledger.decision(card.id) for card in cards]
    assert [one and one.outcome.value for one in decided] == ["overridden", "withdrawn", None, None]


@pytest.mark.parametrize(
    ("changes", "card"),
    [({}, True), ({"withheld": WithheldReason.SHADOW}, False), ({"hook": "smart-launch"}, False)],
)
def test_a_card_is_what_called_for_attention(engine, ledger, make_advice, folder, changes, card) -> None:
    """An opening of the page is advice, but nobody was interrupted."""
    ledger.append(replace(make_advice(), **changes))
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT card FROM event") == [(card,)]


def test_a_mart_of_another_ledger_is_refused(engine, ledger, make_advice, folder) -> None:
    """Rows of two hospitals in one figure would be nobody's."""
    ledger.append(make_advice())
    bring_up(engine, folder)
    (folder / "ledger.txt").write_text("0" * 64)
    with pytest.raises(LedgerUnavailable, match="another ledger"):
        bring_up(engine, folder)


def test_only_its_owner_may_look_in(engine, ledger, folder) -> None:
    """As with the ledger."""
    bring_up(engine, folder)
    assert folder.stat().st_mode & 0o077 == 0


def test_many_small_parts_become_one(engine, ledger, make_advice, folder, monkeypatch) -> None:
    """Every row stays once, also while the small parts still lie there for who is reading them, and after."""
    monkeypatch.setattr(parts, "MOST_SMALL", 3)
    for number in range(8):
        ledger.append(make_advice(withheld=WithheldReason.SHADOW if number == 6 else None))
        bring_up(engine, folder)
        with Mart(folder).open() as mart:
            for table in ("advice", "event", "value"):
                assert mart.rows(f"SELECT count(*), count(DISTINCT sequence), max(sequence) FROM {table}") == [
                    (number + 1, number + 1, number + 1)
                ]
            withheld = [row for (row,) in mart.rows("SELECT withheld FROM advice ORDER BY sequence")]
            assert withheld == [None if place != 6 else "shadow" for place in range(number + 1)]
    advice = Parts(folder / "advice")
    assert advice.last() == 8
    assert len(advice.files()) <= 4
    lying = set(advice.folder.glob("*.parquet"))
    assert lying > set(advice.files())
    for path in advice.files()[:1]:
        os.utime(path, (0, 0))
    ledger.append(make_advice())
    bring_up(engine, folder)
    assert not {path for path in lying - set(advice.files()) if path.exists() and path not in advice.files()}
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT count(*) FROM advice") == [(9,)]


def test_gaps_of_a_whole_part_do_not_hide_the_next(engine, ledger, make_advice, folder) -> None:
    """A column that is all gaps in one part and text in the next can be asked about."""
    for withheld in (None, WithheldReason.SHADOW):
        ledger.append(make_advice(withheld=withheld))
        bring_up(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT withheld FROM advice ORDER BY sequence") == [(None,), ("shadow",)]


@pytest.fixture
def tell(engine, clock):
    """Tell outcomes of p-4711 (hours from noon of the advice, yes or no, stay), one delivery each."""

    def told(*said, name="death-in-hospital") -> None:
        loader = SqlOutcomes(engine, Pseudonyms(KEY), clock)
        for number, (hours, occurred, stay) in enumerate(said):
            at = clock.now() + hours * HOUR
            loader.load([ObservedOutcome("p-4711", "st-mary", name, occurred, at, stay)], f"{name} {number}")

    return told


def test_what_came_of_it_stands_in_columns(engine, ledger, clock, make_advice, tell, folder) -> None:
    """The latest statement and attribute count, actions come after their advice, and nobody is named."""
    card = make_advice()
    ledger.append(card)
    tell((5, True, "enc-99"), (9, False, "enc-99"))
    SqlGroups(engine, Pseudonyms(KEY), clock).load([PatientGroup("p-4711", "st-mary", "sex", "male")], "a")
    SqlGroups(engine, Pseudonyms(KEY), clock).load([PatientGroup("p-4711", "st-mary", "sex", "female")], "b")
    seen = [ActionSeen(card.id, "st-mary", "lactate", card.time + hours * HOUR) for hours in (-1, 2, 3)]
    SqlActions(engine, clock).load(seen, "a")
    assert bring_up(engine, folder)
    assert is_current(engine, folder)
    with Mart(folder).open() as mart:
        latest = mart.rows('SELECT name, occurred, "at" FROM outcome_latest')
        assert mart.rows("SELECT attribute, value FROM patient_attribute") == [("sex", "female")]
        acted = mart.rows("SELECT advice_sequence, actions, first FROM acted")
    assert latest == [("death-in-hospital", False, round(card.time.timestamp() * 1e6) + 9 * 3_600_000_000)]
    assert acted == [(1, 2, round(card.time.timestamp() * 1e6) + 2 * 3_600_000_000)]
    raw = b"".join(path.read_bytes() for path in folder.rglob("*.parquet"))
    assert b"p-4711" not in raw
    assert b"enc-99" not in raw


def test_a_moment_that_nobody_knows_is_a_gap(engine, ledger, folder) -> None:
    """An outcome may stand without its time."""
    with writing(engine, one_at_a_time=True) as connection:
        for number, at in enumerate((None, datetime(2026, 3, 2, tzinfo=UTC))):
            row = {"content_key": f"{number:064x}", "time": datetime(2026, 3, 3, tzinfo=UTC), "client": "c", "at": at}
            row |= {"patient": "p", "encounter": None, "name": "n", "occurred": True, "source": "s", "key_id": "k"}
            chain.append(connection, tables.outcome, row)
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows('SELECT "at" FROM outcome ORDER BY sequence') == [(None,), (1_772_409_600_000_000,)]


ALL = Selection(Period(date(2026, 3, 1), date(2026, 3, 31)))
STAY, PATIENT = "enc-99", None
DEATH = "death-in-hospital"


@pytest.fixture
def judge(engine, folder):
    """Bring the mart up and judge all assessments."""

    def judged_(window=None, *, by_encounter=True, name=DEATH, selection=ALL):
        bring_up(engine, folder)
        with Mart(folder).open() as mart:
            return judged(mart, selection, name, window, by_encounter=by_encounter)

    return judged_


# Statements in order (hours from the advice, yes or no, stay), window in hours, by stay?, and what that makes.
CASES = {
    "nothing said": ((), None, True, "unknown"),
    "the stay ended with it": (((30, True, STAY),), None, True, 1),
    "the stay ended without": (((30, False, STAY),), None, True, 0),
    "another stay": (((30, True, "enc-1"),), None, True, "unknown"),
    "another stay, by patient": (((30, True, "enc-1"),), None, False, 1),
    "before the assessment": (((-1, True, STAY),), None, True, "already"),
    "at that very moment": (((0, True, STAY),), 6, True, "already"),
    "within the window": (((6, True, STAY),), 6, True, 1),
    "after the window": (((6.01, True, STAY),), 6, True, 0),
    "not in the stay, which ends within the window": (((2, False, STAY),), 6, True, 0),
    "not until before the assessment": (((-2, False, STAY),), 6, True, "too_early"),
    "corrected to no": (((5, True, STAY), (9, False, STAY)), None, True, 0),
    "corrected to yes": (((9, False, STAY), (5, True, STAY)), None, True, 1),
    "the stay goes before the patient": (((5, True, PATIENT), (9, False, STAY)), None, True, 0),
    "the patient, where the stay is not told": (((5, True, PATIENT),), None, True, 1),
    "no word up to the end of the window": (((5, False, PATIENT),), 6, True, "too_early"),
    "word up to the end of the window": (((6, False, PATIENT),), 6, True, 0),
    "no end, known at the assessment": (((0, False, PATIENT),), None, True, 0),
    "no end, known before it only": (((-1, False, PATIENT),), None, True, "too_early"),
    "an event long after": (((500, True, PATIENT),), 6, True, 0),
    "an event before says nothing of later": (((-5, True, PATIENT),), 6, True, "too_early"),
    "a second event does not hide the first": (((5, True, PATIENT), (900, True, PATIENT)), 6, True, 1),
    "an event taken back": (((5, True, PATIENT), (900, False, PATIENT)), 6, True, 0),
    "an event after what was denied": (((900, True, PATIENT), (5, False, PATIENT)), 6, True, 0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_assessment_is_judged_by_what_came(ledger, make_advice, tell, judge, case) -> None:
    """It falls in exactly one place."""
    said, window, by_encounter, becomes = case
    ledger.append(make_advice())
    tell(*said)
    found = judge(window, by_encounter=by_encounter)
    assert found.assessments == 1
    if isinstance(becomes, str):
        assert (getattr(found, becomes), found.known) == (1, 0)
    else:
        assert found.rows["outcome"].tolist() == [becomes]


def test_judged_rows_say_what_was_done(ledger, engine, make_advice, answer, tell, clock, judge, abstention) -> None:
    """Card, answer, action, lead time and stay of each; abstentions, openings of the page and others are not in it."""
    cards = [make_advice(), make_advice(), make_advice(withheld=WithheldReason.BELOW_THRESHOLD)]
    later = make_advice(time=clock.now() + 10 * HOUR)
    others = [make_advice(finding=abstention), make_advice(hook="smart-launch"), make_advice(service="another")]
    for advice in (*cards, later, *others):
        ledger.append(advice)
    ledger.record([answer(cards[0], outcome=Outcome.ACCEPTED, accepted_suggestions=(cards[0].suggestion_id,))])
    ledger.record([answer(cards[1])])
    SqlActions(engine, clock).load([ActionSeen(cards[1].id, "st-mary", "lactate", clock.now() + HOUR)], "a")
    tell((30, True, STAY), name=DEATH)
    tell((30, True, STAY), name="another-outcome")
    rows = judge(selection=replace(ALL, service="icu-mortality")).rows
    assert rows["sequence"].tolist() == [1, 2, 3, 4]
    assert rows["alerted"].tolist() == [True, True, False, True]
    assert rows["accepted"].tolist() == [True, False, False, False]
    assert rows["overridden"].tolist() == [False, True, False, False]
    assert rows["action_seen"].tolist() == [False, True, False, False]
    assert rows["treated"].tolist() == [True, True, False, False]
    assert rows["lead_hours"].tolist() == [30.0, 30.0, 30.0, 20.0]
    assert rows["probability"].tolist() == [cards[0].finding.probability] * 4
    assert len(set(rows["encounter"].tolist())) == len(set(rows["patient"].tolist())) == 1
    assert (set(rows["unit"]), set(rows["tier"])) == ({"ICU 2"}, {"high"})
    assert {name: array.dtype.kind for name, array in rows.items()} == {
        "sequence": "i", "time": "i", "probability": "f", "alerted": "b", "lead_hours": "f", "unit": "O", "tier": "O",
        "model_version": "O", "encounter": "u", "accepted": "b", "overridden": "b", "action_seen": "b", "outcome": "f",
        "treated": "b", "patient": "u",
    }  # fmt: skip


def test_nothing_to_judge_is_no_row(ledger, judge) -> None:
    """Every array is there, and empty."""
    found = judge()
    assert (found.known, found.assessments) == (0, 0)
    assert all(len(array) == 0 for array in found.rows.values())


def _oracle(hours, advised_in, statements, window, by_encounter):
    """What becomes of an assessment, statement by statement; times in whole hours."""
    end = float("inf") if window is None else hours + window
    of_stay = [row for row in statements if row[2] == advised_in] if by_encounter and advised_in else []
    if of_stay:
        came, occurred, _ = of_stay[-1]
        if occurred:
            return "already" if came <= hours else int(came <= end)
        return "too_early" if came < hours else 0
    standing = []
    for place, (came, occurred, stay) in enumerate(statements):
        if by_encounter and stay:
            continue
        later = [row for row in statements[place + 1 :] if row[2] == stay]
        denied = any(not row[1] and row[0] >= came for row in later)
        if not later or (stay is None and occurred and not denied):
            standing.append((came, occurred))
    if any(occurred and hours < came <= end for came, occurred in standing):
        return 1
    if any(came >= (hours if window is None else end) for came, _ in standing):
        return 0
    return "too_early" if standing else "unknown"


STAYS = st.sampled_from([None, "e1", "e2"])
ADVISED = st.lists(st.tuples(st.integers(0, 20), STAYS), min_size=1, max_size=5)
STATEMENTS = st.lists(st.tuples(st.integers(0, 20), st.booleans(), STAYS), max_size=5)


@given(advised=ADVISED, statements=STATEMENTS, window=st.sampled_from([None, 1, 6]), by_encounter=st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_statements_are_judged_as_one_by_one(advised, statements, window, by_encounter) -> None:
    """The question in SQL answers as its rules do, read one after the other."""
    hour = 3_600_000_000
    with tempfile.TemporaryDirectory() as made:
        cards = pandas.DataFrame(
            {"sequence": place, "time": hours * hour, "day": 0, "encounter": stay, "probability": 0.5}
            for place, (hours, stay) in enumerate(advised, start=1)
        )
        cards = cards.assign(client="c", patient="p", hook="patient-view", unit_name="", model_version="", service="s")
        fixed = dict.fromkeys(set(ADVICE) - set(cards), None)
        Parts(Path(made) / "advice").add({name: column.to_numpy() for name, column in cards.assign(**fixed).items()})
        if statements:
            told = pandas.DataFrame(
                {"sequence": place, "time": 0, "at": hours * hour, "occurred": occurred, "encounter": stay}
                for place, (hours, occurred, stay) in enumerate(statements, start=1)
            ).assign(client="c", patient="p", name="n", source="s")
            Parts(Path(made) / "outcome").add({name: column.to_numpy() for name, column in told.items()})
        with Mart(Path(made)).open() as mart:
            selection = Selection(Period(date(1970, 1, 1), date(1970, 1, 1)))
            found = judged(mart, selection, "n", window, by_encounter=by_encounter)
    expected = [_oracle(hours, stay, statements, window, by_encounter) for hours, stay in advised]
    assert found.rows["outcome"].tolist() == [each for each in expected if not isinstance(each, str)]
    counts = Counter(each for each in expected if isinstance(each, str))
    assert (found.unknown, found.too_early, found.already) == tuple(
        counts[name] for name in ("unknown", "too_early", "already")
    )


SLOW_DECIDED = """
SELECT advice_sequence, arg_max(struct_pack(o := outcome, t := time, r := reason_code, c := comment, w := clinician),
  struct_pack(t := time, s := sequence)) AS last
FROM feedback WHERE quarantine IS NULL GROUP BY advice_sequence"""


def test_the_deciding_feedback_is_the_latest_of_many(folder) -> None:
    """Against a question that is put otherwise: random answers, many at the same moment, some in quarantine."""
    rng = np.random.default_rng(3)
    advice, answers = 400, 3000
    row = {name: np.full(advice, None, dtype=object) for name in ADVICE}
    row |= {"sequence": np.arange(1, advice + 1), "time": np.zeros(advice, np.int64), "day": np.zeros(advice, np.int32)}
    Parts(folder / "advice").add(row | {"hook": np.full(advice, "patient-view", dtype=object)})
    text = lambda *names: np.array(names, dtype=object)[rng.integers(0, len(names), answers)]  # noqa: E731
    said = {name: np.full(answers, None, dtype=object) for name in FEEDBACK} | {
        "sequence": np.arange(1, answers + 1),
        "advice_sequence": rng.integers(1, advice + 1, answers),
        "time": rng.integers(0, 5, answers) * 1_000_000,
        "received": np.zeros(answers, np.int64),
        "outcome": text("accepted", "overridden", "snoozed", "withdrawn"),
        "reason_code": text("a", "b", None),
        "comment": text("", "x", "y"),
        "clinician": text("c", "d"),
        "quarantine": text(None, None, "another client"),
    }
    Parts(folder / "feedback").add(said)
    with Mart(folder).open() as mart:
        expected = {key: None if last["o"] == "withdrawn" else last for key, last in mart.rows(SLOW_DECIDED)}
        found = mart.rows("SELECT sequence, outcome, seconds, reason, comment, answered_by FROM event")
    assert len(found) == advice
    assert len(expected) > 300
    for sequence, *told in found:
        last = expected.get(sequence)
        assert told == ([None] * 5 if last is None else [last["o"], last["t"] / 1e6, last["r"], last["c"], last["w"]])


def test_an_action_counts_that_came_after_its_advice(engine, ledger, make_advice, clock, folder) -> None:
    """Also one without a time; one from before the advice does not."""
    cards = [make_advice() for _ in range(4)]
    for card in cards:
        ledger.append(card)
    hours = (2, None, -2)
    told = [
        ActionSeen(card.id, "st-mary", "lactate-ordered", None if hour is None else card.time + hour * HOUR)
        for card, hour in zip(cards, hours, strict=False)
    ]
    assert SqlActions(engine, clock).load(told, "record").stored == 3
    bring_up(engine, folder)
    with Mart(folder).open() as mart:
        assert mart.rows("SELECT acted FROM event ORDER BY sequence") == [(True,), (True,), (False,), (False,)]


def test_what_does_not_fit_into_memory_goes_beside_the_parts(engine, ledger, folder, tmp_path, monkeypatch) -> None:
    """Never into the working folder; and nothing of it stays."""
    bring_up(engine, folder)
    monkeypatch.chdir(tmp_path)
    with Mart(folder).open() as mart:
        mart.rows("SET memory_limit = '40MB'")
        mart.rows("CREATE TEMP TABLE large AS SELECT hash(range) AS a, hash(range + 1) AS b FROM range(4000000)")
        spilled = [path.name for path in (folder / SPILL).iterdir()]
    assert spilled
    assert not list((folder / SPILL).glob("*"))
    assert not (tmp_path / ".tmp").exists()


def test_who_has_patience_does_not_wait_for_another_builder(engine, ledger, make_advice, folder) -> None:
    """It is told no, and the mart stays as it was; once the other is done it goes on."""
    ledger.append(make_advice())
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not bring_up(engine, folder, patience=0.05)
        assert behind(engine, folder) == 1
    assert bring_up(engine, folder, patience=0.05)
    assert behind(engine, folder) == 0
