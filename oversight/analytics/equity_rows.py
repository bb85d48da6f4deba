"""What equity is read from: assessments, what was done with the cards, and whose groups they are of.

Groups are read for audit only; race and ethnicity are never a feature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oversight.analytics.comparison import BANDS
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


@dataclass(frozen=True, slots=True, eq=False)
class EquityRows:
    """Equally long arrays, one entry for each assessment, by `sequence`. Openings of the page are not in it.

    `attributes` by name, all that are known of patients. `card`: shown. `stratum`: service and band of risk or tier,
    codes below `strata`. `unit`: the same number for the same unit. `seconds`: to the answer, NaN for cards that were
    neither accepted nor overridden.
    """

    sequence: Integers
    attributes: Mapping[str, Attribute]
    card: Flags
    overridden: Flags
    accepted: Flags
    seconds: Floats
    stratum: Integers
    strata: int
    unit: npt.NDArray[np.uint64]

    def cards(self) -> EquityRows:
        """Those that were shown."""
        keep = self.card
        return EquityRows(
            sequence=self.sequence[keep],
            attributes=self.groups_of(self.sequence[keep]),
            card=self.card[keep],
            overridden=self.overridden[keep],
            accepted=self.accepted[keep],
            seconds=self.seconds[keep],
            stratum=self.stratum[keep],
            strata=self.strata,
            unit=self.unit[keep],
        )

    def groups_of(self, sequence: Integers) -> dict[str, Attribute]:
        """The groups of some of the entries, in their order. Every one of them is in here."""
        place = np.searchsorted(self.sequence, sequence)
        return {name: Attribute(name, each.labels, each.codes[place]) for name, each in self.attributes.items()}


# What was said last of each attribute, a line for each patient. Client and pseudonym are one number here: to group and
# to join hundreds of thousands of patients by two columns of text took two thirds of the page's time.
_PEOPLE = """
CREATE TEMP TABLE IF NOT EXISTS person AS
SELECT hash(client, patient) AS person{said} FROM patient_group WHERE patient IS NOT NULL GROUP BY 1
"""
_ROWS = """
WITH coded AS (SELECT person, {groups} FROM person)
SELECT sequence, card, coalesce(outcome = 'overridden', false) AS overridden,
  coalesce(outcome = 'accepted', false) AS accepted,
  CASE WHEN outcome IN ('accepted', 'overridden') THEN seconds END AS seconds, probability,
  coalesce(list_position($tiers, tier), 0) AS tier, list_position($services, service) - 1 AS service,
  hash(unit_name) AS unit, {codes}
FROM event LEFT JOIN coded ON coded.person = CASE WHEN patient IS NOT NULL THEN hash(client, patient) END
WHERE hook <> 'smart-launch' AND abstention IS NULL AND {where}
"""


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
    """The assessments of a selection with these attributes (at least one)."""
    where, values = selection.where()
    tiers, services = (
        [name for (name,) in mart.rows(f"SELECT DISTINCT {each} FROM advice WHERE {each} <> '' ORDER BY 1")] or [""]  # noqa: S608
        for each in ("tier", "service")
    )
    column = {name: n for n, name in enumerate(_people(mart))}
    groups = ", ".join(f"list_position($l{n}, v{column[name]}) AS g{n}" for n, name in enumerate(labels))
    codes = ", ".join(f"coalesce(g{n}, 0) AS g{n}" for n in range(len(labels)))
    named: dict[str, Any] = {"tiers": tiers, "services": services}
    named |= {f"l{n}": list(each) for n, each in enumerate(labels.values())}
    found = mart.arrays(_ROWS.format(groups=groups, codes=codes, where=where), values | named)
    order = np.argsort(found["sequence"], kind="stable")
    rows = {name: _filled(column)[order] for name, column in found.items()}
    stratum, strata = _strata(rows["probability"], rows["tier"].astype(np.int64), len(tiers))
    service = rows["service"].astype(np.int64)
    return EquityRows(
        sequence=rows["sequence"].astype(np.int64),
        attributes={name: _attribute(name, each, rows[f"g{n}"]) for n, (name, each) in enumerate(labels.items())},
        card=rows["card"].astype(np.bool_),
        overridden=rows["overridden"].astype(np.bool_) & rows["card"].astype(np.bool_),
        accepted=rows["accepted"].astype(np.bool_) & rows["card"].astype(np.bool_),
        seconds=rows["seconds"].astype(np.float64),
        stratum=service * strata + stratum,
        strata=len(services) * strata,
        unit=rows["unit"],
    )


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
