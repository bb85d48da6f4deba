"""The same risk without the server: reader and model in this process, to check what the server says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.calls import WrongAnswer
from bench.chartside_side import CLIENT, SERVICE, Chartside
from chartside.factory import open_house
from chartside.settings import from_environment
from clinical import strict_json
from clinical.assessment import RiskAssessment
from clinical.invocation import Invocation
from models.runtime.catalogue import load_models

TOLERANCE = 1e-12


class Expected:
    """Reads and assesses bodies with a ledger of its own that nothing is written to."""

    def __init__(self, side: Chartside, folder: Path) -> None:
        """Open the house with the settings of the server."""
        settings = replace(from_environment(side.environment), database_url=f"sqlite:///{folder}/expected.db")
        self._house = open_house(settings)
        # Not the one of the house, which would remember what it said of the same chart some seconds before.
        self._model = load_models()[SERVICE]

    def require(self, body: bytes, said: float, moment: datetime) -> None:
        """Raise `WrongAnswer` unless the model says the same about this body at this moment."""
        sent: Any = strict_json.loads(body)
        context = sent["context"]
        call = Invocation(
            CLIENT, SERVICE, sent["hook"], "", context["patientId"], context["userId"], prefetch=sent["prefetch"]
        )
        found = self._model.assess(self._house.records.read(call, self._model.needs), moment)
        if not isinstance(found, RiskAssessment) or not abs(found.probability - said) <= TOLERANCE:
            raise WrongAnswer("the service gave another probability than the model")

    def close(self) -> None:
        """Give the database connections back."""
        self._house.close()
