"""What a monitor says: a status in one word, the subject, the words for a quality team, and the figures behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Figures = Mapping[str, Any]


class Status(StrEnum):
    """How loud a result is. Refused: there is no figure, and the words say why; that is not the same as ok.

    Fault: the monitor itself broke, and somebody has to mend it.
    """

    OK = "ok"
    WATCH = "watch"
    ALARM = "alarm"
    REFUSED = "refused"
    FAULT = "fault"


class Family(StrEnum):
    """Which checks are judged together. Columns of a drift are many and alike, and would drown the few figures."""

    FIGURES = "figures"
    DRIFT = "drift"


# Of checks: a monitor at fault has none.
LOUDNESS = (Status.REFUSED, Status.OK, Status.WATCH, Status.ALARM)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the family of a run.

    `level` is what the effect alone would say, `otherwise` what is left of it where `p` does not survive the control
    of false discoveries. `p` is two-sided and of no change. `effect` is in the units of its threshold.
    """

    subject: str
    level: Status
    effect: float
    p: float
    words: str
    otherwise: Status = Status.OK
    family: Family = Family.FIGURES
    adjusted_p: float | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What a monitor ended with: the class of the exception and `file:line`. Not its message, which may quote data."""

    kind: str
    where: str


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """One monitor of one service and week. `figures` is plain JSON: no NaN, no infinity.

    `checks` are all that were made, the quiet ones too. The status is that of the loudest check. `aside` is what the
    words say however loud they are.
    """

    monitor: str
    status: Status
    subject: str
    words: str
    figures: Figures = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    aside: str = ""

    @property
    def alarms(self) -> tuple[Check, ...]:
        """What somebody has to look at."""
        return tuple(check for check in self.checks if check.level is Status.ALARM)


def refused(monitor: str, subject: str, why: str, figures: Figures | None = None) -> MonitorResult:
    """No figure, and why."""
    return MonitorResult(monitor, Status.REFUSED, subject, why, figures or {})


def at_fault(monitor: str, subject: str, fault: Fault) -> MonitorResult:
    """No answer, because the monitor broke: that is no lack of data, and says nothing about the service."""
    why = (
        f"This monitor is at fault ({fault.kind} at {fault.where}) and has no answer for this week. That is a fault of "
        "Chartside, not a lack of data. Tell whoever runs it."
    )
    return MonitorResult(monitor, Status.FAULT, subject, why, {"fault": fault.kind, "where": fault.where})


def told(
    monitor: str, subject: str, quiet: str, figures: Figures, checks: tuple[Check, ...], aside: str = ""
) -> MonitorResult:
    """A result from its checks: as loud as the loudest, in the words of those that are not quiet, and `aside`.

    `quiet` are all words where none is loud.
    """
    status = max((check.level for check in checks), key=LOUDNESS.index, default=Status.OK)
    loud = [check.words for check in checks if check.level in (Status.ALARM, Status.WATCH)]
    words = " ".join([*loud, aside]).strip() if loud else quiet
    return MonitorResult(monitor, status, subject, words, figures, checks, aside)


def level(effect: float, thresholds: tuple[float, float]) -> Status:
    """What an effect says by itself; `thresholds` are (watch, alarm)."""
    watch, alarm = thresholds
    return Status.ALARM if effect >= alarm else Status.WATCH if effect >= watch else Status.OK


def as_json(result: MonitorResult) -> dict[str, Any]:
    """A result as plain JSON."""
    return {
        "monitor": result.monitor,
        "status": result.status.value,
        "subject": result.subject,
        "words": result.words,
        "figures": dict(result.figures),
        "checks": [asdict(check) for check in result.checks],
    }
