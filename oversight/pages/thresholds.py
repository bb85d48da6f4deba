"""`GET /oversight/thresholds`: what if the threshold stood elsewhere, and what a model in shadow would have done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from oversight.analytics.judged_stays import Rows, judged_rows
from oversight.analytics.laid_out import lay_out
from oversight.analytics.live_threshold import WITHOUT_CARDS, live_threshold
from oversight.analytics.logged_features import logged_features
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.past_assessments import Past, past_assessments
from oversight.analytics.selection import Selection
from oversight.analytics.shadow_beside import shadows_beside, silent_cards
from oversight.analytics.side_by_side import adherence_weights
from oversight.analytics.simulated import BothWorths, Rules, Simulator, curve, grid, worths
from oversight.mart.mart import Questions
from oversight.pages import outcome_words
from oversight.pages.days_replayed import days_replayed
from oversight.pages.door.roles import Right
from oversight.pages.frame import Asked, Page
from oversight.pages.of_a_tier import NO_REPLAY
from oversight.pages.outcome_asked import Own, outcome_form
from oversight.pages.pictures.threshold_pictures import curve_pictures, curve_rows
from oversight.pages.shadow_rows import shadow_view, silent_view
from oversight.pages.simulated_rows import Column, column, headline, unit_rows
from oversight.pages.threshold_asked import REPEATS, ThresholdsAsked, ask
from oversight.statistics.labelled import FloatArray
from oversight.statistics.suppression import SMALLEST_SHOWN

# Of more stays a sample is drawn for what a threshold is worth; cards are counted on all.
MOST_STAYS = 60_000
# Where no outcome can be asked about, nothing has this name, and the cards are counted all the same.
_NO_OUTCOME = OutcomeQuestion("", None)
# Later than any entry: an open mart gains none.
_ALL = 2**62


def thresholds_page(own: Own) -> Page:
    """The page. `own`: what each service is judged by."""

    def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
        """Everything that the template draws."""
        return _figures(mart, asked, own)

    # Outcomes are joined by pseudonyms, which the narrowed entries have no more: this page lays out its own.
    return Page(
        "thresholds", "oversight/thresholds.html", figures, ask=ask, reads=lambda _asked: None, one_service=True
    )


def _figures(mart: Questions, asked: Asked, own: Own) -> Mapping[str, object]:
    """Of no service only the list of services."""
    plain, given = asked.person.may(Right.CLINICIANS), asked.own
    wanted: ThresholdsAsked = given if plain else given.in_whole_per_cents()
    service = wanted.outcome.service
    if service is None:
        return {"service": None}
    form = outcome_form(mart, wanted.outcome, own)
    question = form.question or _NO_OUTCOME
    shared: dict[str, object] = {
        "service": service, "form": form, "wanted": wanted, "repeats": REPEATS, "told": outcome_words,
        "smallest": SMALLEST_SHOWN, "plain": plain,
    }  # fmt: skip
    selection = replace(asked.view.selection, service=service)
    if selection.tier is not None:
        return shared | {"columns": None, "refusal": NO_REPLAY}
    lay_out(mart, selection, question.name, _ALL)
    every, known = judged_rows(mart, selection, question)
    shared |= {"known": known}
    replayed = days_replayed(mart, selection, asked.view)
    past = past_assessments(mart, replace(selection, period=replayed.period), every)
    if len(past.risk) < SMALLEST_SHOWN:
        few = f"fewer than {SMALLEST_SHOWN} assessments with a risk in this period."
        return shared | {"columns": None, "refusal": few}
    shared |= {"replayed": replayed}
    return {**shared, **_simulated(mart, selection, wanted, past, every, plain=plain)}


def _simulated(
    mart: Questions, selection: Selection, wanted: ThresholdsAsked, past: Past, every: Rows, *, plain: bool
) -> Mapping[str, object]:
    """The columns, the units, the curve and the shadows. `plain`: who looks may see single clinicians."""
    live = live_threshold(mart, selection) or WITHOUT_CARDS
    chosen = wanted.threshold or live.value
    first = every.first_of_each_stay()
    known_stays, rows = len(first.risk), first.sample(MOST_STAYS)
    weight, seen = adherence_weights(rows, *logged_features(mart, rows))
    simulator = Simulator(past, wanted.repeat_hours)
    limits = sorted({live.value, chosen})
    both = dict(zip(limits, worths(rows, weight, past, limits), strict=True)) if len(rows.risk) else {}
    columns = [
        _column(name, threshold, wanted, simulator, both.get(threshold), plain=plain)
        for name, threshold in (("Live", live.value), ("Chosen", chosen))
    ]
    if chosen == live.value and wanted.second is None:
        columns = columns[:1]
    marked = [("live", live.value), ("chosen", chosen)] if chosen != live.value else [("live", live.value)]
    hidden = {each.threshold: each.hidden for each in columns if each.hidden}
    points = curve(simulator, past, rows, weight, grid(past.risk, limits))
    return {
        "live": live,
        "columns": columns,
        "seen": seen,
        "ledger_per_day": int(past.card.sum()) / past.days,
        "days": past.days,
        "stays": known_stays,
        "sampled": len(rows.risk),
        "in_short": headline(columns, past.days),
        "units": unit_rows(past, columns),
        "points": curve_rows(points, {at: name for name, at in marked}, hidden),
        "pictures": curve_pictures(points, marked, hidden),
        "silent": silent_view(silent_cards(mart, selection, rows)),
        "shadows": _shadows(mart, selection, rows, weight, live.value),
    }


def _column(
    name: str, threshold: float, wanted: ThresholdsAsked, simulator: Simulator, worth: BothWorths | None, *, plain: bool
) -> Column:
    """One threshold with its cards and worth. The upper tier belongs to the chosen one."""
    second = wanted.second if name == "Chosen" and wanted.second and wanted.second > threshold else None
    rules = Rules(threshold, second, wanted.repeat_hours, wanted.per_stay, wanted.per_clinician)
    return column(name, simulator.cards(rules), worth, wanted.minutes, plain=plain)


def _shadows(
    mart: Questions, selection: Selection, rows: Rows, weight: FloatArray | None, threshold: float
) -> list[object]:
    """Each model in shadow beside the live one."""
    found = shadows_beside(mart, selection, rows, weight, threshold) if np.any(rows.alerted) else ()
    return [shadow_view(each) for each in found]
