"""What a site's own encounter classes mean: some EHRs write Encounter.class in codes of their own (Epic does)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from clinical.record import Coding, Stay

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@dataclass(frozen=True, slots=True)
class EncounterClasses:
    """One site's list: codes of HL7 v3 ActCode (AMB, EMER, IMP and others) by `system|code` of its own classes."""

    meant: Mapping[str, str] = field(default_factory=dict)

    def translated(self, stay: Stay) -> Stay:
        """The stay with the class that the site means; as it was where the list does not name its class."""
        own = stay.class_code
        code = None if own is None else self.meant.get(own.token)
        return stay if own is None or code is None else replace(stay, class_code=Coding(ACT_CODE, code, own.display))
