"""A published score: its manifest, its arithmetic, and one method that answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clinical.assessment import Abstention, AbstentionReason, Finding, ModelInfo
from clinical.errors import ChartsideError, ModelFault
from clinical.need import DataNeed
from clinical.record import PatientRecord, SetAside
from models.formulae.worked import Worked
from models.runtime.chart import NOTHING, Chart, Found
from models.runtime.derive import PAIR_HOURS
from models.runtime.diagnoses import DiagnosisSorter
from models.runtime.find_input import find
from models.runtime.gather import Gatherer
from models.runtime.in_place import counting
from models.runtime.read_score_manifest import read_score_manifest
from models.runtime.score_answer import Given, Probability, Result
from models.runtime.score_code import load_answer
from models.runtime.score_doubts import Age, Doubts, doubts_of, reaching
from models.runtime.score_findings import Finds, risk_of, score_of
from models.runtime.score_inputs import Answered, AnyInput, Diagnosed, Measured, Medicated
from models.runtime.score_manifest import Answers, ScoreManifest
from models.runtime.score_situation import Situation, situate
from models.runtime.utc import in_utc
from models.runtime.whereabouts import Refusal, outside

# Points of a score, or the value of an equation; no score is ever higher.
HIGHEST_LEVEL = 1000.0
_ONE = {
    Age.NEWER: "a newer value cannot be used",
    Age.PERHAPS: "a value that may be newer cannot be used",
    Age.UNDATED: "an undated value cannot be used",
}
_MANY = {Age.NEWER: "newer values", Age.PERHAPS: "values that may be newer", Age.UNDATED: "undated values"}


class ScoreModel:
    """A score behind a manifest. Fills `clinical.ports.RiskModel`; safe to share between threads."""

    def __init__(self, manifest: ScoreManifest) -> None:
        """Load the arithmetic. Raises `ManifestInvalid` where there is none."""
        self.manifest = manifest
        self._work = load_answer(manifest.folder)
        inputs = tuple(manifest.inputs.values())
        self._gatherer = Gatherer(manifest.signals.values())
        self._sorter = DiagnosisSorter({one.name: one.codes for one in inputs if isinstance(one, Diagnosed)})
        self._asked = [(one, {(c.system, c.code) for c in one.codes}) for one in inputs if isinstance(one, Answered)]
        windows = [one.window for one in inputs if isinstance(one, Measured)]
        # What was in force when something was measured may have been set before.
        self._window = max(windows, default=timedelta()) + timedelta(hours=PAIR_HOURS)

    @classmethod
    def load(cls, path: Path) -> ScoreModel:
        """Read `model.toml` and `score.py`. Raises `ManifestInvalid`."""
        return cls(read_score_manifest(path))

    @property
    def info(self) -> ModelInfo:
        """Name, version and meaning."""
        return self.manifest.info

    @property
    def needs(self) -> tuple[DataNeed, ...]:
        """What must be read."""
        return self.manifest.needs

    @property
    def served(self) -> bool:
        """Whether it is offered unasked."""
        return self.manifest.served

    @property
    def draft(self) -> str:
        """Why it is not offered at all, or nothing."""
        return self.manifest.draft

    @property
    def levels(self) -> tuple[float, float]:
        """The lowest and the highest level that a threshold may name: a probability, points, or a value turned."""
        if self.manifest.scale.answers is Answers.PROBABILITY:
            return 0.0, 1.0
        lowest = self.manifest.tiers[0].at_least
        return (lowest, 0.0) if self.manifest.scale.falling else (lowest, HIGHEST_LEVEL)

    def assess(self, record: PatientRecord, as_of: datetime) -> Finding:
        """Assess at a moment with a time zone. Raises `ModelFault` rather than answer wrongly."""
        record, as_of = in_utc(record), as_of.astimezone(UTC)
        situation = situate(record, self.manifest.population, as_of)
        if isinstance(situation, Refusal):
            return self._abstain(situation, as_of, self._gatherer.set_aside(record))
        finds = self._look(record, situation, as_of)
        refusal = self._not_meant(finds) or self._too_little(finds) or self._beyond(finds)
        result = refusal or self._ranged({name: one.value for name, one in finds.found.items()}, finds.doubts)
        if isinstance(result, Refusal):
            return self._abstain(result, as_of, finds.unused)
        return risk_of(result, finds) if isinstance(result, Probability) else score_of(result, finds)

    def _abstain(self, refusal: Refusal, as_of: datetime, unused: tuple[SetAside, ...]) -> Abstention:
        return Abstention(
            self.info, as_of, refusal.reason, refusal.text, refusal.in_population, refusal.missing, unused
        )

    def _look(self, record: PatientRecord, situation: Situation, as_of: datetime) -> Finds:
        """Every input, looked up."""
        opens = as_of - self._window
        gathered = self._gatherer.gather(record, opens, opens, as_of)
        chart = Chart(record, as_of, situation, gathered.series, self._sorter.sort(record))
        chart.tell(self._unanswered(record))
        found = {name: find(one, chart) for name, one in self.manifest.inputs.items()}
        used = {name: one if self._counts(name, found) else NOTHING for name, one in found.items()}
        # One fact may be in doubt for many inputs; it is told once.
        unused = tuple(dict.fromkeys((*gathered.unused, *chart.unused)))
        doubts = doubts_of(self.manifest, found, unused, as_of)
        used |= dict.fromkeys(doubts.stale, NOTHING)
        return Finds(self.manifest, used, self._words(situation, found), as_of, tuple(doubts.told(unused)), doubts)

    def _unanswered(self, record: PatientRecord) -> Iterator[SetAside]:
        """What the reader set aside of the answers that are asked for, named: the gatherer knows measurements only."""
        for one, asked in self._asked:
            for fact in record.set_aside:
                if any((coding.system, coding.code) in asked for coding in fact.codings):
                    yield replace(fact, detail=f"{one.label}: {fact.detail}")

    def _words(self, situation: Situation, found: Mapping[str, Found]) -> str:
        """Where the patient is, and what nobody can say of for whom the score is meant."""
        population = self.manifest.population
        names = (*population.not_with_recorded, *population.in_doubt_with)
        open_ = [self.manifest.inputs[name].label.lower() for name in names if found[name].value is None]
        if not open_:
            return situation.words
        return f"{situation.words}; the record does not say whether there is {' or '.join(open_)}"

    def _counts(self, name: str, found: Mapping[str, Found]) -> bool:
        """Whether what was found for an input is used, and not what was found for one that may stand in its place."""
        if found[name].value is None:
            return False
        if len(self.manifest.in_place[name]) == 1:
            return True
        used = counting(self.manifest.ways[name], found, self.manifest.same_within[name])
        return any(name in way for way in used)

    def _not_meant(self, finds: Finds) -> Refusal | None:
        """A refusal where the diagnoses show that the score is not meant for this patient, or do not say."""
        population = self.manifest.population
        asked = [(name, 1.0) for name in population.only_with] + [(name, 0.0) for name in population.not_with]
        for name, wanted in asked:
            label, value = self.manifest.inputs[name].label, finds.found[name].value
            if value is None:
                text = f"the record does not say whether there is {label.lower()}"
                return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True, missing=(label,))
            if value != wanted:
                return outside(f"the score is for people {'without' if value else 'with'} {label.lower()}")
        for name in population.not_with_recorded:
            if finds.found[name].value:
                return outside(f"the score is for people without {self.manifest.inputs[name].label.lower()}")
        for name in population.in_doubt_with:
            if finds.found[name].value:
                text = f"the score may not be meant for this patient: {self.manifest.inputs[name].label.lower()}"
                return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True)
        return None

    def _too_little(self, finds: Finds) -> Refusal | None:
        """A refusal where something required, or too much, was not found."""
        missing, labels = finds.missing, self.manifest.labels
        required = [one for one in self.manifest.inputs.values() if one.required and self._lacks(one.name, finds)]
        if required:
            lacking = [one.label for one in required]
            text, missing = _lacking(required, finds.doubts), tuple(dict.fromkeys((*lacking, *missing)))
        elif self._read(finds) < self.manifest.least.items:
            known = len(labels) - len(missing)
            stale = finds.doubts.stale
            found = f"can be counted, {_MANY[finds.doubts.age_of(stale)]} cannot be used" if stale else "were found"
            text = f"{known} of {len(labels)} items {found}; the score needs {self.manifest.least.items}"
        else:
            return None
        return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True, missing=missing)

    def _read(self, finds: Finds) -> int:
        """How many items something was found for. Beside one of them those count whose newer value cannot be used.

        Their points are open, which the range tells; without it, what is certain (unresponsive) would go untold.
        """
        items, missing = self.manifest.labels, finds.missing
        found = len(items) - len(missing)
        stale = {self.manifest.inputs[name].item for name in finds.doubts.stale}
        return found + sum(items[one] in missing for one in stale if one in items) if found else 0

    def _lacks(self, name: str, finds: Finds) -> bool:
        """Whether neither an input nor one that may stand in its place was found."""
        others = [one.name for one in self.manifest.inputs.values() if one.unless == name]
        return all(finds.found[known].value is None for known in (name, *others))

    def _beyond(self, finds: Finds) -> Refusal | None:
        """A refusal where a value is plausible and outside of what the score was made for."""
        for name, one in self.manifest.inputs.items():
            value = finds.found[name].value
            if not isinstance(one, Measured) or one.domain is None or value is None:
                continue
            low, high = one.domain
            if not low <= value <= high:
                text = f"{one.label.lower()} lies outside {low:g} to {high:g} {one.unit}, for which the score was made"
                return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True)
        return None

    def _ranged(self, given: Given, doubts: Doubts) -> Result:
        """The answer with what can be used; its top is that of what may be worse. An equation has no lines to open."""
        least = self._worked(given)
        if not doubts.names or not isinstance(least, Worked) or not least.lines:
            return least
        most = self._worked({**given, **dict.fromkeys(doubts.names)})
        items = (self.manifest.inputs[name].item for name in doubts.names)
        return reaching(least, most, items) if isinstance(most, Worked) else most

    def _worked(self, given: Given) -> Result:
        """The arithmetic. A ValueError says in words what an equation does not hold for."""
        try:
            result = self._work(given)
        except ValueError as error:
            return Refusal(AbstentionReason.NOT_ENOUGH_DATA, str(error).rstrip("."), in_population=True)
        except ChartsideError:
            raise
        except Exception as error:  # whatever the arithmetic of a folder does
            raise ModelFault(f"The arithmetic failed ({type(error).__name__}); no answer is given.") from error
        kind = Probability if self.manifest.scale.answers is Answers.PROBABILITY else Worked
        if not isinstance(result, Refusal | kind):
            raise ModelFault("The score gave another kind of answer than its manifest says; no answer is given.")
        return result


def _lacking(inputs: Sequence[AnyInput], doubts: Doubts) -> str:
    """What was not found; of a history nothing is found where nobody can say whether it is so."""
    told = [one.label for one in inputs if isinstance(one, Diagnosed | Medicated)]
    stale = [one for one in inputs if one.name in doubts.stale]
    newer = [one.label for one in stale]
    found = [one.label for one in inputs if one.label not in (*told, *newer)]
    newest = _ONE[doubts.age_of(one.name for one in stale)]
    parts = (("not found", found), (newest, newer), ("the record does not say", told))
    return "; ".join(f"{words}: {', '.join(labels)}" for words, labels in parts if labels)
