"""The figures: processor time of a process tree, turns, percentiles, the ratio and what casts doubt on a run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from bench import report
from bench.calls import WrongAnswer
from bench.chartside_side import OUTCOME, Answers
from bench.load import Load
from bench.peer_side import checker
from bench.processes import Server, running, tree
from bench.rounds import Figures, turn

BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
PARENT = f"import subprocess, sys, time\nc = subprocess.Popen([sys.executable, '-c', {BUSY!r} + 'time.sleep(60)'])\n"


def test_processor_time_counts_the_whole_tree() -> None:
    """A child that works is seen through its idle parent; memory too."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT + "time.sleep(60)"])
    try:
        server = Server(parent.pid, 0)
        end = time.monotonic() + 20
        while (len(tree(parent.pid)) < 2 or server.cpu_ms() < 300) and time.monotonic() < end:
            time.sleep(0.05)
        assert 300 <= server.cpu_ms() < 2000
        assert server.memory_mb() > 5
    finally:
        for process in reversed(tree(parent.pid)):
            subprocess.run(["kill", str(process)], check=True)
        parent.wait()


def test_a_server_that_does_not_start_is_a_fault_with_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has to look for the reason."""
    command = [sys.executable, "-c", "raise SystemExit('no such setting')"]
    with (
        pytest.raises(click.ClickException, match="did not start"),
        running(command, {}, root=tmp_path, log=tmp_path / "log", port=9, ready="/"),
    ):
        pytest.fail("it did not start")
    assert "no such setting" in capsys.readouterr().err


def test_every_variant_is_first_in_turn() -> None:
    """The order moves on by one each round."""
    assert [turn("abc", number) for number in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_percentiles_are_values_that_were_measured() -> None:
    """The nearest rank."""
    values = [float(n) for n in range(1, 101)]
    assert [report.percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert report.percentile([3.0], 0.5) == 3.0


def test_the_ratio_says_whether_the_goal_is_met() -> None:
    """By the medians of all rounds."""
    ours, peer = Figures(cpu=[5.0, 6.0, 5.5]), Figures(cpu=[22.0, 24.0, 23.0])
    assert "4.18 times" in report.ratio(ours, peer)
    assert "Goal at least 4: met; aim 5: not met" in report.ratio(ours, peer)
    assert "MISSED" in report.ratio(peer, ours)


def test_the_load_run_fails_with_a_failed_call() -> None:
    """However quick the others were."""
    assert "p99 20 ms wall; 0 of 100 failed. Goal p99 500 ms: met." in report.load_line(Load((20.0,) * 100, 0), 10, 10)
    assert "MISSED" in report.load_line(Load((20.0,) * 99, 1), 10, 10)
    assert "MISSED" in report.load_line(Load((20.0,) * 98 + (600.0,) * 2, 0), 10, 10)
    assert "none was answered" in report.load_line(Load((), 5), 10, 10)


def test_a_noisy_or_short_run_is_doubted() -> None:
    """A probe that moved by more than a factor of 2, or too few rounds."""
    assert report.doubts([0.1] * 7, 7) == []
    assert len(report.doubts([0.1, 0.3], 2)) == 2


def test_a_wrong_answer_is_never_measured() -> None:
    """No card, a card twice, an abstention, plain data in place of objects."""
    found = {"status": "assessed", "probability": 0.2, "asOf": "2026-03-02T08:00:00+00:00"}
    right = {"cards": [{"uuid": "1"}], "extension": {OUTCOME: found}}
    answers = Answers()
    answers.check(right)
    for wrong in ({"cards": []}, right, {**right, "extension": {OUTCOME: {"status": "not-assessed"}}}):
        with pytest.raises(WrongAnswer):
            answers.check(wrong)
    checker(74)({"cards": [{"summary": "74 resources as objects"}]})
    with pytest.raises(WrongAnswer):
        checker(74)({"cards": [{"summary": "74 resources as plain data"}]})
