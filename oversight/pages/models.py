"""`/oversight/models`: which models are in use, how, how they do here, and the local part of their cards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from flask import Blueprint, Response, abort, make_response, render_template

from clinical.audit import AuditEvent, AuditKind
from oversight.analytics.few_clinicians import few_by
from oversight.analytics.funnel import Funnel, funnels
from oversight.analytics.selection import By
from oversight.analytics.versions import VersionUse, version_uses
from oversight.local_card import FAIRNESS, PERFORMANCE, LocalCard, filled, local_card
from oversight.mart.mart import Questions
from oversight.monitor_runs import KeptRun
from oversight.pages.alerts import MARKS, RunBook
from oversight.pages.door.access import person, refused
from oversight.pages.door.roles import Right
from oversight.pages.frame import Asked, Desk, Page, show
from oversight.pages.group_rows import Rows, group_rows
from oversight.pages.model_shelf import ModelShelf, OfferedModel, SwitchBook
from oversight.statistics.hidden_parts import hidden_parts
from oversight.statistics.suppression import SMALLEST_SHOWN
from oversight.switches import ALL, SwitchState

SHORT = 12
_MAINTENANCE = ("validity-monitoring", "validity-local", "fairness-monitoring", "fairness-local")


@dataclass(frozen=True, slots=True)
class ModelSources:
    """What these pages ask besides the mart."""

    shelf: ModelShelf
    runs: RunBook
    switches: SwitchBook


@dataclass(frozen=True, slots=True)
class Line:
    """One model in the list: its use in the period by version, and what its monitors say."""

    model: OfferedModel
    versions: Rows
    uses: tuple[VersionUse, ...]
    off: tuple[SwitchState, ...]
    performance: KeptRun | None
    fairness: KeptRun | None


def add_routes(pages: Blueprint, sources: ModelSources, desk: Desk) -> None:
    """The list, one model, and its attributes with the local ones filled in."""
    # One question of all entries: to lay them out first would take longer.
    listed = Page(
        "models",
        "oversight/models.html",
        lambda mart, asked: _figures(mart, asked, sources),
        reads=lambda _asked: None,
    )

    @pages.get("/oversight/models")
    def models() -> Response:
        """All offered models."""
        return show(listed, desk)

    @pages.get("/oversight/models/<model_id>")
    def model(model_id: str) -> Response:
        """One of them, with the local part of its card."""
        return _one(sources, desk, model_id)

    @pages.get("/oversight/models/<model_id>/attributes.json")
    def model_attributes(model_id: str) -> Response:
        """The 31 source attributes with the two local ones filled in, dated."""
        return _attributes(sources, desk, model_id)


def _figures(mart: Questions, asked: Asked, sources: ModelSources) -> Mapping[str, object]:
    """Everything that the list draws; a filter by service leaves the others out."""
    runs = {(run.service, run.monitor): run for run in sources.runs.latest()}
    used, hidden = _versions(mart, asked)
    uses, states, chosen = version_uses(mart), sources.switches.states(), asked.view.selection.service
    lines = [
        Line(
            model,
            group_rows(used.get(model.id, ()), of_few=hidden.get(model.id, ())),
            tuple(use for use in uses if use.service == model.id),
            switched_off(states, model.id),
            runs.get((model.id, PERFORMANCE)),
            runs.get((model.id, FAIRNESS)),
        )
        for model in sources.shelf.models()
        if chosen in (None, model.id)
    ]
    gone = sorted({use.service for use in uses} - {model.id for model in sources.shelf.models()})
    return {"lines": lines, "gone": gone, "marks": MARKS, "short": SHORT, "everybody": ALL}


def _versions(mart: Questions, asked: Asked) -> tuple[Mapping[str, list[Funnel]], Mapping[str, set[str]]]:
    """The counts of each model's versions in the period, and the versions to hide because of few clinicians.

    For who may not see these, all versions of all models are one table, as on Overview: so neither page gives away what
    the other hides.
    """
    selection = asked.view.selection
    every = funnels(mart, selection, By.MODEL)
    may = asked.person.may(Right.CLINICIANS)
    of_few = frozenset[str]() if may else few_by(mart, selection, (By.MODEL,))[By.MODEL]
    gone = group_rows(every, of_few=of_few).without_counts if of_few else of_few
    found: dict[str, list[Funnel]] = {}
    hidden: dict[str, set[str]] = {}
    for each in every:
        model, _, version = each.key.partition(" ")
        found.setdefault(model, []).append(replace(each, key=version))
        if each.key in gone:
            hidden.setdefault(model, set()).add(version)
    return found, hidden


def switched_off(states: Iterable[SwitchState], service: str) -> tuple[SwitchState, ...]:
    """What keeps a service from showing anything: for all, for it, or for a client."""
    return tuple(state for state in states if state.off and state.service in (ALL, service))


def _one(sources: ModelSources, desk: Desk, model_id: str) -> Response:
    """Note the view, and draw one model."""
    if (answer := refused(Right.FIGURES)) is not None:
        return answer
    found = _offered(sources, model_id)
    _note(desk, f"model {model_id}", model_id)
    card = local_card(found.id, sources.runs.latest())
    as_of = desk.mart.as_of()
    with desk.mart.open() as mart:
        uses = tuple(use for use in version_uses(mart) if use.service == found.id)
    page = render_template(
        "oversight/model.html",
        model=found,
        card=card,
        uses=tuple(zip(uses, entries_of(uses), strict=True)),
        as_of=as_of,
        off=switched_off(sources.switches.states(), found.id),
        maintenance=maintenance(found, card),
        runs=[run for run in sources.runs.latest() if run.service == found.id],
        marks=MARKS,
    )
    return make_response(page)


def entries_of(uses: Sequence[VersionUse]) -> list[str]:
    """The entries of each version; few are hidden, and with them another version, for other pages have the total."""
    counts = np.array([use.entries for use in uses], dtype=np.int64)
    flags, instead = hidden_parts(counts, counts < SMALLEST_SHOWN)
    return [instead if hide else f"{count:,}" for count, hide in zip(counts.tolist(), flags, strict=True)]


def maintenance(model: OfferedModel, card: LocalCard) -> list[Mapping[str, object]]:
    """The attributes about watching the model in use, the local ones filled in; without a card only those two."""
    every = {each["id"]: each for each in filled(model.attributes.get("attributes", ()), card)}
    if every:
        return [every[name] for name in _MAINTENANCE if name in every]
    return [
        {"id": one.id, "title": title, "available": one.available, "text": one.text}
        for one, title in ((card.validity, "Validity in local data"), (card.fairness, "Fairness in local data"))
    ]


def _attributes(sources: ModelSources, desk: Desk, model_id: str) -> Response:
    """The card's attributes as a file."""
    if (answer := refused(Right.EXPORT_FIGURES)) is not None:
        return answer
    found = _offered(sources, model_id)
    if not found.attributes:
        abort(404)
    _note(desk, f"attributes of {model_id} with local figures", model_id)
    card = local_card(found.id, sources.runs.latest())
    local = {
        "as_of": str(card.as_of) if card.as_of else None,
        "version": card.version,
        "made": f"{desk.clock.now():%Y-%m-%d}",
    }
    content = {**found.attributes, "attributes": filled(found.attributes["attributes"], card), "local": local}
    response = Response(json.dumps(content, indent=2, ensure_ascii=False) + "\n", content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="attributes-{found.id}-local.json"'
    return response


def _offered(sources: ModelSources, model_id: str) -> OfferedModel:
    """An offered model, or 404."""
    return next((model for model in sources.shelf.models() if model.id == model_id), None) or abort(404)


def _note(desk: Desk, what: str, service: str) -> None:
    """Into the audit, before anything is shown."""
    detail = f"{what}, by {person().name}"
    desk.audit.note(AuditEvent(desk.clock.now(), AuditKind.LEDGER_READ, service=service, detail=detail))
