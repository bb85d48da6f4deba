"""What can go wrong when a risk is written into the EHR. The page catches the roots: `NotAllowed`, `LaunchFailed`."""

from __future__ import annotations

from clinical.errors import LaunchFailed, NotAllowed


class NothingToWrite(NotAllowed):
    """There is no result that may stand in the chart: the model did not answer, or its answer is not to be shown."""


class MayNotWrite(NotAllowed):
    """The EHR did not give this visit leave to write, or this user is no clinician, or the stay is another."""


class WriteFailed(LaunchFailed):
    """The EHR did not take it, or nobody knows whether it did. Writing again is safe: it is never written twice.

    `status` is the HTTP status, 0 where there was none: after a 401 the permission may be renewed once and the write
    repeated. `risk_reference` names the RiskAssessment if one stands in the EHR all the same.
    """

    def __init__(self, message: str, status: int = 0, risk_reference: str = "") -> None:
        """Keep the words, the status, and what stands."""
        super().__init__(message)
        self.status = status
        self.risk_reference = risk_reference


class NotAsSent(WriteFailed):
    """What stands in the EHR is not what was sent. `fields` are the names of the members that differ."""

    def __init__(self, reference: str, fields: tuple[str, ...]) -> None:
        """Keep the names; the values are patient data and stay out."""
        names = ", ".join(fields)
        super().__init__(
            f"What is in the EHR is not what was sent: {reference.partition('/')[0]} differs in {names}. "
            "Do not rely on the copy in the EHR, and tell the people who run it.",
            risk_reference=reference if reference.startswith("RiskAssessment/") else "",
        )
        self.reference = reference
        self.fields = fields
