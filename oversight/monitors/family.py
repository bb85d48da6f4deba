"""False discoveries over the families of one run: what all monitors checked of one service and week.

A dozen monitors of ten services would each week find something by chance. So an effect is loud only if its p survives
Benjamini and Hochberg's adjustment over its family: the weekly figures are one, the columns of the drift another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from oversight.monitors.result import LOUDNESS, Check, Family, MonitorResult, Status, told
from oversight.statistics.discovery import benjamini_hochberg


def controlled(results: Iterable[MonitorResult], false_discoveries: float) -> tuple[MonitorResult, ...]:
    """The results with each check's adjusted p, and quietened where it is above `false_discoveries`."""
    every = tuple(results)
    adjusted = {family: _adjusted(every, family) for family in Family}
    return tuple(_controlled(result, adjusted, false_discoveries) if result.checks else result for result in every)


def _adjusted(results: Iterable[MonitorResult], family: Family) -> Iterator[float]:
    """The adjusted p of a family, in the order of its checks."""
    found = [check.p for result in results for check in result.checks if check.family is family]
    return iter(benjamini_hochberg(found).tolist())


def _controlled(result: MonitorResult, adjusted: Mapping[Family, Iterator[float]], limit: float) -> MonitorResult:
    """One result, each check with the next adjusted p of its family."""
    checks = tuple(_settled(check, next(adjusted[check.family]), limit) for check in result.checks)
    made = told(result.monitor, result.subject, _quiet(result), result.figures, checks, result.aside)
    return made if made.status is not Status.OK else replace(made, words=_quiet(result))


def _settled(check: Check, p: float, limit: float) -> Check:
    """The check at the level that its family allows."""
    if p <= limit:
        return replace(check, adjusted_p=p)
    return replace(check, adjusted_p=p, level=min(check.level, check.otherwise, key=LOUDNESS.index))


def _quiet(result: MonitorResult) -> str:
    """What to say where nothing is left."""
    if result.status is Status.OK:
        return result.words
    return f"{result.words} That is within what chance brings among so many checks."
