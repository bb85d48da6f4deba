"""What a model answers: a `RiskAssessment` or a `Score` with its reasons, or an `Abstention` with its reason."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import overload

from clinical.record import Observation, SetAside

_TIME = attrgetter("time")


@dataclass(frozen=True, slots=True)
class Guideline:
    """What a learned society or authority says about the suggested action. `url` is https, checked when it is read."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Who is speaking: the parts of a model's manifest that the other rooms show or store.

    `outcome` is a noun phrase ("death in hospital") and `horizon` the time that it is about ("during this stay").

    `digest` is the SHA-256 of the artefact, `base_rate` the share of the training stays with the outcome (0 where
    nothing was learnt: scores). `validation` is one sentence of measured performance ("Cross-validated AUROC .84 at
    hour 24; …"). `guidelines` are about what `action` suggests.
    """

    id: str
    version: str
    digest: str
    title: str
    description: str
    outcome: str
    horizon: str
    base_rate: float
    hooks: tuple[str, ...]
    action: str
    intended_use: str
    validation: str = ""
    guidelines: tuple[Guideline, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What happened, in validation, to patients given about this risk: `events` of `patients` had the outcome.

    `low` and `high` bound their predicted probabilities; `lower` and `upper` are the 95 % Wilson interval of the
    share: the uncertainty that can be read off a calibration plot (Van Calster 2019, doi 10.1186/s12916-019-1466-7).
    `noun` says what was counted where it is not patients but rows of which one patient may have several: hours, stays.
    """

    low: float
    high: float
    patients: int
    events: int
    lower: float
    upper: float
    noun: str = "patients"

    @property
    def share(self) -> float:
        """The observed share."""
        return self.events / self.patients


@dataclass(frozen=True, slots=True)
class Basis:
    """A fact that is no measured number and that a number rests on: a diagnosis, a medicine, an encounter, an answer.

    `text` is what it says to people; `reference` is its FHIR reference.
    """

    reference: str
    text: str
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """The share of one feature in the risk, in calibrated log-odds (a SHAP value).

    `concept` names the clinical signal that the feature describes, `label` the feature in a clinician's words.
    `value` is None where nothing was measured. `facts` are the observations that the feature was computed from.
    `derived` marks a feature of several signals (a ratio), whose value no single fact shows; `lead` the feature that
    says most about its concept (urine of six hours, not the last void). `basis` are the facts that are no measured
    numbers.
    """

    feature: str
    concept: str
    concept_label: str
    label: str
    log_odds: float
    value: float | None
    unit: str
    facts: tuple[Observation, ...] = ()
    derived: bool = False
    lead: bool = False
    basis: tuple[Basis, ...] = ()


# What an attribution says of its feature, which is the same for every patient: feature, concept, concept_label, label,
# unit, derived, lead.
FeatureWords = tuple[str, str, str, str, str, bool, bool]


class Attributions(Sequence[Attribution]):
    """Attributions as columns, equal to the tuple of them. Each column has one member per attribution.

    A model has a quarter of a thousand attributions. A card names five, and the ledger writes columns: to make an
    object of each costs as much as to explain the risk. They are made when somebody asks for them.
    """

    __slots__ = ("_each", "bases", "facts", "log_odds", "values", "words")

    def __init__(
        self,
        words: Sequence[FeatureWords],
        log_odds: Sequence[float],
        values: Sequence[float | None],
        facts: Sequence[tuple[Observation, ...]],
        bases: Sequence[tuple[Basis, ...]],
    ) -> None:
        """Raises ValueError where the columns are not equally long."""
        if not len(words) == len(log_odds) == len(values) == len(facts) == len(bases):
            raise ValueError("The columns of the attributions are not equally long.")
        self.words, self.log_odds, self.values = tuple(words), tuple(log_odds), tuple(values)
        self.facts, self.bases = tuple(facts), tuple(bases)
        self._each: tuple[Attribution, ...] | None = None

    @classmethod
    def of(cls, each: Sequence[Attribution]) -> Attributions:
        """The columns of some attributions."""
        if isinstance(each, Attributions):
            return each
        made = cls(
            words=[(a.feature, a.concept, a.concept_label, a.label, a.unit, a.derived, a.lead) for a in each],
            log_odds=[a.log_odds for a in each],
            values=[a.value for a in each],
            facts=[a.facts for a in each],
            bases=[a.basis for a in each],
        )
        made._each = tuple(each)
        return made

    def one(self, place: int) -> Attribution:
        """The attribution at a place, without making the others."""
        if self._each is not None:
            return self._each[place]
        feature, concept, concept_label, label, unit, derived, lead = self.words[place]
        return Attribution(
            feature=feature,
            concept=concept,
            concept_label=concept_label,
            label=label,
            log_odds=self.log_odds[place],
            value=self.values[place],
            unit=unit,
            facts=self.facts[place],
            derived=derived,
            lead=lead,
            basis=self.bases[place],
        )

    @property
    def each(self) -> tuple[Attribution, ...]:
        """All of them, made once. Two threads that ask at once make equal ones."""
        if self._each is None:
            self._each = tuple([self.one(place) for place in range(len(self.words))])
        return self._each

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[Attribution]:
        return iter(self.each)

    @overload
    def __getitem__(self, place: int) -> Attribution: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Attribution, ...]: ...

    def __getitem__(self, place: int | slice) -> Attribution | tuple[Attribution, ...]:
        return self.each[place]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Attributions):
            return self.each == other.each
        return self.each == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.each)

    def __repr__(self) -> str:
        return repr(self.each)


@dataclass(frozen=True, slots=True)
class Driver:
    """All attributions of one clinical concept, added up. `latest` is the newest fact behind it, if any.

    `parts` come with the strongest first.
    """

    concept: str
    label: str
    log_odds: float
    latest: Observation | None
    parts: tuple[Attribution, ...]

    @property
    def odds_multiplier(self) -> float:
        """How this concept multiplies the odds; the product over all drivers with the base odds is the odds."""
        return math.exp(self.log_odds)

    @property
    def shown(self) -> tuple[float | None, str]:
        """The value and unit to show: the leading feature's, else the newest fact's, else the strongest feature's.

        Where all features are derived, no single fact is shown: it would pass one signal off as another. Of several
        flags (the kinds of unit) the one that is up is shown.
        """
        known = [part for part in self.parts if part.value is not None]
        lead = next((part for part in known if part.lead), None)
        if lead is None and self.latest is not None and not all(part.derived for part in self.parts):
            return self.latest.value, self.latest.unit
        up = next((part for part in known if part.basis and part.value), None)
        chosen = lead or up or next(iter(known), None)
        return (None, "") if chosen is None else (chosen.value, chosen.unit)

    @property
    def measured(self) -> bool:
        """Whether anything of this concept was in the record."""
        return any(part.value is not None for part in self.parts)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Additive reasons: `base_log_odds` plus all attributions is the calibrated log-odds (Lundberg & Lee 2017)."""

    base_log_odds: float
    attributions: Sequence[Attribution]

    @property
    def columns(self) -> Attributions:
        """The attributions as columns."""
        return Attributions.of(self.attributions)

    @property
    def log_odds(self) -> float:
        """The sum of base and attributions."""
        return self.base_log_odds + math.fsum(self.columns.log_odds)

    def drivers(self) -> tuple[Driver, ...]:
        """Attributions grouped by concept, largest effect first (ties by name)."""
        return tuple(self.ranked())

    def ranked(self) -> Iterator[Driver]:
        """The same, one after the other: a card needs the first few only."""
        columns = self.columns
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, words in enumerate(columns.words):
            places[words[1]].append(place)
        effects = columns.log_odds
        sums = [(math.fsum([effects[place] for place in its]), name) for name, its in places.items()]
        for log_odds, name in sorted(sums, key=lambda pair: (-abs(pair[0]), pair[1])):
            yield _driver([columns.one(place) for place in places[name]], log_odds)


def _driver(parts: list[Attribution], log_odds: float) -> Driver:
    """One concept's driver."""
    facts = [fact for part in parts for fact in part.facts]
    return Driver(
        concept=parts[0].concept,
        label=parts[0].concept_label,
        log_odds=log_odds,
        latest=max(facts, key=_TIME, default=None),
        parts=tuple(sorted(parts, key=lambda part: -abs(part.log_odds))),
    )


USUAL_CARE = "Keep usual monitoring and look again when new results arrive"
MEASURE_FIRST = "Measure what is missing and look again"
LOOK_FIRST = "Look in the record at what could not be used, and measure what is missing"


class Indicator(StrEnum):
    """CDS Hooks card indicator."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Tier:
    """A band of risk: from `at_least` (a probability, or the level of a score) up to the next tier.

    `source` says where the number is from.
    """

    name: str
    at_least: float
    indicator: Indicator
    source: str


@dataclass(frozen=True, slots=True)
class ScoreItem:
    """One line of a score: what was found and what it adds.

    `found` is the finding in a clinician's words ("112 /min", "yes"), and empty where nothing was found; `rule` the
    band that gave the points ("111 to 130"). `points` is None where nothing was found, and on the lines of an equation,
    which adds no points up.
    """

    name: str
    label: str
    points: float | None
    found: str
    rule: str = ""
    facts: tuple[Observation, ...] = ()
    basis: tuple[Basis, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A published score or equation, worked out as published (NEWS2, MELD 3.0, eGFR): no model learnt it.

    `value` is in `unit` ("{points}", "mL/min/{1.73_m2}"). Where something was not found, `value` counts what was, so it
    is the least the score can be, and `highest` is the most; where nothing is missing the two are equal. `maximum` is
    the highest value that the score knows, if it has one; `worst` is the tier of `highest`, where it is another than
    that of `value`. `falling` marks a score of which less is worse (eGFR). All else as in `RiskAssessment`.
    """

    model: ModelInfo
    as_of: datetime
    value: float
    unit: str
    tier: Tier
    items: tuple[ScoreItem, ...]
    situation: str
    highest: float
    maximum: float | None = None
    falling: bool = False
    worst: Tier | None = None
    missing: tuple[str, ...] = ()
    unused: tuple[SetAside, ...] = ()
    oldest: datetime | None = None
    newest: datetime | None = None
    incomplete: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()

    @property
    def level(self) -> float:
        """What thresholds are compared with: the higher, the worse."""
        return -self.value if self.falling else self.value

    @property
    def highest_level(self) -> float:
        """The worst level that it may have, for all that is known; of a falling score the least value is the worst."""
        return -self.value if self.falling else self.highest

    @property
    def indicator(self) -> Indicator:
        """How loudly it is told."""
        return self.tier.indicator

    @property
    def band(self) -> str:
        """The tier in words: `medium`; `none to medium` where something is not known; `band 2` where it is a number."""
        name = f"band {self.tier.name}" if self.tier.name[:1].isdigit() else self.tier.name
        if self.worst is not None:
            return f"{name} to {self.worst.name}"
        if self.whole or (self.tier.indicator is Indicator.CRITICAL and not self.falling):
            return name
        return f"{name} or {'better' if self.falling else 'worse'}"

    @property
    def whole(self) -> bool:
        """Whether everything that the score asks for was found."""
        return self.highest == self.value

    @property
    def suggestion(self) -> str:
        """The one suggested action, without full stop: usual care at an unremarkable score that is whole.

        Where something stands in the record that could not be used and decides, to measure is not all there is to do.
        """
        if self.tier.indicator is not Indicator.INFO:
            return self.model.action.rstrip(".")
        if self.whole:
            return USUAL_CARE
        return LOOK_FIRST if any(fact.decides for fact in self.unused) else MEASURE_FIRST


@dataclass(frozen=True, slots=True)
class Estimate:
    """A second probability beside the one that decides: "heart failure within 10 years".

    `model` is the id of another model that gave it; empty for one of the same model.
    """

    label: str
    probability: float
    model: str = ""


@dataclass(frozen=True, slots=True)
class RiskAssessment:
    """A calibrated probability with its reasons (FHIR RiskAssessment).

    `situation` places the patient ("hour 24 of the intensive care stay"). `missing` are labels of signals without a
    usable value, `unused` the facts that were read and not used, `oldest` and `newest` the times of the facts used.
    `incomplete` and `caveats` are what the reader of the record had to say about it. `observed` is None where the
    model brings no validation of risks like this; `signals` is how many signals the model knows, `missing` among them.

    `interval` is the model's own range for this probability (Venn-ABERS), or empty; `coverage` the share of what the
    model weighs that was found, 1 where the model does not say; `unusual` are labels of values outside what the model
    was trained on; `weak` says why the answer is too weak for an alert, or is empty. `comparators` are published scores
    for the same patient at the same moment, `unanswered` those that gave no answer, `others` further probabilities.
    """

    model: ModelInfo
    as_of: datetime
    probability: float
    tier: Tier
    explanation: Explanation
    situation: str
    missing: tuple[str, ...] = ()
    unused: tuple[SetAside, ...] = ()
    oldest: datetime | None = None
    newest: datetime | None = None
    incomplete: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    observed: Observed | None = None
    signals: int = 0
    interval: tuple[float, ...] = ()
    coverage: float = 1.0
    unusual: tuple[str, ...] = ()
    weak: str = ""
    comparators: tuple[Score, ...] = ()
    others: tuple[Estimate, ...] = ()
    unanswered: tuple[Abstention, ...] = ()

    @property
    def level(self) -> float:
        """What thresholds are compared with: the higher, the worse."""
        return self.probability

    @property
    def indicator(self) -> Indicator:
        """How loudly it is told: a weak answer is information, whatever its tier."""
        return Indicator.INFO if self.weak else self.tier.indicator

    @property
    def suggestion(self) -> str:
        """The one suggested action, without full stop: usual care in the lowest tier, to measure at a weak answer."""
        if self.weak:
            return MEASURE_FIRST
        return USUAL_CARE if self.tier.at_least == 0 else self.model.action.rstrip(".")


class AbstentionReason(StrEnum):
    """Why a model does not answer.

    `NOT_READ` is for a page that was opened with leave to read a part of the record: it shows what can be worked out
    and says of each other model what it lacks. A hook answers 412 instead.
    """

    DECEASED = "deceased"
    NOT_ADULT = "not-adult"
    AGE_UNKNOWN = "age-unknown"
    NO_CURRENT_STAY = "no-current-stay"
    NOT_IN_INTENSIVE_CARE = "not-in-intensive-care"
    STAY_START_UNKNOWN = "stay-start-unknown"
    TOO_EARLY = "too-early"
    TOO_LATE = "too-late"
    NOT_ENOUGH_DATA = "not-enough-data"
    NOT_MEANT_FOR = "not-meant-for"
    NOT_READ = "not-read"


@dataclass(frozen=True, slots=True)
class Abstention:
    """No answer, and why (selective prediction). `text` completes "Not assessed: …".

    `in_population` is False only where the record shows that the model is not meant for this patient; then no card
    is shown. In doubt it is True, so that a missing fact never looks like "no risk".
    """

    model: ModelInfo
    as_of: datetime
    reason: AbstentionReason
    text: str
    in_population: bool
    missing: tuple[str, ...] = ()
    unused: tuple[SetAside, ...] = ()
    incomplete: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


Finding = RiskAssessment | Score | Abstention
