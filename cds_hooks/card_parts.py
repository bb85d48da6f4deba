"""What cards of every kind have: the table, the gaps, who speaks, as of when, and the one action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, tzinfo

from cds_hooks.words import cut, escape, few
from clinical import wording
from clinical.advice import OVERRIDE_REASONS, Advice
from clinical.assessment import Basis, Finding, Indicator, RiskAssessment, Score
from clinical.record import Observation, SetAside
from clinical.wording import age

SUMMARY_LIMIT = 139
REPORT = "Report a problem with this advice"
KINDS_OF_UNUSED = 5
# More than any shipped score has inputs of which the latest counts.
KINDS_THAT_DECIDE = 20
LONG = 600
MOST_BASES = 2
LONGEST_BASIS = 60

Answer = RiskAssessment | Score


def gfm_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A GFM table of escaped cells, or nothing where there is no row."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *lines]) if lines else ""


def joined(lines: Iterable[str]) -> str:
    """Paragraphs, without those that have nothing to say."""
    return "\n\n".join(line for line in lines if line)


def choices(advice: Advice, found: Answer, indicator: Indicator) -> dict[str, object]:
    """What a clinician may do: take up the one suggestion, or override it with a reason."""
    return {
        "suggestions": [_suggestion(advice, found, indicator)],
        "selectionBehavior": "any",
        "overrideReasons": [{"code": r.code, "system": r.system, "display": r.display} for r in OVERRIDE_REASONS],
    }


def _suggestion(advice: Advice, found: Answer, indicator: Indicator) -> dict[str, object]:
    """The action as a suggestion, with a Task that the EHR may file."""
    task: dict[str, object] = {
        "resourceType": "Task",
        "status": "draft",
        "intent": "proposal",
        "priority": "urgent" if indicator is Indicator.CRITICAL else "routine",
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


def consider(found: Answer) -> str:
    """The one action in words."""
    return f"**Consider:** {escape(found.suggestion, LONG)}."


def when(found: Answer, zone: tzinfo) -> str:
    """As of when, and how old the data are."""
    situation = f", {escape(found.situation)}" if found.situation else ""
    text = f"As of {wording.moment(found.as_of, zone)}{situation}."
    if found.newest is not None and found.oldest is not None:
        newest, oldest = age(found.as_of - found.newest), age(found.as_of - found.oldest)
        text += f" Newest value {newest} old, oldest {oldest}."
    return text


def measured_at(time: datetime | None, as_of: datetime, zone: tzinfo) -> str:
    """When something was measured or written down."""
    if time is None:
        return "–"
    local = time.astimezone(zone)
    form = "%d %b %H:%M" if local.year == as_of.year else "%d %b %Y %H:%M"
    return f"{local.strftime(form)} ({age(as_of - time)} ago)"


def newest(facts: Iterable[Observation], bases: Iterable[Basis]) -> datetime | None:
    """The time of the newest fact, else that of the newest other fact that has one."""
    measured = max((fact.time for fact in facts), default=None)
    return measured or max((basis.time for basis in bases if basis.time is not None), default=None)


def bases(of: Iterable[Basis]) -> str:
    """Diagnoses, medicines and encounters behind a number, escaped; of many the first few."""
    texts = [escape(basis.text, LONGEST_BASIS) for basis in of if basis.text]
    return few(list(dict.fromkeys(texts)), MOST_BASES, ", ") if texts else ""


def signature(found: Finding) -> str:
    """Who speaks, and as what."""
    name = escape(f"{found.model.title} {found.model.version}")
    return f"{name}. Chartside supports clinical judgement, it does not replace it."


def not_used(facts: Iterable[SetAside]) -> str:
    """How many facts of each kind were not used: those that decide first, and of the others the most common.

    Escaped. Of either only some are named.
    """
    listed = list(facts)
    groups = (
        (Counter(one.detail for one in listed if one.decides), KINDS_THAT_DECIDE),
        (Counter(one.detail for one in listed if not one.decides), KINDS_OF_UNUSED),
    )
    shown = [f"{number} × {escape(detail)}" for kinds, most in groups for detail, number in kinds.most_common(most)]
    more = any(len(kinds) > most for kinds, most in groups)
    return "; ".join([*shown, "and others"] if more else shown)


def gaps(found: Finding, named: Collection[str] = ()) -> str:
    """What was not measured, what was read in part, and what was read but not used; `named` was said above."""
    lines = []
    if found.incomplete:
        lines.append(f"**Read only in part:** {'; '.join(escape(item) for item in found.incomplete)}.")
    if missing := [label for label in found.missing if label not in named]:
        lines.append(f"**No usable value of:** {'; '.join(map(escape, missing))}.")
    if found.unused:
        lines.append(f"**Read but not used:** {not_used(found.unused)}.")
    lines += [escape(caveat) for caveat in found.caveats]
    return "\n\n".join(lines)
