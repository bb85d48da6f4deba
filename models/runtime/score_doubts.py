"""What was read of an input, cannot be used, and may say otherwise than what is used in its place.

A respiratory rate of 16 of five hours ago is not the latest one where another was sent a minute ago, not final yet or
without a unit: whether the patient is still as well, nobody can say. Of a latest value, an unusable fact that is newer
leaves nothing that counts; of a lowest or highest value, one that is within the time may be worse, and what was found
is the least. A fact of which nobody knows when it was may be the newest: a chart of which nobody knows which value
holds is not one to be silent about. It is not called newer, for it may as well be old.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from clinical.record import Observation, Says, SetAside
from clinical.record import SetAsideReason as Reason
from models.formulae.worked import Line, Worked
from models.runtime.chart import Found
from models.runtime.in_place import counting, settled_until
from models.runtime.score_inputs import Answered, AnyInput, Measured, Paired
from models.runtime.score_manifest import ScoreManifest

# What never was; and what is to come, which says nothing about now.
_SAYS_NOTHING = frozenset({Reason.VOID, Reason.FUTURE})
# A clock may be ahead of ours, and a zone be missing; what lies further ahead is to come.
_AHEAD = timedelta(hours=36)


class Age(StrEnum):
    """How a fact that leaves an input in doubt stands to what can be used, in words."""

    NEWER = "newer than what can be used"
    PERHAPS = "perhaps newer than what can be used"
    UNDATED = "undated, perhaps newer than what can be used"


@dataclass(frozen=True, slots=True)
class Doubts:
    """Inputs in doubt, by name: `stale` ones, whose value does not count, and `open_` ones, whose value is the least.

    `newer` are the facts that leave an input stale, each with how it stands to what can be used; `worse` those that may
    be worse than the value of an open one.
    """

    stale: Mapping[str, Age] = field(default_factory=dict)
    open_: frozenset[str] = frozenset()
    newer: Mapping[SetAside, Age] = field(default_factory=dict)
    worse: frozenset[SetAside] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """All of them."""
        return self.open_.union(self.stale)

    def told(self, unused: Iterable[SetAside]) -> Iterator[SetAside]:
        """What cannot be used, the facts that decide first and by what they are."""
        facts = [self._told(one) for one in unused]
        yield from sorted(facts, key=lambda one: not one.decides)

    def _told(self, one: SetAside) -> SetAside:
        age = self.newer.get(one)
        detail = one.detail if age is None else f"{age}: {one.detail}"
        return replace(one, detail=detail, decides=age is not None or one in self.worse)

    def age_of(self, names: Iterable[str]) -> Age:
        """What is true of the facts that leave these inputs stale: of some that differ, that they may be newer."""
        ages = {self.stale[name] for name in names}
        return ages.pop() if len(ages) == 1 else Age.PERHAPS


def doubts_of(
    manifest: ScoreManifest, found: Mapping[str, Found], unused: Iterable[SetAside], as_of: datetime
) -> Doubts:
    """Which inputs are in doubt, by facts with a code of theirs that cannot be used."""
    facts = [one for one in unused if one.codings and not one.empty and one.reason not in _SAYS_NOTHING]
    stale: dict[str, Age] = {}
    open_: set[str] = set()
    newer: dict[SetAside, Age] = {}
    worse: set[SetAside] = set()
    recent = {one.name: _recent(one, facts, found, as_of) for one in manifest.inputs.values()} if facts else {}
    unusable = frozenset(name for name, of_input in recent.items() if of_input)
    for name in (name for name in recent if name in unusable):
        whole = _used_by(manifest.inputs[name], manifest)
        if _takes_the_worst(whole):
            open_.add(whole.name)
            worse.update(recent[name])
        elif later := _later(recent[name], whole, manifest, found, unusable, as_of):
            group = manifest.in_place[whole.name]
            known = [stale[one] for one in group if one in stale]
            stale |= dict.fromkeys(group, _surest((*known, *later.values())))
            newer |= {fact: _surest((age, newer.get(fact, age))) for fact, age in later.items()}
    return Doubts(stale, frozenset(open_), newer, frozenset(worse))


def _surest(ages: Iterable[Age]) -> Age:
    """What the surest of several facts says."""
    return min(ages, key=list(Age).index)


def _last(fact: SetAside, as_of: datetime) -> datetime | None:
    """The last moment up to now at which a fact may have been true; None where nothing says so.

    What bears only the month that is not over yet was true by now, and not at the end of that month.
    """
    return fact.time if fact.time is None or fact.since is None else min(fact.time, as_of)


def _is_to_come(fact: SetAside, as_of: datetime) -> bool:
    if fact.since is not None:
        return fact.since > as_of
    return fact.time is not None and fact.time > as_of + _AHEAD


def _recent(one: AnyInput, facts: Iterable[SetAside], found: Mapping[str, Found], as_of: datetime) -> list[SetAside]:
    """The facts that cannot be used and may say otherwise than what was found for an input."""
    return [fact for fact in facts if _is_of(one, fact, as_of) and not _is_copy(fact, one, found[one.name])]


def _is_of(one: AnyInput, fact: SetAside, as_of: datetime) -> bool:
    """Whether a fact has a code of an input and is not older than the input looks back."""
    if isinstance(one, Measured):
        codes = one.signal.codes
    elif isinstance(one, Answered):
        codes = one.codes
    else:
        return False
    last = _last(fact, as_of)
    if _is_to_come(fact, as_of) or (last is not None and last <= as_of - one.window):
        return False
    return any((c.system, c.code) == (coding.system, coding.code) for c in codes for coding in fact.codings)


def _is_copy(fact: SetAside, one: AnyInput, found: Found) -> bool:
    """Whether a fact that lacks only its moment says what is used, and may be of the same time.

    The same result comes twice where one system keeps the moment and another the day.
    """
    if fact.says is None or found.value is None:
        return False
    if not any(_spans(fact, time) for time in found.times):
        return False
    if isinstance(one, Answered):
        keys = ((coding.system, coding.code) for coding in fact.says.values)
        return {one.values[key] for key in keys if key in one.values} == {found.value}
    return any(_is_same(fact.says, used) for used in found.facts)


def _spans(fact: SetAside, time: datetime) -> bool:
    """Whether a fact without a moment may have been true at a time."""
    return (fact.since is None or fact.since <= time) and (fact.time is None or time <= fact.time)


def _is_same(says: Says, used: Observation) -> bool:
    """Whether two numbers are the same, but for what converting a unit leaves of them."""
    return says.unit == used.unit and says.value is not None and math.isclose(says.value, used.value, rel_tol=1e-9)


def _used_by(one: AnyInput, manifest: ScoreManifest) -> AnyInput:
    """The ratio that a measurement is a part of, or the input itself."""
    ratios = (other for other in manifest.inputs.values() if isinstance(other, Paired))
    return next((ratio for ratio in ratios if one.name in (ratio.top, ratio.bottom)), one)


def _takes_the_worst(one: AnyInput) -> bool:
    return isinstance(one, Measured | Paired) and one.pick != "latest"


def _later(
    facts: Iterable[SetAside],
    one: AnyInput,
    manifest: ScoreManifest,
    found: Mapping[str, Found],
    unusable: Collection[str],
    as_of: datetime,
) -> dict[SetAside, Age]:
    """The facts of an input that are newer than what is used in its place, or may be, and what they would change.

    Where nothing is used, it is missing anyway.
    """
    ways = manifest.ways[one.name]
    same = manifest.same_within[one.name]
    if counting(ways, found, same):
        matters, newest = settled_until(one.name, ways, found, unusable, same)
    else:
        others = [found[other.name] for other in manifest.of_item.get(one.item, ())]
        beside = [other for other in others if other.value is not None]
        matters, newest = bool(beside), max((time for other in beside for time in other.times), default=None)
    ages = {fact: _age(fact, newest, as_of) for fact in facts} if matters else {}
    return {fact: age for fact, age in ages.items() if age is not None}


def _age(fact: SetAside, newest: datetime | None, as_of: datetime) -> Age | None:
    """How a fact stands to a moment; None if it is surely not newer. Of what has no time, nobody can say."""
    last = _last(fact, as_of)
    if last is None:
        return Age.UNDATED
    if newest is None:
        return Age.PERHAPS
    if last <= newest:
        return None
    return Age.NEWER if fact.since is None or fact.since > newest else Age.PERHAPS


def reaching(least: Worked, most: Worked, items: Iterable[str]) -> Worked:
    """A score with the top that it has where what is in doubt (`most` counts nothing of it) is at its worst.

    In a line that has enough without it (a rate beside an arterial pressure) it may give all points all the same.
    """
    doubted = frozenset(items)
    settled = (line for line in most.lines if line.name in doubted and not line.unsettled)
    more = sum(line.most - line.points for line in settled if line.points is not None)
    highest = max(least.highest, most.highest + more)
    if least.maximum is not None:
        highest = min(highest, max(least.maximum, least.highest))
    return replace(least, highest=highest, lines=tuple(_opened(line, line.name in doubted) for line in least.lines))


def _opened(line: Line, doubted: bool) -> Line:
    """A line that was found and could still gain points."""
    gains = doubted and line.points is not None and line.points < line.most
    return replace(line, unsettled=line.unsettled or gains)
