"""`events.csv`: one line for each card, with what 45 CFR 170.315(b)(11)(ii)(C) asks of an export of feedback.

That is the intervention, the action taken, the user's feedback, the user, the date and the location. Cards are those
that the figures count: shown at a hook, with a risk or a score. Who is meant stands under pseudonyms, cut short so that
they tell people of one export apart and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from oversight.analytics.few_clinicians import roles_of_few
from oversight.analytics.selection import Selection
from oversight.exports.columns import Column, Kind, Table
from oversight.mart.mart import Questions

# Entries of the ledger that are joined at once: some hundred megabytes of cards at most.
AT_ONCE = 100_000
PERSON, PATIENT = 8, 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ACTIONS = {"accepted": "accepted", "overridden": "overridden", "snoozed": "put off"}
NO_ANSWER = "no answer"
# Addresses, and numbers long enough to be somebody's: dates, times, telephone and record numbers.
_TELLING = re.compile(r"\S+@\S+|https?://\S+|\d[\d\s./:\-]{2,}\d|\d{3,}")


@dataclass(frozen=True, slots=True)
class Detail:
    """What only some may have: pseudonyms of clinicians, and what they wrote."""

    clinicians: bool = False
    comments: bool = False


_T, _N, _M = Kind.TEXT, Kind.NUMBER, Kind.TIME
EVENTS = Table(
    "events.csv",
    (
        Column("card_id", _T, "", "The card; the same id as in the EHR's feedback", "advice.id"),
        Column("date", Kind.DAY, "UTC day", "Date: the day on which the card was given", "advice.day"),
        Column("time", _M, "UTC", "When the card was given", "advice.time"),
        Column("intervention", _T, "", "Intervention: the service that gave the card", "advice.service"),
        Column("model", _T, "", "The model behind it", "advice.model_id"),
        Column("model_version", _T, "", "Its version", "advice.model_version"),
        Column("risk", _N, "0 to 1", "The probability that was told; empty for a score", "advice.probability"),
        Column("tier", _T, "", "The level that was told", "advice.tier"),
        Column("indicator", _T, "", "How loudly: info, warning or critical (CDS Hooks)", "advice.indicator"),
        Column(
            "action_taken", _T, "", "Action taken: accepted, overridden, put off, or no answer (also withdrawn)",
            "feedback.outcome, the answer that decides",
        ),
        Column("action_time", _M, "UTC", "When it was taken; empty without an answer", "feedback.time"),
        Column(
            "response_seconds", _N, "s", "From card to answer; below 0 where the EHR's clock is ahead",
            "feedback.time − advice.time",
        ),
        Column("channel", _T, "", "Where it was answered: card or page", "feedback.channel"),
        Column("reason_code", _T, "", "User feedback: the override reason, or the length of a snooze",
               "feedback.reason_code"),
        Column("reason", _T, "", "User feedback: the reason in words", "feedback.reason_display"),
        Column("comment_given", Kind.FLAG, "", "User feedback: whether somebody wrote a comment", "feedback.comment"),
        Column(
            "comment", _T, "", "User feedback: the comment without addresses and longer numbers; empty unless the "
            "export was asked for with comments. It may still name somebody", "feedback.comment",
        ),
        Column(
            "user", _T, "", "User: the first 8 digits of the pseudonym of who answered, else of who was shown the "
            "card; empty for who may not see figures of single clinicians", "feedback.clinician, advice.clinician",
        ),
        Column("role", _T, "", "The role of who was shown the card, as the EHR names it; for who may not see single "
               "clinicians, empty in units where a role is fewer than 5 people", "advice.role"),
        Column("location", _T, "", "Location: the unit", "advice.unit_name"),
        Column("client", _T, "", "The EHR that asked", "advice.client"),
        Column("hook", _T, "", "The hook at which the card was given (CDS Hooks)", "advice.hook"),
        Column("action_seen", Kind.FLAG, "", "Whether what was suggested was seen in the record afterwards",
               "action_seen.at, not before advice.time"),
        Column("patient", _T, "", "The first 16 digits of the patient's pseudonym", "advice.patient"),
        Column("encounter", _T, "", "The first 16 digits of the stay's pseudonym", "advice.encounter"),
        Column("entry", Kind.INTEGER, "", "The number of the ledger's entry", "advice.sequence"),
    ),
)  # fmt: skip
_CARDS = """
SELECT sequence, id, time, date, client, service, hook, patient, encounter, clinician, role, unit_name, model_id,
  model_version, probability, tier, indicator, outcome, channel, seconds, reason, reason_display, comment, answered_by,
  acted
FROM event WHERE card AND sequence > $after AND sequence <= $until AND {where} ORDER BY sequence
"""
_ENDS = "SELECT coalesce(min(sequence), 0), coalesce(max(sequence), 0) FROM advice WHERE sequence <= $entry AND {where}"


def events(mart: Questions, selection: Selection, entry: int, detail: Detail) -> Iterator[tuple[object, ...]]:
    """The rows of `EVENTS` up to an entry, in its order, read piece by piece. The mart must not have been narrowed."""
    unsaid = frozenset() if detail.clinicians else roles_of_few(mart, selection)
    where, values = selection.where()
    ((first, last),) = mart.rows(_ENDS.format(where=where), values | {"entry": entry})
    for after in range(first - 1, last, AT_ONCE):
        until = min(after + AT_ONCE, last)
        for row in mart.rows(_CARDS.format(where=where), values | {"after": after, "until": until}):
            yield _row(row, detail, unsaid)


def scrubbed(comment: str) -> str:
    """A comment without addresses and longer numbers. Names of people cannot be told from other words."""
    return _TELLING.sub("[…]", comment)


def _row(card: tuple[Any, ...], detail: Detail, unsaid: frozenset[tuple[str, str]]) -> tuple[object, ...]:
    """One card of `_CARDS` as a row of `EVENTS`; of the units in `unsaid` no role is told."""
    (sequence, ident, time, day, client, service, hook, patient, encounter, shown_to, role, unit, model, version, risk,
     tier, indicator, outcome, channel, seconds, reason, display, comment, answered_by, acted) = card  # fmt: skip
    given = _EPOCH + timedelta(microseconds=time)
    answered = outcome is not None
    return (
        ident, day, given, service, model, version, risk, tier, indicator,
        _ACTIONS.get(outcome, outcome) if answered else NO_ANSWER,
        given + timedelta(seconds=seconds) if answered else None,
        seconds if answered else None,
        channel if answered else None,
        reason, display, bool(comment), scrubbed(comment) if detail.comments and comment else None,
        (answered_by or shown_to or "")[:PERSON] if detail.clinicians else None,
        None if (client, unit) in unsaid else role,
        unit, client, hook, acted, patient[:PATIENT], (encounter or "")[:PATIENT], sequence,
    )  # fmt: skip
