"""What published scores and equations say of the same patient at the same moment, beside a model's own answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clinical.assessment import Abstention, AbstentionReason, Estimate, Finding, RiskAssessment, Score
from clinical.errors import origin
from clinical.need import DataNeed, Importance
from clinical.ports import RiskModel
from clinical.record import PatientRecord, SetAside

LOG = logging.getLogger("chartside.models")
FAILED = "it failed; the model beside it is not affected"


@dataclass(frozen=True, slots=True)
class Told:
    """What stands beside an answer, by its kind."""

    scores: tuple[Score, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    unanswered: tuple[Abstention, ...] = ()


NOTHING = Told()


class Beside:
    """The comparators of a model. Whatever they say or do, the model's own answer stays as it is."""

    def __init__(self, comparators: Sequence[RiskModel], needs: Sequence[DataNeed]) -> None:
        """`needs` are those of the model, joined with those of the comparators.

        What stands beside suggests nothing, so its guidelines stay away: each ledger entry would repeat them.
        """
        keys = {need.key for need in needs if need.importance is Importance.BESIDE}
        self._each = [
            (
                model,
                replace(model.info, guidelines=()),
                tuple(f"{need.key}:" for need in model.needs if need.key in keys),
            )
            for model in comparators
        ]

    def found(self, record: PatientRecord, as_of: datetime, unused: Sequence[SetAside]) -> Told:
        """What stands beside an answer: scores, further probabilities, and who gave no answer, and why.

        What was read only in part and only a comparator needs, and what it cannot use, stands with that comparator;
        what the answer itself tells (`unused`) is not told again, unless it decides what the comparator says.
        """
        if not self._each:
            return NOTHING
        found = list(self._found(record, as_of, unused))
        return Told(
            scores=tuple([one for one in found if isinstance(one, Score)]),
            estimates=tuple([_estimate(one) for one in found if isinstance(one, RiskAssessment)]),
            unanswered=tuple([one for one in found if isinstance(one, Abstention)]),
        )

    def _found(self, record: PatientRecord, as_of: datetime, unused: Sequence[SetAside]) -> Iterator[Finding]:
        """What each finds, with the gaps that only it has, and the unused facts of which the answer does not tell."""
        told = {aside.reference for aside in unused}
        for model, info, keys in self._each:
            found = _assessed(model, record, as_of)
            gaps = tuple(gap for gap in record.incomplete if gap.startswith(keys))
            more = tuple(aside for aside in found.unused if aside.decides or aside.reference not in told)
            yield replace(found, model=info, incomplete=gaps, unused=more)


def _assessed(model: RiskModel, record: PatientRecord, as_of: datetime) -> Finding:
    """What a comparator finds. A fault of it must not cost the patient the answer, and must not go unseen."""
    try:
        return model.assess(record, as_of)
    except Exception as error:  # whatever a score does, the model's own answer is given
        LOG.error("comparator", extra={"model": model.info.id, "fault": type(error).__name__, "where": origin(error)})
        return Abstention(model.info, as_of, AbstentionReason.NOT_ENOUGH_DATA, FAILED, in_population=True)


def _estimate(found: RiskAssessment) -> Estimate:
    """A probability under its title, with what was read only in part for it."""
    gaps = ", ".join(gap.partition(":")[0] for gap in found.incomplete)
    label = f"{found.model.title} (read only in part: {gaps})" if gaps else found.model.title
    return Estimate(label, found.probability, found.model.id)
