"""What follows when data are missing: a fault, a gap that is named, or nothing, by the importance of the need."""

from __future__ import annotations

from clinical.errors import DataUnavailable, NotOffered
from clinical.invocation import SMART_HOOK
from clinical.need import DataNeed, Importance
from fhir_adapters.prefetch import Absent

# The hooks whose context always names an encounter (CDS Hooks library); their templates read it by id.
ENCOUNTER_HOOKS = ("encounter-start", "encounter-discharge")
# A template with a list of codes can fill a screen; its beginning says which one it is.
LONGEST_TEMPLATE = 120


class Gaps:
    """Keeps the gaps of one record in `incomplete`."""

    def __init__(self, hook: str, incomplete: list[str]) -> None:
        """Take the hook of the call and the list to write to."""
        self._hook = hook
        self._incomplete = incomplete

    def nothing(self, need: DataNeed, sent: Absent, obstacle: str, *, refused: bool = False) -> None:
        """Nothing was sent for a need, and nothing could be read. Raises `DataUnavailable` if it is required.

        `refused` says that the EHR does not permit it.
        """
        if self._hook == SMART_HOOK:  # nobody sends anything ahead to a page
            why = full = obstacle
        else:
            why, full = f"{sent.why}, and {obstacle}", f"{sent.why} (template {self._template(need)}), and {obstacle}"
        if need.importance is Importance.REQUIRED:
            raise (NotOffered if refused else DataUnavailable)(need.key, full)
        self.partly(need, why)

    def partly(self, need: DataNeed, gap: str) -> None:
        """A part of what a need names is missing."""
        if need.importance is not Importance.INFORMATIVE:
            self._incomplete.append(f"{need.key}: {gap}")

    def _template(self, need: DataNeed) -> str:
        """The beginning of the need's prefetch template, which holds tokens and codes and nothing of a patient."""
        template = need.prefetch_template(encounter_always_known=self._hook in ENCOUNTER_HOOKS)
        return template if len(template) <= LONGEST_TEMPLATE else f"{template[:LONGEST_TEMPLATE]}…, shortened"
