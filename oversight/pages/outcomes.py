"""`GET /oversight/outcomes`: how right the risks of one service were, as outcomes came and allowing for treatment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from werkzeug.datastructures import MultiDict

from oversight.analytics.before_outcomes import BADGE, before_outcomes
from oversight.analytics.judged_stays import judged_rows
from oversight.analytics.laid_out import lay_out
from oversight.analytics.lead_times import lead_times
from oversight.analytics.live_threshold import WITHOUT_CARDS, live_threshold
from oversight.analytics.logged_features import logged_features
from oversight.analytics.outcome_periods import stretches
from oversight.analytics.risk_response import RESPONSES, risk_response
from oversight.analytics.side_by_side import MOST_BOOTSTRAPPED, side_by_side, verdict, weeks_more
from oversight.mart.mart import Questions
from oversight.override_rates import Step
from oversight.pages import outcome_words
from oversight.pages.door.roles import Right
from oversight.pages.frame import Asked, Page
from oversight.pages.mart_source import last_entry
from oversight.pages.of_a_tier import estimate_of_a_tier, measures_of_a_tier
from oversight.pages.outcome_asked import OutcomeAsked, Own, ask_outcome, outcome_form
from oversight.pages.pictures.outcome_pictures import (
    OVER_TIME,
    calibration_bins,
    calibration_picture,
    known_counts,
    period_pictures,
    period_rows,
)
from oversight.pages.query import told_step
from oversight.pages.view import View, repeated
from oversight.statistics.labelled import FEWEST
from oversight.statistics.suppression import SMALLEST_SHOWN

# The same question gives the same intervals each time.
_SEED = 20_240_229
# Of more stays a sample is drawn: its intervals are narrow enough, and nobody waits for them.
MOST_STAYS = 60_000


@dataclass(frozen=True, slots=True)
class OutcomesAsked:
    """The outcome, and by week or by month."""

    outcome: OutcomeAsked
    by: Step


def ask(args: MultiDict[str, str], view: View) -> object | list[str]:
    """What only this page asks for, or the faults."""
    outcome = ask_outcome(args, view)
    faults = [*(outcome if isinstance(outcome, list) else []), *repeated(args, ("by",))]
    by = args.get("by") or Step.WEEK.value
    if by not in {Step.WEEK.value, Step.MONTH.value}:
        faults.append("“by” must be week or month.")
    if faults or isinstance(outcome, list):
        return faults
    return OutcomesAsked(outcome, Step(by))


def outcomes_page(own: Own) -> Page:
    """The page. `own`: what each service is judged by."""

    def figures(mart: Questions, asked: Asked) -> Mapping[str, object]:
        """Everything that the template draws."""
        return _figures(mart, asked, own)

    # Outcomes are joined by pseudonyms, which the narrowed entries have no more: this page reads the mart itself.
    return Page("outcomes", "oversight/outcomes.html", figures, ask=ask, reads=lambda _asked: None, one_service=True)


def _figures(mart: Questions, asked: Asked, own: Own) -> Mapping[str, object]:
    """Of no service only the list of services; of no outcome only what can be chosen."""
    wanted: OutcomesAsked = asked.own
    service = wanted.outcome.service
    if service is None:
        return {"service": None}
    form = outcome_form(mart, wanted.outcome, own)
    sees_few = asked.person.may(Right.CLINICIANS)
    by = told_step(wanted.by, sees_few=sees_few)
    steps = [step for step in (Step.WEEK, Step.MONTH) if step is told_step(step, sees_few=sees_few)]
    shared = {"service": service, "form": form, "by": by, "steps": steps, "told": outcome_words}
    shared |= {"smallest": SMALLEST_SHOWN}
    if form.question is None:
        return shared | {"problem": form.problem}
    selection = replace(asked.view.selection, service=service)
    entry, until = last_entry(mart)
    lay_out(mart, selection, form.question.name, entry)
    every, known = judged_rows(mart, selection, form.question)
    if known.known < FEWEST or known.known < SMALLEST_SHOWN:
        return shared | {"problem": "", "known": known, "figures": None}
    stays = every.first_of_each_stay()
    rows = stays.sample(MOST_STAYS)
    # A tier is a range of the risk itself: of one alone no threshold can be read, and nothing that needs one is told.
    of_tier = selection.tier is not None
    live = None if of_tier else live_threshold(mart, selection) or WITHOUT_CARDS
    features, names = logged_features(mart, rows)
    found = side_by_side(rows, features, names, (live or WITHOUT_CARDS).value, np.random.default_rng(_SEED))
    weeks = stretches(mart, selection, form.question, rows, found.weight, by, until)
    expected = before_outcomes(mart, selection, rows, np.random.default_rng(_SEED))
    return shared | {
        "problem": "",
        "known": known,
        "counts": known_counts(known),
        "stays": len(stays.risk),
        "figures": found,
        "measures": measures_of_a_tier(found) if of_tier else found.measures,
        "live": live,
        "verdict": verdict(found),
        "most_bootstrapped": MOST_BOOTSTRAPPED,
        "lead": lead_times(every),
        "periods": period_rows(weeks),
        "over_time": OVER_TIME,
        "weeks_more": weeks_more(found.overlap, rows.day),
        "pictures": period_pictures(weeks),
        "bins": calibration_bins(found),
        "curve": calibration_picture(found),
        "expected": estimate_of_a_tier(expected) if of_tier else expected,
        "badge": BADGE,
        "matrix": risk_response(rows, found.weight),
        "responses": RESPONSES,
    }
