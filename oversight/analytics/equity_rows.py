"""What equity is read from: assessments, what was done with the cards, and whose groups they are of.

Groups are read for audit only; race and ethnicity are never a feature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clinical.advice import WithheldReason
from oversight.analytics.burden import REFLEX, REPEAT_DAYS, REPEAT_MICROSECONDS, SAME_CARD, TIMED_OVERRIDE
from oversight.analytics.comparison import BANDS
from oversight.analytics.funnel import actions_loaded
from oversight.analytics.selection import Selection
from oversight.mart.mart import Questions
from oversight.statistics.equity_groups import UNKNOWN, Attribute

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# An attribute with more values than this is no group for audit but a description of a person.
MOST_LABELS = 20
MOST_ATTRIBUTES = 12
# The risk that answers are held at equal to; scores have their tiers instead.
STRATA = len(BANDS) + 1


# Rules that are asked only of what is high enough for a card: what they withheld would have been one.
RULES = (
    WithheldReason.REPEAT, WithheldReason.SNOOZED, WithheldReason.ENCOUNTER_BUDGET, WithheldReason.CLINICIAN_BUDGET,
    WithheldReason.SHADOW,
)  # fmt: skip
MOST_REASONS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Cards:
    """Those of `EquityRows` that were shown, as it tells them."""

    sequence: Integers
    attributes: Mapping[str, Attribute]
    overridden: Flags
    accepted: Flags
    seconds: Floats
    stratum: Integers
    strata: int
    unit: npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class EquityRows:
    """Equally long arrays, one entry for each question that a model was asked, by `sequence`.

    Openings of the page are not in it. `attributes` by name, all that are known of patients. `assessed`: not an
    abstention. `card`: shown. `withheld`: by one of `RULES`. Of cards only: `overridden`, `accepted`; `seconds` to one
    of these, NaN without; `repeated`, `timed` and `reflex` as `oversight.analytics.burden` has them; `acted`: an action
    was seen, None where nobody ever looked; `reason` of an override, a place in `reasons` (code and words), or -1.
    `stratum`: service and band of risk or tier, codes below `strata`. `unit`: the same number for the same unit.
    """

    sequence: Integers
    attributes: Mapping[str, Attribute]
    assessed: Flags
    card: Flags
    withheld: Flags
    overridden: Flags
    accepted: Flags
    repeated: Flags
    timed: Flags
    reflex: Flags
    acted: Flags | None
    reason: Integers
    reasons: tuple[tuple[str, str], ...]
    seconds: Floats
    stratum: Integers
    strata: int
    unit: npt.NDArray[np.uint64]

    def cards(self) -> Cards:
        """Those that were shown."""
        keep = self.card
        return Cards(
            sequence=self.sequence[keep],
            attributes=self.groups_of(self.sequence[keep]),
            overridden=self.overridden[keep],
            accepted=self.accepted[keep],
            seconds=self.seconds[keep],
            stratum=self.stratum[keep],
            strata=self.strata,
            unit=self.unit[keep],
        )

    def groups_of(self, sequence: Integers) -> dict[str, Attribute]:
        """The groups of some of the entries, in their order. Every one of them is in here."""
        place = self.places(sequence)
        return {name: Attribute(name, each.labels, each.codes[place]) for name, each in self.attributes.items()}

    def places(self, sequence: Integers) -> Integers:
        """Where some of the entries stand. Every one of them is in here."""
        return np.searchsorted(self.sequence, sequence)


# What was said last of each attribute, a line for each patient. Client and pseudonym are one number here: to group and
# to join hundreds of thousands of patients by two columns of text took two thirds of the page's time.
_PEOPLE = """
CREATE TEMP TABLE IF NOT EXISTS person AS
SELECT hash(client, patient) AS person{said} FROM patient_group WHERE patient IS NOT NULL GROUP BY 1
"""
_ROWS = f"""
WITH coded AS (SELECT person, {{groups}} FROM person)
SELECT sequence, card, abstention IS NULL AS assessed,
  abstention IS NULL AND coalesce(withheld IN ({", ".join(f"'{each}'" for each in RULES)}), false) AS withheld,
  card AND coalesce(outcome = 'overridden', false) AS overridden,
  card AND coalesce(outcome = 'accepted', false) AS accepted, card AND acted AS acted,
  card AND coalesce({TIMED_OVERRIDE}, false) AS timed, card AND coalesce({REFLEX}, false) AS reflex,
  CASE WHEN card AND outcome = 'overridden' THEN coalesce(list_position($reasons, reason), 0) ELSE 0 END AS reason,
  CASE WHEN card AND outcome IN ('accepted', 'overridden') THEN seconds END AS seconds, probability,
  coalesce(list_position($tiers, tier), 0) AS tier, list_position($services, service) - 1 AS service,
  hash(unit_name) AS unit, time, day >= $first AS inside,
  CASE WHEN card THEN hash({SAME_CARD}) ELSE 0 END AS same, {{codes}}
FROM event LEFT JOIN coded ON coded.person = CASE WHEN patient IS NOT NULL THEN hash(client, patient) END
WHERE hook <> 'smart-launch' AND {{where}}
"""  # noqa: S608 (our words)
# Of two reasons that are as common, the first by letters.
_REASONS = f"""
SELECT reason_code, mode(reason_display ORDER BY reason_display) FROM feedback
WHERE outcome = 'overridden' AND quarantine IS NULL AND reason_code <> '' GROUP BY 1 ORDER BY count(*) DESC, 1
LIMIT {MOST_REASONS}
"""  # noqa: S608 (our words)


def _people(mart: Questions) -> tuple[str, ...]:
    """Lay the patients out, once for a connection; the attributes in the order of their columns (`v0`, ...)."""
    names = [name for (name,) in mart.rows("SELECT DISTINCT CAST(attribute AS VARCHAR) FROM patient_group ORDER BY 1")]
    said = "".join(f", arg_max(value, sequence) FILTER (attribute = $a{n}) AS v{n}" for n in range(len(names)))
    mart.rows(_PEOPLE.format(said=said), {f"a{n}": name for n, name in enumerate(names)})
    return tuple(names)


def attribute_labels(mart: Questions) -> dict[str, tuple[str, ...]]:
    """Attributes that are known of patients, with all their values, by name."""
    names = _people(mart)
    if not names:
        return {}
    listed = ", ".join(f"list_sort(list(DISTINCT v{n}) FILTER (v{n} IS NOT NULL))" for n in range(len(names)))
    (found,) = mart.rows(f"SELECT {listed} FROM person")  # noqa: S608 (our names)
    values = {name: tuple(each or ()) for name, each in zip(names, found, strict=True)}
    usable = [name for name in names if 2 <= len(values[name]) <= MOST_LABELS]
    return {name: values[name] for name in usable[:MOST_ATTRIBUTES]}


def equity_rows(mart: Questions, selection: Selection, labels: Mapping[str, tuple[str, ...]]) -> EquityRows:
    """The questions of a selection with these attributes (at least one)."""
    where, values = selection.where(REPEAT_DAYS)
    tiers, services = (
        [name for (name,) in mart.rows(f"SELECT DISTINCT {each} FROM advice WHERE {each} <> '' ORDER BY 1")] or [""]  # noqa: S608
        for each in ("tier", "service")
    )
    column = {name: n for n, name in enumerate(_people(mart))}
    groups = ", ".join(f"list_position($l{n}, v{column[name]}) AS g{n}" for n, name in enumerate(labels))
    codes = ", ".join(f"coalesce(g{n}, 0) AS g{n}" for n in range(len(labels)))
    reasons = tuple((code, display or code) for code, display in mart.rows(_REASONS))
    named: dict[str, Any] = {"tiers": tiers, "services": services, "reasons": [code for code, _ in reasons] or [""]}
    named |= {f"l{n}": list(each) for n, each in enumerate(labels.values())}
    found = mart.arrays(_ROWS.format(groups=groups, codes=codes, where=where), values | named)
    order = np.argsort(found["sequence"], kind="stable")
    read = {name: _filled(column)[order] for name, column in found.items()}
    # What was read of the days before says what is a repeat, and no more.
    again, inside = (
        _repeated(read["card"].astype(np.bool_), read["same"], read["time"].astype(np.int64)),
        read["inside"].astype(np.bool_),
    )
    rows = {name: column[inside] for name, column in read.items()}
    stratum, strata = _strata(rows["probability"], rows["tier"].astype(np.int64), len(tiers))
    service, sequence = rows["service"].astype(np.int64), rows["sequence"].astype(np.int64)
    flags = {name: rows[name].astype(np.bool_) for name in _FLAGS}
    acted = flags.pop("acted")
    return EquityRows(
        sequence=sequence,
        attributes={name: _attribute(name, each, rows[f"g{n}"]) for n, (name, each) in enumerate(labels.items())},
        **flags,
        repeated=again[inside],
        acted=acted if actions_loaded(mart) else None,
        reason=rows["reason"].astype(np.int64) - 1,
        reasons=reasons,
        seconds=rows["seconds"].astype(np.float64),
        stratum=service * strata + stratum,
        strata=len(services) * strata,
        unit=rows["unit"],
    )


_FLAGS = ("assessed", "card", "withheld", "overridden", "accepted", "timed", "reflex", "acted")


def _repeated(card: Flags, same: npt.NDArray[Any], time: Integers) -> Flags:
    """The cards that are repeats, out of rows in the order of the ledger.

    The window of `oversight.analytics.burden` by hand: rows are here already, and to ask for them again took a third of
    the time of the whole question.
    """
    cards = np.flatnonzero(card)
    # Stable, so that of two of one moment the earlier entry comes first.
    order = cards[np.lexsort((time[cards], same[cards]))]
    again = (same[order][1:] == same[order][:-1]) & (np.diff(time[order]) <= REPEAT_MICROSECONDS)
    flags = np.zeros(len(card), dtype=np.bool_)
    flags[order[1:][again]] = True
    return flags


def _filled(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """NaN in the gaps of numbers."""
    if isinstance(column, np.ma.MaskedArray):
        return np.asarray(column.filled(np.nan) if column.dtype.kind == "f" else column.filled(0))
    return column


def _strata(probability: Floats, tier: Integers, tiers: int) -> tuple[Integers, int]:
    """Bands of risk; of scores, which have no risk, the tier."""
    band = np.digitize(probability, BANDS)
    return np.where(np.isnan(probability), STRATA + tier, band).astype(np.int64), STRATA + tiers + 1


def _attribute(name: str, labels: tuple[str, ...], codes: npt.NDArray[Any]) -> Attribute:
    """The column of an attribute; patients of whom nothing is known are a group too, so that groups add up."""
    code = codes.astype(np.int64) - 1
    unknown = code < 0
    if not unknown.any():
        return Attribute(name, labels, code)
    told = UNKNOWN if UNKNOWN not in labels else f"{UNKNOWN} (no entry)"
    return Attribute(name, (*labels, told), np.where(unknown, len(labels), code))
