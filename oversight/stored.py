"""The finding as it stands in the ledger, third form: numbers as numbers, each fact once, words in a vocabulary.

    zlib( ASCII JSON, line break, ASCII JSON of what facts share, line break, places ), numbers

The first JSON has the `rest`, which belongs neither to the model nor to the explanation, the `references` of the facts,
and what is needed to take the places and numbers apart. What came to findings later (`oversight.stored_scores`) stands
in the `rest` only where there is any: a version that does not know it refuses the entry and does not leave it out.
`words` are the places of the attributions' words in the vocabulary, or nothing where those are all of them in their
order. Places are the columns `sets`, `sizes`, `members` and `kinds` of `stored_parts.Reasons`, one after the other,
each place as the difference from the one before. Numbers stand outside, because they are noise to a compressor: `times`
as 64-bit integers, then doubles, `values`, `measured`, `reported` (left out where they are the measured values, bit for
bit) and `log_odds`. All is little-endian. NaN is None.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import accumulate, chain, islice
from math import isfinite, nan
from operator import attrgetter, sub
from typing import Any

from clinical.assessment import Abstention, Attributions, Finding, RiskAssessment, Score, ScoreItem
from clinical.errors import LedgerUnavailable
from clinical.record import Coding, Observation
from oversight import stored_parts, stored_scores
from oversight.dataclass_json import members, names
from oversight.stored_parts import EPOCH, MICROSECOND
from oversight.veil import unveil, veil
from oversight.vocabulary import Vocabulary

FORMAT = 3

_LEVEL = 1
_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_COLUMNS = ("reference", "value", "time", "reported_value", "codings")
_SHARED = tuple(name for name in names(Observation) if name not in _COLUMNS)
# What is written of a fact; a test compares it with what it has.
FIELDS_OF_FACTS = (*_COLUMNS, *_SHARED)
_FIELDS = (_SHARED, names(Coding))
# The plain text of an enumeration's member is quicker to hash than the member.
_shared: Callable[[Observation], tuple[Any, ...]] = attrgetter(
    *("source._value_" if name == "source" else name for name in _SHARED)
)
_coding: Callable[[Coding], tuple[str, ...]] = attrgetter(*names(Coding))
_APART = frozenset({"model", "explanation", *stored_scores.SOMETIMES})
_FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
_NARROW = 2**15
_MOST_TEXTS, _LONGEST_TEXT = 1_000, 2_000


class FindingWriter:
    """Writes findings. It remembers the JSON of what facts share, which comes again and again. Serves all threads."""

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._texts: dict[tuple[Any, ...], str] = {}

    def write(self, finding: Finding, places: Sequence[int], *, patient_id: str, encounter_id: str | None) -> bytes:
        """The finding as bytes; `places` are those of its attributions' words in the vocabulary.

        Raises `LedgerUnavailable` for NaN, infinity and foreign types.
        """
        mark = veil(patient_id, encounter_id)
        try:
            if isinstance(finding, Score):
                return self._score(finding, mark)
            rest = members(finding, without=_APART)
            for fact in rest["unused"]:
                fact["reference"] = mark(fact["reference"])
            if isinstance(finding, Abstention):
                return zlib.compress(_json({"kind": "Abstention", "rest": rest}), _LEVEL)
            return self._risk(rest, finding, places, mark)
        except (AttributeError, TypeError, ValueError, OverflowError, struct.error):
            raise LedgerUnavailable("The advice holds something that the ledger cannot write down.") from None

    def _score(self, finding: Score, mark: Callable[[str], str]) -> bytes:
        """A score: no reasons, only items."""
        rest = stored_scores.score_members(finding, mark, without=("model",))
        return self._columns({"kind": "Score", "rest": rest}, Attributions.of(()), finding.items, mark)

    def _risk(
        self, rest: dict[str, Any], finding: RiskAssessment, words: Sequence[int], mark: Callable[[str], str]
    ) -> bytes:
        """A risk, with the scores beside it."""
        rest |= stored_scores.unusual_members(finding, mark)
        in_order = words == range(len(words)) or list(words) == list(range(len(words)))
        head = {
            "kind": "RiskAssessment",
            "rest": rest,
            "base": finding.explanation.base_log_odds,
            "words": () if in_order else words,
        }
        items = tuple(item for score in finding.comparators for item in score.items)
        return self._columns(head, finding.explanation.columns, items, mark)

    def _columns(
        self,
        head: dict[str, Any],
        reasons: Attributions,
        items: tuple[ScoreItem, ...],
        mark: Callable[[str], str],
    ) -> bytes:
        """All of it. Sets and facts are told apart by identity: equal ones that are not the same cost room, no more."""
        sets = [*reasons.facts, *(item.facts for item in items)]
        places_of_sets, sizes, places_of_facts, facts = _each_once(sets)
        kinds, shared = _kinds(facts)
        places = [*places_of_sets, *sizes, *places_of_facts, *kinds]
        width = "h" if max(len(sets), len(places_of_facts)) < _NARROW else "i"
        numbers, with_reported = _numbers(reasons, facts)
        counts = (len(reasons), len(sizes), len(places_of_facts), len(facts))
        head["rest"] |= stored_scores.bases_of([*reasons.bases, *(item.basis for item in items)], mark)
        head |= {
            "counts": (*counts, len(items)) if items else counts,
            "width": width,
            "reported": with_reported,
            "fields": _FIELDS,
            "references": [mark(fact.reference) for fact in facts],
        }
        inside = struct.pack(f"<{len(places)}{width}", *map(sub, places, [0, *places]))
        texts = ",".join(map(self._text, shared)).encode("ascii")
        return zlib.compress(b"%b\n[%b]\n%b" % (_json(head), texts, inside), _LEVEL) + numbers

    def _text(self, kind: tuple[Any, ...]) -> str:
        """The JSON of what some facts share."""
        text = self._texts.get(kind)
        if text is None:
            *codings, rest = kind
            text = _JSON.encode((codings, *rest))
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            if len(text) <= _LONGEST_TEXT:
                self._texts[kind] = text
        return text


def read_finding(content: bytes, vocabulary: Vocabulary, *, patient_id: str, encounter: str | None) -> Finding:
    """The finding of an entry; `encounter` is its id or pseudonym. Raises `LedgerUnavailable` if it cannot be read."""
    return stored_parts.read(content, columns_of, vocabulary, unveil(patient_id, encounter))


def _json(head: dict[str, Any]) -> bytes:
    """ASCII JSON, which has no line break."""
    return _JSON.encode(head).encode("ascii")


def _each_once(
    sets: Iterable[tuple[Observation, ...]],
) -> tuple[list[int], list[int], list[int], list[Observation]]:
    """The place of each set among the different ones, their sizes, the places of their members, each fact once.

    In one pass: to go through hundreds of things once more, even without a line of Python, costs as much as all this.
    """
    of_sets: list[int] = []
    sizes: list[int] = []
    of_facts: list[int] = []
    facts: list[Observation] = []
    known_sets: dict[int, int] = {}
    known_facts: dict[int, int] = {}
    for its in sets:
        place = known_sets.setdefault(id(its), len(sizes))
        of_sets.append(place)
        if place == len(sizes):
            sizes.append(len(its))
            for fact in its:
                of_facts.append(one := known_facts.setdefault(id(fact), len(facts)))
                if one == len(facts):
                    facts.append(fact)
    return of_sets, sizes, of_facts, facts


def _kinds(facts: Iterable[Observation]) -> tuple[list[int], Collection[tuple[Any, ...]]]:
    """The place of each fact among what facts share, and that, each once.

    Facts that were read alike have one tuple of codings, which is sooner told by its identity than by its content; and
    nearly always all else alike, too.
    """
    kinds: list[int] = []
    shared: dict[tuple[Any, ...], int] = {}
    known: dict[int, tuple[tuple[Any, ...], int]] = {}
    for fact in facts:
        rest = (fact.unit, fact.status, fact.source, fact.reported_unit, fact.reference_range)
        alike = known.get(id(fact.codings))
        if alike is None or alike[0] != rest:
            kind = shared.setdefault((*map(_coding, fact.codings), _shared(fact)), len(shared))
            alike = known[id(fact.codings)] = rest, kind
        kinds.append(alike[1])
    return kinds, shared


def _numbers(reasons: Attributions, facts: Sequence[Observation]) -> tuple[bytes, bool]:
    """All numbers, and whether the reported values are among them. Raises ValueError for NaN and infinity."""
    times = [(fact.time - EPOCH) // MICROSECOND for fact in facts]
    if times and (min(times) < _FIRST or max(times) > _LAST):
        raise ValueError("a time outside the calendar")
    worths, effects = reasons.values, reasons.log_odds
    measured, reported = [fact.value for fact in facts], [fact.reported_value for fact in facts]
    known = [worth for worth in worths if worth is not None]
    # A sum of finite numbers may be infinite, but what is not finite never makes a finite sum.
    every = (known, effects, measured, reported)
    if not isfinite(sum(map(sum, every))) and not all(map(isfinite, chain(*every))):
        raise ValueError("not a finite number")
    values = [nan if worth is None else worth for worth in worths]
    front = struct.pack(f"<{len(times)}q{len(values)}d", *times, *values)
    as_measured, as_reported = (struct.pack(f"<{len(facts)}d", *column) for column in (measured, reported))
    end = struct.pack(f"<{len(effects)}d", *effects)
    different = as_reported != as_measured
    return b"".join((front, as_measured, as_reported if different else b"", end)), different


def columns_of(head: Any, rest: bytes, outside: bytes) -> stored_parts.Reasons:
    """The columns of an entry that `stored_parts.apart` took apart.

    Raises ValueError, TypeError, LookupError or struct.error where they are not whole.
    """
    reasons, sets, named, facts, *items = head["counts"]
    shared, _, inside = rest.partition(b"\n")
    things = reasons + sum(items)
    many = things + sets + named + facts
    places = iter(accumulate(struct.unpack(f"<{many}{head['width']}", inside)))
    of_sets, sizes, of_facts, kinds = (list(islice(places, n)) for n in (things, sets, named, facts))
    doubles = 2 * reasons + (2 if head["reported"] else 1) * facts
    columns = iter(struct.unpack(f"<{facts}q{doubles}d", outside))
    times, values, measured = (list(islice(columns, n)) for n in (facts, reasons, facts))
    return stored_parts.Reasons(
        words=head.get("words") or range(reasons),
        sets=of_sets,
        values=values,
        sizes=sizes,
        members=of_facts,
        fields=head["fields"],
        shared=json.loads(shared),  # noqa: TID251 (our own text)
        kinds=kinds,
        references=head["references"],
        times=times,
        measured=measured,
        reported=list(islice(columns, facts)) if head["reported"] else measured,
        log_odds=list(columns),
    )
