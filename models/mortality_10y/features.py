"""What TOML cannot say of this model: eGFR, haematocrit, self-rated health, and for whom it is not meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from math import nan

from clinical.assessment import AbstentionReason, Basis
from clinical.record import LOINC, Answer, Condition, Observation, PatientRecord, SetAsideReason, Stay
from models.formulae.ckd_epi import ckd_epi_2021
from models.runtime.code_list import SNOMED_CT, canonical, code_list
from models.runtime.columns import Value
from models.runtime.gather import Series
from models.runtime.placed import Placed
from models.runtime.whereabouts import Refusal, is_under_way

# "In general, would you say your health is" (PROMIS). 11323-3 ("Health status") has other answers too, such as
# "alive and well", so an answer counts by its value, and one that is none of the five says nothing.
_HEALTH = frozenset({"61577-3", "11323-3"})
_HEALTH_VALUES = {"LA9206-9": 1.0, "LA13913-1": 2.0, "LA8967-7": 3.0, "LA8968-5": 4.0, "LA8969-3": 5.0}
# Pregnancy as US Core and the International Patient Summary write it: the question with a code for yes, or a problem.
_PREGNANCY_STATUS = frozenset({"82810-3"})
_V2_YES_NO = "http://terminology.hl7.org/CodeSystem/v2-0136"
_NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_PREGNANT = frozenset({(SNOMED_CT, "77386006"), (LOINC, "LA15173-0"), (LOINC, "LA33-6"), (_V2_YES_NO, "Y")})
_NOT_PREGNANT = frozenset({(SNOMED_CT, "60001007"), (LOINC, "LA26683-5"), (LOINC, "LA32-8"), (_V2_YES_NO, "N")})
# Somebody asked and does not know: that is no answer, and neither is it one that cannot be read.
_UNKNOWN = frozenset({(LOINC, "LA4489-6"), *((_NULL_FLAVOR, code) for code in ("UNK", "ASKU", "NASK", "NI"))})
_SAYS_YES = frozenset({"yes", "y", "pregnant", "currently pregnant", "patient currently pregnant", "positive"})
_SAYS_NO = frozenset({"no", "n", "not pregnant", "not currently pregnant", "patient not pregnant", "negative"})
_SAYS_UNKNOWN = frozenset({"unknown", "not known", "not asked"})
# The lists of prevent_cvd, and kinds of pregnancy in SNOMED CT.
_PREGNANCY = code_list(
    {
        "snomed": ["77386006", "72892002", "47200007", "16356006"],
        "icd-10": ["O00-O99", "Z321", "Z33-Z36"],
        "icd-10-cm": ["O9A", "Z3201", "Z3A"],
        "icd-9-cm": ["630-679", "V22", "V23", "V28"],
    }
)
# What a problem may be called that has the word and does not say that the patient is pregnant.
_NOT_NOW = re.compile(
    r"(?:\bhistory of\b|\bh/o\b|\bplanning\b)[^.;,]*?pregnan\w*"
    r"|\bpregnancy planning\b"
    r"|\b(?:not|non|no|pre)[\s-]*pregnan\w*"
    r"|\bpregnancy test\b(?!.*\bpositive\b)"
)
_DOUBTED_AGES = range(12, 56)
_DOUBT = "the record does not say whether the patient is pregnant"
# 42 weeks and some days: what was said of a pregnancy earlier says nothing of now.
_PREGNANCY_LASTS = timedelta(days=300)
_EMERGENCY = "EMER"


def columns(record: PatientRecord, placed: Placed, series: Mapping[str, Series]) -> Mapping[str, Value]:
    """eGFR, haematocrit and self-rated health; what cannot be worked out is unknown."""
    return {
        "egfr": _egfr(placed, series),
        "haematocrit": _haematocrit(series),
        "health": _health(record, placed),
    }


def refusal(record: PatientRecord, placed: Placed, _series: Mapping[str, Series]) -> Refusal | None:
    """Pregnancy, an emergency, and a sex that the equation and the training data do not know."""
    if placed.person.sex not in ("female", "male"):
        text = "the model needs the sex, female or male: its data and its kidney equation know no other"
        return Refusal(AbstentionReason.NOT_ENOUGH_DATA, text, in_population=True)
    if placed.person.sex == "female" and _is_pregnant(record, placed.as_of):
        return _not_meant("the model is not meant for people who are pregnant")
    if any(_is_emergency(stay, placed.as_of) for stay in record.stays):
        return _not_meant("the model is not meant for people who are in an emergency department")
    if placed.person.sex == "female" and int(placed.person.age) in _DOUBTED_AGES and _in_doubt(record, placed.as_of):
        return Refusal(AbstentionReason.NOT_ENOUGH_DATA, _DOUBT, in_population=True)
    return None


def _not_meant(text: str) -> Refusal:
    return Refusal(AbstentionReason.NOT_MEANT_FOR, text, in_population=False)


def _latest(series: Mapping[str, Series], name: str) -> tuple[float, tuple[Observation, ...]]:
    """The newest value of a signal with its fact; NaN where it was not measured."""
    found = series.get(name)
    return (nan, ()) if found is None else (found.values[-1], found.facts[-1:])


def _egfr(placed: Placed, series: Mapping[str, Series]) -> Value:
    """CKD-EPI 2021 of the newest creatinine."""
    creatinine, facts = _latest(series, "Creatinine")
    if not facts or placed.person.sex not in ("female", "male"):
        return Value()
    found = ckd_epi_2021(age=placed.person.age, female=placed.person.sex == "female", creatinine=creatinine)
    return Value(found.value, facts)


def _haematocrit(series: Mapping[str, Series]) -> Value:
    """Red cells (10*6/uL) times their mean volume (fL) over 10, in percent: how a counter gets at it."""
    cells, of_cells = _latest(series, "RBC")
    volume, of_volume = _latest(series, "MCV")
    return Value(cells * volume / 10, of_cells + of_volume) if of_cells and of_volume else Value()


def _health(record: PatientRecord, placed: Placed) -> Value:
    """The newest answer of the five, within the look-back; two that differ at one moment are none."""
    known = [
        (answer, value)
        for answer in _answers(record.answers, _HEALTH, placed.opens, placed.as_of)
        if (value := _health_value(answer)) is not None
    ]
    if not known:
        return Value()
    newest = max(answer.time for answer, _ in known)
    given = {value: answer for answer, value in known if answer.time == newest}
    if len(given) > 1:
        return Value()
    value, answer = next(iter(given.items()))
    text = answer.text or next((coding.display for coding in answer.values if coding.display), "answered")
    return Value(value, basis=(Basis(answer.reference, f"Self-rated health: {text}", answer.time),))


def _health_value(answer: Answer) -> float | None:
    """1 (excellent) to 5 (poor), as NHANES counts; None for any other answer."""
    values = {_HEALTH_VALUES.get(coding.code) for coding in answer.values if coding.system == LOINC} - {None}
    return values.pop() if len(values) == 1 else None


def _answers(answers: Iterable[Answer], codes: frozenset[str], after: datetime, until: datetime) -> Iterator[Answer]:
    """Answers to a question in a stretch of time."""
    for answer in answers:
        asked = any(coding.system == LOINC and coding.code in codes for coding in answer.codings)
        if asked and after < answer.time <= until:
            yield answer


def _is_pregnant(record: PatientRecord, as_of: datetime) -> bool:
    """Whether a pregnancy is under way: by the newest yes or no, or by an active problem that is not too old."""
    said = [(answer.time, says) for answer, says in _said(record, as_of) if says is not None]
    newest = max((time for time, _ in said), default=None)
    if any(says for time, says in said if time == newest):
        return True
    return any(_tells_of_pregnancy(condition, as_of, newest) for condition in record.conditions)


def _in_doubt(record: PatientRecord, as_of: datetime) -> bool:
    """Whether something that may have told of a pregnancy could not be read. Silence alone is no doubt."""
    if any(gap.startswith(("answers:", "conditions:")) for gap in record.incomplete):
        return True
    for aside in record.set_aside:
        asked = any(coding.system == LOINC and coding.code in _PREGNANCY_STATUS for coding in aside.codings)
        if asked and aside.reason is not SetAsideReason.VOID:
            return True
    said = list(_said(record, as_of))
    newest = max((answer.time for answer, says in said if says is not None), default=None)
    return any(_unreadable(answer, says) and (newest is None or newest < answer.time) for answer, says in said)


def _said(record: PatientRecord, as_of: datetime) -> Iterator[tuple[Answer, bool | None]]:
    """The answers on pregnancy that may hold for now: yes, no, or neither."""
    for answer in _answers(record.answers, _PREGNANCY_STATUS, as_of - _PREGNANCY_LASTS, as_of):
        yield answer, _yes_or_no(answer)


def _yes_or_no(answer: Answer) -> bool | None:
    """What an answer says, by its codes, or by its words where it has no code."""
    values = _pairs(answer)
    if values:
        return True if values & _PREGNANT else False if values & _NOT_PREGNANT else None
    text = answer.text.strip().casefold()
    return True if text in _SAYS_YES else False if text in _SAYS_NO else None


def _unreadable(answer: Answer, says: bool | None) -> bool:
    """Whether an answer is neither yes nor no, nor a plain "unknown"."""
    return says is None and not _pairs(answer) & _UNKNOWN and answer.text.strip().casefold() not in _SAYS_UNKNOWN


def _pairs(answer: Answer) -> frozenset[tuple[str, str]]:
    """The codes of an answer."""
    return frozenset((canonical(coding.system), coding.code.strip()) for coding in answer.values)


def _is_named_pregnancy(condition: Condition) -> bool:
    """Whether the words of a problem say that the patient is pregnant."""
    words = (condition.text, *(coding.display for coding in condition.codings))
    return any("pregnan" in _NOT_NOW.sub("", text.casefold()) for text in words)


def _tells_of_pregnancy(condition: Condition, as_of: datetime, denied: datetime | None) -> bool:
    """Whether a problem says so for now. A later answer "not pregnant" (`denied`) ends it."""
    if not condition.active or not (_PREGNANCY.any_of(condition.codings) or _is_named_pregnancy(condition)):
        return False
    begun = condition.onset or condition.recorded
    if begun is None:
        return denied is None
    return as_of - _PREGNANCY_LASTS < begun <= as_of and (denied is None or denied < begun)


def _is_emergency(stay: Stay, as_of: datetime) -> bool:
    """Whether somebody is in an emergency department now."""
    return stay.class_code is not None and stay.class_code.code == _EMERGENCY and is_under_way(stay, as_of)
