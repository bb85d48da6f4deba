"""What a stored finding consists of, and how it becomes a finding again: the same for every form with a vocabulary."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import isnan
from typing import Any

from clinical.assessment import Abstention, Attribution, Explanation, Finding, RiskAssessment, Score
from clinical.errors import LedgerUnavailable
from clinical.record import Observation
from oversight.dataclass_json import from_members
from oversight.stored_scores import Behind, bases_read, cleared, with_items
from oversight.vocabulary import Vocabulary

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
UNREADABLE = "An entry of the ledger is not in a form that this version reads."


@dataclass(frozen=True, slots=True)
class Reasons:
    """The attributions and their facts, as columns.

    Of the attributions: `words` (places in the vocabulary), `sets`, `values` (NaN for None), `log_odds`. Behind the
    `sets` of the attributions stand those of the items of scores, in the order of these. Of the sets of facts: `sizes`,
    and `members` one after the other. Of the facts: `kinds` (places in `shared`, whose members have the `fields` of a
    fact after the codings, and those have the `fields` of a coding), `references`, `times` (microseconds since 1970),
    `measured` and `reported` values.
    """

    words: Sequence[int]
    sets: Sequence[int]
    values: Sequence[float]
    log_odds: Sequence[float]
    sizes: Sequence[int]
    members: Sequence[int]
    fields: tuple[Sequence[str], Sequence[str]]
    shared: Sequence[Any]
    kinds: Sequence[int]
    references: Sequence[str]
    times: Sequence[int]
    measured: Sequence[float]
    reported: Sequence[float]


# How a form reads its columns from the JSON, what follows it, and what stands behind the compressed part.
Columns = Callable[[Any, bytes, bytes], Reasons]


def read(content: bytes, columns: Columns, vocabulary: Vocabulary, clear: Callable[[str], str]) -> Finding:
    """The finding in `zlib( JSON, line break, rest ), more`. Raises `LedgerUnavailable` if it cannot be read."""
    try:
        head, rest, outside = apart(content)
        reasons = None if head["kind"] == "Abstention" else columns(head, rest, outside)
        return _finding(head, reasons, vocabulary, clear)
    except (TypeError, ValueError, LookupError, OverflowError, struct.error, zlib.error):
        raise LedgerUnavailable(UNREADABLE) from None


def apart(content: bytes) -> tuple[Any, bytes, bytes]:
    """The JSON, what follows it, and what stands behind the compressed part. Raises ValueError or zlib.error."""
    decompressor = zlib.decompressobj()
    text, _, rest = decompressor.decompress(content).partition(b"\n")
    if not decompressor.eof:
        raise ValueError("cut off")
    return json.loads(text), rest, decompressor.unused_data  # noqa: TID251 (our own text)


def _finding(head: Any, reasons: Reasons | None, vocabulary: Vocabulary, clear: Callable[[str], str]) -> Finding:
    """The finding; `head` has its `kind`, the `base` and the `rest`, and without reasons it is an abstention."""
    rest, kind = head["rest"], _KINDS[head["kind"]]
    bases = rest.pop("basis", None)
    cleared([rest, *rest.get("comparators", ()), *rest.get("unanswered", ())], clear)
    if reasons is None:
        return Abstention(model=vocabulary.model, **from_members(Abstention, rest))
    behind = _behind(reasons, bases, clear)
    of_items = iter(behind[len(reasons.words) :])
    members = from_members(kind, rest)
    if kind is Score:
        return with_items(Score(model=vocabulary.model, **members), of_items)
    scores = tuple(with_items(score, of_items) for score in members.pop("comparators", ()))
    explanation = Explanation(head["base"], _attributions(reasons, behind[: len(reasons.words)], vocabulary))
    return RiskAssessment(model=vocabulary.model, explanation=explanation, comparators=scores, **members)


_KINDS = {kind.__name__: kind for kind in (RiskAssessment, Score, Abstention)}


def _behind(reasons: Reasons, bases: Any, clear: Callable[[str], str]) -> list[Behind]:
    """What the attributions rest on, and then the items of scores."""
    facts = _facts(reasons, clear)
    named = iter([facts[place] for place in reasons.members])
    sets = [tuple(islice(named, size)) for size in reasons.sizes]
    of_each = (sets[place] for place in reasons.sets)
    return list(zip(of_each, bases_read(bases, len(reasons.sets), clear), strict=True))


def _attributions(reasons: Reasons, behind: Sequence[Behind], vocabulary: Vocabulary) -> tuple[Attribution, ...]:
    """The reasons, each with its words, its numbers and its facts."""
    rows = zip(reasons.words, behind, reasons.values, reasons.log_odds, strict=True)
    return tuple(
        Attribution(
            **dict(zip(vocabulary.fields, vocabulary.words[place], strict=True)),
            value=None if isnan(value) else value,
            log_odds=effect,
            facts=facts,
            basis=basis,
        )
        for place, (facts, basis), value, effect in rows
    )


def _facts(reasons: Reasons, clear: Callable[[str], str]) -> list[Observation]:
    """The facts, each once."""
    of_fact, of_coding = reasons.fields
    shared = [
        from_members(
            Observation,
            {"codings": [dict(zip(of_coding, each, strict=True)) for each in codings]}
            | dict(zip(of_fact, rest, strict=True)),
        )
        for codings, *rest in reasons.shared
    ]
    columns = (reasons.kinds, reasons.references, reasons.times, reasons.measured, reasons.reported)
    return [
        Observation(
            reference=clear(reference),
            time=EPOCH + MICROSECOND * time,
            value=value,
            reported_value=reported,
            **shared[kind],
        )
        for kind, reference, time, value, reported in zip(*columns, strict=True)
    ]
