"""Ninety made-up days in the ledger before anything else, the weekly monitors over them, and a team that works on them.

On an empty ledger the quality team's pages have nothing to say. What is planted, and what is true of it, stands in
docs/oversight-demo.md and in `truth.json` and `team.json` beside the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehr_simulator.demo.command import follow
from ehr_simulator.demo.deployment import Ports
from ehr_simulator.processes import NotReady

Tell = Callable[[str], None]

# Another client than the EHR's own: its levels and thresholds are others, and a few calls of today would else read as a
# change of the made-up hospital's.
CLIENT = "made-up-hospital"
TRUTH, TEAM = "truth.json", "team.json"
# The full weeks of ninety days, run as if every Monday.
WEEKS = 12
# Enough for feedback-aware figures of sepsis-6h within the twelve weeks that the pages show unasked.
STAYS = 12_000
SEED_LIMIT, MONITOR_LIMIT = 300.0, 300.0
NO_ALARM, ALARM = 0, 1


@dataclass(frozen=True, slots=True)
class Answers:
    """How many answers of each kind clinicians gave in the history, as it was planted."""

    accepted: int
    overridden: int
    snoozed: int


def write_history(folder: Path, ports: Ports, tell: Tell) -> None:
    """Fill the new ledger of a folder, bring its mart up, and let the monitors look at each week. Raises `NotReady`."""
    tell("Writing a history of 90 made-up days (about half a minute, HISTORY=0 leaves it out) …")
    seed = ("history", "seed", "--client", CLIENT, "--people", str(STAYS), "--truth", str(folder / TRUTH))
    _follow(folder, ports, seed, lambda line: tell(f"  {line}"), SEED_LIMIT)
    tell(f"Running the monitors for its {WEEKS} weeks, as cron would every Monday (about a minute) …")
    lines: list[str] = []
    _follow(folder, ports, ("monitor", "--weeks", str(WEEKS)), lines.append, MONITOR_LIMIT)
    (folder / "monitors.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    tell(f"  alerts: {alerts(lines)}; every answer of the monitors: {folder / 'monitors.txt'}")
    tell("Doing what a quality team does with them …")
    team = ("history", "team", "--truth", str(folder / TEAM))
    _follow(folder, ports, team, lambda line: tell(f"  {line}"), SEED_LIMIT)


def alerts(lines: list[str]) -> int:
    """How many alerts the report of `chartside monitor` names."""
    return sum(line.startswith("  alert ") for line in lines)


def planted(folder: Path) -> Answers | None:
    """What is true of the history of a folder; None where it was left out."""
    path = folder / TRUTH
    if not path.exists():
        return None
    total: Mapping[str, Any] = json.loads(path.read_text("utf-8"))["total"]
    return Answers(total["accepted"], total["overridden"], total["snoozed"])


def _follow(folder: Path, ports: Ports, arguments: tuple[str, ...], heard: Tell, limit: float) -> None:
    """Run a command that must end well; an alarm is an answer, no fault."""
    last = ""

    def note(line: str) -> None:
        """Keep the last line for the fault."""
        nonlocal last
        last = line or last
        heard(line)

    code = follow(folder, ports, *arguments, heard=note, limit=limit)
    if code not in (NO_ALARM, ALARM) or (code == ALARM and arguments[0] != "monitor"):
        raise NotReady(f"`chartside {' '.join(arguments[:2])}` ended with code {code}: {last}")
