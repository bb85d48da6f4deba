"""What a service did week by week, and what was written about it: counts for each week and version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from oversight.analytics.charts import mondays
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.comments import usual_ranker
from oversight.statistics.voices import Voices

Counts = npt.NDArray[np.int64]
_DAY_0 = date(1970, 1, 1)
# Of more different comments, as many are judged: whichever their hashes put first, so that no week is left out.
MOST_JUDGED = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """A week (its place in the series) of a version; `asked`: its days that belong to the period, or those before."""

    week: int
    version: str
    asked: bool


@dataclass(frozen=True, slots=True, eq=False)
class ServiceWeeks:
    """A service: arrays with one entry a week, of all versions; `entries` without openings of the page.

    `entries_of`: entries of the period by version and week; `written`: how many comments, judged or not.
    """

    service: str
    entries: Counts
    cards: Counts
    answered: Counts
    overridden: Counts
    entries_of: dict[str, dict[int, int]] = field(default_factory=dict)
    written: dict[Place, int] = field(default_factory=dict)
    voices: dict[Place, Voices] = field(default_factory=dict)

    @property
    def versions(self) -> list[str]:
        """In order of their names."""
        return sorted(self.entries_of)

    def without(self, weeks: Collection[int]) -> ServiceWeeks:
        """As if some weeks had no cards, no calls and no comments."""
        kept = np.ones(self.entries.size, np.int64)
        kept[list(weeks)] = 0
        return replace(
            self,
            entries=self.entries * kept,
            cards=self.cards * kept,
            answered=self.answered * kept,
            overridden=self.overridden * kept,
            written={place: number for place, number in self.written.items() if place.week not in weeks},
            voices={place: voices for place, voices in self.voices.items() if place.week not in weeks},
        )


_WEEKS = """
SELECT CAST(service AS VARCHAR), CAST(model_version AS VARCHAR), (day - $monday) // 7, day >= $begins,
  count(*), count(*) FILTER (card), count(*) FILTER (card AND outcome IN ('accepted', 'overridden')),
  count(*) FILTER (card AND outcome = 'overridden'),
  count(*) FILTER (card AND outcome = 'overridden' AND comment <> '')
FROM event WHERE hook <> 'smart-launch' AND {where} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_TEXTS = """
SELECT comment FROM event WHERE card AND outcome = 'overridden' AND comment <> '' AND {where}
GROUP BY 1 ORDER BY hash(comment), comment LIMIT {most}
"""
# Whose name is not known may be anybody.
_VOICES = """
WITH judged AS (SELECT unnest($texts) AS comment, unnest($suspicious) AS suspicious),
said AS (SELECT CAST(service AS VARCHAR) AS name, CAST(model_version AS VARCHAR) AS version,
    (day - $monday) // 7 AS week, day >= $begins AS asked, suspicious, hash(comment) AS wording,
    CASE WHEN clinician <> '' THEN hash(client, clinician) ELSE hash(sequence) END AS writer
  FROM event JOIN judged USING (comment) WHERE card AND outcome = 'overridden' AND {where})
SELECT name, version, week, asked, count(*), count(*) FILTER (suspicious), list(DISTINCT wording),
  list(DISTINCT wording) FILTER (suspicious), list(DISTINCT writer) FILTER (suspicious)
FROM said GROUP BY 1, 2, 3, 4
"""


def service_weeks(mart: Questions, selection: Selection, begins: date) -> tuple[ServiceWeeks, ...]:
    """The services that were ever shown in a selection, by name; its period of interest begins on a day within."""
    starts = mondays(selection.period)
    where, values = selection.where()
    days = {"monday": (starts[0] - _DAY_0).days, "begins": (begins - _DAY_0).days}
    found: dict[str, ServiceWeeks] = {}
    voices = _voices(mart, where, values, days)
    for name, version, week, asked, *counts, comments in mart.rows(_WEEKS.format(where=where), values | days):
        service = found.setdefault(name, _empty(name, len(starts)))
        series = (service.entries, service.cards, service.answered, service.overridden)
        for weekly, count in zip(series, counts, strict=True):
            weekly[week] += count
        place = Place(week, version, asked)
        said = voices.get((name, place), Voices())
        service.voices[place] = Voices(
            counts[3], said.comments, said.suspicious, said.wordings, said.suspicious_wordings, said.writers
        )
        service.written[place] = comments
        if asked:
            service.entries_of.setdefault(version, {})[week] = counts[0]
    return tuple(service for service in found.values() if service.cards.any())


def _voices(
    mart: Questions, where: str, values: Mapping[str, object], days: Mapping[str, int]
) -> dict[tuple[str, Place], Voices]:
    """What was written, by service and place; the number of overridden cards is not known here."""
    texts = [text for (text,) in mart.rows(_TEXTS.format(where=where, most=MOST_JUDGED), values)]
    if not texts:
        return {}
    suspicious = [False] * len(texts)
    for ranked in usual_ranker().rank(texts):
        suspicious[ranked.index] = ranked.suggests
    rows = mart.rows(_VOICES.format(where=where), {**values, **days, "texts": texts, "suspicious": suspicious})
    return {
        (name, Place(week, version, asked)): Voices(0, number, loud, *(frozenset(each or ()) for each in lists))
        for name, version, week, asked, number, loud, *lists in rows
    }


def _empty(name: str, weeks: int) -> ServiceWeeks:
    """No entry yet."""
    entries, cards, answered, overridden = np.zeros((4, weeks), np.int64)
    return ServiceWeeks(name, entries, cards, answered, overridden)
