"""What a feed of messages cannot bring is said; nobody may read "none" for "not sent"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clinical.errors import DataUnavailable
from clinical.need import DataNeed, Importance
from fhir_adapters.hl7v2.messages import Feed, read_messages
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.units import load_analytes

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAYS = timedelta(days=180)


def read(*needs: DataNeed):
    """What a feed without messages says about these needs."""
    feed = Feed(IntensiveCare(()), load_analytes())
    return read_messages([], needs, patient_id="p", feed=feed, now=NOW).incomplete


@pytest.mark.parametrize("resource_type", ["MedicationRequest", "MedicationStatement", "Procedure"])
def test_a_type_that_no_message_brings_is_a_gap(resource_type: str) -> None:
    """Optional: named; informative: not; required: no answer."""
    (gap,) = read(DataNeed("key", resource_type, importance=Importance.OPTIONAL))
    assert gap.startswith("key: these messages bring no")
    assert read(DataNeed("key", resource_type, importance=Importance.INFORMATIVE)) == ()
    with pytest.raises(DataUnavailable, match="key"):
        read(DataNeed("key", resource_type))


def test_diagnoses_of_an_admission_are_not_all_there_are() -> None:
    """They are used, and the gap is named."""
    assert read(DataNeed("conditions", "Condition"))[0].startswith("conditions: ")


def test_earlier_stays_are_a_gap_and_the_current_one_is_not() -> None:
    """A history has a look-back."""
    history = DataNeed("history", "Encounter", look_back=DAYS, importance=Importance.OPTIONAL)
    assert read(history) == ("history: these messages bring no earlier stays",)
    assert read(DataNeed("encounter", "Encounter"), DataNeed("patient", "Patient")) == ()
