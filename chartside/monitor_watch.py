"""`chartside monitor --watch`: the monitors once a week by themselves, in a process beside the service.

What has to be done is asked of the ledger each time and not remembered here, so a start, a restart and a missed Monday
are the same: weeks of which nothing is kept are judged, the earliest first.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from chartside.monitor_running import opened, thresholds_of
from chartside.settings import Settings
from clinical.errors import ChartsideError, LedgerUnavailable, origin
from clinical.ports import Clock

if TYPE_CHECKING:
    from oversight.mart.mart import Questions
    from oversight.monitors.thresholds import Thresholds
    from oversight.tallies import Period

LOG = logging.getLogger("chartside.monitors")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEK = timedelta(days=7)
# How often the clock is looked at: it may be set, and a machine may have slept.
TICK_S = 60.0
# How long to wait after a fault: doubled each time, up to the last.
FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 3600.0
# A hook call goes before.
NICE = 10


class Stopped(KeyboardInterrupt):
    """The process was asked to end. No `Exception`: what goes on after a fault must not go on after this."""


class Unfinished(ChartsideError):
    """Some services could not be judged; the others were."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A moment of every week, in UTC. `weekday` 0 is Monday."""

    weekday: int
    hour: int
    minute: int

    @classmethod
    def read(cls, words: str) -> Appointment:
        """From `Mon 05:10`. Raises `ValueError`."""
        found = re.fullmatch(r"([A-Z][a-z]{2}) ([01]\d|2[0-3]):([0-5]\d)", words.strip())
        if found is None or found[1] not in DAYS:
            raise ValueError
        return cls(DAYS.index(found[1]), int(found[2]), int(found[3]))

    def latest(self, now: datetime) -> datetime:
        """The last such moment that has come."""
        here = now.astimezone(UTC)
        monday = here.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=here.weekday())
        moment = monday + timedelta(days=self.weekday, hours=self.hour, minutes=self.minute)
        return moment if moment <= here else moment - WEEK


def weeks_due(moment: datetime, number: int) -> tuple[Period, ...]:
    """So many weeks that were over at a moment, the earliest first."""
    from oversight.monitors.weeks import last_full_week  # noqa: PLC0415 (imports of seconds, needed here only)

    yesterday = moment.date() - timedelta(days=1)
    return tuple(last_full_week(yesterday - before * WEEK) for before in reversed(range(number)))


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the ledger: what is missing is judged and kept. `weeks` is how many it looks back."""

    settings: Settings
    folder: Path | None
    weeks: int
    clock: Clock

    def __call__(self, due: datetime) -> None:
        """Judge every service and week of which nothing is kept.

        Each is kept by itself, so what was done before a fault stays done. Raises `LedgerUnavailable` at once, and
        `Unfinished` after the others where one service's monitors failed.
        """
        thresholds = thresholds_of(self.settings)
        failed = 0
        with opened(self.settings, self.folder, self.clock.now(), "on a schedule") as house:
            for week in weeks_due(due, self.weeks):
                with house.mart.open() as mart:
                    failed += sum(
                        not self._judged(house.engine, mart, week, service, thresholds)
                        for service in missing(house.engine, mart, week)
                    )
        if failed:
            raise Unfinished(f"The monitors failed for {failed} of the services and weeks; the log names them.")

    def _judged(
        self, engine: Engine, mart: Questions, week: Period, service: str, thresholds: Callable[[str], Thresholds]
    ) -> bool:
        """Judge one service and week, and keep that. False where its monitors failed. Raises `LedgerUnavailable`."""
        named = {"service": service, "week": week.first.isoformat()}
        try:
            self._judge(engine, mart, week, service, thresholds)
        except LedgerUnavailable:
            raise
        except Exception:  # one service's fault must not silence the monitors of the others
            LOG.exception("service not judged", extra=named)
            return False
        return True

    def _judge(
        self, engine: Engine, mart: Questions, week: Period, service: str, thresholds: Callable[[str], Thresholds]
    ) -> None:
        """Run, keep unless another process has meanwhile, and say so."""
        from oversight.analytics.judged import judged  # noqa: PLC0415 (imports of seconds, needed here only)
        from oversight.monitors.run import run_all  # noqa: PLC0415
        from oversight.monitors.store import store_once  # noqa: PLC0415

        (run,) = run_all(mart, week.last, thresholds, judged, service)
        alerts = store_once(engine, run, self.clock.now())
        LOG.log(
            logging.WARNING if alerts or run.at_fault else logging.INFO,
            "week judged" if alerts is not None else "week judged by another process",
            extra={
                "service": service,
                "week": week.first.isoformat(),
                "alarms": sum(len(result.alarms) for result in run.results),
                "alerts": list(alerts or ()),
                "faults": list(run.at_fault),
            },
        )


def missing(engine: Engine, mart: Questions, week: Period) -> Iterator[str]:
    """The services of a week of which nothing is kept, each asked for when it is its turn: another may be at it."""
    from oversight.monitors.run import expected  # noqa: PLC0415 (imports of seconds, needed here only)
    from oversight.monitors.store import judged_services  # noqa: PLC0415

    for service in expected(mart, week):
        if service not in judged_services(engine, week):
            yield service


@dataclass(slots=True)
class Watch:
    """Looks at the start and at every appointment, and again after a fault. `pause` sleeps so many seconds."""

    look: Callable[[datetime], None]
    clock: Clock
    pause: Callable[[float], None]
    appointment: Appointment

    def run(self) -> None:
        """Until `pause` raises."""
        looked: datetime | None = None
        wait = FIRST_WAIT_S
        while True:
            due = self.appointment.latest(self.clock.now())
            if due == looked:
                self.pause(TICK_S)
            elif self._looked(due, wait):
                looked, wait = due, FIRST_WAIT_S
            else:
                self._rest(wait)
                wait = min(2 * wait, LONGEST_WAIT_S)

    def _looked(self, due: datetime, wait: float) -> bool:
        """Look. A fault is one line in the log, and never the end."""
        try:
            self.look(due)
        except Exception as fault:
            told = fault.message if isinstance(fault, ChartsideError) else type(fault).__name__
            LOG.error("monitors not run", extra={"fault": told, "where": origin(fault), "wait_s": wait})
            return False
        LOG.info("monitors up to date", extra={"next": (due + WEEK).isoformat(timespec="minutes")})
        return True

    def _rest(self, seconds: float) -> None:
        """Wait in short sleeps."""
        while seconds > 0:
            self.pause(min(seconds, TICK_S))
            seconds -= TICK_S


class Ending:
    """Turns SIGTERM and SIGINT into `Stopped`."""

    def __init__(self) -> None:
        """Nobody has asked."""
        self._asked = False

    def listen(self) -> None:
        """From now on. SIGINT too: a shell's "&" has it ignored."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def pause(self, seconds: float) -> None:
        """Sleep. Raises `Stopped`, also where what was raised in the middle of something else was lost there."""
        if self._asked:
            raise Stopped
        time.sleep(seconds)

    def _ask(self, _signal: int, _frame: object) -> None:
        """End what is being done: what is half written is rolled back, and done again at the next start."""
        self._asked = True
        raise Stopped


def watch(settings: Settings, folder: Path | None, weeks: int, appointment: Appointment) -> None:
    """Watch until the process is asked to end, with lower priority than the service."""
    from chartside.clock import SystemClock  # noqa: PLC0415 (imports of seconds, needed here only)

    clock, ending = SystemClock(), Ending()
    with suppress(Stopped):
        ending.listen()
        os.nice(NICE)
        LOG.info("monitors watch begun")
        Watch(Look(settings, folder, weeks, clock), clock, ending.pause, appointment).run()
    LOG.info("monitors watch ended")
