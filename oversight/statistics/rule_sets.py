"""Which run rules somebody may choose for a control chart, and how often each alarms without cause."""

from __future__ import annotations

from dataclasses import dataclass

from oversight.statistics.rules import DEFAULT, NHS, WESTERN_ELECTRIC, Rule


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that are used together. `key` stands in addresses.

    `run_length`: points from one false signal to the next, on average, while nothing changes (normal, limits known).
    """

    key: str
    name: str
    rules: tuple[Rule, ...]
    run_length: int


USUAL = RuleSet("usual", "3σ + 2 of 3 beyond 2σ", DEFAULT, 225)
# Run lengths of Champ and Woodall 1987, Technometrics 29:393-399, table 1; the NHS one is our own simulation.
RULE_SETS = (
    USUAL,
    RuleSet("3-sigma", "3σ alone", (Rule.BEYOND_3_SIGMA,), 370),
    RuleSet("western-electric", "Western Electric, all four", WESTERN_ELECTRIC, 92),
    RuleSet("nhs", "NHS Making Data Count", NHS, 82),
)
