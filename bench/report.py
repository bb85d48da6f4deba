"""Figures as text: a table, the ratio with its goal, the load run, and doubts about the run itself."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from math import ceil

from bench.load import Load
from bench.rounds import Figures

LEAST_ROUNDS = 7
GOAL, AIM = 4.0, 5.0
PROBE_MAY_MOVE = 2.0
LOAD_GOAL_P99_MS = 500.0


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * share) - 1, 0)]


def table(figures: Mapping[str, Figures], memory: Mapping[str, float]) -> str:
    """One row for each variant."""
    lines = [f"{'':42}{'CPU ms per call':>18}{'wall ms':>16}{'memory':>9}"]
    lines.append(f"{'':42}{'median':>10}{'lowest':>8}{'p50':>8}{'p99':>8}{'MB PSS':>9}{'calls':>7}")
    for name, found in figures.items():
        lines.append(
            f"{name:42}{statistics.median(found.cpu):10.2f}{min(found.cpu):8.2f}"
            f"{percentile(found.wall, 0.5):8.1f}{percentile(found.wall, 0.99):8.1f}{memory[name]:9.0f}"
            f"{len(found.wall):7}"
        )
    return "\n".join(lines)


def ratio(ours: Figures, peer: Figures) -> str:
    """How often our CPU time goes into the peer's, by medians, and between which bounds it lay round by round."""
    times = statistics.median(peer.cpu) / statistics.median(ours.cpu)
    by_round = sorted(theirs / mine for theirs, mine in zip(peer.cpu, ours.cpu, strict=True))
    goal = "met" if times >= GOAL else "MISSED"
    aim = "met" if times >= AIM else "not met"
    return (
        f"The peer's call costs {times:.2f} times as much CPU (rounds: {by_round[0]:.2f} to {by_round[-1]:.2f}). "
        f"Goal at least {GOAL:g}: {goal}; aim {AIM:g}: {aim}."
    )


def load_line(load: Load, rate: float, seconds: float) -> str:
    """Latency under a steady rate."""
    if not load.taken:
        return f"{rate:g} calls a second for {seconds:g} s: none was answered."
    p50, p95, p99 = (percentile(load.taken, share) for share in (0.5, 0.95, 0.99))
    goal = "met" if p99 <= LOAD_GOAL_P99_MS and not load.failed else "MISSED"
    return (
        f"{rate:g} calls a second for {seconds:g} s: p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms wall; "
        f"{load.failed} of {len(load.taken) + load.failed} failed. Goal p99 {LOAD_GOAL_P99_MS:.0f} ms: {goal}."
    )


def doubts(probe: Sequence[float], rounds: int) -> list[str]:
    """What speaks against using the figures of this run."""
    found = []
    if rounds < LEAST_ROUNDS:
        found.append(f"Only {rounds} rounds: fewer than {LEAST_ROUNDS} rank nothing.")
    if max(probe) > PROBE_MAY_MOVE * min(probe):
        found.append("The probe moved by more than a factor of 2 between rounds: the machine was not quiet.")
    return found
