"""Open every chart as the EHR does and tell what Chartside says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ehr_simulator.chart.cards import Card, cards
from ehr_simulator.chart.desk import HOOKS, Desk
from ehr_simulator.chart.summary import Who
from ehr_simulator.chart.visits import Visit
from ehr_simulator.demo.telling import headline, result_lines


@dataclass(frozen=True, slots=True)
class Seen:
    """A card and where it was shown."""

    person: Who
    visit: Visit
    card: Card


@dataclass(slots=True)
class Tour:
    """What the tour saw: cards with a risk, cards that say "not assessed", empty answers, faults."""

    risks: list[Seen] = field(default_factory=list)
    abstentions: list[Seen] = field(default_factory=list)
    empty: int = 0
    faults: list[str] = field(default_factory=list)


def take_tour(desk: Desk, tell: Callable[[str], None]) -> Tour:
    """Call patient-view for every patient."""
    tour = Tour()
    people = desk.patients()
    for number, person in enumerate(people, 1):
        tell(f"\n[{number}/{len(people)}] {headline(person, desk.settings.clock)}")
        visit = desk.fire(HOOKS[0], person)
        if visit.problem:
            tour.faults.append(f"{person.id}: {visit.problem}")
            tell(f"  FAULT: {visit.problem}")
        for result in visit.results:
            for line in result_lines(result, desk.settings.chartside):
                tell(line)
        _note(tour, desk, person, visit)
    return tour


def _note(tour: Tour, desk: Desk, person: Who, visit: Visit) -> None:
    """Sort what a visit showed. A card with a risk suggests an action; a card without a number suggests none."""
    for result in visit.results:
        if result.response is None:
            tour.faults.append(f"{person.id}: {result.problem} (status {result.status})")
            continue
        shown = cards(result.response, desk.settings.chartside)
        tour.empty += not shown
        for card in shown:
            (tour.risks if card.suggestions else tour.abstentions).append(Seen(person, visit, card))
