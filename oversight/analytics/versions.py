"""Which versions of which model have been in use, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from oversight.mart.mart import Questions

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class VersionUse:
    """One version of one service: its entries in the whole ledger, and the first and last of them (UTC days)."""

    service: str
    version: str
    entries: int
    first: date
    last: date


_USES = """
SELECT CAST(service AS VARCHAR), CAST(model_version AS VARCHAR), count(*), min(time), max(time) FROM advice
GROUP BY 1, 2 ORDER BY 1, 4, 2
"""


def version_uses(mart: Questions) -> tuple[VersionUse, ...]:
    """Every version that ever gave an answer, by service, the oldest first."""
    return tuple(
        VersionUse(service, version, number, _day(first), _day(last))
        for service, version, number, first, last in mart.rows(_USES)
    )


def _day(moment: int) -> date:
    """The UTC day of a moment."""
    return (_EPOCH + timedelta(microseconds=moment)).date()
