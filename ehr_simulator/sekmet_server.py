"""sekmet-fhir with the search parameters of RiskAssessment, which its version 0.1.1 stores but cannot search.

Run as a script, in a process of its own: the guard's conditional create needs `identifier`.
"""

from __future__ import annotations

from sekmet import cli  # type: ignore[import-untyped]
from sekmet.fhir.search_params import PARAMS, SearchParam  # type: ignore[import-untyped]

# FHIR R4, RiskAssessment, "Search Parameters" (those that an app may need here).
RISK_ASSESSMENT = (
    SearchParam("identifier", "token", ("identifier",)),
    SearchParam("subject", "reference", ("subject",)),
    SearchParam("patient", "reference", ("subject",), "Patient"),
    SearchParam("encounter", "reference", ("encounter",)),
    SearchParam("date", "date", ("occurrenceDateTime", "occurrencePeriod")),
    SearchParam("performer", "reference", ("performer",)),
)


def main() -> None:
    """Add the parameters, then do what the command line of sekmet-fhir does."""
    PARAMS["RiskAssessment"] = {one.name: one for one in RISK_ASSESSMENT}
    cli.main()


if __name__ == "__main__":
    main()
