"""What an open page shows: the advice of the card that was clicked, or a new assessment, once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from flask import request

from clinical.advice import Advice, Feedback
from clinical.app_context import CardLink
from clinical.errors import LedgerUnavailable, NotAllowed, NotAuthenticated, WrongPatient
from clinical.policy import said_beside, without
from smart_app import cookies
from smart_app.deps import Deps
from smart_app.person import Person, person
from smart_app.ports.ehr import Assessed, Banner, Visit
from smart_app.sessions import Launch, Stores


@dataclass(frozen=True, slots=True)
class Opening:
    """Finds launches and fills them."""

    deps: Deps
    stores: Stores

    def mine(self, launch_id: str) -> Launch:
        """The launch of this id, if it is open in this browser. A stranger learns no more than that."""
        launch = self.stores.launches.get(launch_id)
        secret = cookies.held(request.cookies).get(launch_id, "")
        if launch is None or not cookies.same(secret, launch.browser):
            raise NotAuthenticated("This page is not open in this browser, or its time is over.")
        return launch

    def opened(self, launch: Launch) -> Launch | None:
        """The launch with something on it; None while another request is filling it."""
        if launch.round > 0:
            return launch
        link = card_link(self.deps, launch.visit)
        return self.assess(launch) if link is None else self._from_card(launch, link.advice_id)

    def assess(self, launch: Launch) -> Launch | None:
        """Run the models and put the result on the page. None if another request is doing that for this round."""
        visit = launch.visit
        now = self.deps.clock.now()
        self.deps.sessions.access(visit)  # says in words when the EHR's permission has run out
        claim = _claim(launch)
        if not self.stores.marks.put(claim, now, launch.until, new=True):
            return None
        try:
            found = self.deps.assess(visit, self._services(launch))
            _check_patient(found, visit)
            return self._keep(launch, found.banner, tuple(item.id for item in found.advice), from_card=False)
        except BaseException:
            # The next request may try again, whatever went wrong in this one.
            self.stores.marks.take(claim)
            raise

    def to_report(self, launch: Launch) -> str:
        """The id of the advice that the card's link came to report a problem with, if it is what the page shows."""
        link = card_link(self.deps, launch.visit) if launch.from_card else None
        return link.advice_id if link is not None and link.reports else ""

    def begun(self, launch: Launch) -> datetime | None:
        """When somebody began to fill the next round, if somebody is doing that now."""
        return self.stores.marks.get(_claim(launch))

    def shown(self, launch: Launch) -> list[tuple[Advice, Feedback | None]]:
        """The advice of the page with the latest decision on each, from the ledger."""
        return [(self.advice(launch, id_), self.decision(launch, id_)) for id_ in launch.advice_ids]

    def decision(self, launch: Launch, advice_id: str) -> Feedback | None:
        """The latest decision; its user is the visit's where it is their own."""
        return self.deps.ledger.decision(advice_id, asked_by=launch.visit.user)

    def advice(self, launch: Launch, advice_id: str) -> Advice:
        """One advice of this page, as this user may see it now. Raises `NotAllowed` for any other.

        Where its service is silent for them, that is why it is withheld, whatever was decided when it was stored.
        """
        if advice_id not in launch.advice_ids:
            raise NotAllowed("This advice is not on this page.")
        visit = launch.visit
        advice = self._stored(visit, advice_id)
        if advice is None:
            raise LedgerUnavailable("The ledger does not find the advice of this page.")
        silence = self.deps.silence(visit, advice.service)
        beside = self.deps.silent_beside(visit, advice.service, said_beside(advice.finding))
        seen = replace(advice, finding=without(advice.finding, beside)) if beside else advice
        return seen if silence is None else replace(seen, withheld=silence)

    def snoozes(self, launch: Launch, shown: Iterable[Advice]) -> dict[str, Feedback]:
        """This user's snoozes that are in force and were given on other advice than the page's, by the page's."""
        now, user = self.deps.clock.now(), launch.visit.user
        found = {one.id: self.deps.ledger.snooze(replace(one, user=user), now) for one in shown if not one.hidden}
        return {id_: snooze for id_, snooze in found.items() if snooze is not None and snooze.advice_id != id_}

    def person(self, launch: Launch) -> Person | None:
        """The patient banner, where the EHR does not show its own; a standalone page has none around it."""
        if launch.banner is None or not (launch.visit.need_patient_banner or launch.standalone):
            return None
        return person(launch.banner, self.deps.clock.now(), self.deps.zone)

    def _stored(self, visit: Visit, advice_id: str) -> Advice | None:
        """An advice as the ledger has it, with the ids of this visit."""
        return self.deps.ledger.find(
            advice_id,
            client=visit.client,
            patient_id=visit.patient_id,
            encounter_id=visit.encounter_id,
            asked_by=visit.user,
        )

    def _services(self, launch: Launch) -> tuple[str, ...]:
        """The services whose advice is on the page: a new assessment leaves none of them out."""
        stored = (self._stored(launch.visit, id_) for id_ in launch.advice_ids)
        return tuple(dict.fromkeys(advice.service for advice in stored if advice is not None))

    def _from_card(self, launch: Launch, advice_id: str) -> Launch | None:
        """The very advice of the card, if it was given to this EHR about this patient."""
        visit = launch.visit
        if self._stored(visit, advice_id) is None:
            raise WrongPatient("The card that opened this page was not about the patient whose chart is open.")
        return self._keep(launch, self._banner(visit), (advice_id,), from_card=True)

    def _keep(self, launch: Launch, banner: Banner, advice_ids: tuple[str, ...], *, from_card: bool) -> Launch | None:
        """Put it into the session; None where that has ended."""
        filled = replace(launch, round=launch.round + 1, banner=banner, advice_ids=advice_ids, from_card=from_card)
        # Not of a page that was closed meanwhile.
        return filled if self.stores.launches.replace(launch.id, filled, launch.until) else None

    def _banner(self, visit: Visit) -> Banner:
        """Who the page is about: patient in the token = patient shown."""
        banner = self.deps.banner(visit)
        _check_banner(banner, visit)
        return banner


def card_link(deps: Deps, visit: Visit) -> CardLink | None:
    """The card's link that a visit came by, if it came by one."""
    return deps.contexts.read(visit.app_context, visit.client)


def _claim(launch: Launch) -> str:
    """The mark of who fills the next round."""
    return f"assess/{launch.id}/{launch.round + 1}"


def _check_banner(banner: Banner, visit: Visit) -> None:
    """Who was read must be who the chart is about."""
    if banner.patient_id != visit.patient_id:
        raise WrongPatient("The record that was read is not that of the patient whose chart is open.")


def _check_patient(found: Assessed, visit: Visit) -> None:
    """What was assessed must be about the open chart."""
    _check_banner(found.banner, visit)
    if any((item.client, item.patient_id) != (visit.client, visit.patient_id) for item in found.advice):
        raise WrongPatient("The assessment is not about the patient whose chart is open.")
