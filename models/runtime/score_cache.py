"""A model that remembers its latest answers, so that a chart that is opened again at once costs next to nothing.

Only risks are remembered. "Not assessed" is always asked anew, because it often depends on the hour; so is a score,
which is worked out sooner than its record is compared.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clinical.assessment import Finding, ModelInfo, RiskAssessment
from clinical.need import DataNeed
from clinical.ports import RiskModel
from clinical.record import PatientRecord
from models.runtime.record_digest import record_digest

_Glance = tuple[object, ...]
# A longer record is not kept beside its answer, only what tells whether another one is the same.
_LONG = 1_000


@dataclass(slots=True)
class _Entry:
    """A remembered answer with the record that it is about.

    The digest of that record, and until when the answer is good, are worked out when a record comes that may be the
    same. Most never meet one, and the digest takes as long as a tenth of the answer. Two threads work out the same.
    """

    answer: RiskAssessment
    record: PatientRecord | None
    known: tuple[bytes, datetime] | None = None

    def is_for(self, record: PatientRecord, at: datetime, max_age: timedelta) -> bool:
        """Whether the answer may be given about a record at a moment."""
        mine = self.record  # before `known`: it goes only once that is there
        if self.known is None and mine is not None:
            self.known = _known(mine, self.answer.as_of, max_age)
        if self.known is None:
            return False
        self.record = None
        digest, until = self.known
        return self.answer.as_of <= at <= until and record_digest(record) == digest


class RememberingModel:
    """Another model with a bounded memory. Fills `clinical.ports.RiskModel`; safe to share between threads."""

    def __init__(self, model: RiskModel, max_entries: int = 128, max_age: timedelta = timedelta(minutes=5)) -> None:
        """Remember at most `max_entries` answers, each for at most `max_age`; the least recently used is forgotten.

        With the record of an answer that is about 100 KB.
        """
        self._model = model
        self._max_entries = max_entries
        self._max_age = max_age
        self._entries: OrderedDict[_Glance, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def info(self) -> ModelInfo:
        """Name, version and meaning of the model behind."""
        return self._model.info

    @property
    def needs(self) -> tuple[DataNeed, ...]:
        """What must be read for the model behind."""
        return self._model.needs

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        """The remembered answer about the same content, with its own earlier `as_of`, else a new finding."""
        glance = _glance(record)
        entry = self._recall(glance)
        if entry is not None and entry.is_for(record, as_of, self._max_age):
            self._keep(glance, entry)
            return entry.answer
        finding = self._model.assess(record, as_of)
        if isinstance(finding, RiskAssessment):
            self._keep(glance, self._entry(finding, record))
        return finding

    def _entry(self, answer: RiskAssessment, record: PatientRecord) -> _Entry:
        """An answer to remember. Nobody's name is, which is for the banner of the page only."""
        if _length(record) <= _LONG:
            return _Entry(answer, replace(record, name="") if record.name else record)
        return _Entry(answer, None, _known(record, answer.as_of, self._max_age))

    def _recall(self, glance: _Glance) -> _Entry | None:
        """The answer about a record that looks the same, if there is one."""
        with self._lock:
            return self._entries.get(glance)

    def _keep(self, glance: _Glance, entry: _Entry) -> None:
        """Keep an answer as the latest that was used, and forget the oldest where there are too many."""
        with self._lock:
            self._entries[glance] = entry
            self._entries.move_to_end(glance)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)


def _glance(record: PatientRecord) -> _Glance:
    """What two records of the same content have in common at least, and hardly ever two others."""
    facts = record.observations
    last = (facts[-1].reference, facts[-1].time, facts[-1].value) if facts else ()
    return record.patient_id, len(facts), *last


def _length(record: PatientRecord) -> int:
    """How many facts a record has, used or not."""
    kinds = (record.observations, record.conditions, record.medications, record.procedures, record.answers)
    return sum(map(len, kinds)) + len(record.set_aside)


def _known(record: PatientRecord, as_of: datetime, max_age: timedelta) -> tuple[bytes, datetime]:
    """The digest of a record, and the last moment for an answer about it."""
    return record_digest(record), _good_until(record, as_of, max_age)


def _good_until(record: PatientRecord, as_of: datetime, max_age: timedelta) -> datetime:
    """The last moment for an answer: before anything that the record dates in the future has come about."""
    latest = as_of + max_age
    coming = min((time for time in _times(record) if as_of < time <= latest), default=None)
    return latest if coming is None else coming - timedelta.resolution


def _times(record: PatientRecord) -> Iterator[datetime]:
    """Every time in a record at which it may come to mean something else."""
    yield from (fact.time for fact in record.observations)
    yield from (answer.time for answer in record.answers)
    for stay in record.stays:
        yield from _present(stay.start, stay.end, stay.latest_end)
        yield from _present(*(time for place in stay.locations for time in (place.start, place.end)))
    yield from _present(*(time for use in record.medications for time in (use.start, use.end, use.latest_start)))
    yield from _present(*(time for condition in record.conditions for time in (condition.onset, condition.recorded)))
    yield from _present(*(time for done in record.procedures for time in (done.performed, done.end, done.latest_start)))


def _present(*times: datetime | None) -> Iterator[datetime]:
    """The times that are known."""
    return (time for time in times if time is not None)
