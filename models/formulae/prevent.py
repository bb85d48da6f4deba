"""AHA PREVENT: the 10- and 30-year risk of cardiovascular disease (2024), and what each fact adds to it.

Source: Khan SS, Matsushita K, Sang Y, et al. Development and validation of the American Heart Association's PREVENT
equations. Circulation 2024;149:430-449, doi 10.1161/CIRCULATIONAHA.123.067626. The coefficients stand in
`prevent_coefficients.toml` with their notice; those of base, total CVD, 10 years are also printed by the CDC (Kidney
Disease Surveillance System, indicator Q811), and are equal. The equations are for each sex and know no race.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from models.formulae.prevent_person import Person, factors
from models.formulae.prevent_terms import CONCEPT, Equation, Outcome, Variant, equation

OLDEST_FOR_30_YEARS = 59
_BASE_CONCEPTS = ("age", "cholesterol", "blood_pressure", "diabetes", "smoking", "bmi", "egfr", "statin")
_MORE_CONCEPTS = {
    Variant.BASE: (),
    Variant.UACR: ("uacr",),
    Variant.HBA1C: ("hba1c",),
    Variant.SDI: ("sdi",),
    Variant.FULL: ("uacr", "hba1c", "sdi"),
}


@dataclass(frozen=True, slots=True)
class Contributions:
    """The log-odds as a sum: those of the reference person, and what each concept of the person adds."""

    base_log_odds: float
    parts: Mapping[str, float]

    @property
    def log_odds(self) -> float:
        """The log-odds of the person."""
        return math.fsum((self.base_log_odds, *self.parts.values()))


def variant_for(person: Person) -> Variant:
    """The equations for what is known: base, one optional fact, or full with a term for what is missing of the rest.

    This is the choice of the R package preventr.
    """
    known = [
        variant
        for variant, value in ((Variant.UACR, person.uacr), (Variant.HBA1C, person.hba1c), (Variant.SDI, person.sdi))
        if value is not None
    ]
    if len(known) > 1:
        return Variant.FULL
    return known[0] if known else Variant.BASE


def log_odds(person: Person, outcome: Outcome, horizon: int, variant: Variant | None = None) -> float:
    """The log-odds of the outcome within 10 or 30 years.

    Raises ValueError for other horizons, and for 30 years from age 60 on.
    """
    return _value(_chosen(person, outcome, horizon, variant), factors(person))


def risk(person: Person, outcome: Outcome, horizon: int, variant: Variant | None = None) -> float:
    """The probability of the outcome within 10 or 30 years. Raises as `log_odds`."""
    return 1.0 / (1.0 + math.exp(-log_odds(person, outcome, horizon, variant)))


def explain(
    person: Person, reference: Person, outcome: Outcome, horizon: int, variant: Variant | None = None
) -> Contributions:
    """What each clinical concept adds to the log-odds, as exact Shapley values against one reference person.

    The game: a set of concepts takes the values of `person`, all others those of `reference` (Shapley 1953; Lundberg &
    Lee 2017 with one background row). A term of one concept belongs to it whole. A product a·b of two concepts is
    shared: a gets its change times the mean of the two values of b, and b likewise; for two players that is the Shapley
    value, and Shapley values of a sum are the sums of theirs. So no set is ever enumerated.

    Raises ValueError where the two are not of the same sex (each sex has equations of its own), and as `log_odds`.
    """
    if person.female != reference.female:
        raise ValueError("The reference person has the other sex, for which there are other equations.")
    chosen_variant = variant or variant_for(person)
    chosen = _chosen(person, outcome, horizon, chosen_variant)
    here, there = factors(person), factors(reference)
    shares: dict[str, list[float]] = {name: [] for name in (*_BASE_CONCEPTS, *_MORE_CONCEPTS[chosen_variant])}
    for term in chosen.terms:
        change = here[term.first] - there[term.first]
        if term.second is None:
            shares[CONCEPT[term.first]].append(term.weight * change)
            continue
        half = term.weight / 2
        shares[CONCEPT[term.first]].append(half * change * (here[term.second] + there[term.second]))
        other = here[term.second] - there[term.second]
        shares[CONCEPT[term.second]].append(half * other * (here[term.first] + there[term.first]))
    return Contributions(_value(chosen, there), {name: math.fsum(parts) for name, parts in shares.items()})


def _chosen(person: Person, outcome: Outcome, horizon: int, variant: Variant | None) -> Equation:
    """The equation for a person."""
    if horizon == 30 and person.age >= OLDEST_FOR_30_YEARS + 1:
        raise ValueError("PREVENT foretells 30 years up to age 59.")
    return equation(variant or variant_for(person), outcome, horizon, female=person.female)


def _value(chosen: Equation, of: Mapping[str, float]) -> float:
    """The log-odds of the factors."""
    parts = (term.weight * of[term.first] * (1.0 if term.second is None else of[term.second]) for term in chosen.terms)
    return math.fsum((chosen.constant, *parts))
