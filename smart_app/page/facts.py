"""`/smart/page/…/fact/…`: one source fact, as the model used it and as the EHR has it now.

Only what stands in the advice of this page can be asked for, so that the page is no way into the rest of the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from flask import Blueprint, Response, make_response, render_template, request, url_for

from clinical import wording
from clinical.assessment import Abstention, Attribution, Finding, RiskAssessment, Score, ScoreItem
from clinical.errors import ChartsideError, NotAllowed
from clinical.record import Observation
from smart_app.faults import fault_page
from smart_app.opening import Opening
from smart_app.ports.fact import FactSource
from smart_app.sessions import Launch
from smart_app.words import behind

# FHIR R4: a type, and an id (datatype `id`); what follows "#" names a part of the resource.
_REFERENCE = re.compile(r"([A-Z][A-Za-z]{2,40}/[A-Za-z0-9\-.]{1,64})(?:#.*)?")


@dataclass(frozen=True, slots=True)
class Used:
    """What the models took from a fact; `reported` is what was sent, where that is another unit."""

    value: str
    time: str
    reported: str = ""


class Facts:
    """The route of the source facts of an open page."""

    def __init__(self, opening: Opening, source: FactSource) -> None:
        """Keep the collaborators."""
        self._opening = opening
        self._source = source

    def show(self, launch_id: str, kind: str, fact_id: str) -> Response:
        """One fact. Raises `NotAllowed` for one that does not stand on this page."""
        launch = self._opening.mine(launch_id)
        reference = f"{kind}/{fact_id}"
        findings = self._findings(launch)
        if reference not in references(findings):
            raise NotAllowed("This fact is not on this page.")
        back = url_for("smart_app.page", launch_id=launch_id)
        try:
            fact = self._source.read_fact(launch.visit, reference)
        except ChartsideError as fault:
            return fault_page(fault, heading="The source could not be read", back=back)
        zone = self._opening.deps.zone
        body = render_template(
            "smart_app/fact.html",
            fact=fact,
            time="" if fact.time is None else wording.moment(fact.time, zone),
            read_at=wording.moment(self._opening.deps.clock.now(), zone),
            withdrawn=fact.taken_back,
            used=_used(reference, findings, zone),
            reference=reference,
            person=self._opening.person(launch),
            back=back,
        )
        return make_response(body)

    def _findings(self, launch: Launch) -> list[Finding]:
        """What this user sees on the page."""
        shown = self._opening.shown(launch)
        return [advice.finding for advice, _ in shown if not advice.hidden]


def add_facts(blueprint: Blueprint, facts: Facts) -> None:
    """Register the route with the room's blueprint, and let the page link to it."""
    blueprint.add_url_rule("/page/<launch_id>/fact/<kind>/<fact_id>", "fact", facts.show, methods=["GET"])
    blueprint.context_processor(lambda: {"fact_link": fact_link})


def fact_link(reference: str) -> str:
    """The address of a fact on the page that is being made; empty for what is no FHIR reference (an HL7 v2 segment)."""
    found, launch_id = source_of(reference), (request.view_args or {}).get("launch_id", "")
    if not found or not launch_id:
        return ""
    return f"{url_for('smart_app.page', launch_id=launch_id)}/fact/{found}"


def source_of(reference: str) -> str:
    """`Type/id` of a reference, without the part of the resource that it names; empty where it is none."""
    found = _REFERENCE.fullmatch(reference)
    return found[1] if found else ""


def references(findings: Iterable[Finding]) -> frozenset[str]:
    """Every resource that stands in some findings, as `Type/id`."""
    return frozenset(found for finding in findings for name in _named(finding) if (found := source_of(name)))


def _named(finding: Finding) -> Iterator[str]:
    """The references of a finding: of what it used and of what it could not use."""
    yield from (fact.reference for fact in finding.unused)
    if isinstance(finding, Abstention):
        return
    for thing in _things(finding):
        yield from (fact.reference for fact in thing.facts)
        yield from (basis.reference for basis in thing.basis)
    if isinstance(finding, RiskAssessment):
        beside: tuple[Finding, ...] = (*finding.comparators, *finding.unanswered)
        for other in beside:
            yield from _named(other)


def _things(finding: RiskAssessment | Score) -> Sequence[Attribution | ScoreItem]:
    """What carries facts."""
    return finding.explanation.attributions if isinstance(finding, RiskAssessment) else finding.items


def _used(reference: str, findings: Iterable[Finding], zone: tzinfo) -> tuple[Used, ...]:
    """What the models of the page took from a fact, each once."""
    return tuple(dict.fromkeys(used for finding in findings for used in _taken(reference, finding, zone)))


def _taken(reference: str, finding: Finding, zone: tzinfo) -> Iterator[Used]:
    """What one model took from a fact, and what the scores beside it did."""
    if isinstance(finding, Abstention):
        return
    for thing in _things(finding):
        yield from (_measured(fact, zone) for fact in thing.facts if source_of(fact.reference) == reference)
        told = behind((basis for basis in thing.basis if source_of(basis.reference) == reference), zone)
        yield from (Used(one.text, one.time) for one in told)
    if isinstance(finding, RiskAssessment):
        for score in finding.comparators:
            yield from _taken(reference, score, zone)


def _measured(fact: Observation, zone: tzinfo) -> Used:
    """A number, and what was sent where that is another unit."""
    sent = "" if fact.unit == fact.reported_unit else wording.measured(fact.reported_value, fact.reported_unit)
    return Used(wording.measured(fact.value, fact.unit), wording.moment(fact.time, zone), sent)
