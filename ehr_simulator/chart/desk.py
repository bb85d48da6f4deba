"""What the clinician does at the chart: open it, fire a hook, decide on a card, open an app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from ehr_simulator import http_json
from ehr_simulator.authorization.grants_store import GrantsStore
from ehr_simulator.chart import cards, summary
from ehr_simulator.chart.hook_client import DiscoveryFailed, HookClient
from ehr_simulator.chart.summary import Who
from ehr_simulator.chart.visits import Visit, Visits
from ehr_simulator.fhir_store import FhirStore
from ehr_simulator.settings import EhrSettings

HOOKS = ("patient-view", "encounter-start")
MAX_COMMENT = 1000
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")


class NotPossible(Exception):
    """The button does not fit what is shown."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The collaborators of the chart pages."""

    settings: EhrSettings
    store: FhirStore
    grants: GrantsStore
    hooks: HookClient
    visits: Visits

    def patients(self) -> list[Who]:
        """Everybody in the house. Raises `FhirStoreFault`."""
        now = self.settings.clock()
        stays = self.store.search("Encounter", [("_count", "1000"), ("_sort", "-date")])
        people = self.store.search("Patient", [("_count", "500")])
        by_patient: dict[str, list[summary.Resource]] = {}
        for stay in stays:
            by_patient.setdefault(str((stay.get("subject") or {}).get("reference", "")), []).append(stay)
        known = [summary.who(one, by_patient.get(f"Patient/{one['id']}", []), now) for one in people]
        return sorted(known, key=lambda person: person.id)

    def who(self, patient_id: str) -> Who | None:
        """The banner of one patient, or None. Raises `FhirStoreFault`."""
        patient = self.store.read(f"Patient/{patient_id}") if _ID.fullmatch(patient_id) else None
        if patient is None:
            return None
        stays = self.store.search("Encounter", [("patient", patient_id), ("_sort", "-date"), ("_count", "100")])
        return summary.who(patient, stays, self.settings.clock())

    def fire(self, hook: str, person: Who) -> Visit:
        """Call every service of the hook."""
        encounter = person.stay.id if person.stay else None
        if hook not in HOOKS or (hook == "encounter-start" and encounter is None):
            raise NotPossible("This hook cannot be fired for this patient.")
        try:
            results = [self.hooks.call(one, person.id, encounter) for one in self.hooks.services(hook)]
        except DiscoveryFailed as fault:
            shown = f"status {fault.status}: {fault}" if fault.status else str(fault)
            return self.visits.keep(person.id, hook, [], shown)
        return self.visits.keep(person.id, hook, results)

    def decide(self, visit: Visit, form: Mapping[str, str]) -> None:
        """Send the feedback that a button stands for, and keep what came back beside the card."""
        service_id, card = self._card(visit, form.get("card", ""))
        item = _accepted(card, form) if form.get("outcome") == "accepted" else _overridden(card, form)
        try:
            answer = self.hooks.feedback(service_id, item)
        except http_json.NoAnswer as fault:
            visit.said[card.uuid] = f"Not sent: Chartside gave {fault}."
            return
        visit.said[card.uuid] = _said(str(item["outcome"]), answer)

    def app_url(self, visit: Visit, card_id: str, number: int, person: Who) -> str:
        """The address that opens a SMART link: a new launch id on every call."""
        _, card = self._card(visit, card_id)
        if not 0 <= number < len(card.links) or not card.links[number].opens_app:
            raise NotPossible("This link does not open an app.")
        link = card.links[number]
        launch = self.grants.create_launch(
            person.id,
            person.stay.id if person.stay else None,
            link.app_context,
            now=self.settings.clock(),
            seconds=self.settings.launch_lifetime,
        )
        query = urlencode({"iss": self.settings.fhir_base, "launch": launch.id})
        return f"{link.url}{'&' if urlsplit(link.url).query else '?'}{query}"

    def _card(self, visit: Visit, card_id: str) -> tuple[str, cards.Card]:
        """The service and the card that were shown under this uuid."""
        for result in visit.results:
            for card in cards.cards(result.response or {}, self.settings.chartside):
                if card.uuid and card.uuid == card_id:
                    return result.service.id, card
        raise NotPossible("This card was not shown here.")


def _accepted(card: cards.Card, form: Mapping[str, str]) -> dict[str, object]:
    """Feedback for an accepted suggestion."""
    suggestion = form.get("suggestion", "")
    if suggestion not in {choice.id for choice in card.suggestions if choice.id}:
        raise NotPossible("This suggestion is not on the card.")
    return {"card": card.uuid, "outcome": "accepted", "acceptedSuggestions": [{"id": suggestion}]}


def _overridden(card: cards.Card, form: Mapping[str, str]) -> dict[str, object]:
    """Feedback for an override, with the reason and the comment that were given."""
    if form.get("outcome") != "overridden":
        raise NotPossible("A decision is either accepted or overridden.")
    chosen = next((reason for reason in card.reasons if reason.id == form.get("reason")), None)
    comment = form.get("comment", "").strip()[:MAX_COMMENT]
    why: dict[str, object] = {}
    if chosen is not None:
        why["reason"] = {"code": chosen.id, "system": chosen.system, "display": chosen.label}
    if comment:
        why["userComment"] = comment
    return {"card": card.uuid, "outcome": "overridden"} | ({"overrideReason": why} if why else {})


def _said(outcome: str, answer: http_json.Answer) -> str:
    """What the chart shows after the feedback."""
    if 200 <= answer.status < 300:
        body = answer.body or {}
        counts = ", ".join(f"{name} {value}" for name, value in body.items() if isinstance(value, int) and value)
        return f"Recorded as {outcome}" + (f" ({counts})." if counts else ".")
    return f"Not recorded: status {answer.status}. {http_json.problem(answer)}"
