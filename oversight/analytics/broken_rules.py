"""Which service may have a broken rule: what comments say, held against the weeks in which it fired unlike itself.

Either may mislead: people complain about a good rule, and a new ward makes a rule fire more. Both in the same weeks are
a reason to look at the rule first. What is known to have changed then is named beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import IntEnum
from functools import partial

import numpy as np

from oversight.analytics.charts import mondays, version_changes
from oversight.analytics.phases import level_changes
from oversight.analytics.selection import Selection
from oversight.analytics.shifts import NEAR_WEEKS
from oversight.analytics.voices_by_week import Place, ServiceWeeks, service_weeks
from oversight.mart.mart import Questions
from oversight.proportions import Proportion, proportion
from oversight.statistics.control_charts import phase_starts
from oversight.statistics.refused import Refused
from oversight.statistics.spells import Spell, spells
from oversight.statistics.voices import Voices, complain, denser, together
from oversight.tallies import Period

# The same weeks are shuffled alike each time, so that a page says the same twice.
_SEED = 20_010


class Evidence(IntEnum):
    """What points to a broken rule, the most telling last."""

    NOTHING = 0
    FIRING = 1
    COMMENTS = 2
    COMMENTS_AND_OVERRIDES = 3
    COMMENTS_AND_FIRING = 4


JOINED = (Evidence.COMMENTS_AND_OVERRIDES, Evidence.COMMENTS_AND_FIRING)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known to have changed on a day: a new `version`, or (None) the risk from which a level begins."""

    day: date
    version: str | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A rate was another one from the week of `first` to that of `last` (Mondays); `beside`: what changed near then."""

    first: date
    last: date
    spell: Spell
    beside: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A version of a service in a period.

    `voices` are its comments; `written` is how many there are, also those that were not judged. `firing` and
    `overrides` are the spells that agree with the comments, else the latest ones, or why there are too few weeks to
    tell. `then`: how many of the comments in the weeks that agree suggest a broken rule.
    """

    service: str
    version: str
    written: int
    voices: Voices
    then: int
    firing: Moved | Refused | None
    overrides: Moved | Refused | None
    evidence: Evidence

    @property
    def share(self) -> Proportion | None:
        """Of the judged comments, those that suggest a broken rule."""
        return proportion(self.voices.suspicious, self.voices.comments)

    @property
    def joined(self) -> Moved | None:
        """The spell that comments agree with."""
        found = self.firing if self.evidence is Evidence.COMMENTS_AND_FIRING else self.overrides
        return found if self.evidence in JOINED and isinstance(found, Moved) else None

    def supports(self, service: str, version: str, week: date) -> bool:
        """Whether a comment of this week is about what moved."""
        moved = self.joined
        if moved is None or (service, version) != (self.service, self.version):
            return False
        return moved.first <= week <= moved.last + timedelta(weeks=NEAR_WEEKS)


def suspects(
    mart: Questions, selection: Selection, weeks: Period, hidden: Callable[[str], Collection[str]] = lambda _service: ()
) -> tuple[Suspect, ...]:
    """The versions of a selection that were shown, the most suspicious first. `weeks` are what it is judged against.

    `hidden` are the weeks of a service, by their Mondays as text, of which nothing may be told: they count as empty.
    """
    charted, starts = replace(selection, period=weeks), mondays(weeks)
    known = _known(mart, charted)
    found = [
        one.without([place for place, start in enumerate(starts) if start.isoformat() in untold])
        if (untold := hidden(one.service))
        else one
        for one in service_weeks(mart, charted, selection.period.first)
    ]
    each = (_service(one, starts, selection.period, known.get(one.service, ())) for one in found)
    return tuple(sorted((suspect for made in each for suspect in made), key=_order))


def _order(suspect: Suspect) -> tuple[object, ...]:
    """Of equal evidence, the larger share of comments; then by name."""
    low = suspect.share.low if suspect.share else 0.0
    return -suspect.evidence, -low, suspect.service, suspect.version


def _known(mart: Questions, selection: Selection) -> Mapping[str, list[Known]]:
    """New versions and levels, by service."""
    found: dict[str, list[Known]] = {}
    for change in version_changes(mart, selection):
        found.setdefault(change.service, []).append(Known(change.day, change.version))
    for level in level_changes(mart, selection):
        found.setdefault(level.service, []).append(Known(level.day, None))
    return found


def _service(
    found: ServiceWeeks, starts: Sequence[date], period: Period, known: Iterable[Known]
) -> tuple[Suspect, ...]:
    """The versions of one service that were asked in the period."""
    begins = max(place for place, start in enumerate(starts) if start <= period.first)
    told = partial(_moved, starts=starts, known=tuple(known), begins=begins)
    rates = []
    for counts, totals in ((found.cards, found.entries), (found.overridden, found.answered)):
        rate = spells(counts, totals, np.random.default_rng(_SEED))
        rates.append(rate if isinstance(rate, Refused) else told(rate))
    judge = _Judge(found, begins)
    return tuple(
        _suspect(judge, version, rates[0], rates[1])
        for version in found.versions
        if any(place >= begins and seen for place, seen in found.entries_of[version].items())
    )


def _moved(found: Iterable[Spell], starts: Sequence[date], known: Sequence[Known], begins: int) -> tuple[Moved, ...]:
    """The spells that reach into the period, with what is known to have changed where they begin."""

    def near(spell: Spell) -> tuple[Known, ...]:
        """The weeks before a change are unlike the others because of what came at their end."""
        edge = spell.last + 1 if spell.since_start else spell.first
        places = {one: phase_starts(starts, (one.day,)) for one in known}
        return tuple(one for one, place in places.items() if place and abs(place[0] - edge) <= NEAR_WEEKS)

    return tuple(
        Moved(starts[spell.first], starts[spell.last], spell, near(spell)) for spell in found if spell.last >= begins
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """What the comments on one service say of spells."""

    found: ServiceWeeks
    begins: int

    def agreeing(self, version: str, moved: Iterable[Moved]) -> Moved | None:
        """The spell in which comments on a version came most beyond chance, if any."""
        chances = ((self._chance(version, each.spell), place, each) for place, each in enumerate(moved))
        found = [(p, place, each) for p, place, each in chances if p is not None]
        return min(found, key=lambda each: each[:2])[2] if found else None

    def _chance(self, version: str, spell: Spell) -> float | None:
        """Of its comments in the weeks of a spell, against those on all versions in the other weeks."""

        def within(place: Place) -> bool:
            return spell.first <= place.week <= spell.last

        return denser(self.during(version, spell), self._of(lambda place: not within(place)))

    def during(self, version: str, spell: Spell) -> Voices:
        """Its comments in those weeks of a spell that belong to the period."""
        first = max(spell.first, self.begins)
        return self._of(lambda place: place.version == version and first <= place.week <= spell.last)

    def of(self, version: str) -> Voices:
        """All its comments in the period."""
        return self._of(lambda place: place.version == version and place.asked)

    def written(self, version: str) -> int:
        """How many comments on it there are in the period."""
        numbers = self.found.written.items()
        return sum(number for place, number in numbers if place.version == version and place.asked)

    def _of(self, which: Callable[[Place], bool]) -> Voices:
        return together(voices for place, voices in self.found.voices.items() if which(place))


def _suspect(
    judge: _Judge,
    version: str,
    firing: tuple[Moved, ...] | Refused,
    overrides: tuple[Moved, ...] | Refused,
) -> Suspect:
    """One version."""
    used = {place for place, entries in judge.found.entries_of[version].items() if entries}
    fired, overridden = ((() if isinstance(one, Refused) else _of_use(one, used)) for one in (firing, overrides))
    agrees = judge.agreeing(version, fired)
    rose = judge.agreeing(version, (each for each in overridden if each.spell.higher))
    voices, agreed = judge.of(version), agrees or rose
    shown_firing = agrees or _latest(fired)
    return Suspect(
        service=judge.found.service,
        version=version,
        written=judge.written(version),
        voices=voices,
        then=judge.during(version, agreed.spell).suspicious if agreed else 0,
        firing=firing if isinstance(firing, Refused) else shown_firing,
        overrides=overrides if isinstance(overrides, Refused) else rose or _latest(overridden),
        evidence=_evidence(agrees, rose, shown_firing, complaining=complain(voices)),
    )


def _evidence(agrees: Moved | None, rose: Moved | None, firing: Moved | None, *, complaining: bool) -> Evidence:
    """The most telling."""
    if agrees:
        return Evidence.COMMENTS_AND_FIRING
    if rose:
        return Evidence.COMMENTS_AND_OVERRIDES
    if complaining:
        return Evidence.COMMENTS
    return Evidence.FIRING if firing else Evidence.NOTHING


def _of_use(moved: Iterable[Moved], used: set[int]) -> tuple[Moved, ...]:
    """The spells with a week in which the version was in use."""
    return tuple(each for each in moved if any(each.spell.first <= place <= each.spell.last for place in used))


def _latest(moved: Iterable[Moved]) -> Moved | None:
    """The spell that began last; not the weeks before the first change, which are what was usual once."""
    found = [each for each in moved if not each.spell.since_start]
    return max(found, key=lambda each: (each.first, each.last), default=None)
