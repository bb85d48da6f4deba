"""HL7 v2 messages as a door of their own: the same main job, the same ledger entry."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from cds_hooks.cards import outcome
from chartside.factory import open_house
from chartside.house import House
from chartside.settings import Settings
from clinical.advice import Advice
from clinical.errors import SettingsInvalid
from clinical.invocation import Invocation
from clinical.need import DataNeed
from clinical.ports import Clock
from clinical.record import PatientRecord
from fhir_adapters.hl7v2.messages import Feed, read_messages
from fhir_adapters.intensive_care import IntensiveCare
from fhir_adapters.units import load_analytes

V2_HOOK = "hl7v2-files"


@dataclass(frozen=True, slots=True)
class MessageRecords:
    """A `RecordSource` over messages that were already received."""

    messages: Sequence[bytes]
    feed: Feed
    clock: Clock

    def read(self, invocation: Invocation, needs: Sequence[DataNeed]) -> PatientRecord:
        """Read the messages as of now."""
        now = self.clock.now()
        return read_messages(self.messages, needs, patient_id=invocation.patient_id, feed=self.feed, now=now)


def advise_from_messages(house: House, messages: Sequence[bytes], client: str, patient: str, model: str) -> Advice:
    """Advice from messages of one client about one patient. Raises what a hook call raises."""
    if client not in house.clients or model not in house.models:
        raise SettingsInvalid("There is no such client in the registry, or no such model.")
    rule = IntensiveCare(house.clients[client].intensive_care_locations)
    feed = Feed(rule, load_analytes(), house.settings.time_zone)
    call = Invocation(client, model, V2_HOOK, str(uuid.uuid4()), patient, "Device/hl7v2-feed")
    return house.advise(call, MessageRecords(messages, feed, house.clock))


def assess_messages(
    settings: Settings, messages: Sequence[bytes], client: str, patient: str, model: str
) -> dict[str, object]:
    """Open the house, advise, and say what was found."""
    with closing(open_house(settings)) as house:
        return outcome(advise_from_messages(house, messages, client, patient, model))
