"""`Advice` → CDS Hooks card (2.0.1, "CDS Service Response"): what and how high, why, what is missing, one action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo

from cds_hooks.words import cut, escape
from clinical import wording
from clinical.advice import OVERRIDE_REASONS, Advice
from clinical.app_context import AppContexts
from clinical.assessment import Abstention, Driver, Explanation, Finding, Indicator, Observed, RiskAssessment
from clinical.wording import age, percent

SUMMARY_LIMIT = 139
EXTENSION = "org.chartside.outcome"
DRIVERS_UP = 3
DRIVERS_DOWN = 1
KINDS_OF_UNUSED = 5
LONG = 600
WIDE = 0.2
READ_ROUGHLY = "That group is wide: read the estimate as high or low, not to the percent."


@dataclass(frozen=True, slots=True)
class CardWriter:
    """Writes cards for one deployment.

    `base_url` is where it is reached, `contexts` writes the links' tokens, `zone` is the hospital's time zone.
    """

    base_url: str
    contexts: AppContexts
    zone: tzinfo = UTC

    def response(self, advice: Advice) -> dict[str, object]:
        """The whole answer to a service call. The extension says what was found, also where no card is shown."""
        cards = [self.card(advice)] if advice.shown else []
        return {"cards": cards, "extension": {EXTENSION: outcome(advice)}}

    def card(self, advice: Advice) -> dict[str, object]:
        """One card."""
        finding = advice.finding
        if isinstance(finding, RiskAssessment):
            body = _risk_card(advice, finding, self.zone)
        else:
            body = _abstention_card(finding, self.zone)
        return {
            "uuid": advice.id,
            **body,
            "source": {
                "label": f"Chartside {finding.model.title} {finding.model.version}",
                "topic": {
                    "system": f"{self.base_url}/models",
                    "code": finding.model.id,
                    "display": finding.model.title,
                },
            },
            "links": [self._link(advice)],
        }

    def _link(self, advice: Advice) -> dict[str, object]:
        """The SMART link. Its appContext names the card, signed, and nothing about the patient."""
        label = "See the reasons and decide" if isinstance(advice.finding, RiskAssessment) else "See what is missing"
        context = self.contexts.write(advice.id, advice.client)
        return {"label": label, "url": f"{self.base_url}/smart/launch", "type": "smart", "appContext": context}


def outcome(advice: Advice) -> dict[str, object]:
    """What was found, for machines: full precision, and the reason where nothing is shown."""
    finding = advice.finding
    found: dict[str, object] = {
        "advice": advice.id,
        "model": finding.model.id,
        "version": finding.model.version,
        "asOf": finding.as_of.isoformat(),
        "shown": advice.shown,
    }
    if isinstance(finding, RiskAssessment):
        found |= {"status": "assessed", "probability": finding.probability, "tier": finding.tier.name}
        found |= {"baseRate": finding.model.base_rate}
    else:
        found |= {"status": "not-assessed", "reason": finding.reason.value, "text": finding.text}
    if advice.withheld is not None:
        found["withheld"] = advice.withheld.value
    return found


def _risk_card(advice: Advice, found: RiskAssessment, zone: tzinfo) -> dict[str, object]:
    """Summary, detail, suggestion and reasons of a risk."""
    # The lowest tier goes without its word: "usual" beside a number above the average would read as a contradiction.
    kind = "Risk" if found.tier.indicator is Indicator.INFO else f"{found.tier.name.capitalize()} risk"
    number = f": {percent(found.probability)} "
    average = f" (average {percent(found.model.base_rate)})"
    # Whatever has to be cut, the number stays.
    what = cut(f"{kind} of {found.model.outcome}", SUMMARY_LIMIT // 2)
    rest = cut(found.model.horizon, SUMMARY_LIMIT - len(what) - len(number) - len(average))
    return {
        "summary": cut(f"{what}{number}{rest}{average}", SUMMARY_LIMIT),
        "indicator": found.tier.indicator.value,
        "detail": _risk_detail(found, zone),
        "suggestions": [_suggestion(advice, found)],
        "selectionBehavior": "any",
        "overrideReasons": [{"code": r.code, "system": r.system, "display": r.display} for r in OVERRIDE_REASONS],
    }


def _risk_detail(found: RiskAssessment, zone: tzinfo) -> str:
    """The explanation in Markdown, most useful lines first."""
    up, down = _strongest(found.explanation)
    lines = [
        f"**{wording.of_hundred(found.probability).capitalize()} patients like this: {escape(found.model.outcome)}** "
        f"{escape(found.model.horizon)}. "
        f"Average of the patients the model learned from: {percent(found.model.base_rate)}.",
        _table("Raises the risk", up, found, zone),
        _table("Lowers the risk", down, found, zone),
        "Odds say what moved this estimate; they are not effects of treatment.",
        f"**Consider:** {escape(found.suggestion, LONG)}.",
        _when(found, zone),
        _uncertainty(found),
        _completeness(found),
        _gaps(found),
        " ".join(part for part in (_signature(found), escape(found.model.validation, LONG)) if part),
    ]
    return "\n\n".join(line for line in lines if line)


def _strongest(explanation: Explanation) -> tuple[list[Driver], list[Driver]]:
    """The drivers that a card names: the strongest that raise the risk, and the strongest that lowers it.

    One without a value stays off the card: "not measured, lowers the risk" would be read as advice not to measure.
    """
    up: list[Driver] = []
    down: list[Driver] = []
    for driver in explanation.ranked():
        if len(up) >= DRIVERS_UP and len(down) >= DRIVERS_DOWN:
            break  # all that follow are weaker still
        direction = wording.direction(driver.odds_multiplier)
        if direction != "no change" and driver.measured:
            (up if direction == "raises" else down).append(driver)
    return up[:DRIVERS_UP], down[:DRIVERS_DOWN]


def _uncertainty(found: RiskAssessment) -> str:
    """How far the number can be trusted: what happened, in validation, to patients given about this risk."""
    seen = found.observed
    if seen is None:
        return "How far a risk of this size can be off was not measured."
    low, high = wording.percent_points(seen.lower), wording.percent_points(seen.upper)
    text = (
        f"**In validation:** of {seen.patients} patients given {_span(seen)}, {percent(seen.share)} had this outcome "
        f"(95 % interval {low} to {high} %)."
    )
    return f"{text} {READ_ROUGHLY}" if _is_wide(seen) else text


def _span(seen: Observed) -> str:
    """The risks that were put together."""
    if seen.low <= 0:
        return f"less than {percent(seen.high)}"
    return f"{percent(seen.low)} or more" if seen.high >= 1 else f"{percent(seen.low)} to {percent(seen.high)}"


def _is_wide(seen: Observed) -> bool:
    """Whether one share stands for estimates that lie far apart."""
    return seen.high - seen.low > WIDE


def _completeness(found: RiskAssessment) -> str:
    """How much of what the model knows was there."""
    if not found.signals:
        return ""
    return f"Data: {found.signals - len(found.missing)} of {found.signals} signals have a usable value."


def _signature(found: Finding) -> str:
    """Who speaks, and as what."""
    name = escape(f"{found.model.title} {found.model.version}")
    return f"{name}. Chartside supports clinical judgement, it does not replace it."


def _when(found: RiskAssessment, zone: tzinfo) -> str:
    """As of when, and how old the data are."""
    text = f"As of {wording.moment(found.as_of, zone)}, {escape(found.situation)}."
    if found.newest is not None and found.oldest is not None:
        newest, oldest = age(found.as_of - found.newest), age(found.as_of - found.oldest)
        text += f" Newest value {newest} old, oldest {oldest}."
    return text


def _table(title: str, drivers: Iterable[Driver], found: RiskAssessment, zone: tzinfo) -> str:
    """Drivers with value, unit, time and effect, as a GFM table."""
    cells = ((escape(d.label), _value(d), _measured(d, found, zone), _odds(d)) for d in drivers)
    rows = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([f"| {title} | Latest value | Measured | Odds |", "|---|---|---|---|", *rows]) if rows else ""


def _odds(driver: Driver) -> str:
    """What a driver does to the odds."""
    return wording.multiplier(driver.odds_multiplier)


def _measured(driver: Driver, found: RiskAssessment, zone: tzinfo) -> str:
    """When the newest value of a driver was measured."""
    if driver.latest is None:
        return "–"
    return f"{driver.latest.time.astimezone(zone):%d %b %H:%M} ({age(found.as_of - driver.latest.time)} ago)"


def _value(driver: Driver) -> str:
    """What a driver's value is, or that nothing was measured."""
    value, unit = driver.shown
    return "not measured" if value is None else escape(wording.measured(value, unit))


def _suggestion(advice: Advice, found: RiskAssessment) -> dict[str, object]:
    """The action as a suggestion, with a Task that the EHR may file."""
    task: dict[str, object] = {
        "resourceType": "Task",
        "status": "draft",
        "intent": "proposal",
        "priority": "urgent" if found.tier.indicator is Indicator.CRITICAL else "routine",
        "description": found.suggestion,
        "for": {"reference": f"Patient/{advice.patient_id}"},
        "authoredOn": advice.time.isoformat(timespec="seconds"),
    }
    if advice.encounter_id is not None:
        task["encounter"] = {"reference": f"Encounter/{advice.encounter_id}"}
    action = {"type": "create", "description": f"Add a task: {found.suggestion}", "resource": task}
    return {
        "label": cut(found.suggestion, 80),
        "uuid": advice.suggestion_id,
        "isRecommended": True,
        "actions": [action],
    }


def _abstention_card(found: Abstention, zone: tzinfo) -> dict[str, object]:
    """No number, and why."""
    lines = [
        f"**Not assessed:** {escape(found.text)}",
        f"As of {wording.moment(found.as_of, zone)}. This is not a low risk; it is no answer.",
        _gaps(found),
        _signature(found),
    ]
    return {
        "summary": cut(f"{found.model.title} not assessed: {found.text}", SUMMARY_LIMIT),
        "indicator": Indicator.INFO.value,
        "detail": "\n\n".join(line for line in lines if line),
    }


def _gaps(found: Finding) -> str:
    """What was not measured, what was read in part, and what was read but not used."""
    lines = []
    if found.incomplete:
        lines.append(f"**Read only in part:** {'; '.join(escape(item) for item in found.incomplete)}.")
    if found.missing:
        lines.append(f"**No usable value of:** {'; '.join(map(escape, found.missing))}.")
    if found.unused:
        kinds = Counter(item.detail for item in found.unused)
        shown = [f"{number} × {escape(detail)}" for detail, number in kinds.most_common(KINDS_OF_UNUSED)]
        more = "; and others" if len(kinds) > KINDS_OF_UNUSED else ""
        lines.append(f"**Read but not used:** {'; '.join(shown)}{more}.")
    lines += [escape(caveat) for caveat in found.caveats]
    return "\n\n".join(lines)
