"""The answer of a page in one sentence: how much advice, what came of it, whether it changed, what is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oversight.alerts import AlertStep
from oversight.analytics.funnel import Funnel
from oversight.pages import words
from oversight.pages.alerts import AlertBook, RunBook, freshness
from oversight.statistics.two_proportions import difference


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """How many alerts wait, and what has to be said where the monitors did not run."""

    number: int
    stale: str


def open_alerts(book: AlertBook, runs: RunBook, service: str | None, now: datetime) -> OpenAlerts:
    """Of a service or of all. Raises `LedgerUnavailable`."""
    number = sum(alert.state is not AlertStep.CLOSED for alert in book.alerts(service))
    return OpenAlerts(number, freshness(runs.last_time(), now))


def in_short(now: Funnel, before: Funnel | None, without_before: str) -> str:
    """Cards, the override rate with the share without an answer, and the change; without its full stop."""
    if not now.cards:
        return "No card was shown in this period"
    cards = f"{now.cards:,} {'card was' if now.cards == 1 else 'cards were'} shown"
    rate, silent = now.override_rate, now.no_answer_share
    if rate is None or silent is None:
        return f"{cards}, and none was accepted or overridden"
    of = "" if rate.total < words.FEW else " of the answered cards"
    return (
        f"{cards}; {words.headline(rate)}{of or ' answered cards'} were overridden, "
        f"{words.headline(silent)} of all cards got no answer; {_changed(now, before, without_before)}"
    )


def _changed(now: Funnel, before: Funnel | None, without_before: str) -> str:
    """The override rate against that of the period before, or why there is nothing to hold it against.

    The difference is crude: where wards or patients changed it may have the wrong sign (Simpson), so it never stands as
    an answer. The comparison page gives one.
    """
    rate, old = now.override_rate, before.override_rate if before else None
    if without_before:
        return without_before
    if rate is None or old is None:
        return "no comparison: no card of the period before was answered"
    change = difference(rate, old)
    if change.low <= 0 <= change.high:
        return f"the override rate has not changed beyond chance ({words.percent(old)} before)"
    side = "rose" if change.value > 0 else "fell"
    return (
        f"the crude override rate {side} from {words.percent(old)} in the period before; "
        "whether like was compared with like, Comparison tells"
    )
