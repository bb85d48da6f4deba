"""The report for machines. Members are only ever added to this structure; `format` changes when one changes meaning.

report      "chartside-doctor"            counts    {"pass": n, "fail": n, "warn": n, "skip": n}
format      1                             exitCode  0, 1 or 2
version     of Chartside                  blocked   why it was not examined in full, or ""
service     the discovery address         services  ["id (hook)"]
time        ISO 8601, UTC                 calls, seconds, signed ("" or the algorithm)
checks      [{id, area, rows [int], level SHALL|SHOULD|MAY, title, outcome pass|fail|warn|skip, advice,
              reason (only where skipped), observations [{subject, outcome, found}]}]
"""

from __future__ import annotations

from chartside.doctor.checks import Outcome, Result
from chartside.doctor.report import Report

FORMAT = 1


def as_json(report: Report, exit_code: int) -> dict[str, object]:
    """The structure above."""
    return {
        "report": "chartside-doctor",
        "format": FORMAT,
        "version": report.version,
        "service": report.service,
        "time": report.time.isoformat(timespec="seconds"),
        "services": list(report.services),
        "signed": report.signed,
        "calls": report.requests,
        "seconds": round(report.seconds, 2),
        "blocked": report.blocked,
        "counts": {outcome.value: count for outcome, count in report.counts().items()},
        "exitCode": exit_code,
        "checks": [_check(result) for result in report.results],
    }


def _check(result: Result) -> dict[str, object]:
    """One check."""
    check = result.check
    told: dict[str, object] = {
        "id": check.id,
        "area": check.area,
        "rows": list(check.rows),
        "level": check.level.value,
        "title": check.title,
        "outcome": result.outcome.value,
        "advice": check.advice,
        "observations": [
            {"subject": row.subject, "outcome": row.outcome.value, "found": row.found} for row in result.observations
        ],
    }
    return told | ({"reason": result.reason} if result.outcome is Outcome.SKIP else {})
