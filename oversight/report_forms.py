"""An override report as JSON and as plain text.

`min_cell` (0 = off, 11 for what leaves the house) writes "< 11" for smaller counts. With one of accepted, overridden,
snoozed and no answer hidden, all are, and the rates with them, because the last could be worked out from the others and
the total. That nobody snoozed is no small cell: it is said and hides nothing, else it would hide nearly every row. What
can be worked out between rows and totals, or between two reports, is not hidden: this keeps small cells from being read
off, and is no proof against disclosure.
"""

from __future__ import annotations

from collections.abc import Iterable

from oversight.override_rates import Counts, Group, OverrideReport, ReasonCount
from oversight.proportions import CONFIDENCE, Proportion

Cell = int | str


def as_json(report: OverrideReport, min_cell: int = 0) -> dict[str, object]:
    """The report as plain JSON values; shares lie between 0 and 1, days are ISO dates in UTC."""
    return {
        "period": {"from": report.period.first.isoformat(), "to": report.period.last.isoformat()},
        "by": report.by.value,
        "confidence": CONFIDENCE,
        "min_cell": min_cell,
        "total": _counts(report.total, min_cell),
        "services": [_group(group, min_cell) for group in report.services],
        "times": [_group(group, min_cell) for group in report.times],
        "service_times": [_group(group, min_cell) for group in report.service_times],
        "reasons": [_reason(reason, min_cell) for reason in report.reasons],
        "openings": _counts(report.openings, min_cell),
    }


def cell(number: int, min_cell: int) -> Cell:
    """A count, or "< 11"."""
    return number if number >= min_cell else f"< {min_cell}"


def _group(group: Group, min_cell: int) -> dict[str, object]:
    """The counts of a group with its name."""
    name: dict[str, object] = {}
    if group.service is not None:
        name["service"] = group.service
    if group.start is not None:
        name["start"] = group.start.isoformat()
    return name | _counts(group.counts, min_cell)


def _counts(counts: Counts, min_cell: int) -> dict[str, object]:
    """The cells of one row."""
    answers = {
        "accepted": counts.accepted,
        "overridden": counts.overridden,
        "snoozed": counts.snoozed,
        "no_answer": counts.no_answer,
    }
    hidden = any(number < min_cell for name, number in answers.items() if number or name != "snoozed")
    cells = {name: _hidden_or(number, min_cell, hidden=hidden) for name, number in answers.items()}
    if not counts.snoozed:
        cells["snoozed"] = 0
    dismissed = (counts.abstained_overridden, counts.abstained - counts.abstained_overridden)
    return {
        "shown": cell(counts.shown, min_cell),
        **cells,
        "override_rate": None if hidden else _share(counts.override_rate),
        "no_answer_share": None if hidden else _share(counts.no_answer_share),
        "abstained": cell(counts.abstained, min_cell),
        "abstained_overridden": _hidden_or(dismissed[0], min_cell, hidden=min(dismissed) < min_cell),
        "withheld": {reason: cell(number, min_cell) for reason, number in counts.withheld},
    }


def _hidden_or(number: int, min_cell: int, *, hidden: bool) -> Cell:
    """A count that has to hide although it is large says so."""
    shown = cell(number, min_cell)
    return "hidden" if hidden and shown == number else shown


def _share(share: Proportion | None) -> dict[str, float] | None:
    """A share with its interval."""
    return None if share is None else {"value": share.value, "low": share.low, "high": share.high}


def _reason(reason: ReasonCount, min_cell: int) -> dict[str, object]:
    """One override reason."""
    if reason.reason is None:
        return {"system": None, "code": None, "display": "no reason given", "number": cell(reason.number, min_cell)}
    coding = reason.reason
    return {
        "system": coding.system,
        "code": coding.code,
        "display": coding.display,
        "number": cell(reason.number, min_cell),
    }


_COLUMNS = (
    *("shown", "accepted", "overridden", "snoozed", "no answer"),
    *("override rate", "no-answer share", "abstained", "withheld"),
)


def render_text(report: OverrideReport, min_cell: int = 0) -> str:
    """Tables for a terminal, ending with a line break."""
    heading = f"Override rates, {report.period.first} to {report.period.last} (UTC days of the advice)"
    total, openings = Group(None, None, report.total), Group(None, None, report.openings)
    named = [(group.service or "", group) for group in report.services]
    apart = [("risk page, from no card", openings)] if report.openings.entries else []
    lines = [
        heading,
        "Override rate = overridden / (accepted + overridden), 95 % Wilson interval. No answer is not agreement.",
        "Snoozed is put off for some hours, and in no rate. An answer that was withdrawn counts as no answer.",
        *(["Openings of the risk page that came from no card stand apart, in no other count."] if apart else []),
        "",
        *_table("service", [*named, ("all", total), *apart], min_cell),
        "",
        *_table(report.by.value, [(str(group.start), group) for group in report.times], min_cell),
        "",
        "Reasons for overriding",
        *(_reason_line(reason, min_cell) for reason in report.reasons),
    ]
    return "\n".join([*lines, "" if report.reasons else "  none\n"]).rstrip("\n") + "\n"


def _table(first: str, groups: list[tuple[str, Group]], min_cell: int) -> Iterable[str]:
    """Lines of equal columns: names to the left, numbers to the right."""
    rows = [(first, *_COLUMNS)] + [(_plain(name), *_text_cells(group.counts, min_cell)) for name, group in groups]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells])


def _text_cells(counts: Counts, min_cell: int) -> list[str]:
    """One row in text."""
    cells = _counts(counts, min_cell)
    numbers = [str(cells[name]) for name in ("shown", "accepted", "overridden", "snoozed", "no_answer")]
    rate = _percent(counts.override_rate) if cells["override_rate"] else "-"
    silent = _percent(counts.no_answer_share) if cells["no_answer_share"] else "-"
    withheld = str(cell(sum(number for _, number in counts.withheld), min_cell))
    return [*numbers, rate, silent, str(cells["abstained"]), withheld]


def _percent(share: Proportion | None) -> str:
    """`25.0 % (18.1-33.4)`."""
    if share is None:
        return "-"
    return f"{share.value * 100:.1f} % ({share.low * 100:.1f}-{share.high * 100:.1f})"


def _reason_line(reason: ReasonCount, min_cell: int) -> str:
    """One reason in text."""
    name = "no reason given" if reason.reason is None else reason.reason.display or reason.reason.code
    return f"  {cell(reason.number, min_cell)!s:>6}  {_plain(name)}"


def _plain(text: str) -> str:
    """Text from outside without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
