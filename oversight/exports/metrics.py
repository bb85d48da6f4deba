"""The ledger's state for Prometheus, in the text format 0.0.4: counted anew for each answer, as processes are several.

Labels are services, monitors and fixed words; never a unit, a person or a client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from clinical.advice import WithheldReason
from oversight.exports.standing import Standing
from oversight.mart.mart import Questions
from oversight.monitors.result import Status
from oversight.proportions import proportion
from oversight.statistics.suppression import SMALLEST_SHOWN

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# Rates are of the last four weeks; counts are of all time, so that Prometheus can take differences.
RECENT_DAYS = 28
MOST_SERVICES, MOST_SERIES = 50, 1_250
OTHER = "other"
_OUTCOMES = ("accepted", "overridden", "snoozed", "no_answer")


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one service: all entries, those withheld by reason, cards by answer, and the same cards of the last weeks."""

    entries: int
    withheld: dict[str, int]
    cards: dict[str, int]
    recent: dict[str, int]


_SQL = """
SELECT service, CASE WHEN abstention IS NULL AND hook <> 'smart-launch' THEN withheld END AS withheld, card,
  CASE WHEN card THEN coalesce(outcome, 'no_answer') END AS answer, count(*),
  count(*) FILTER (day >= $since)
FROM event GROUP BY ALL
"""


def counts(mart: Questions, today: date) -> dict[str, Counts]:
    """By service, sorted; at most so many, the rest together as "other"."""
    since = (today - date(1970, 1, 1)).days - RECENT_DAYS + 1
    rows = sorted(mart.rows(_SQL, {"since": since}), key=lambda row: str(row[0]))
    names = list(dict.fromkeys(str(row[0]) for row in rows))[:MOST_SERVICES]
    found = {name: Counts(0, {}, dict.fromkeys(_OUTCOMES, 0), dict.fromkeys(_OUTCOMES, 0)) for name in names}
    for service, withheld, card, answer, number, recent in rows:
        name = service if service in found or len(found) < MOST_SERVICES else OTHER
        one = found.get(name) or Counts(0, {}, dict.fromkeys(_OUTCOMES, 0), dict.fromkeys(_OUTCOMES, 0))
        found[name] = Counts(one.entries + number, one.withheld, one.cards, one.recent)
        if withheld is not None:
            why = withheld if withheld in list(WithheldReason) else OTHER
            one.withheld[why] = one.withheld.get(why, 0) + number
        if card and answer in one.cards:
            one.cards[answer] += number
            one.recent[answer] += recent
    return found


@dataclass(frozen=True, slots=True)
class State:
    """What is told. `newest` is the moment of the last entry that the figures know; `current`: there are no more."""

    counts: dict[str, Counts]
    standing: Standing
    newest: datetime | None
    current: bool
    now: datetime


class LedgerCollector(Collector):
    """Gives the state as gauges."""

    def __init__(self, state: State) -> None:
        """For one answer."""
        self._state = state

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """All of them."""
        yield from _of_cards(self._state.counts)
        yield from _of_standing(self._state)
        yield _gauge("chartside_figures_current", "1 if the figures hold the ledger's last entry", self._state.current)
        if self._state.newest is not None:
            age = (self._state.now - self._state.newest).total_seconds()
            yield _gauge("chartside_newest_entry_age_seconds", "Age of the newest entry that the figures hold", age)


def text(state: State) -> bytes:
    """What goes over the wire."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LedgerCollector(state))
    return generate_latest(registry)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    """One number."""
    return GaugeMetricFamily(name, words, value=float(value))


def _of_cards(found: dict[str, Counts]) -> Iterator[GaugeMetricFamily]:
    """Entries, cards and rates."""
    entries = GaugeMetricFamily("chartside_entries", "Entries of the ledger", labels=["service"])
    cards = GaugeMetricFamily("chartside_cards", "Cards that were shown, by answer", labels=["service", "answer"])
    withheld = GaugeMetricFamily("chartside_withheld", "Advice that was withheld", labels=["service", "reason"])
    words = f"of the last {RECENT_DAYS} days"
    rate = GaugeMetricFamily(
        "chartside_override_rate", f"Overridden / (accepted + overridden) {words}; see also the no-answer share",
        labels=["service"],
    )  # fmt: skip
    silent = GaugeMetricFamily("chartside_no_answer_share", f"Cards without an answer {words}", labels=["service"])
    for service, one in found.items():
        entries.add_metric([service], one.entries)
        for answer, number in one.cards.items():
            cards.add_metric([service, answer], number)
        for reason, number in sorted(one.withheld.items()):
            withheld.add_metric([service, reason], number)
        answered = proportion(one.recent["overridden"], one.recent["accepted"] + one.recent["overridden"])
        unanswered = proportion(one.recent["no_answer"], sum(one.recent.values()))
        if answered is not None and answered.total >= SMALLEST_SHOWN:
            rate.add_metric([service], answered.value)
        if unanswered is not None and unanswered.total >= SMALLEST_SHOWN:
            silent.add_metric([service], unanswered.value)
    yield from (entries, cards, withheld, rate, silent)


def _of_standing(state: State) -> Iterator[GaugeMetricFamily]:
    """Monitors, alerts and reports of problems."""
    status = GaugeMetricFamily(
        "chartside_monitor_status",
        "1 for what the latest run of a monitor said",
        labels=["service", "monitor", "status"],
    )
    runs = state.standing.monitors[: MOST_SERIES // len(Status)]
    for run in runs:
        for each in Status:
            status.add_metric([run.service, run.monitor, each.value], float(run.status == each.value))
    alerts = GaugeMetricFamily("chartside_open_alerts", "Alerts that are not closed", labels=["service"])
    services = sorted({*state.counts, *(alert.service for alert in state.standing.alerts)})[: 2 * MOST_SERVICES]
    for service in services:
        alerts.add_metric([service], sum(alert.service == service for alert in state.standing.alerts))
    unjudged = GaugeMetricFamily("chartside_unjudged_weeks", "Weeks that were not judged in full", labels=["service"])
    # A service that no monitor has ever judged has weeks that were not, and no run.
    judged = {run.service for run in runs} | {week.service for week in state.standing.unjudged}
    for service in sorted(judged)[: 2 * MOST_SERVICES]:
        unjudged.add_metric([service], sum(week.service == service for week in state.standing.unjudged))
    today = state.now.astimezone(UTC).date()
    overdue = sum(each.overdue(today) for each in state.standing.incidents)
    yield from (status, alerts, unjudged)
    yield _gauge("chartside_open_incidents", "Reports of problems that are not closed", len(state.standing.incidents))
    yield _gauge("chartside_overdue_incidents", "Of them, those past the last day of a deadline", overdue)
    if runs:
        age = state.now - max(run.time for run in state.standing.monitors)
        yield _gauge(
            "chartside_last_monitor_run_age_seconds", "Age of the last run of a monitor", age / timedelta(seconds=1)
        )
