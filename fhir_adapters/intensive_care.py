"""Which places are intensive care: codes first, then the site's own list of names."""

from __future__ import annotations

from collections.abc import Iterable

from clinical.record import Coding

ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
HSLOC = "https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html"

# HL7 v3-RoleCode, ServiceDeliveryLocationRoleType: adult intensive and coronary care units.
_ROLE_CODES = frozenset({"ICU", "CCU"})
# CDC NHSN healthcare service locations "… Critical Care" for adults (HL7 SANER value set ICULocations lists the same).
_HSLOC_CODES = frozenset(
    {"1025-6", "1026-4", "1027-2", "1028-0", "1029-8", "1030-6", "1031-4", "1032-2", "1033-0", "1034-8", "1035-5"}
    | {"1223-7", "1224-5", "1225-2"}
)
_CODES = {ROLE_CODE: _ROLE_CODES, HSLOC: _HSLOC_CODES, "urn:oid:2.16.840.1.113883.6.259": _HSLOC_CODES}


class IntensiveCare:
    """One site's rule. Names are compared without regard to case and repeated blanks, and never in part."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Keep the site's list of location names."""
        self._names = frozenset(map(_plain, names))

    @property
    def has_names(self) -> bool:
        """Whether the site listed its units, so that a name that is not on the list says "no"."""
        return bool(self._names)

    def recognise(self, name: str, codings: Iterable[Coding]) -> str:
        """Why the place counts as intensive care, or an empty string."""
        for coding in codings:
            if coding.code in _CODES.get(coding.system, ()):
                return f"code {coding.token}"
        return "name on the site's list" if name and _plain(name) in self._names else ""


def _plain(name: str) -> str:
    """A name for comparison."""
    return " ".join(name.casefold().split())
