"""From advice to what stands on the page. Pure: the same advice gives the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from clinical import wording
from clinical.advice import Advice, Channel, Feedback, Outcome, WithheldReason
from clinical.assessment import Abstention, Finding, Indicator, ModelInfo, RiskAssessment, Score
from clinical.incident import IncidentReport, ProblemKind
from clinical.record import SetAside, SetAsideReason
from clinical.snooze import snooze_span
from smart_app.page.decision import may_snooze, may_undo
from smart_app.page.limits import NOTHING
from smart_app.page.risks import Risk, lay_out_risk
from smart_app.page.scores import ScoreView, lay_out_score
from smart_app.ports.learned import Learned
from smart_app.words import left_out, really_missing

UNUSED_WORDS = {
    SetAsideReason.MALFORMED: "could not be read",
    SetAsideReason.STATUS: "not final, cancelled or entered in error",
    SetAsideReason.NO_VALUE: "no value",
    SetAsideReason.NO_TIME: "no time",
    SetAsideReason.FUTURE: "dated in the future",
    SetAsideReason.UNIT: "unit not known for this signal",
    SetAsideReason.IMPLAUSIBLE: "outside the plausible range",
    SetAsideReason.SAME_TIME: "another value at the same time",
    SetAsideReason.VOID: "entered in error, ruled out or not done",
}
NO_CARD = {
    WithheldReason.BELOW_THRESHOLD: "No card was shown for this: it is below the level at which one appears.",
    WithheldReason.OUTSIDE_POPULATION: "No card was shown for this: the model is not meant for this patient.",
    WithheldReason.REPEAT: "No card was shown for this: you have seen as much not long ago.",
    WithheldReason.SNOOZED: "No card was shown for this: you put it off or overrode it not long ago.",
    WithheldReason.ENCOUNTER_BUDGET: "No card was shown for this: enough cards were shown in this stay.",
    WithheldReason.CLINICIAN_BUDGET: "No card was shown for this: you were shown enough cards today.",
    WithheldReason.SHADOW: "This model runs silently here while it is evaluated. Its result is stored and not shown.",
    WithheldReason.SWITCHED_OFF: "This model is switched off here. Nothing of its result is shown.",
    WithheldReason.NOT_FOR_ROLE: "This result is written for clinicians and is not shown here.",
}
# FHIR types of which leave to read may be kept back.
TYPES = {
    "Condition": "the diagnoses",
    "Encounter": "the stays",
    "Location": "the places of stays",
    "Medication": "the medicines",
    "MedicationRequest": "the orders of medicines",
    "MedicationStatement": "the medicines in use",
    "Observation": "the measurements and laboratory values",
    "Patient": "who the patient is",
    "Procedure": "the procedures",
}
_ORDER = {Indicator.CRITICAL: 0, Indicator.WARNING: 1, Indicator.INFO: 2}


@dataclass(frozen=True, slots=True)
class Unused:
    """Facts that were read and not used, for one reason."""

    reason: str
    count: int
    facts: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """A decision that is stored; one that was withdrawn `stands` no more. `span` and `until` are those of a snooze.

    `until` is for the clinician who put it off: it keeps nobody else's cards away.
    """

    outcome: str
    reason: str
    comment: str
    time: str
    where: str
    stands: bool
    by_another: bool
    can_undo: bool
    span: str
    until: str


@dataclass(frozen=True, slots=True)
class Reported:
    """A problem that this user has reported."""

    id: str
    kind: ProblemKind
    time: str


@dataclass(frozen=True, slots=True)
class Section:
    """One model on the page: a risk, a score, or why there is none; all empty in a silent run.

    `short` is its result in a word or two, for the list at the top; `left_out` are signals that the model leaves out by
    its design beside others that it has, so that nothing is missing; `put_off_until` is said where this user put cards
    of the model about this patient off, on earlier advice; `report` says whether there is a report about it.
    """

    id: str
    model: ModelInfo
    as_of: str
    ago: str
    indicator: str
    risk: Risk | None
    score: ScoreView | None
    because: str
    short: str
    no_card: str
    missing: tuple[str, ...]
    left_out: tuple[str, ...]
    unused: tuple[Unused, ...]
    action: str
    suggests: bool
    saved: Saved | None
    hidden: bool
    can_snooze: bool
    put_off_until: str
    reported: tuple[Reported, ...]
    report: bool


def kept_back(scopes: Sequence[str]) -> tuple[str, ...]:
    """What scopes are about, in words, each once; a type without words by its name."""
    types = (scope.partition("/")[2].partition(".")[0] for scope in scopes)
    return tuple(dict.fromkeys(TYPES.get(one, one) for one in types))


def once(*lists: Sequence[str]) -> tuple[str, ...]:
    """Several lists of remarks as one, each remark once."""
    return tuple(dict.fromkeys(text for texts in lists for text in texts))


def sections(
    shown: Sequence[tuple[Advice, Feedback | None]],
    now: datetime,
    zone: tzinfo,
    user: str = "",
    reports: Mapping[str, Sequence[IncidentReport]] | None = None,
    learned: Mapping[str, Learned] | None = None,
    snoozes: Mapping[str, Feedback] | None = None,
) -> tuple[Section, ...]:
    """All models of the page, the most urgent first.

    `reports` are this user's, by the id of the advice; `learned` is what the models learned from, by their ids;
    `snoozes` are this user's that were given on other advice and are in force, by the id of the advice.
    """
    reported = {id_: tuple(_reported(item, zone) for item in items) for id_, items in (reports or {}).items()}
    known = learned or {}
    found = []
    for advice, decision in sorted(shown, key=_urgency):
        saved = None if decision is None else _saved(decision, user, zone)
        of_it = known.get(advice.finding.model.id, NOTHING)
        section = _section(advice, saved, reported.get(advice.id, ()), now, zone, of_it)
        earlier = (snoozes or {}).get(advice.id)
        put_off = "" if earlier is None else _until(earlier, zone)
        can_snooze = may_snooze(advice, user) and not put_off
        found.append(replace(section, can_snooze=can_snooze, put_off_until=put_off))
    return tuple(found)


def _urgency(shown: tuple[Advice, Feedback | None]) -> tuple[bool, int, int, float, str]:
    """Shown before withheld, then the louder, risks before scores, the higher; what is not assessed comes last.

    Of what is hidden, not even its place may tell what was found.
    """
    finding = shown[0].finding
    if shown[0].hidden:
        return (True, 4, 0, 0.0, finding.model.id)
    if isinstance(finding, Abstention):
        return (not shown[0].shown, 3, 0, 0.0, finding.model.id)
    is_score = isinstance(finding, Score)
    return (not shown[0].shown, _ORDER[_indicator(finding)], int(is_score), -finding.level, finding.model.id)


def _indicator(finding: RiskAssessment | Score) -> Indicator:
    """How loudly it is told."""
    return finding.indicator if isinstance(finding, RiskAssessment) else finding.tier.indicator


def _section(
    advice: Advice, saved: Saved | None, reported: tuple[Reported, ...], now: datetime, zone: tzinfo, learned: Learned
) -> Section:
    """One model. A silent run shows nothing of its result."""
    finding = advice.finding
    silent = advice.hidden
    risk, score, because = (None, None, "") if silent else _result(finding, zone, learned)
    labels = () if silent else finding.missing
    return Section(
        id=advice.id,
        model=finding.model,
        as_of=wording.moment(finding.as_of, zone),
        ago=wording.age(now - finding.as_of),
        indicator="none" if silent or isinstance(finding, Abstention) else _indicator(finding).value,
        risk=risk,
        score=score,
        because=because,
        short="not shown" if silent else _short(finding),
        no_card="" if advice.withheld is None else NO_CARD[advice.withheld],
        missing=really_missing(labels),
        left_out=tuple(f"{name}, beside {other}" for name, other in left_out(labels).items()),
        unused=() if silent else _unused(finding.unused),
        action="" if silent or isinstance(finding, Abstention) else finding.suggestion + ".",
        suggests=advice.shown and not isinstance(finding, Abstention),
        saved=None if silent else saved,
        hidden=silent,
        can_snooze=False,
        put_off_until="",
        reported=reported,
        report=learned.report,
    )


def _short(finding: Finding) -> str:
    """The result in a word or two."""
    if isinstance(finding, Abstention):
        return "not assessed"
    if isinstance(finding, RiskAssessment):
        return f"{wording.percent(finding.probability)}, {'weak estimate' if finding.weak else finding.tier.name}"
    least = "" if finding.whole else "at least "
    return f"{least}{wording.scored(finding.value, finding.unit)}, {finding.band}"


def _result(finding: Finding, zone: tzinfo, learned: Learned) -> tuple[Risk | None, ScoreView | None, str]:
    """What was found, as one of three."""
    if isinstance(finding, Abstention):
        return None, None, finding.text.rstrip(".")
    if isinstance(finding, RiskAssessment):
        return lay_out_risk(finding, zone, learned), None, ""
    return None, lay_out_score(finding, zone), ""


def _unused(facts: Sequence[SetAside]) -> tuple[Unused, ...]:
    """Grouped by reason and counted; equal facts within a reason once, with their number. What decides comes first."""
    facts = sorted(facts, key=lambda fact: not fact.decides)
    decide = {fact.reason for fact in facts if fact.decides}
    groups: dict[SetAsideReason, Counter[tuple[str, str]]] = {}
    for fact in facts:
        groups.setdefault(fact.reason, Counter())[(fact.reference, fact.detail)] += 1
    return tuple(
        Unused(UNUSED_WORDS[reason], sum(counted.values()), tuple((*fact, n) for fact, n in counted.items()))
        for reason, counted in sorted(
            groups.items(), key=lambda group: (group[0] not in decide, -sum(group[1].values()), group[0])
        )
    )


def _saved(decision: Feedback, user: str, zone: tzinfo) -> Saved:
    """A stored decision in words; of another clinician without a name."""
    reason = "" if decision.reason is None else decision.reason.display or decision.reason.code
    snoozed, by_another = decision.outcome is Outcome.SNOOZED, decision.user not in ("", user)
    return Saved(
        outcome=decision.outcome.value.capitalize(),
        reason="" if snoozed else reason,
        comment=decision.comment,
        time=wording.moment(decision.time, zone),
        where="on this page" if decision.channel is Channel.PAGE else "on the card",
        stands=decision.outcome is not Outcome.WITHDRAWN,
        by_another=by_another,
        can_undo=may_undo(decision, user),
        span=reason if snoozed else "",
        until=_until(decision, zone) if snoozed and not by_another else "",
    )


def _until(snooze: Feedback, zone: tzinfo) -> str:
    """When a snooze is over."""
    span = snooze_span(snooze.reason.code) if snooze.reason else timedelta(0)
    return wording.moment(snooze.time + span, zone)


def _reported(report: IncidentReport, zone: tzinfo) -> Reported:
    """A report in words."""
    return Reported(report.id, report.kind, wording.moment(report.time, zone))
