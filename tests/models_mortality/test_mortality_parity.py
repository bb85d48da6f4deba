"""No skew between training and serving: people of the open survey as FHIR, read back, against the training path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clinical.assessment import Abstention, RiskAssessment
from models.mortality_10y.training.data import AS_OF, MANIFEST, Nhanes
from models.runtime.model import TreeRiskModel
from models.runtime.sight import TreeSight
from models.training.cases import Case
from models.training.evaluate import Opened
from models.training.rows import make_rows

LEAST = 180


@pytest.fixture(scope="module")
def cases(survey_file: Path) -> Sequence[Case]:
    """As the trainer reads them."""
    found = list(Nhanes().cases([survey_file]))
    assert len(found) >= LEAST
    return found


@pytest.mark.parametrize("other_units", [False, True])
def test_what_comes_back_from_fhir_gives_the_same_row(
    cases: Sequence[Case], sight: TreeSight, ehr: Callable[[datetime], Any], other_units: bool
) -> None:
    """Every column, whether values come in the canonical unit and by the first code, or in others and by the last."""
    answered = 0
    for case in cases:
        (trained,) = sight.see(case.record, [AS_OF])
        (served,) = sight.see(ehr(AS_OF).read(case.record, other_units=other_units), [AS_OF])
        assert trained is not None
        assert served is not None
        assert served.answered == trained.answered
        np.testing.assert_allclose(served.values, trained.values, rtol=1e-6 if other_units else 0)
        answered += trained.answered
    assert answered >= LEAST * 0.8


def test_what_comes_back_from_fhir_gives_the_same_probability(
    cases: Sequence[Case], ehr: Callable[[datetime], Any]
) -> None:
    """The service's answer to a chart in other units, against what `chartside evaluate` works out of many rows."""
    model, opened = TreeRiskModel.load(MANIFEST), Opened.at(MANIFEST.parent)
    rows = make_rows(cases, opened.sight)
    expected = opened.probabilities(rows)
    for case, answered, probability in zip(cases, rows.answered, expected, strict=True):
        found = model.assess(ehr(AS_OF).read(case.record, other_units=True), AS_OF)
        assert isinstance(found, RiskAssessment if answered else Abstention)
        if isinstance(found, RiskAssessment):
            assert found.probability == pytest.approx(probability, abs=1e-9)
    assert rows.answered.sum() >= LEAST * 0.8
