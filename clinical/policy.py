"""Whether a finding is shown. Every reason for silence is one of `WithheldReason` and stands in the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from clinical.advice import WithheldReason
from clinical.assessment import Abstention, Finding, Indicator


@dataclass(frozen=True, slots=True)
class Policy:
    """A client's wishes.

    `show_from` is the lowest probability that is shown; None means from the lowest tier whose indicator is above
    "info". With `shadow`, everything is assessed and stored and nothing is shown.
    """

    show_from: float | None = None
    shadow: bool = False

    def decide(self, finding: Finding) -> WithheldReason | None:
        """None to show, else the reason to withhold."""
        if isinstance(finding, Abstention) and not finding.in_population:
            return WithheldReason.OUTSIDE_POPULATION
        if self.shadow:
            return WithheldReason.SHADOW
        if isinstance(finding, Abstention):
            return None
        if self.show_from is None:
            low = finding.tier.indicator is Indicator.INFO
        else:
            low = finding.probability < self.show_from
        return WithheldReason.BELOW_THRESHOLD if low else None
