"""Comments and firing side by side, in words: which service's rule to look at first, and what to hold against that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from oversight.analytics.broken_rules import JOINED, Evidence, Known, Moved, Suspect, suspects
from oversight.analytics.few_clinicians import FEWEST, weeks_of_few
from oversight.analytics.funnel import funnels
from oversight.analytics.selection import By, Selection
from oversight.analytics.silence import no_answer_shares
from oversight.mart.mart import Questions
from oversight.pages import words
from oversight.pages.group_rows import group_rows
from oversight.pages.overview import chart_selection
from oversight.proportions import Proportion
from oversight.statistics.refused import Refused
from oversight.statistics.suppression import SMALLEST_SHOWN

OF_FEW = (
    "Of one unit or role, comments and weeks may be those of one person: for your role they are not set side by side."
)


@dataclass(frozen=True, slots=True)
class RateWords:
    """What a rate did, and when, with what is known to have changed then."""

    what: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A version of a service in words; `loud` where comments and a rate agree.

    `silent`: which share of the service's cards got no answer in the period, told where rates have their numbers.
    """

    name: str
    version: str
    comments: str
    share: str
    then: str
    firing: RateWords
    overrides: RateWords
    silent: str
    says: str
    loud: bool


@dataclass(frozen=True, slots=True)
class BrokenRules:
    """The lines, the most suspicious first; `headline` has the sentences of the loud ones.

    `refused` says why there is no line. `sampled`: not every comment was judged. `found`: what the lines are made of.
    """

    lines: tuple[Line, ...]
    headline: tuple[str, ...]
    refused: str
    sampled: bool
    found: tuple[Suspect, ...]

    def supports(self, service: str, version: str, week: date) -> bool:
        """Whether a rate moved when a comment was written."""
        return any(each.supports(service, version, week) for each in self.found)


def broken_rules(
    mart: Questions, selection: Selection, *, counts: bool = True, hidden_weeks: Collection[str] = ()
) -> BrokenRules:
    """Of a selection, held against the weeks of its charts.

    Without `counts` no number is told, nothing of comments where fewer than eleven suggest a broken rule or fewer than
    five people wrote them, nothing of small weeks, of weeks of few clinicians and of `hidden_weeks` (by their Mondays),
    and of one unit or role nothing at all.
    """
    if not counts and (selection.unit_name or selection.role):
        return BrokenRules((), (), OF_FEW, sampled=False, found=())
    charted = chart_selection(selection)
    if counts:
        found = suspects(mart, selection, charted.period)
        silent = no_answer_shares(mart, selection, By.SERVICE)
        lines = tuple(_line(each, silent.get(each.service)) for each in found)
    else:
        found = suspects(mart, selection, charted.period, lambda name: _untold(mart, charted, name, hidden_weeks))
        lines = tuple(map(_without_counts, found))
    told = lines if counts else _by_words(lines)
    headline = tuple(line.says for line in told if line.loud)
    sampled = any(each.voices.comments < each.written for each in found)
    return BrokenRules(told, headline, "", sampled, found if counts else ())


def _untold(mart: Questions, charted: Selection, service: str, also: Collection[str]) -> frozenset[str]:
    """The weeks of a service of which its own page tells nothing, and some others."""
    own = replace(charted, service=service)
    of_few = weeks_of_few(mart, own).union(also)
    return of_few | group_rows(funnels(mart, own, By.WEEK), of_few=of_few).without_counts


def _by_words(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The loud ones, then by name: the order must not tell what the words do not."""
    return tuple(sorted(lines, key=lambda line: (not line.loud, line.name)))


def _line(suspect: Suspect, silent: Proportion | None) -> Line:
    """With its numbers."""
    voices, share = suspect.voices, suspect.share
    return Line(
        name=_name(suspect),
        version=suspect.version,
        comments=f"{voices.suspicious:,} of {voices.comments:,}" if voices.comments else "no comment",
        share=f"{words.percent(share)} ({words.interval(share)})" if share else "",
        then=f"{suspect.then:,} of them in those weeks" if suspect.joined else "",
        firing=_rate(suspect.firing, "calls"),
        overrides=_rate(suspect.overrides, "answered cards"),
        silent=f"{words.percent(silent)} of {silent.total:,} cards" if silent else "no card",
        says=_says(suspect, suspect.evidence, overrides=True),
        loud=suspect.evidence in JOINED,
    )


def _without_counts(suspect: Suspect) -> Line:
    """Without numbers, and without what few said or did."""
    voices = suspect.voices
    enough = voices.suspicious >= SMALLEST_SHOWN and len(voices.writers) >= FEWEST
    overrides = suspect.overrides if _told(suspect.overrides) else None
    evidence = suspect.evidence
    if evidence is Evidence.COMMENTS_AND_OVERRIDES and overrides is None:
        evidence = Evidence.COMMENTS
    if not enough:
        evidence = Evidence.FIRING if isinstance(suspect.firing, Moved) else Evidence.NOTHING
    return Line(
        name=_name(suspect),
        version=suspect.version,
        comments=f"{SMALLEST_SHOWN} or more" if enough else f"fewer than {SMALLEST_SHOWN}, or of few clinicians",
        share="",
        then="",
        firing=_rate(suspect.firing),
        overrides=RateWords("not told: few answers") if overrides is None and suspect.overrides else _rate(overrides),
        silent="",
        says=_says(suspect, evidence, overrides=overrides is not None) if enough else _silent(suspect, evidence),
        loud=evidence in JOINED,
    )


def _told(overrides: Moved | Refused | None) -> bool:
    """Whether a spell is of enough cards."""
    if not isinstance(overrides, Moved):
        return True
    inside = overrides.spell.inside
    return min(inside.count, inside.total - inside.count) >= SMALLEST_SHOWN


def _name(suspect: Suspect) -> str:
    return f"{suspect.service} {suspect.version}"


def _says(suspect: Suspect, evidence: Evidence, *, overrides: bool) -> str:
    """The answer in a sentence or two."""
    if evidence is Evidence.COMMENTS_AND_FIRING and isinstance(suspect.firing, Moved):
        rose = _rose_too(suspect) if overrides else ""
        return f"Comments and firing both point to a broken rule {_look(suspect, suspect.firing, rose)}"
    if evidence is Evidence.COMMENTS_AND_OVERRIDES and isinstance(suspect.overrides, Moved):
        return f"Comments and overrides both point to a broken rule {_look(suspect, suspect.overrides)}"
    if evidence is Evidence.COMMENTS:
        return "Comments alone suggest a broken rule: read them first."
    if evidence is Evidence.FIRING and isinstance(suspect.firing, Moved):
        return f"{_fired(suspect.firing)}; comments do not call the rule broken. {_beside(suspect.firing.beside)}"
    return "Neither comments nor firing suggest a broken rule."


def _silent(suspect: Suspect, evidence: Evidence) -> str:
    """Where of comments nothing may be told."""
    if evidence is Evidence.FIRING and isinstance(suspect.firing, Moved):
        return f"{_fired(suspect.firing)}. {_beside(suspect.firing.beside)}"
    return "Firing does not suggest a broken rule."


def _look(suspect: Suspect, moved: Moved, rose: str = "") -> str:
    """When, where to look, and what else it may be."""
    return f"{_when(moved)}: look at the rule of {_name(suspect)} first.{rose} {_beside(moved.beside)}"


def _rose_too(suspect: Suspect) -> str:
    """Whether the override rate was higher in weeks of the same spell."""
    firing, overrides = suspect.firing, suspect.overrides
    if not isinstance(firing, Moved) or not isinstance(overrides, Moved) or not overrides.spell.higher:
        return ""
    overlap = overrides.first <= firing.last and firing.first <= overrides.last
    return " The override rate rose as well." if overlap else ""


def _fired(moved: Moved) -> str:
    return f"It fired {'more' if moved.spell.higher else 'less'} often than usual {_when(moved)}"


def _when(moved: Moved) -> str:
    """The weeks."""
    if moved.spell.since_start:
        return f"up to the week of {_day(moved.last)}"
    if moved.spell.still:
        return f"since the week of {_day(moved.first)}"
    if moved.first == moved.last:
        return f"in the week of {_day(moved.first)}"
    return f"from the week of {_day(moved.first)} to that of {_day(moved.last)}"


def _beside(known: Sequence[Known]) -> str:
    """What is known to have changed at that time."""
    if not known:
        return "No new version and no new threshold came at that time."
    return f"At that time {' and '.join(_changes(known))}, which may be all there is to it."


def _changes(known: Sequence[Known]) -> list[str]:
    """Each change once."""
    told = (
        f"version {one.version} came on {_day(one.day)}"
        if one.version
        else f"a threshold was changed on {_day(one.day)}"
        for one in known
    )
    return list(dict.fromkeys(told))


def _rate(moved: Moved | Refused | None, of: str = "") -> RateWords:
    """A spell; with its rate, the usual one and its number of calls or answers where these have a name."""
    if isinstance(moved, Refused):
        return RateWords("too few weeks to tell")
    if moved is None:
        return RateWords("as usual")
    inside, usual = moved.spell.inside, moved.spell.usual
    what = "higher" if moved.spell.higher else "lower"
    rates = f": {_percent(inside)}, in the other weeks {_percent(usual)}" if of else ""
    when = [_when(moved), *_changes(moved.beside), *([f"{inside.total:,} {of}"] if of else [])]
    return RateWords(f"{what}{rates}", "; ".join(when))


def _percent(share: Proportion) -> str:
    return f"{100 * share.value:.0f} %"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
