"""An answer is remembered while the record stays the same, and never longer than it holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from clinical.assessment import Abstention, Finding, ModelInfo, RiskAssessment
from clinical.need import DataNeed
from clinical.record import Answer, Condition, MedicationUse, PatientRecord, ProcedureDone, Source
from models.runtime.score_cache import RememberingModel

AGE = timedelta(minutes=5)


class Counting:
    """The shipped model, which counts how often it is asked."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.asked = 0

    @property
    def info(self) -> ModelInfo:
        return self.model.info

    @property
    def needs(self) -> tuple[DataNeed, ...]:
        return self.model.needs

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        self.asked += 1
        return self.model.assess(record, as_of)


@pytest.fixture
def counting(model: Any) -> Counting:
    return Counting(model)


def test_the_same_content_gets_the_same_answer_for_some_minutes(chart: Any, counting: Counting) -> None:
    """Read again and under another name: the remembered answer, with the moment that it was made at."""
    remembering = RememberingModel(counting)
    first = remembering.assess(chart.record(*chart.ordinary()), chart.at(8))
    again = chart.record(*chart.ordinary(), read_at=chart.at(8.05), name="Other Name")
    assert remembering.assess(again, chart.at(8) + AGE) is first
    assert counting.asked == 1
    assert isinstance(first, RiskAssessment)
    assert first.as_of == chart.at(8)
    assert (remembering.info, remembering.needs) == (counting.info, counting.needs)


def test_an_old_answer_and_one_from_the_future_are_not_given(chart: Any, counting: Counting) -> None:
    """A clock that was set back must not show what was not known then."""
    remembering = RememberingModel(counting)
    record = chart.record(*chart.ordinary())
    for moment in (chart.at(8), chart.at(8) + AGE + timedelta.resolution, chart.at(8) - timedelta.resolution):
        assert remembering.assess(record, moment).as_of == moment
    assert counting.asked == 3


def test_a_new_value_is_never_overlooked(chart: Any, counting: Counting) -> None:
    """One more fact, and the model is asked again."""
    remembering = RememberingModel(counting)
    remembering.assess(chart.record(*chart.ordinary()), chart.at(8))
    more = chart.record(*chart.ordinary(), chart.fact("Lactate", 9.0, 7.9))
    assert remembering.assess(more, chart.at(8)) == counting.model.assess(more, chart.at(8))
    assert counting.asked == 2


def test_not_assessed_is_asked_anew_each_time(chart: Any, counting: Counting) -> None:
    """At the sixth hour there is an answer, however short before there was none."""
    remembering = RememberingModel(counting)
    record = chart.record(*chart.ordinary())
    assert isinstance(remembering.assess(record, chart.at(6) - timedelta(seconds=1)), Abstention)
    assert isinstance(remembering.assess(record, chart.at(6)), RiskAssessment)
    assert counting.asked == 2


@pytest.mark.parametrize("what", ["fact", "bed", "stay", "medicine", "diagnosis", "record", "answer", "procedure"])
def test_an_answer_ends_when_something_announced_comes_about(chart: Any, counting: Counting, what: str) -> None:
    """A fact, a diagnosis, an answer or a procedure timed ahead; the end of a bed, of a stay or of a medicine."""
    soon = 8 + 1 / 30
    changes: dict[str, Any] = {
        "fact": {"observations": (*chart.ordinary(), chart.fact("HR", 150, soon))},
        "bed": {"stays": (chart.stay(chart.bed(end=soon)),)},
        "stay": {"stays": (chart.stay(end=chart.at(soon)),)},
        "medicine": {"medications": (MedicationUse("MedicationRequest/1", (), chart.at(1), chart.at(soon)),)},
        "diagnosis": {"conditions": (Condition("Condition/1", (), chart.at(soon)),)},
        "record": {"conditions": (Condition("Condition/1", (), None, chart.at(soon)),)},
        "answer": {"answers": (Answer("Observation/a", (), (), "", chart.at(soon), "final", Source.FHIR),)},
        "procedure": {"procedures": (ProcedureDone("Procedure/1", (), chart.at(soon)),)},
    }
    record = replace(chart.record(*chart.ordinary()), **changes[what])
    remembering = RememberingModel(counting)
    first = remembering.assess(record, chart.at(8))
    assert isinstance(first, RiskAssessment)
    assert remembering.assess(record, chart.at(soon) - timedelta.resolution) is first
    later = remembering.assess(record, chart.at(soon))
    assert later == counting.model.assess(record, chart.at(soon))
    assert counting.asked == 2


def test_memory_is_bounded_and_keeps_what_is_used(chart: Any, counting: Counting) -> None:
    """The answer that was not asked for the longest time is forgotten first."""
    remembering = RememberingModel(counting, max_entries=2)
    one, two, three = (chart.record(*chart.ordinary(), patient_id=str(n)) for n in range(3))
    for record in (one, two, one, three, one):
        remembering.assess(record, chart.at(8))
    assert counting.asked == 3
    remembering.assess(two, chart.at(8))
    assert counting.asked == 4
    assert len(remembering._entries) == 2


def test_many_threads_share_one_memory(chart: Any, counting: Counting) -> None:
    """Every one gets the answer about its own record."""
    remembering = RememberingModel(counting, max_entries=3)
    records = [chart.record(*chart.ordinary(), chart.fact("Lactate", 1.0 + n, 5)) for n in range(5)]
    expected = [counting.model.assess(record, chart.at(8)) for record in records]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: remembering.assess(records[n % 5], chart.at(8)), range(60)))
    assert found == [expected[n % 5] for n in range(60)]


def test_a_score_is_worked_out_anew_each_time(scores: Any, patient: Any) -> None:
    """It costs less than to compare its record."""
    counting = Counting(scores["qsofa"])
    remembering = RememberingModel(counting)
    record = patient.record(patient.fact("9279-1", 22, "/min"), patient.fact("8480-6", 100, "mm[Hg]"))
    assert [remembering.assess(record, patient.now).level for _ in range(2)] == [2.0, 2.0]
    assert counting.asked == 2


@pytest.mark.parametrize("few", [0, 1_000])
def test_records_that_look_the_same_are_told_apart(
    chart: Any, counting: Counting, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """As many facts of the same patient, the same last one, and another value before it; also in long records."""
    monkeypatch.setattr("models.runtime.score_cache._LONG", few)
    remembering = RememberingModel(counting)
    last = chart.fact("HR", 90, 7.9)
    one, other = (chart.record(*chart.ordinary(), chart.fact("Lactate", level, 7), last) for level in (2.0, 9.0))
    first = remembering.assess(one, chart.at(8))
    assert remembering.assess(one, chart.at(8)) is first
    assert remembering.assess(other, chart.at(8)) == counting.model.assess(other, chart.at(8)) != first
    assert counting.asked == 2


def test_no_name_is_remembered_and_no_record_longer_than_it_is_needed(chart: Any, counting: Counting) -> None:
    """The record stands beside its answer until one that looks the same has come; the name never does."""
    remembering = RememberingModel(counting)
    record = chart.record(*chart.ordinary(), name="Robin Example")
    first = remembering.assess(record, chart.at(8))
    assert "Robin" not in repr(remembering._entries)
    assert remembering.assess(record, chart.at(8)) is first
    assert [entry.record for entry in remembering._entries.values()] == [None]
    assert remembering.assess(record, chart.at(8)) is first
