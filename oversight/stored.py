"""The finding as it stands in the ledger, second form: numbers as numbers, each fact once, words in a vocabulary.

    zlib( ASCII JSON, line break, times of facts, values of features, values of facts, reported values ), log-odds

In the JSON, `rest` is what belongs neither to the model nor to the explanation. Of the explanation, `words` are the
places of the attributions' words in the vocabulary (each as the difference from the one before), and `sets` says which
set of facts each has; `sizes` and `members` are the sets. Of the facts, `shared` is what many have in common, and
`kinds` says which of it each has. Times are microseconds since 1970 in UTC, each as the 64-bit difference from the one
before; all other numbers are doubles; both little-endian. NaN is None. The log-odds stand outside, because they are
noise to a compressor. Level 3 of zlib takes as long as level 1 and saves nearly what level 6 does.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, count, islice
from math import isfinite, isnan, nan
from operator import attrgetter, sub
from typing import Any

from clinical.assessment import Abstention, Attribution, Explanation, Finding, RiskAssessment
from clinical.errors import LedgerUnavailable
from clinical.record import Coding, Observation
from oversight.dataclass_json import from_members, members, names
from oversight.veil import unveil, veil
from oversight.vocabulary import Vocabulary

FORMAT = 2

_LEVEL = 3
_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_COLUMNS = ("reference", "value", "time", "reported_value", "codings")
_SHARED = tuple(name for name in names(Observation) if name not in _COLUMNS)
_shared: Callable[[Observation], tuple[Any, ...]] = attrgetter(*_SHARED)
_facts: Callable[[Attribution], tuple[Observation, ...]] = attrgetter("facts")
# What is written of a fact and of a reason; a test compares it with what they have.
FIELDS_OF_FACTS = (*_COLUMNS, *_SHARED)
_coding: Callable[[Coding], tuple[str, ...]] = attrgetter(*names(Coding))
_log_odds: Callable[[Attribution], float] = attrgetter("log_odds")
_reference: Callable[[Observation], str] = attrgetter("reference")
_value: Callable[[Observation], float] = attrgetter("value")
_reported: Callable[[Observation], float] = attrgetter("reported_value")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
UNREADABLE = "An entry of the ledger is not in a form that this version reads."


def write_finding(finding: Finding, places: Sequence[int], *, patient_id: str, encounter_id: str | None) -> bytes:
    """The finding as bytes; `places` are those of its attributions' words in the vocabulary.

    Raises `LedgerUnavailable` for NaN, infinity and foreign types.
    """
    mark = veil(patient_id, encounter_id)
    try:
        rest = members(finding, without=("model", "explanation"))
        for fact in rest["unused"]:
            fact["reference"] = mark(fact["reference"])
        if isinstance(finding, Abstention):
            return _packed({"kind": "Abstention", "rest": rest}, (), (), ())
        return _written(finding.explanation, {"kind": "RiskAssessment", "rest": rest}, places, mark)
    except (TypeError, ValueError, OverflowError, struct.error):
        raise LedgerUnavailable("The advice holds something that the ledger cannot write down.") from None


def read_finding(content: bytes, vocabulary: Vocabulary, *, patient_id: str, encounter: str | None) -> Finding:
    """The finding of an entry; `encounter` is its id or pseudonym. Raises `LedgerUnavailable` if it cannot be read."""
    clear = unveil(patient_id, encounter)
    try:
        head, numbers, log_odds = _unpacked(content)
        for fact in head["rest"]["unused"]:
            fact["reference"] = clear(fact["reference"])
        if head["kind"] == "Abstention":
            return Abstention(model=vocabulary.model, **from_members(Abstention, head["rest"]))
        explanation = Explanation(head["base"], _attributions(head, numbers, log_odds, vocabulary, clear))
        rest = from_members(RiskAssessment, head["rest"])
        return RiskAssessment(model=vocabulary.model, explanation=explanation, **rest)
    except (TypeError, ValueError, LookupError, OverflowError, struct.error, zlib.error):
        raise LedgerUnavailable(UNREADABLE) from None


def _written(
    explanation: Explanation, head: dict[str, Any], places: Sequence[int], mark: Callable[[str], str]
) -> bytes:
    """A risk. Sets and facts are told apart by identity: equal ones that are not the same cost room, nothing else."""
    attributions = explanation.attributions
    of_each = list(map(_facts, attributions))
    sets = dict(zip(map(id, of_each), of_each, strict=True))
    named = list(chain.from_iterable(sets.values()))
    by_id = dict(zip(map(id, named), named, strict=True))
    facts = list(by_id.values())
    shared: dict[tuple[Any, ...], int] = {}
    kinds = [shared.setdefault(kind, len(shared)) for kind in map(_kind, facts)]
    head |= {
        "base": explanation.base_log_odds,
        "words": list(map(sub, places, [-1, *places])),
        "sets": list(map(_numbered(sets).__getitem__, map(id, of_each))),
        "sizes": list(map(len, sets.values())),
        "members": list(map(_numbered(by_id).__getitem__, map(id, named))),
        "fields": (_SHARED, names(Coding)),
        "shared": list(shared),
        "kinds": kinds,
        "references": list(map(mark, map(_reference, facts))),
    }
    times = [(fact.time - _EPOCH) // _MICROSECOND for fact in facts]
    if times and (min(times) < _FIRST or max(times) > _LAST):
        raise ValueError("a time outside the calendar")
    values = [each.value for each in attributions]
    measured = [*map(_value, facts), *map(_reported, facts)]
    log_odds = list(map(_log_odds, attributions))
    known = [value for value in values if value is not None]
    if not all(map(isfinite, chain(log_odds, measured, known))):
        raise ValueError("not a finite number")
    return _packed(
        head,
        list(map(sub, times, [0, *times])),
        [nan if value is None else value for value in values] + measured,
        log_odds,
    )


def _kind(fact: Observation) -> tuple[Any, ...]:
    """What a fact shares with others, in plain tuples and texts."""
    return (tuple(map(_coding, fact.codings)), *_shared(fact))


def _numbered(keys: Iterable[int]) -> dict[int, int]:
    """The place of each key."""
    return dict(zip(keys, count(), strict=False))


def _packed(head: dict[str, Any], times: Sequence[int], numbers: Sequence[float], log_odds: Sequence[float]) -> bytes:
    """JSON and numbers, compressed, and the log-odds behind."""
    inside = struct.pack(f"<{len(times)}q{len(numbers)}d", *times, *numbers)
    text = _JSON.encode(head).encode("ascii") + b"\n" + inside
    return zlib.compress(text, _LEVEL) + struct.pack(f"<{len(log_odds)}d", *log_odds)


def _unpacked(content: bytes) -> tuple[Any, bytes, tuple[float, ...]]:
    """JSON, the numbers beside it, and the log-odds."""
    decompressor = zlib.decompressobj()
    text, _, numbers = decompressor.decompress(content).partition(b"\n")
    if not decompressor.eof:
        raise ValueError("cut off")
    head = json.loads(text)  # noqa: TID251 (our own text)
    outside = decompressor.unused_data
    return head, numbers, struct.unpack(f"<{len(outside) // 8}d", outside)


def _attributions(
    head: Any, numbers: bytes, log_odds: Sequence[float], vocabulary: Vocabulary, clear: Callable[[str], str]
) -> tuple[Attribution, ...]:
    """The reasons, each with its words, its numbers and its facts."""
    many, reasons = len(head["references"]), len(log_odds)
    columns = struct.unpack(f"<{many}q{len(numbers) // 8 - many}d", numbers)
    facts = _read_facts(head, list(accumulate(columns[:many])), columns[many + reasons :], clear)
    named = iter(map(facts.__getitem__, head["members"]))
    sets = [tuple(islice(named, size)) for size in head["sizes"]]
    words = [vocabulary.words[place - 1] for place in accumulate(head["words"])]
    rows = zip(words, head["sets"], columns[many : many + reasons], log_odds, strict=True)
    return tuple(
        Attribution(
            **dict(zip(vocabulary.fields, word, strict=True)),
            value=None if isnan(value) else value,
            log_odds=effect,
            facts=sets[its],
        )
        for word, its, value, effect in rows
    )


def _read_facts(
    head: Any, times: Sequence[int], numbers: Sequence[float], clear: Callable[[str], str]
) -> list[Observation]:
    """The facts, each once; `numbers` are their values and then the reported values."""
    fields, of_coding = head["fields"]
    shared = [
        from_members(
            Observation,
            {"codings": [dict(zip(of_coding, each, strict=True)) for each in codings]}
            | dict(zip(fields, rest, strict=True)),
        )
        for codings, *rest in head["shared"]
    ]
    many = len(times)
    columns = zip(head["kinds"], head["references"], times, numbers[:many], numbers[many:], strict=True)
    return [
        Observation(
            reference=clear(reference),
            time=_EPOCH + _MICROSECOND * time,
            value=value,
            reported_value=reported,
            **shared[kind],
        )
        for kind, reference, time, value, reported in columns
    ]
