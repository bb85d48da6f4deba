"""The same 32 bytes for records of the same content: everything but when it was read and the patient's name.

The content is laid out as nested tuples of plain values and written by `marshal`, whose second format gives equal bytes
for equal values and different bytes for different ones (each value carries its type and length; no references). It
is only ever written here, never read. BLAKE2b then makes two different contents with one digest infeasible.

Observations are nearly all of a record. Most of their texts come again and again: what some of them share is written
once, and the references are joined first, which saves a fifth of the time.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any

from clinical.record import (
    Answer,
    Coding,
    Condition,
    MedicationUse,
    Observation,
    PatientRecord,
    ProcedureDone,
    SetAside,
    Stay,
)

_FORMAT = 2
_DIGEST_BYTES = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEPARATOR = "\0"

_coding = attrgetter("system", "code", "display")
_said = attrgetter("reference", "text", "status")
_diagnosis = attrgetter("condition", "role", "rank")
_place = attrgetter("name", "intensive_care", "recognised_by", "known", "start_unclear", "status_known", "end_unclear")
_person = attrgetter("patient_id", "sex", "focus", "deceased", "incomplete", "caveats")


def record_digest(record: PatientRecord) -> bytes:
    """BLAKE2b-256 of the content."""
    return hashlib.blake2b(marshal.dumps(_content(record), _FORMAT), digest_size=_DIGEST_BYTES).digest()


def _content(record: PatientRecord) -> tuple[Any, ...]:
    """All that may change a finding, as plain values."""
    return (
        _person(record),
        _time(record.birth_date),
        _facts(record.observations),
        [_stay(stay) for stay in record.stays],
        [(_stated(c), c.active, _time(c.onset), _time(c.recorded)) for c in record.conditions],
        [(_stated(m), m.active, m.status, *map(_time, (m.start, m.end, m.latest_start))) for m in record.medications],
        [(_stated(p), p.status, *map(_time, (p.performed, p.end, p.latest_start))) for p in record.procedures],
        [_answer(answer) for answer in record.answers],
        [_aside(fact) for fact in record.set_aside],
    )


def _facts(facts: Sequence[Observation]) -> tuple[object, ...]:
    """All texts of the facts, those that some share once, and all their numbers, which tell which text is whose.

    Facts that were read alike have one tuple of codings, which is sooner told by its identity than by its content. Only
    its content is written: by it kinds are numbered, in the order in which they come.
    """
    numbers: list[float] = []
    kinds: dict[tuple[str, ...], int] = {}
    alike: dict[int, tuple[tuple[object, ...], int]] = {}
    for fact in facts:
        shared = (fact.unit, fact.status, fact.reported_unit, fact.reference_range, fact.source)
        known = alike.get(id(fact.codings))
        if known is None or known[0] != shared:
            known = alike[id(fact.codings)] = (shared, kinds.setdefault(_kind(fact), len(kinds)))
        since = fact.time - _EPOCH
        numbers += fact.value, fact.reported_value, since.days, since.seconds, since.microseconds, known[1]
    texts = [fact.reference for fact in facts]
    for kind in kinds:
        texts += kind
    joined = _SEPARATOR.join(texts)
    # Where the separator stands in a text, only the list tells what was one text and what another.
    clear = joined.count(_SEPARATOR) == max(0, len(texts) - 1)
    return joined if clear else texts, numbers, list(map(len, kinds))


def _kind(fact: Observation) -> tuple[str, ...]:
    """What one fact says beside its reference and its numbers; how many codings it has, its length tells."""
    texts: list[str] = [fact.unit, fact.status, fact.reported_unit, fact.reference_range, fact.source._value_]
    for coding in fact.codings:
        texts += coding.system, coding.code, coding.display
    return tuple(texts)


def _stay(stay: Stay) -> tuple[object, ...]:
    """A stay with its places."""
    places = [(_place(p), _codings(p.codings), *map(_time, (p.start, p.end, p.start_day))) for p in stay.locations]
    codes = (stay.class_code, stay.priority, stay.admit_source, stay.discharge_disposition)
    kinds = [None if code is None else _coding(code) for code in codes]
    diagnoses = [_diagnosis(diagnosis) for diagnosis in stay.diagnoses]
    days = _time(stay.start_day), _time(stay.end_day), None if stay.offset is None else stay.offset.total_seconds()
    times = _time(stay.start), _time(stay.end), _time(stay.latest_end)
    return stay.reference, stay.status, kinds, times, days, places, diagnoses


def _stated(fact: Condition | MedicationUse | ProcedureDone) -> tuple[object, ...]:
    """What was diagnosed, used or done."""
    return fact.reference, _codings(fact.codings), fact.encounter, fact.text


def _aside(fact: SetAside) -> tuple[object, ...]:
    """What was set aside, and what it says."""
    says = None if fact.says is None else (fact.says.value, fact.says.unit, _codings(fact.says.values))
    times = _time(fact.time), _time(fact.since)
    return fact.reference, fact.reason.value, fact.detail, _codings(fact.codings), times, fact.empty, says, fact.decides


def _answer(answer: Answer) -> tuple[object, ...]:
    """An answer; its moment counts, as that of a measurement does, whatever the zone."""
    since = answer.time - _EPOCH
    moment = since.days, since.seconds, since.microseconds
    return _said(answer), answer.source._value_, _codings(answer.codings), _codings(answer.values), moment


def _codings(codings: Iterable[Coding]) -> list[object]:
    """Codings in their order: the first known one decides."""
    return [_coding(coding) for coding in codings]


def _time(value: date | None) -> str | None:
    """A date, or a time with its offset (the day at the start of a stay decides the age), or None."""
    return None if value is None else value.isoformat()
