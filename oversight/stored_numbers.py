"""What a stored finding holds in numbers, without making the finding again: for analyses over many entries.

Nothing here names a patient: references are not read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import nan
from typing import Any

from clinical.errors import LedgerUnavailable
from clinical.record import SetAsideReason
from oversight import stored, stored_2
from oversight.stored_parts import UNREADABLE, Reasons, apart
from oversight.vocabulary import Vocabulary

# The forms whose numbers stand in columns. The first one is no longer written and is left out.
COLUMNS = {stored_2.FORMAT: stored_2.columns_of, stored.FORMAT: stored.columns_of}
# Between the parts of a `read`: concept, code, unit as it was sent.
APART = "\x1f"
_HOUR = 3600.0
_CONCEPT = "concept"


@dataclass(frozen=True, slots=True)
class Numbers:
    """One finding.

    `values` and `effects` (log-odds) stand in the order of the vocabulary's words, NaN where there is none; both are
    empty for what is no risk. `reads` are the different combinations of concept, code and reported unit among the
    facts. `facts` were used; of those that were not, `unit_unknown` had a unit that is not known, `implausible` a value
    outside the plausible range. `signals` were expected and `missing` of them were not there. `age_hours` is how old
    the newest fact was, NaN where none was used.
    """

    values: list[float]
    effects: list[float]
    reads: list[str]
    facts: int
    unit_unknown: int
    implausible: int
    signals: int
    missing: int
    age_hours: float


NOTHING = Numbers([], [], [], 0, 0, 0, 0, 0, nan)


def numbers(content: bytes, form: int, vocabulary: Vocabulary) -> Numbers:
    """The numbers of a finding. Raises `LedgerUnavailable` if it cannot be read."""
    columns_of = COLUMNS.get(form)
    if columns_of is None:
        return NOTHING
    try:
        head, rest, outside = apart(content)
        reasons = None if head["kind"] == "Abstention" else columns_of(head, rest, outside)
        return _numbers(head, reasons, vocabulary)
    except (TypeError, ValueError, LookupError, OverflowError, struct.error, zlib.error):
        raise LedgerUnavailable(UNREADABLE) from None


def _numbers(head: Mapping[str, Any], reasons: Reasons | None, vocabulary: Vocabulary) -> Numbers:
    """Out of the parts."""
    told = head["rest"]
    why = [each["reason"] for each in told["unused"]]
    risk = head["kind"] == "RiskAssessment" and reasons is not None
    signals = told.get("signals") or len(told.get("items", ())) or (len(reasons.words) if reasons else 0)
    missing = len(told["missing"])
    return Numbers(
        values=_in_order(reasons.words, reasons.values, vocabulary) if risk and reasons else [],
        effects=_in_order(reasons.words, reasons.log_odds, vocabulary) if risk and reasons else [],
        reads=_reads(reasons, vocabulary) if risk and reasons else [],
        facts=len(reasons.kinds) if reasons else 0,
        unit_unknown=why.count(SetAsideReason.UNIT.value),
        implausible=why.count(SetAsideReason.IMPLAUSIBLE.value),
        signals=max(signals, missing),
        missing=missing,
        age_hours=_age(told),
    )


def _in_order(words: Any, numbers: Any, vocabulary: Vocabulary) -> list[float]:
    """One number for each word of the vocabulary."""
    if len(words) == len(vocabulary.words) and words == range(len(words)):
        return list(numbers)
    found = [nan] * len(vocabulary.words)
    for place, number in zip(words, numbers, strict=True):
        found[place] = number
    return found


def _reads(reasons: Reasons, vocabulary: Vocabulary) -> list[str]:
    """Which codes and units each concept came from."""
    of_fact, of_coding = reasons.fields
    unit = 1 + list(of_fact).index("reported_unit")
    system, code = (list(of_coding).index(name) for name in ("system", "code"))
    told = [
        f"{APART}{_plain(f'{each[0][0][system]}|{each[0][0][code]}' if each[0] else '')}{APART}{_plain(each[unit])}"
        for each in reasons.shared
    ]
    concept = list(vocabulary.fields).index(_CONCEPT)
    ends = [0]
    for size in reasons.sizes:
        ends.append(ends[-1] + size)
    of_set = [{reasons.kinds[fact] for fact in reasons.members[ends[n] : ends[n + 1]]} for n in range(len(ends) - 1)]
    pairs = {
        (vocabulary.words[word][concept], kind)
        for word, place in zip(reasons.words, reasons.sets, strict=False)
        for kind in of_set[place]
    }
    return sorted({name + told[kind] for name, kind in pairs})


def _plain(text: object) -> str:
    """A text of a record, without what parts stand apart by."""
    return str(text).replace(APART, " ")


def _age(told: Mapping[str, Any]) -> float:
    """Hours between the newest fact and the assessment."""
    newest = told.get("newest")
    if not newest:
        return nan
    return (datetime.fromisoformat(told["as_of"]) - datetime.fromisoformat(newest)).total_seconds() / _HOUR
