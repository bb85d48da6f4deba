"""Words of the models in the languages of the page: whatever a shipped model can say has a translation.

How to write one: docs/adding-a-model.md, "Words in other languages".
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import chain, combinations, pairwise, product
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

import clinical
import fhir_adapters
import models.runtime
from clinical import wording
from clinical.advice import OVERRIDE_REASONS
from clinical.advise import not_read
from clinical.assessment import (
    MEASURE_FIRST,
    USUAL_CARE,
    Abstention,
    AbstentionReason,
    Finding,
    RiskAssessment,
    Score,
)
from clinical.errors import NotOffered
from clinical.need import Importance
from clinical.record import (
    Answer,
    Coding,
    Condition,
    MedicationUse,
    Observation,
    PatientRecord,
    ProcedureDone,
    Source,
    Stay,
    StayLocation,
)
from clinical.snooze import SNOOZES
from models.readmission_30d.icd_groups import CHAPTERS, LABELS
from models.runtime.aggregate import STATISTICS
from models.runtime.catalogue import MODELS_FOLDER, AnyModel, load_models
from models.runtime.features import features_of
from models.runtime.find_folder import every_folder
from models.runtime.manifest import Manifest
from models.runtime.model import TreeRiskModel
from models.runtime.score_inputs import Answered, Diagnosed, Measured, Medicated, Performed, Stayed
from models.runtime.score_manifest import Answers, ScoreManifest
from models.runtime.score_model import ScoreModel
from models.runtime.whereabouts import Refusal
from smart_app.language.language import DEEPEST, Language
from smart_app.language.shelf import WORDS, load_languages

HELP = "docs/adding-a-model.md, 'Words in other languages', says how to write it"
ROOMS = [Path(package.__path__[0]) for package in (clinical, fhir_adapters, models.runtime)]
FOLDERS = every_folder([MODELS_FOLDER])
NAMES = [folder.name for folder in FOLDERS]
SCORES = [folder.name for folder in FOLDERS if (folder / "score.py").is_file()]
CODES = sorted(load_languages())
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
# What stands beside a number without being a unit: a text with one of them that comes back as it went is not told.
_ENGLISH_UNITS = re.compile(r"\d (?:years?|months?|weeks?|days?|hours?|points?|to|or|and)\b")


@dataclass(frozen=True, slots=True)
class Strict(Language):
    """A language that notes what it could not tell of a sentence that it knows the form of."""

    kept: list[str] = field(default_factory=list)

    def _place(self, kind: str, text: str, depth: int) -> str:
        """As the page fills a place."""
        if kind == "words" and self._told(text, depth - 1) is None:
            between = next((one for one in ("; ", ", ") if one in text), "")
            parts = text.split(between) if between else [text]
            self.kept.extend(part for part in parts if self._told(part, depth - 1) is None)
        return Language._place(self, kind, text, depth)

    def lacks(self, text: str) -> str:
        """What of a text has no translation; empty where it is told as a whole."""
        self.kept.clear()
        told = self._told(text, DEEPEST)
        if told is None or (told == text and _ENGLISH_UNITS.search(text)):
            return text
        return f"{text}  [of it: {'; '.join(self.kept)}]" if self.kept else ""


@cache
def language(code: str) -> Strict:
    """A shipped language with the words that the rooms and the shipped models bring."""
    return Strict(code, load_languages([*ROOMS, *FOLDERS])[code].catalogue)


@cache
def shelf() -> Mapping[str, AnyModel]:
    """The shipped models, by the name of their folder."""
    return {_folder(model): model for model in load_models().values()}


def _folder(model: AnyModel) -> str:
    return model.info.id.replace("-", "_")


def told(code: str, texts: Iterable[str], where: str = "words/es.po") -> None:
    """Every text has a translation; else the failure names all that have none."""
    speaker = language(code)
    lacking = sorted({lack for text in set(texts) if text and (lack := speaker.lacks(text))})
    assert not lacking, f"{len(lacking)} texts without a translation ({where}; {HELP}):\n" + "\n".join(lacking)


# ---- What a manifest says -------------------------------------------------------------------------------------------


def static_words(model: AnyModel) -> Iterator[str]:
    """All words of a manifest that can reach the page."""
    info = model.info
    yield from (info.title, info.description, info.outcome, info.horizon, info.intended_use, info.validation)
    yield from (info.action, info.action.rstrip("."))
    yield from chain.from_iterable((tier.name, tier.source) for tier in model.manifest.tiers)
    if isinstance(model, ScoreModel):
        yield from _of_score(model.manifest)
    else:
        yield from _of_trees(model.manifest)


def _of_trees(manifest: Manifest) -> Iterator[str]:
    """Labels of signals and features, also as parts of their concept and within sentences."""
    for feature in features_of(manifest):
        yield from (feature.label, feature.concept_label)
        yield feature.label.removeprefix(f"{feature.concept_label}: ")
    concepts = dict.fromkeys(one.concept_label for one in features_of(manifest) if one.concept != "sex")
    yield f"nothing usable of: {', '.join(concepts)}"
    signals = manifest.signals
    for signal in signals.values():
        yield signal.label
        yield f"{signal.label}: two values at one time, the higher counts; with the other the risk may differ"
        if signal.unless:
            yield f"{signal.label} (not used beside {signals[signal.unless].label.lower()})"
    yield from (signals[name].label.lower() for name in (*manifest.minimum.required, *manifest.minimum.any_of))
    if manifest.minimum.any_of:
        vital = ", ".join(signals[name].label.lower() for name in manifest.minimum.any_of)
        yield f"nothing usable in the last {manifest.minimum.hours:g} hours of: {vital}"


def _of_score(manifest: ScoreManifest) -> Iterator[str]:
    """Labels of items and inputs, bands, and whom it is not for."""
    yield manifest.info.title.partition(" (")[0]
    yield from manifest.labels.values()
    for one in manifest.inputs.values():
        yield from (one.label, f"not found: {one.label}", f"the record does not say: {one.label}")
        yield f"{one.label}: timed after now"
        if isinstance(one, Measured) and one.domain is not None:
            low, high = one.domain
            yield f"{one.label.lower()} lies outside {low:g} to {high:g} {one.unit}, for which the score was made"
    population = manifest.population
    recorded = (*population.not_with_recorded, *population.in_doubt_with)
    for name in (*population.only_with, *population.not_with, *recorded):
        label = manifest.inputs[name].label.lower()
        yield f"the record does not say whether there is {label}"
        yield f"the score is for people without {label}"
        yield f"the score may not be meant for this patient: {label}"
    open_ = [manifest.inputs[name].label.lower() for name in recorded]
    for size in range(1, len(open_) + 1):
        for some in combinations(open_, size):
            yield f"at the age of 64 years; the record does not say whether there is {' or '.join(some)}"
    for name in population.only_with:
        yield f"the score is for people with {manifest.inputs[name].label.lower()}"
    yield from _found(manifest)
    if manifest.scale.answers is Answers.SCORE:
        yield from _bands(manifest)


def _bands(manifest: ScoreManifest) -> Iterator[str]:
    """What stands for a score of which something is not known."""
    blank: Any = SimpleNamespace(falling=manifest.scale.falling, whole=False, worst=None)
    for tier in manifest.tiers:
        for whole in (True, False):
            yield Score.band.fget(SimpleNamespace(**vars(blank) | {"tier": tier, "whole": whole}))  # type: ignore[attr-defined]
    for low, high in combinations(manifest.tiers, 2):
        yield Score.band.fget(SimpleNamespace(**vars(blank) | {"tier": low, "worst": high}))  # type: ignore[attr-defined]


def _found(manifest: ScoreManifest) -> Iterator[str]:
    """What is found for items of several inputs: one alone, and one after another."""
    for item, label in manifest.labels.items():
        inputs = [one for one in manifest.inputs.values() if one.item == item and not one.helper]
        if len(inputs) == 1 and inputs[0].label == label:
            continue
        texts = []
        for one in inputs:
            low = one.label[:1].lower() + one.label[1:] if one.label[1:2].islower() else one.label
            if isinstance(one, Diagnosed | Medicated):
                texts.append(low)
                continue
            value = "something" if isinstance(one, Answered | Stayed) else wording.measured(12.5, one.unit)
            yield f"{one.label} {value}"
            texts.append(f"{low} {value}")
        for first, second in pairwise(texts):
            yield f"{first}; {second}"
        yield "; ".join(texts[:3])


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_shipped_model_brings_its_words(folder: Path, code: str) -> None:
    """In each language of the page; the models of a hospital need not."""
    path = folder / WORDS / f"{code}.po"
    assert path.is_file(), f"models/{folder.name}/{WORDS}/{code}.po is missing; {HELP}"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", NAMES)
def test_every_word_of_a_manifest_has_a_translation(name: str, code: str) -> None:
    """Titles, outcomes, actions, tiers, labels and their parts."""
    told(code, static_words(shelf()[name]), f"models/{name}/{WORDS}/{code}.po")


# ---- What scores can find -------------------------------------------------------------------------------------------

DRAWS = 1500


def given_to(manifest: ScoreManifest, draw: Random) -> dict[str, float | None]:
    """Inputs of a score at random: a number within its range, a flag, or nothing where the score answers without."""
    return {
        name: None if not (one.required or one.unit == "a") and draw.random() < 0.25 else _number(one, draw)
        for name, one in manifest.inputs.items()
    }


def _number(one: Any, draw: Random) -> float:
    """A number that an input may have."""
    if isinstance(one, Measured):
        low, high = one.domain or (one.signal.low, one.signal.high)
        wide = draw.random() < 0.3
        return round(draw.uniform(one.signal.low, one.signal.high) if wide else draw.uniform(low, high), 1)
    if isinstance(one, Answered | Stayed) and one.values:
        return draw.choice(list(one.values.values()))
    if one.unit == "a":
        return float(draw.randint(10, 95))
    if one.unit == "1":
        return float(draw.randint(0, 1))
    return float(draw.randint(0, 400 if one.unit == "mm[Hg]" else 20))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", SCORES)
def test_whatever_a_score_works_out_is_told(name: str, code: str) -> None:
    """Rules, bands, further probabilities, and why there is no answer, of inputs drawn at random."""
    model = shelf()[name]
    assert isinstance(model, ScoreModel)
    draw, texts = Random(7), set()
    for _ in range(DRAWS):
        result = model._worked(given_to(model.manifest, draw))
        if isinstance(result, Refusal):
            texts |= {result.text, *result.missing}
        else:
            texts |= {line.rule for line in getattr(result, "lines", ())}
            texts |= {label for label, _ in getattr(result, "others", ())}
    told(code, texts)


# ---- What findings say ----------------------------------------------------------------------------------------------


def sentences(found: Finding) -> Iterator[str]:
    """Every sentence of a finding that is the product's own; what a record says stays as it is."""
    info = found.model
    yield from (info.title, info.outcome, info.horizon, info.action, info.intended_use, info.validation)
    yield from (*found.missing, *found.incomplete, *found.caveats)
    yield from (fact.detail for fact in found.unused)
    if isinstance(found, Abstention):
        yield found.text.rstrip(".")
        return
    yield from (found.tier.name, found.tier.source, found.suggestion, f"{found.suggestion}.", found.situation)
    yield from _of_a_score(found) if isinstance(found, Score) else _of_a_risk(found)


def _of_a_score(found: Score) -> Iterator[str]:
    """Its band and its lines."""
    yield found.band
    yield wording.scored(found.value, found.unit)
    for item in found.items:
        yield from (item.label, item.rule)
        if not any(basis.text in item.found for basis in item.basis):
            yield item.found


def _of_a_risk(found: RiskAssessment) -> Iterator[str]:
    """Its reasons and what stands beside it."""
    yield from (found.weak.rstrip("."), *found.unusual, *(other.label for other in found.others))
    if found.observed is not None:
        yield found.observed.noun
    for part in found.explanation.attributions:
        yield from (part.label, part.concept_label, part.label.removeprefix(f"{part.concept_label}: "))
        if part.value is not None:
            yield wording.measured(part.value, part.unit)
    yield from chain.from_iterable(map(sentences, found.comparators))
    yield from chain.from_iterable(map(sentences, found.unanswered))


def fact(code: Coding, value: float, unit: str, time: datetime, n: int = 0) -> Observation:
    """A final fact."""
    name = f"Observation/{code.code}-{n}-{time:%d%H%M}"
    return Observation(name, (code,), value, unit, time, "final", Source.FHIR, value, unit)


def stay(kind: str = "IMP", hours: float = 30.0, **changes: Any) -> Stay:
    """A stay under way in intensive care."""
    begun = NOW - timedelta(hours=hours)
    bed = StayLocation("Medical ICU", start=begun, intensive_care=True, recognised_by="test")
    made = Stay("Encounter/1", "in-progress", Coding(ACT_CODE, kind), begun, None, (bed,))
    return replace(made, **changes)


def record(*facts: Observation, **changes: Any) -> PatientRecord:
    """A woman of 64."""
    made = PatientRecord("1", NOW, date(1961, 5, 17), "female", (stay(),), facts)
    return replace(made, **changes)


def charts(model: AnyModel) -> Iterator[PatientRecord]:
    """Made-up records: full, sparse, old, odd, of all sorts of people and places, and with all sorts of gaps."""
    draw = Random(3)
    for stays, facts, who in product(_stays(), _facts(model, draw), _people()):
        yield record(*facts, stays=stays, **who)
    some = next(iter(_facts(model, draw)))
    coded = list(_coded(model, draw))
    for changes in (*_doubts(model), *coded):
        for stays in ((stay(),), ()):
            yield record(*some, **{"stays": stays, **changes})


def _people() -> list[dict[str, Any]]:
    """Ages and sexes."""
    births = (date(1961, 5, 17), date(1996, 1, 1), date(2020, 1, 1), date(1930, 1, 1), date(1880, 1, 1), None)
    return [*({"birth_date": birth} for birth in births), {"sex": "male"}, {"sex": None}, {"deceased": True}]


def _stays() -> Iterator[tuple[Stay, ...]]:
    """Places to be."""
    ward = StayLocation("Ward 5", start=NOW - timedelta(hours=30))
    yield from ((stay(),), (), (stay(hours=2),), (stay(hours=48.4),), (stay(hours=400),))
    yield from ((stay("AMB"),), (stay("EMER"),), (stay(class_code=None),), (stay(locations=()),))
    yield ((stay(locations=(ward,))),)
    yield (stay(start=None, locations=(StayLocation("ICU", intensive_care=True), ward)),)
    yield (stay(status="unknown"),)
    yield (stay(status="finished", end=NOW - timedelta(hours=2)),)


def _facts(model: AnyModel, draw: Random) -> Iterator[tuple[Observation, ...]]:
    """What was measured: everything, little, nothing, long ago, beyond any patient, in a wrong unit, in the future."""
    signals = _signals(model)
    for share, ago, stretch in ((1.0, 5, 0.0), (0.5, 5, 0.5), (0.15, 3, 0.0), (1.0, 28, 1.0), (1.0, 400, 0.0)):
        yield tuple(
            fact(signal.codes[0], _between(signal, draw, stretch), signal.unit, NOW - timedelta(hours=ago - n), n)
            for signal in signals
            if draw.random() <= share
            for n in range(2)
        )
    yield ()
    odd = (("wrong", 1.0, -1), ("", 1e6, -1), ("", 1.0, 2))
    yield tuple(
        fact(signal.codes[0], value, unit or signal.unit, NOW + timedelta(hours=hours), n)
        for signal in signals
        for n, (unit, value, hours) in enumerate(odd)
    )
    yield tuple(
        fact(signal.codes[0], _between(signal, draw, 0.2), signal.unit, NOW - timedelta(hours=1), n)
        for signal in signals
        for n in range(2)
    )


def _signals(model: AnyModel) -> list[Any]:
    """The signals of a model, and of what stands beside it."""
    beside = getattr(model.manifest, "comparators", ())
    names = [name.replace("-", "_") for name in beside]
    return [*model.manifest.signals.values(), *chain.from_iterable(_signals(shelf()[name]) for name in names)]


def _between(signal: Any, draw: Random, stretch: float) -> float:
    """A value in the lower half of its range; the more `stretch`, the nearer it may come to the ends."""
    middle, half = (signal.low + signal.high) / 3, (signal.high - signal.low) / 6
    edge = draw.uniform(signal.low, signal.high)
    return round(edge if draw.random() < stretch else middle + draw.uniform(-half, half) * 0.6, 1)


def _doubts(model: AnyModel) -> Iterator[dict[str, Any]]:
    """Gaps, stays that are not there, diagnoses without a code."""
    for need in model.needs:
        yield {"incomplete": (f"{need.key}: the server answered 500",)}
        yield {"incomplete": (f"{need.key}: it says that there is more than it holds; the pages do not end",)}
    yield {"incomplete": ("location: the server did not answer in time",), "caveats": ()}
    yield {"focus": "Encounter/2"}
    yield {"focus": "Encounter/1", "stays": (stay("AMB"),)}
    yield {"focus": "Encounter/1", "stays": (stay(class_code=None),)}
    yield {"focus": "Encounter/1", "stays": (stay(status="entered-in-error"),)}
    yield {"focus": "Encounter/1", "stays": (stay(status="finished", start=NOW - timedelta(days=9), end=None),)}
    yield {"focus": "Encounter/1", "stays": (stay(status="finished", end=NOW - timedelta(days=3)),)}
    for words in ("Home", "Expired"):
        yield {"focus": "Encounter/1", "stays": (stay(discharge_disposition=Coding("", "", words)),)}
    unclear = Condition("Condition/1", (), NOW - timedelta(days=9), text="something")
    ahead = replace(unclear, reference="Condition/2", recorded=NOW + timedelta(days=1))
    yield {"conditions": (unclear, ahead), "medications": (MedicationUse("MedicationRequest/1", (), text="x"),)}
    yield {"procedures": (ProcedureDone("Procedure/1", ()),)}


def _coded(model: AnyModel, draw: Random) -> Iterator[dict[str, Any]]:
    """Answers, diagnoses, medicines and procedures that a score asks for, one by one and all together."""
    inputs = list(model.manifest.inputs.values()) if isinstance(model, ScoreModel) else []
    answers = [one for one in inputs if isinstance(one, Answered)]
    for one in answers:
        for hours in (1, 24 * 100):
            for value in (("http://x", "none"), draw.choice(list(one.values))):
                yield {"answers": (_answer(one, value, hours),)}
    found = [condition for one in inputs if isinstance(one, Diagnosed) for condition in _diagnoses(one)]
    yield from ({"conditions": (one,), "stays": ()} for one in found)
    yield {"conditions": tuple(found)}
    uses = [MedicationUse("MedicationRequest/n", (), text=name, start=NOW - timedelta(hours=5), encounter="Encounter/1")
            for one in inputs if isinstance(one, Medicated) for name in sorted(one.names)[:1]]  # fmt: skip
    yield {"medications": tuple(replace(use, reference=f"MedicationRequest/{n}") for n, use in enumerate(uses))}
    if any(isinstance(one, Performed) for one in inputs):
        yield {"procedures": (ProcedureDone("Procedure/2", (Coding("http://snomed.info/sct", "302497006"),), NOW),)}


def _answer(one: Answered, value: tuple[str, str], hours: float) -> Answer:
    return Answer(f"Observation/{value[1]}-{hours}", one.codes[:1], (Coding(*value),), "said so",
                  NOW - timedelta(hours=hours), "final", Source.FHIR)  # fmt: skip


def _diagnoses(one: Diagnosed) -> list[Condition]:
    """A diagnosis of the list of an input, by a code of ICD-10."""
    system = "http://hl7.org/fhir/sid/icd-10-cm"
    letters = [f"{letter}{number:02d}" for letter in "ABCDEFGHIJKLMNOPQRSTUVXYZ" for number in range(100)]
    code = next((code for code in letters if one.codes.any_of([Coding(system, code)])), None)
    return [] if code is None else [Condition(f"Condition/{code}", (Coding(system, code),), NOW, text="a diagnosis")]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", NAMES)
def test_every_sentence_of_made_up_findings_is_told(name: str, code: str) -> None:
    """Risks, scores, what stands beside them, and why there is no answer."""
    model = shelf()[name]
    texts: set[str] = set()
    for chart in charts(model):
        finding = model.assess(chart, NOW)
        finding = replace(finding, incomplete=chart.incomplete, caveats=chart.caveats)
        texts.update(sentences(finding))
        if isinstance(model, TreeRiskModel) and isinstance(finding, RiskAssessment):
            texts.update(asked_of(model, finding))
    told(code, texts)


def asked_of(model: TreeRiskModel, finding: RiskAssessment) -> Iterator[str]:
    """What may be asked about an assessment, or why nothing may be."""
    offer = _what_if(model).offer(finding)
    yield offer.refused
    yield from (one.label for one in offer.inputs)
    yield from chain.from_iterable((one.label, one.because) for one in offer.withheld)
    yield from chain.from_iterable((one.label, one.source) for one in offer.sensitivities)


@cache
def _what_if(model: TreeRiskModel) -> Any:
    return model.what_if()


# ---- What stands in the code ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_statistics_and_groups_of_diagnoses_are_told(code: str) -> None:
    """Also those that no shipped model takes now: the model of a hospital may."""
    words = [one.words for one in STATISTICS.values()]
    told(code, chain(words, (f"Heart rate: {one}" for one in words), (f"{one}, last 6 h" for one in words)))
    told(code, (f"Heart rate: {one}, last 6 h" for one in words))
    told(code, chain(LABELS.values(), CHAPTERS.values()))


@pytest.mark.parametrize("code", CODES)
def test_words_of_the_rooms_are_told(code: str) -> None:
    """Suggestions, answers to a card, kinds of data, analytes, and what is not measured but known."""
    told(code, (USUAL_CARE, MEASURE_FIRST, f"{USUAL_CARE}.", f"{MEASURE_FIRST}."))
    told(code, (choice.display for choice in (*OVERRIDE_REASONS, *SNOOZES)))
    names = tomllib.loads((Path(fhir_adapters.__path__[0]) / "analytes.toml").read_text("utf-8"))
    told(code, (f"{name.replace('_', ' ')}: it holds no number" for name in names))
    told(code, ("this stay", "stay in hospital", "emergency visit", "without a date", "answered"))
    told(code, ("patients", "people", "hours", "stays"))


@pytest.mark.parametrize("code", CODES)
def test_each_gap_is_told_with_the_kind_of_data(code: str) -> None:
    """Whatever a shipped model needs, for the reasons that a page knows."""
    keys = {
        need.key for model in shelf().values() for need in model.needs if need.importance is not Importance.INFORMATIVE
    }
    why = (
        "the granted scopes do not cover Observation", "the granted scopes cover only a part of Condition",
        "the server answered 403", "the server did not answer in time", "the pages do not end",
        "only the first 1000 or so resources were read", "the server's answer is a bundle with more than 1000 entries",
        "not in the prefetch, and the server could not be reached (OSError)",
        "not in the prefetch, and the call gives no access to a FHIR server",
    )  # fmt: skip
    told(code, (f"{key}: {one}" for key in sorted({*keys, "location"}) for one in why))
    for key, one in product(keys, why):
        finding = not_read(_call(), next(iter(shelf().values())).info, NotOffered(key, one), NOW).finding
        assert isinstance(finding, Abstention)
        told(code, [finding.text])


def _call() -> Any:
    """As much of a call as a finding in the form of the ledger needs."""
    return SimpleNamespace(
        client="", service="", hook="", hook_instance="", patient_id="", encounter_id=None, user="", request_key=""
    )


# How a sentence of the product begins, where it is not a fault of a manifest or an artefact.
OPENING = re.compile(r"(?:it|its|the|nobody|no|not|only|a|an|these|diagnosis|medicine|procedure|status) \w+")
# Modules whose faults keep the service from starting, and reach no page.
AT_START = re.compile(r"^(?:read_|check_|toml_table|artefact|trees|archive|provenance|evidence)")
# What stands only within another sentence, or is a word that somebody else wrote.
PIECES = {
    "it is a proposal": ", not an order", "it is a plan": ", not an order",
    "it is an option": ", not an order", "an absent unit": " cannot be converted to mg/dL", "not found": ": Age",
    "the record does not say": ": Age", "a newer value cannot be used": ": Age",
    "a value that may be newer cannot be used": ": Age", "an undated value cannot be used": ": Age",
}  # fmt: skip
NO_SENTENCES = {
    "not pregnant", "not currently pregnant", "not validated", "not performed", "the score is for people 7 7",
    "it is 7 of the intensive care stay; the model answers from hour 7 to hour 7",
    "the answer is not one of those that the score knows",
}  # fmt: skip


def written(path: Path) -> Iterator[str]:
    """The texts in the code of a module that begin like a sentence; a number stands for what is put in."""
    tree, inner = ast.parse(path.read_text("utf-8")), set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            inner.add(id(body[0].value))  # a docstring
        if isinstance(node, ast.JoinedStr):
            inner.update(map(id, node.values))
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
        if isinstance(text, str) and id(node) not in inner and OPENING.match(text):
            yield text + PIECES.get(text, "")


@pytest.mark.parametrize("code", CODES)
def test_sentences_in_the_code_are_told(code: str) -> None:
    """What no made-up chart brings up: faults of an EHR, entries that are not used, doubts of a model's own code."""
    reader, shipped = Path(fhir_adapters.__path__[0]), Path(models.runtime.__path__[0]).parent
    of_records = [path for path in reader.glob("*.py") if path.name != "outcomes.py"]  # for a command line
    modules = [*of_records, *(reader / "http").glob("*.py"), *(reader / "hl7v2").glob("*.py")]
    modules += [path for path in (shipped / "runtime").glob("*.py") if not AT_START.match(path.name)]
    modules += [*(shipped / "formulae").glob("*.py"), *shipped.glob("*/score.py"), *shipped.glob("*/features.py")]
    modules += shipped.glob("*/has_diabetes.py")
    told(code, set(chain.from_iterable(map(written, modules))) - NO_SENTENCES)
    of_a_fact = chain.from_iterable(written(reader / name) for name in ("facts.py", "observations.py"))
    told(code, (f"heart rate: {text}" for text in of_a_fact if "codes" not in text))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "text",
    ["Somebody has to say something", "low and then high", "something; something else", "a risk to nobody", "Lactates"],
)
def test_what_nobody_translated_is_not_told_by_half(code: str, text: str) -> None:
    """A pattern that fits anything would mix two languages without saying so."""
    assert language(code).told(text) is None


def test_the_reasons_for_no_answer_all_come_up() -> None:
    """The made-up charts are about all of them, but for data that the EHR gave no leave to read."""
    found = set()
    for name in ("icu_mortality", "readmission_30d", "prevent_cvd", "mortality_10y"):
        model = shelf()[name]
        answers = (model.assess(chart, NOW) for chart in charts(model))
        found |= {one.reason for one in answers if isinstance(one, Abstention)}
    assert found == set(AbstentionReason) - {AbstentionReason.NOT_READ}
