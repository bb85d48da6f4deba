"""What the what-if of the page needs from outside its room; the factory hands it over, by the id of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from clinical.assessment import RiskAssessment
from clinical.what_if import Response, WhatIfOffer


class WhatIfModel(Protocol):
    """What one model answers to other numbers. Everything is worked out from the assessment as it was stored."""

    @property
    def content(self) -> bytes:
        """The published file of the model, whose SHA-256 is `ModelInfo.digest`."""
        ...

    @property
    def modifiable(self) -> bool:
        """Whether the model has any input that treatment changes."""
        ...

    def offer(self, finding: RiskAssessment) -> WhatIfOffer:
        """What may be asked about an assessment."""
        ...

    def respond(self, finding: RiskAssessment, values: Mapping[str, float]) -> Response:
        """The answer if the latest values of some inputs were others. Raises `MalformedRequest`."""
        ...

    def sheet(self, finding: RiskAssessment) -> dict[str, Any]:
        """What a browser needs beside the file to answer alike, as plain JSON. Raises `MalformedRequest`."""
        ...
