"""A call that is sent again gets the card that it got before, and leaves no second entry."""

from __future__ import annotations

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from clinical.advice import WithheldReason
from oversight.ledger import RETRY_WINDOW
from oversight.verify import verify

ROOT = Path(__file__).parents[2]
KEY = "ab" * 32


def rows(engine):
    """How many entries there are."""
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM advice"))


def again(make_advice, first, **changes):
    """The same call a moment later, with new ids."""
    return make_advice(request_key=first.request_key, time=first.time + timedelta(seconds=3), **changes)


def test_repeat_gets_the_earlier_advice_whole(ledger, engine, make_advice, assessment):
    """Ids, time, finding and decision are those of the first; identities are in the clear, as the caller sent them."""
    fact = replace(assessment.unused[0], reference="Encounter/enc-99")
    first = make_advice(request_key=KEY, finding=replace(assessment, unused=(fact,)))
    assert ledger.append(first) is first
    other = replace(assessment, probability=0.9)
    assert ledger.append(again(make_advice, first, finding=other, withheld=WithheldReason.REPEAT)) == first
    assert rows(engine) == 1


def test_repeat_of_a_withheld_advice_stays_withheld(ledger, make_advice, abstention):
    """Also where nothing was shown, and where nothing was assessed."""
    first = make_advice(request_key=KEY, finding=abstention, withheld=WithheldReason.SHADOW)
    ledger.append(first)
    assert ledger.append(again(make_advice, first, finding=abstention, withheld=WithheldReason.SHADOW)) == first


@pytest.mark.parametrize("reason", [reason for reason in WithheldReason if reason != WithheldReason.SWITCHED_OFF])
def test_what_was_withheld_stands_for_nothing_that_is_to_be_shown(ledger, engine, make_advice, reason):
    """The same bytes and the same tier, but the risk has passed the site's threshold, or the shadow time has ended."""
    quiet = make_advice(request_key=KEY, withheld=reason)
    ledger.append(quiet)
    shown = again(make_advice, quiet, withheld=None)
    assert ledger.append(shown) is shown
    assert rows(engine) == 2
    assert ledger.append(again(make_advice, quiet, withheld=reason)) == shown


def test_what_became_worse_is_no_repeat(ledger, engine, make_advice, assessment, abstention):
    """The same bytes, and data that were read anew: a higher tier, a risk in place of no answer, or the other way."""
    low, high = replace(assessment.tier, at_least=0.0), replace(assessment.tier, at_least=0.4)
    steps = [abstention, replace(assessment, tier=low), replace(assessment, tier=high), abstention]
    for number, finding in enumerate(steps):
        given = make_advice(request_key=f"{number // 3:02d}" * 32, finding=finding)
        assert ledger.append(given) is given
    better = make_advice(request_key="00" * 32, finding=replace(assessment, tier=low))
    assert ledger.append(better).finding.tier.at_least == 0.4
    assert ledger.append(make_advice(request_key="01" * 32, finding=assessment)).finding == assessment
    assert rows(engine) == len(steps) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"client": "other"},
        {"service": "other"},
        {"patient_id": "p-4712"},
        {"request_key": "cd" * 32},
        {"request_key": ""},
    ],
)
def test_other_call_is_no_repeat(ledger, engine, make_advice, change):
    """Another client, service, patient or body is a call of its own, and so is a call without a key."""
    ledger.append(make_advice(request_key=KEY))
    other = make_advice(**{"request_key": KEY} | change)
    assert ledger.append(other) is other
    assert rows(engine) == 2


def test_kill_switch_goes_before_a_repeat(ledger, engine, make_advice):
    """A card from before does not come back while the service is off, and silence does not when it is on again."""
    first = make_advice(request_key=KEY)
    ledger.append(first)
    for _ in range(2):
        silent = again(make_advice, first, withheld=WithheldReason.SWITCHED_OFF)
        assert ledger.append(silent) is silent
    assert ledger.append(again(make_advice, first)) == first
    assert rows(engine) == 3


def test_calls_without_a_key_are_never_repeats(ledger, engine, make_advice):
    """Where there is none, every call is stored."""
    ledger.append(make_advice())
    ledger.append(make_advice())
    assert rows(engine) == 2


@pytest.mark.parametrize(("age", "entries"), [(RETRY_WINDOW, 2), (RETRY_WINDOW - timedelta(microseconds=1), 1)])
def test_repeat_is_one_for_ten_minutes(ledger, engine, make_advice, age, entries):
    """Later, the patient may be worse: it is assessed and stored anew."""
    first = make_advice(request_key=KEY)
    ledger.append(first)
    ledger.append(make_advice(request_key=KEY, time=first.time + age))
    assert rows(engine) == entries


def test_repeat_after_a_restart_is_known(url, open_ledger, make_advice):
    """The memory is the database's."""
    first = make_advice(request_key=KEY)
    open_ledger(url)[0].append(first)
    assert open_ledger(url)[0].append(again(make_advice, first)) == first


def test_threads_with_one_key_leave_one_entry(url, open_ledger, make_advice):
    """Of eight at once one is stored, and all get it."""
    ledgers = [open_ledger(url)[0] for _ in range(2)]
    calls = [make_advice(request_key=KEY) for _ in range(16)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: ledgers[pair[0] % 2].append(pair[1]), enumerate(calls)))
    engine = open_ledger(url)[1]
    assert len({answer.id for answer in answers}) == 1
    assert rows(engine) == 1
    assert all(check.fault is None for check in verify(engine))


APPENDER = """
import sys, uuid
from datetime import UTC, datetime
from clinical.advice import Advice
from clinical.assessment import Abstention, AbstentionReason, ModelInfo
from oversight.database import open_engine
from oversight.ledger import SqlLedger
from oversight.pseudonyms import Pseudonyms

model = ModelInfo("m", "1", "d", "t", "d", "o", "h", 0.1, (), "a", "u")
ledger = SqlLedger(open_engine(sys.argv[1]), Pseudonyms(bytes(32)), None)
now = datetime(2026, 3, 2, tzinfo=UTC)
sys.stdin.readline()
for number in range(20):
    name = str(uuid.uuid4())
    finding = Abstention(model, now, AbstentionReason.TOO_EARLY, "t", True)
    advice = Advice(name, name, now, "c", "s", "h", "i", "p", None, "", "", finding, None, sys.argv[2] + str(number))
    print(ledger.append(advice).id, flush=True)
"""


def test_processes_with_one_key_leave_one_entry(url, engine):
    """Three processes send the same twenty calls at once: twenty entries, and all get the same ids."""
    command = [sys.executable, "-c", APPENDER, url, uuid.uuid4().hex]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert answers[0] == answers[1] == answers[2]
    assert rows(engine) == len(set(answers[0])) == 20
    assert all(check.fault is None for check in verify(engine))
