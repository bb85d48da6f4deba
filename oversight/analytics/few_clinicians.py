"""Whether a selection says so much about so few clinicians that it speaks of one of them.

Rates of a unit's only pharmacist are figures of a single clinician, with or without a name. Five is what surveys of
staff commonly ask for before they print a group. Who answers is counted apart from who was advised: an override rate is
that of the few who answered, however many were advised. Where nobody answered there is no such rate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions
from oversight.statistics.suppression import SMALLEST_SHOWN

FEWEST = 5
# Of what is filtered by people, a shorter period could be set against another one that is a day longer.
SHORTEST_DAYS = 28

# What these filters leave out can be had by taking what they show from the whole: so a group that a table hides beside
# one of few is refused as a filter too. Of a unit or a role so are services and models; that few people use a whole
# service is no secret.
_PARTS = ("hook", "tier", "model_version", "client", "unit_name", "role")
_WHOLES = ("service", "model_id")

# A condition on entries: the clinician decided on the card.
ANSWERED = "card AND coalesce(outcome IN ('accepted', 'overridden'), false)"
# Of people, with those who answered: `counted` is what stands for one of them.
_FEW_OF_THEM = f"(count({{counted}}) < {FEWEST} OR count({{counted}}) FILTER (answered) BETWEEN 1 AND {FEWEST - 1})"
_COUNT = f"""
SELECT count(*), count(*) FILTER (answered) FROM (
  SELECT bool_or({ANSWERED}) AS answered FROM event WHERE clinician <> '' AND {{where}} GROUP BY client, clinician)
"""  # noqa: S608 (our words)
_WHO = f"""
SELECT {{name}}, list(who), list(who) FILTER (answered) FROM (
  SELECT {{name}}, hash(client, clinician) AS who, bool_or({ANSWERED}) AS answered FROM event
  WHERE clinician <> '' AND {{where}} GROUP BY 1, 2)
GROUP BY 1
"""  # noqa: S608 (our words)
_GROUPS = f"""
SELECT CAST(key AS VARCHAR) FROM (
  SELECT {{by}} AS key, bool_or({ANSWERED}) AS answered FROM event WHERE clinician <> '' AND {{where}}
  GROUP BY 1, client, clinician)
GROUP BY key HAVING {_FEW_OF_THEM.format(counted="*")}
"""  # noqa: S608 (our words)
# The many entries are read once, into what they tell of people; the groups are then counted in that.
_PEOPLE = f"""WITH people AS MATERIALIZED (
  SELECT {{read}}, client AS origin, clinician, bool_or({ANSWERED}) AS answered FROM event WHERE {{where}} GROUP BY ALL)
"""  # noqa: S608 (our words)
_FEW_OF = f"""
SELECT {{place}}, CAST({{by}} AS VARCHAR) AS key FROM people
GROUP BY 2 HAVING key IS NOT NULL AND {_FEW_OF_THEM.format(counted="DISTINCT (origin, clinician)")}
"""  # noqa: S608 (our words)
# Reasons are those of overrides: "" for none, while what was not overridden is in no group of them.
_READ = {
    By.MODEL: "model_id, model_version",
    By.DAY: "date",
    By.WEEK: "date_trunc('week', date) AS date",
    By.MONTH: "date_trunc('month', date) AS date",
    By.REASON: "CASE WHEN card AND outcome = 'overridden' THEN coalesce(reason, '') END AS reason",
}
# Of a week a filter leaves a rest, which follows from the page without the filter: one of few may not be left.
_DIVIDING = ("hook", "tier", "model_version", "model_id", "client")
_WEEKS = f"""
SELECT {{week}}, CAST({{name}} AS VARCHAR), list(DISTINCT hash(client, clinician)) FILTER (clinician <> ''),
  list(DISTINCT hash(client, clinician)) FILTER (clinician <> '' AND {ANSWERED}), count(*), count(*) FILTER (card)
FROM event WHERE {{where}} GROUP BY 1, 2
"""  # noqa: S608 (our words)
OVERRIDDEN = "card AND outcome = 'overridden'"
_ROLES = """
SELECT DISTINCT client, unit_name FROM (
  SELECT client, unit_name FROM advice WHERE clinician <> '' AND {where}
  GROUP BY client, unit_name, role HAVING count(DISTINCT clinician) < {fewest})
"""


def why_too_few(mart: Questions, selection: Selection) -> str | None:
    """The reason in words why the figures are those of a few clinicians, or None where they are not."""
    by_people = [name for name in (selection.unit_name, selection.role) if name is not None]
    if len(by_people) > 1:
        return "a role within a unit may be one person: choose one of the two"
    if by_people and (selection.period.last - selection.period.first).days + 1 < SHORTEST_DAYS:
        return f"of a unit or a role, figures of fewer than {SHORTEST_DAYS} days may be those of one person"
    if all_of_few(mart, selection):
        return f"they are those of fewer than {FEWEST} clinicians"
    for name in (*_PARTS, *(_WHOLES if by_people else ())):
        if getattr(selection, name) is not None and _gives_away(mart, selection, name):
            return f"set against the same without a filter, they would be those of fewer than {FEWEST} clinicians"
    return None


def all_of_few(mart: Questions, selection: Selection) -> bool:
    """Whether few clinicians were advised in all, or few answered."""
    where, values = selection.where()
    ((advised, answering),) = mart.rows(_COUNT.format(where=where), values)
    return any(0 < int(people) < FEWEST for people in (advised, answering))


def _gives_away(mart: Questions, selection: Selection, name: str) -> bool:
    """Whether the value of a filter is one that has to be hidden beside others, so that these are not what is left."""
    all_of_it: dict[str, Any] = {name: None}
    where, values = replace(selection, **all_of_it).where()
    found = mart.rows(_WHO.format(name=name, where=where), values)
    own = getattr(selection, name)
    return own in _hidden({value: advised for value, advised, _ in found}) | _hidden(
        {value: answering for value, _, answering in found if answering}
    )


def _hidden(people: Mapping[str | None, Collection[int]]) -> frozenset[str | None]:
    """Groups of few, and the smallest of the others where all that is hidden would still be that of few."""
    hidden: set[str | None] = set()
    together: set[int] = set()
    for value, who in sorted(people.items(), key=lambda group: (len(group[1]), group[0] or "")):
        if len(who) >= FEWEST and (not hidden or len(together) >= FEWEST):
            break
        hidden.add(value)
        together.update(who)
    return frozenset(hidden)


def groups_of_few(mart: Questions, selection: Selection, by: By) -> frozenset[str]:
    """The groups (units, roles, hours …) in which fewer than `FEWEST` were advised, or one to four answered."""
    where, values = selection.where()
    return frozenset(key or "" for (key,) in mart.rows(_GROUPS.format(by=by, where=where), values))


def few_by(mart: Questions, selection: Selection, groups: Sequence[By], of: str = "TRUE") -> dict[By, frozenset[str]]:
    """The same for several groupings, for which the entries are read once; of time there may be one, or days and weeks.

    `of` narrows the entries further. By reason, the groups are those of overrides, "" for those without one.
    """
    where, values = selection.where()
    days = {By.WEEK: _READ[By.DAY]} if By.DAY in groups else {}
    read = ", ".join(dict.fromkeys((_READ | days).get(by, by.value) for by in groups))
    parts = [
        _FEW_OF.format(place=place, by="reason" if by is By.REASON else by.value) for place, by in enumerate(groups)
    ]
    asked = _PEOPLE.format(read=read, where=f"clinician <> '' AND {of} AND {where}") + " UNION ALL ".join(parts)
    found = mart.rows(asked, values)
    return {by: frozenset(key for at, key in found if at == place) for place, by in enumerate(groups)}


def weeks_of_few(mart: Questions, selection: Selection) -> frozenset[str]:
    """The weeks (by their Mondays) behind which few clinicians stand, or whose rest without a filter would be of few.

    Of few clinicians, or of few cards or entries.
    """
    found = few_by(mart, selection, (By.WEEK,))[By.WEEK]
    asked = [name for name in _DIVIDING if getattr(selection, name) is not None]
    return found.union(*(_with_a_small_rest(mart, selection, name) for name in asked))


def undivided(selection: Selection) -> Selection:
    """What `weeks_of_few` reads: the same entries, and those that a filter leaves out."""
    every: dict[str, Any] = dict.fromkeys(_DIVIDING)
    return replace(selection, **every)


def _with_a_small_rest(mart: Questions, selection: Selection, name: str) -> frozenset[str]:
    """Weeks in which the value of a filter is one that has to be hidden beside the others."""
    all_of_it: dict[str, Any] = {name: None}
    where, values = replace(selection, **all_of_it).where()
    weeks: dict[str, dict[str | None, _Part]] = {}
    for week, value, *part in mart.rows(_WEEKS.format(week=By.WEEK, name=name, where=where), values):
        weeks.setdefault(week, {})[value] = _Part(*part)
    own = getattr(selection, name)
    return frozenset(week for week, parts in weeks.items() if own in _small_parts(parts))


@dataclass(frozen=True, slots=True)
class _Part:
    """What a filter's value has of a week: who was advised and who answered (None: nobody), and how much."""

    advised: Sequence[int] | None
    answering: Sequence[int] | None
    entries: int
    cards: int


def _small_parts(parts: Mapping[str | None, _Part]) -> frozenset[str | None]:
    """The parts of a week to hide: those of few clinicians, of few entries or cards, and what would give them away."""
    return frozenset().union(
        _hidden({value: part.advised for value, part in parts.items() if part.advised}),
        _hidden({value: part.answering for value, part in parts.items() if part.answering}),
        _few_counts({value: part.entries for value, part in parts.items()}),
        _few_counts({value: part.cards for value, part in parts.items()}),
    )


def _few_counts(parts: Mapping[str | None, int]) -> frozenset[str | None]:
    """Parts of fewer than eleven, and the smallest of the others where all that is hidden would still be as few."""
    hidden: dict[str | None, int] = {}
    for value, number in sorted(parts.items(), key=lambda part: (part[1], part[0] or "")):
        if number >= SMALLEST_SHOWN and (not hidden or (len(hidden) > 1 and sum(hidden.values()) >= SMALLEST_SHOWN)):
            break
        if number:
            hidden[value] = number
    return frozenset(hidden)


def roles_of_few(mart: Questions, selection: Selection) -> frozenset[tuple[str, str]]:
    """The units (client and name) in which a role is so few clinicians that role and unit name them."""
    where, values = selection.where()
    return frozenset(mart.rows(_ROLES.format(where=where, fewest=FEWEST), values))
