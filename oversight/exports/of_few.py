"""What a file hides because few clinicians stand behind it, whoever makes the file: services, weeks and reasons.

A file is passed on to people who may see no single clinician. Where all that was asked for is of few, this would hide
all of it: such a file is made only for who may see single clinicians, and hides nothing for that reason.
"""

from __future__ import annotations

from oversight.analytics.few_clinicians import OVERRIDDEN, all_of_few, few_by, weeks_of_few
from oversight.analytics.funnel import funnels
from oversight.analytics.hidden_groups import hidden_groups
from oversight.analytics.selection import By, Selection
from oversight.mart.mart import Questions

HIDDEN = "hidden"
WHY = "few clinicians stand behind it, or it would give away a service of few"


def hidden_services(mart: Questions, selection: Selection) -> frozenset[str]:
    """The services without figures: those of few, and the smallest of the others, as FHIR reports mask them.

    None where none is of few: then small counts are hidden cell by cell.
    """
    if selection.service is not None or all_of_few(mart, selection):
        return frozenset()
    found = funnels(mart, selection, By.SERVICE)
    of_few = few_by(mart, selection, (By.SERVICE,))[By.SERVICE]
    flags, _ = hidden_groups(found, of_few)
    return of_few.union(one.key for one, flag in zip(found, flags, strict=True) if of_few and flag)


def hidden_weeks(mart: Questions, selection: Selection, of: Selection | None = None) -> frozenset[str]:
    """The Mondays of the weeks of few of one service. `of` is what the file is of, where the weeks are of more days."""
    return frozenset() if all_of_few(mart, of or selection) else weeks_of_few(mart, selection)


def hidden_reasons(mart: Questions, selection: Selection) -> frozenset[str]:
    """The codes of the reasons that few clinicians of one service gave, "" for none."""
    if all_of_few(mart, selection):
        return frozenset()
    return few_by(mart, selection, (By.REASON,), of=OVERRIDDEN)[By.REASON]
