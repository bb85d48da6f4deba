"""A published score beside a model: it tells its own gaps and faults, and the model's answer stays as it is."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from clinical.advise import own_gaps
from clinical.assessment import Abstention, AbstentionReason, Finding, RiskAssessment, Score
from clinical.errors import ModelFault
from clinical.need import Importance
from clinical.record import PatientRecord, SetAside, SetAsideReason
from models.runtime.beside import FAILED
from models.runtime.model import TreeRiskModel
from models.runtime.needs import joined, only_beside

MEDICINES = "medications: not in the prefetch, and the call gives no access to a FHIR server"
LABS = "labs: the prefetch holds only its first page"


class Comparator:
    """A comparator that does as a test says."""

    def __init__(self, like: Any, does: Any) -> None:
        """`like` lends its name and needs; `does` is what it finds, or raises."""
        self.info, self.needs, self._does = like.info, like.needs, does

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        """What it was told to."""
        if isinstance(self._does, Exception):
            raise self._does
        return self._does


@pytest.fixture(scope="session")
def with_sofa(model: TreeRiskModel, scores: Any) -> TreeRiskModel:
    """The intensive care model as the catalogue opens it."""
    sofa = scores["sofa"]
    return TreeRiskModel(replace(model.manifest, needs=joined(model.needs, sofa.needs)), [sofa])


def test_the_shipped_model_has_sofa_beside_it(model: TreeRiskModel) -> None:
    """It stands in the manifest."""
    assert model.manifest.comparators == ("sofa",)


def test_a_gap_that_only_a_score_has_is_told_by_the_score(with_sofa: TreeRiskModel, chart: Any) -> None:
    """Not by the model, which never looks at medicines; a gap of both is told by the model alone."""
    record = chart.record(*chart.ordinary(), incomplete=(MEDICINES, LABS))
    found = with_sofa.assess(record, chart.at(8))
    assert isinstance(found, RiskAssessment)
    (sofa,) = found.comparators
    assert sofa.incomplete == (MEDICINES,)
    assert not sofa.whole, "medicines that were not read are not taken for none"
    assert own_gaps(record, with_sofa.needs) == (LABS,)
    assert own_gaps(record, chart.model.needs) == (MEDICINES, LABS)


def test_a_score_never_changes_the_answer(with_sofa: TreeRiskModel, chart: Any) -> None:
    """To the last bit, whatever was or was not read for it."""
    for changes in ({}, {"incomplete": (MEDICINES,)}):
        record = chart.record(*chart.ordinary(), **changes)
        found, alone = (model.assess(record, chart.at(8)) for model in (with_sofa, chart.model))
        assert replace(found, comparators=(), unanswered=()) == alone


def test_facts_that_only_a_score_reads_are_told_by_the_score(with_sofa: TreeRiskModel, chart: Any) -> None:
    """A malformed order without a code; what neither can use is told once, by the model."""
    order, result = (
        SetAside(name, SetAsideReason.MALFORMED, "no status") for name in ("MedicationRequest/1", "Observation/1")
    )
    found = with_sofa.assess(chart.record(*chart.ordinary(), set_aside=(order, result)), chart.at(8))
    assert [aside.reference for aside in found.unused] == ["Observation/1"]
    assert {aside.reference for aside in found.comparators[0].unused} == {"MedicationRequest/1"}
    refused = with_sofa.assess(chart.record(set_aside=(order, result)), chart.at(8))
    assert isinstance(refused, Abstention)
    assert [aside.reference for aside in refused.unused] == ["Observation/1"]


def test_what_decides_a_score_is_told_by_it_too(with_sofa: TreeRiskModel, chart: Any) -> None:
    """Though the model told it among what it could not use: the score's line is open because of it."""
    fact = chart.fact("GCS", 3, 7.9, n=9)
    aside = SetAside("Observation/late", SetAsideReason.STATUS, "not final", fact.codings, fact.time)
    found = with_sofa.assess(chart.record(*chart.ordinary(), set_aside=(aside,)), chart.at(8))
    (told,) = [one for one in found.comparators[0].unused if one.reference == "Observation/late"]
    assert told.decides
    assert "Observation/late" in {one.reference for one in found.unused}


def test_types_that_the_model_reads_too_are_its_own(with_sofa: TreeRiskModel, model: TreeRiskModel) -> None:
    """Only what nobody but the score asks for is left to it."""
    assert only_beside(with_sofa.needs) == ("Medication/", "MedicationRequest/", "Procedure/")
    assert only_beside(model.needs) == ()
    vitals = next(need for need in model.needs if need.key == "vitals")
    assert only_beside((vitals, replace(vitals, key="more", importance=Importance.BESIDE))) == ()


@pytest.mark.parametrize("fault", [ModelFault("The score gave a number that it cannot give."), ZeroDivisionError("x")])
def test_a_fault_of_a_score_is_told_and_costs_nothing_else(chart: Any, scores: Any, caplog: Any, fault: Any) -> None:
    """The answer is given; the fault stands beside it and in the log, without a word of the patient."""
    model = TreeRiskModel(chart.model.manifest, [Comparator(scores["sofa"], fault), scores["qsofa"]])
    record = chart.record(*chart.ordinary())
    with caplog.at_level(logging.ERROR, logger="chartside.models"):
        found = model.assess(record, chart.at(8))
    assert [one.text for one in found.unanswered] == [FAILED]
    assert [one.model.id for one in found.comparators] == ["qsofa"]
    assert found.probability == chart.model.assess(record, chart.at(8)).probability
    (line,) = caplog.records
    assert (line.msg, line.model, line.fault) == ("comparator", "sofa", type(fault).__name__)
    assert "number that it cannot give" not in caplog.text


def test_a_score_that_gives_no_answer_says_why(chart: Any, scores: Any) -> None:
    """With what was read only in part for it."""
    sofa = scores["sofa"]
    silent = Abstention(sofa.info, chart.at(8), AbstentionReason.NOT_ENOUGH_DATA, "2 of 6 items", in_population=True)
    manifest = replace(chart.model.manifest, needs=joined(chart.model.needs, sofa.needs))
    model = TreeRiskModel(manifest, [Comparator(sofa, silent)])
    found = model.assess(chart.record(*chart.ordinary(), incomplete=(MEDICINES, LABS)), chart.at(8))
    assert found.unanswered == (replace(silent, model=replace(sofa.info, guidelines=()), incomplete=(MEDICINES,)),)


def test_a_probability_beside_says_what_was_not_read(chart: Any, scores: Any) -> None:
    """In its label: it has no other words."""
    sofa = scores["sofa"]
    other = replace(chart.model.assess(chart.record(*chart.ordinary()), chart.at(8)), model=sofa.info)
    manifest = replace(chart.model.manifest, needs=joined(chart.model.needs, sofa.needs))
    model = TreeRiskModel(manifest, [Comparator(sofa, other)])
    labels = {}
    for gaps in ((), (MEDICINES,)):
        found = model.assess(chart.record(*chart.ordinary(), incomplete=gaps), chart.at(8))
        (labels[gaps],) = (one.label for one in found.others)
    assert labels[()] == "SOFA (organ failure)"
    assert labels[(MEDICINES,)] == "SOFA (organ failure) (read only in part: medications)"


def test_medicines_that_were_read_close_the_range(with_sofa: TreeRiskModel, chart: Any) -> None:
    """A chart with all kinds of data has no gap, and a range no wider than the facts leave it."""
    open_, closed = (
        with_sofa.assess(chart.record(*chart.ordinary(), incomplete=gaps), chart.at(8)).comparators[0]
        for gaps in ((MEDICINES,), ())
    )
    assert isinstance(closed, Score)
    assert closed.incomplete == ()
    assert closed.highest < open_.highest
    assert closed.value == open_.value


def test_what_stands_beside_brings_no_guidelines(chart: Any, scores: Any) -> None:
    """It suggests nothing; all else of it is as in its own answer. The model keeps its own."""
    qsofa = scores["qsofa"]
    found = TreeRiskModel(chart.model.manifest, [qsofa]).assess(chart.record(*chart.ordinary()), chart.at(8))
    (beside,) = found.comparators
    assert qsofa.info.guidelines
    assert beside.model == replace(qsofa.info, guidelines=())
    assert found.model.guidelines == chart.model.info.guidelines
