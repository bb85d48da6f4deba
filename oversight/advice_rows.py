"""Advice as rows: every identity under its pseudonym, and beside the whole finding what is asked about most often."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from clinical.advice import Advice, WithheldReason
from clinical.assessment import Abstention, Finding, RiskAssessment
from clinical.errors import LedgerUnavailable
from oversight import stored, stored_1, stored_2
from oversight.column_types import AnyRow
from oversight.pseudonyms import Pseudonyms, role
from oversight.stored_parts import UNREADABLE
from oversight.vocabulary import Vocabularies, Vocabulary


class AdviceRows:
    """Writes advice as rows, and reads it back. One object serves all threads."""

    def __init__(self, pseudonyms: Pseudonyms, vocabularies: Vocabularies) -> None:
        """Keep both."""
        self._pseudonyms = pseudonyms
        self._vocabularies = vocabularies
        self._writer = stored.FindingWriter()

    def row(self, advice: Advice) -> tuple[dict[str, Any], Vocabulary]:
        """The row, and the vocabulary that it is written with, which must be stored before it.

        Raises `LedgerUnavailable` for what cannot be written down.
        """
        finding = advice.finding
        said = finding.explanation.columns.words if isinstance(finding, RiskAssessment) else ()
        try:
            words, places = self._vocabularies.with_words(finding.model, said)
            content = self._writer.write(
                finding, places, patient_id=advice.patient_id, encounter_id=advice.encounter_id
            )
            row = self._of_advice(advice) | _of_finding(finding)
        except (TypeError, ValueError, OverflowError):
            raise LedgerUnavailable("The advice holds something that the ledger cannot write down.") from None
        return row | {"vocabulary": words.sequence, "finding_format": stored.FORMAT, "finding": content}, words

    def _of_advice(self, advice: Advice) -> dict[str, Any]:
        """For whom, when, and through which door."""
        name = self._pseudonyms
        return {
            "id": advice.id,
            "suggestion_id": advice.suggestion_id,
            "time": advice.time,
            "day": advice.time.astimezone(UTC).date(),
            "client": advice.client,
            "service": advice.service,
            "hook": advice.hook,
            "hook_instance": advice.hook_instance,
            "patient": name.patient(advice.client, advice.patient_id),
            "encounter": name.encounter(advice.client, advice.encounter_id),
            "clinician": name.user(advice.client, advice.user),
            "role": role(advice.user),
            "unit_name": advice.unit_name,
            "key_id": name.key_id,
            "withheld": advice.withheld.value if advice.withheld else None,
            "request_key": advice.request_key,
        }

    def advice(self, row: AnyRow, client: str, patient_id: str, *, encounter_id: str | None, user: str) -> Advice:
        """The advice of a row, with these identities. Raises `LedgerUnavailable` where it cannot be read."""
        return Advice(
            id=row.id,
            suggestion_id=row.suggestion_id,
            time=row.time,
            client=client,
            service=row.service,
            hook=row.hook,
            hook_instance=row.hook_instance,
            patient_id=patient_id,
            encounter_id=encounter_id,
            user=user,
            unit_name=row.unit_name,
            finding=self._finding(row, patient_id, encounter_id),
            withheld=WithheldReason(row.withheld) if row.withheld else None,
            request_key=row.request_key,
        )

    def _finding(self, row: AnyRow, patient_id: str, encounter: str | None) -> Finding:
        """The finding in whichever form it has."""
        if row.finding_format == stored_1.FORMAT:
            return stored_1.read_finding(row.finding, patient_id=patient_id, encounter=encounter)
        read = _READERS.get(row.finding_format)
        if read is None or row.vocabulary is None:
            raise LedgerUnavailable(UNREADABLE)
        words = self._vocabularies.read(row.vocabulary)
        return read(row.finding, words, patient_id=patient_id, encounter=encounter)


def _of_finding(finding: Finding) -> dict[str, Any]:
    """What is asked about most often. A score has a tier and no probability; `abstention` tells what has no tier."""
    model = finding.model
    tier = None if isinstance(finding, Abstention) else finding.tier
    return {
        "model_id": model.id,
        "model_version": model.version,
        "model_digest": model.digest,
        "base_rate": model.base_rate,
        "probability": finding.probability if isinstance(finding, RiskAssessment) else None,
        "tier": tier.name if tier else None,
        "tier_at_least": tier.at_least if tier else None,
        "indicator": _told(finding),
        "abstention": finding.reason.value if isinstance(finding, Abstention) else None,
    }


def _told(finding: Finding) -> str | None:
    """How loudly it is told; for a weak answer that is less than its tier says."""
    if isinstance(finding, Abstention):
        return None
    return (finding.indicator if isinstance(finding, RiskAssessment) else finding.tier.indicator).value


# Those that need the words of the model; the first form has them in itself.
_READERS = {stored_2.FORMAT: stored_2.read_finding, stored.FORMAT: stored.read_finding}
