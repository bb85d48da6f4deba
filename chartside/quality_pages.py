"""The quality team's pages, joined to the things that they ask for."""

from __future__ import annotations

from functools import partial

from flask import Blueprint

import oversight.pages
from cds_hooks import risk_card, score_card
from chartside.export_key import export_parts
from chartside.house import House, derive_key
from chartside.quality_models import HouseShelf
from chartside.quality_outcomes import own_outcomes
from chartside.quality_sign_in import sign_in_deps
from clinical.assessment import Finding, RiskAssessment, Score
from oversight.device_report import DeviceFacts
from oversight.pages.incidents import IncidentWork
from oversight.pages.review_sources import ReviewParts


def quality_pages(house: House) -> Blueprint:
    """Everything under `/oversight`."""
    return oversight.pages.create_blueprint(
        oversight.pages.PageDeps(
            clock=house.clock,
            audit=house.audit,
            password=house.settings.quality_password,
            incidents=house.incidents,
            mart=house.mart,
            incident_work=IncidentWork(house.incident_events, house.reported, partial(_device, house)),
            alerts=house.alerts,
            runs=house.monitor_runs,
            models=HouseShelf(house),
            switches=house.switches,
            reviews=ReviewParts(house.reviews, house.review_cases, _first_line),
            sign_in=sign_in_deps(
                house.sign_in,
                transport=house.transport,
                clock=house.clock,
                used=house.used_tokens,
                base_url=house.settings.base_url,
                seal_key=derive_key(house.settings.secret, "sign-in"),
            ),
            exports=export_parts(house),
            outcomes=own_outcomes(house.shelf),
            secret=derive_key(house.settings.secret, "quality pages"),
        )
    )


def _device(house: House, model: str, version: str) -> DeviceFacts:
    """What the manifest says of a model; the artefact only if it is still of the version that gave the advice."""
    manifest = house.shelf.get(model)
    if manifest is None:
        return DeviceFacts()
    info = manifest.info
    return DeviceFacts(info.title, info.intended_use, info.digest if info.version == version else "")


def _first_line(finding: Finding) -> str:
    """What a card says first, for who judges it later."""
    if isinstance(finding, RiskAssessment):
        return risk_card.summary(finding)
    return score_card.summary(finding) if isinstance(finding, Score) else finding.text
