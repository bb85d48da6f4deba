"""What writing into the EHR needs from outside its room; the factory hands it over."""

from __future__ import annotations

from typing import Protocol

from clinical.advice import Advice
from smart_app.ports.ehr import Visit


class Writer(Protocol):
    """Writes advice into the chart of a page that is open."""

    def offered(self, visit: Visit) -> bool:
        """Whether the EHR gave leave to write a risk, and to read it back."""
        ...

    def write(self, visit: Visit, advice: Advice) -> str:
        """Write one advice once, however often it is asked for; returns its reference in the EHR.

        Raises `NotAllowed`, `WrongPatient` or `LaunchFailed`, each with words for the clinician.
        """
        ...
