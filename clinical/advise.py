"""The main job. Read this page first.

A hook call and an opening of the SMART page both come here, so both show the same risk and leave the same kind of
entry in the ledger.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from clinical.advice import Advice, History
from clinical.assessment import Abstention, AbstentionReason, Finding, ModelInfo
from clinical.errors import DataUnavailable
from clinical.invocation import Invocation
from clinical.need import DataNeed, Importance
from clinical.policy import Policy, without
from clinical.ports import AdviceKeeper, Clock, RecordSource, RiskModel
from clinical.record import PatientRecord


def advise(
    invocation: Invocation,
    *,
    model: RiskModel,
    records: RecordSource,
    policy: Policy,
    ledger: AdviceKeeper,
    clock: Clock,
    check: Callable[[Advice], object] = lambda _: None,
) -> Advice:
    """Read the record, assess, decide, check that it can be told, store, and only then hand out.

    Whatever goes wrong on the way raises one of `clinical.errors`; there is no path on which a fault becomes
    an empty answer. `check` raises for advice that its door could not show: what nobody saw is not stored as shown.
    """
    record = records.read(invocation, model.needs)
    now = clock.now()
    finding = without(model.assess(record, now), policy.silent_beside)
    finding = replace(finding, incomplete=own_gaps(record, model.needs), caveats=record.caveats)
    advice = decide(form_advice(invocation, record, finding, now), policy, ledger)
    check(advice)
    return ledger.append(advice)


def decide(advice: Advice, policy: Policy, ledger: AdviceKeeper) -> Advice:
    """The advice with the policy's decision. The past is read only where the policy asks for it."""
    withheld = policy.decide(
        advice.finding,
        user=advice.user,
        now=advice.time,
        history=lambda: _past(advice, policy, ledger),
    )
    return advice if advice.withheld is withheld else replace(advice, withheld=withheld)


def _past(advice: Advice, policy: Policy, ledger: AdviceKeeper) -> History:
    """What was shown before, as far as the policy's rules can tell the difference."""
    since = advice.time - policy.look_back
    if policy.asks_for_snoozes_only and not ledger.put_off(advice, since):
        return History()
    return ledger.history(advice, since)


def form_advice(invocation: Invocation, record: PatientRecord, finding: Finding, time: datetime) -> Advice:
    """Put a finding into the form of the ledger, with new ids; nothing is decided yet."""
    return _in_form(invocation, unit_name(record, time), finding, time)


def not_read(invocation: Invocation, model: ModelInfo, fault: DataUnavailable, time: datetime) -> Advice:
    """What stands on a page for a model whose data the EHR gave no leave to read; nothing is decided yet."""
    text = f"the required data '{fault.key}' could not be read: {fault.tried}"
    finding = Abstention(model, time, AbstentionReason.NOT_READ, text, in_population=True)
    return _in_form(invocation, "", finding, time)


def _in_form(invocation: Invocation, unit: str, finding: Finding, time: datetime) -> Advice:
    """A finding with new ids."""
    return Advice(
        id=str(uuid.uuid4()),
        suggestion_id=str(uuid.uuid4()),
        time=time,
        client=invocation.client,
        service=invocation.service,
        hook=invocation.hook,
        hook_instance=invocation.hook_instance,
        patient_id=invocation.patient_id,
        encounter_id=invocation.encounter_id,
        user=invocation.user,
        unit_name=unit,
        finding=finding,
        withheld=None,
        request_key=invocation.request_key,
    )


def own_gaps(record: PatientRecord, needs: Sequence[DataNeed]) -> tuple[str, ...]:
    """What was read only in part, without what only the scores beside the answer need: they tell it themselves."""
    beside = tuple(f"{need.key}:" for need in needs if need.importance is Importance.BESIDE)
    return tuple(gap for gap in record.incomplete if not gap.startswith(beside))


def request_key(secret: bytes, *parts: str | bytes) -> str:
    """The same 64 hex digits for the same parts: HMAC-SHA256 over the tag of each, so that none runs into the next.

    Keyed, because it stands in the ledger: from a small body, somebody could guess the patient.
    """
    raw = (part.encode() if isinstance(part, str) else part for part in parts)
    return hmac.digest(secret, b"".join(hmac.digest(secret, part, "sha256") for part in raw), "sha256").hex()


def unit_name(record: PatientRecord, at: datetime) -> str:
    """The name of the place where the patient lies, or an empty string where the record does not say."""
    stays = [stay for stay in record.stays if record.focus in (None, stay.reference)]
    places = [place for stay in stays for place in stay.locations if place.end is None or place.end > at]
    begun = [place for place in places if place.start is None or place.start <= at]
    return max(begun, key=lambda place: place.start.timestamp() if place.start else 0.0).name if begun else ""
