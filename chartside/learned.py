"""What the models learned from, in the page's words: ages, hours, usual values, and groups that were looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite

from clinical import strict_json
from models.runtime.artefact import Artefact, load_artefact
from models.runtime.evidence import EVALUATION_FILE
from models.runtime.features import features_of
from models.runtime.manifest import Kind, Manifest, PerHour
from models.runtime.what_if import OLD_IN_HOSPITAL, OLD_OUTSIDE
from models.runtime.what_if_usual import OF_PERCENTILES, level_column, usual_values
from smart_app.ports.learned import Group, Learned

REPORT = "evidence/report.html"
SEXES = {"female": 0.0, "male": 1.0}
_AGES = re.compile(r"(\d+) (?:to (\d+)|and older)")


def learned(manifest: Manifest) -> Learned:
    """Of one model of trees. Figures of a site's own fit are about its patients and are not shown."""
    artefact = load_artefact(manifest, [feature.name for feature in features_of(manifest)])
    # Where the model has no latest value, or counts a sum for each hour (urine), the percentiles are of another number.
    usual = {
        name: (one.low, one.high)
        for name, one in usual_values(manifest, artefact).items()
        if one.source == OF_PERCENTILES
        and level_column(manifest, name) == f"{name}.last"
        and manifest.signals[name].per_hour is PerHour.NEWEST
    }
    population = manifest.population
    return Learned(
        ages=_ages(artefact),
        age_cap=population.age_cap if population.age_cap < population.maximum_age else 0.0,
        hours=(population.from_hour, population.to_hour) if population.to_hour else None,
        ranges=usual,
        groups=tuple(_groups(manifest)),
        report=(manifest.folder / REPORT).is_file(),
        old_after=OLD_OUTSIDE if population.kind is Kind.OUTPATIENT else OLD_IN_HOSPITAL,
    )


def _ages(artefact: Artefact) -> tuple[float, float] | None:
    """The ages that training saw, where age is a feature."""
    if "age" not in artefact.features:
        return None
    place = list(artefact.features).index("age")
    low, high = float(artefact.lowest[place]), float(artefact.highest[place])
    return (low, high) if isfinite(low) and isfinite(high) else None


def _groups(manifest: Manifest) -> Iterator[Group]:
    """The groups by age and sex that validation looked at; none where there is no evaluation."""
    path = manifest.folder / EVALUATION_FILE
    document = strict_json.loads(path.read_bytes()) if path.is_file() else {}
    found = document.get("groups") if isinstance(document, dict) else None
    if not isinstance(found, Mapping):
        return
    for kind in ("age", "sex"):
        for label, figures in found.get(kind, {}).items():
            ends = _ends(kind, label)
            if ends is not None:
                yield Group(kind, label, *ends, int(figures["patients"]), bool(figures.get("too_few", False)))


def _ends(kind: str, label: str) -> tuple[float, float] | None:
    """The least and the highest value of a group: `80 and older`, `female`; None for `not recorded`."""
    if kind == "sex":
        return None if label not in SEXES else (SEXES[label], SEXES[label])
    ages = _AGES.fullmatch(label)
    return None if ages is None else (float(ages[1]), float(ages[2] or 200))
