"""What one file of an export hides, no other file, service or filter gives away."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from oversight.analytics.funnel import funnel, funnels
from oversight.analytics.reasons import reasons
from oversight.analytics.selection import By, Selection
from oversight.exports.measure_reports import counted, measure_reports, strata_of
from oversight.exports.reasons import ALL, reason_rows, shown_reasons
from oversight.exports.weekly import WEEKLY, shown_weeks, weekly_rows
from oversight.pages.group_rows import group_rows
from oversight.statistics.equity import Rate, equity
from oversight.statistics.equity_groups import attribute
from oversight.statistics.labelled import labelled, too_few
from oversight.statistics.simpson import _left_out
from oversight.tallies import Period

EVERYTHING = Selection(Period(date(2026, 3, 2), date(2026, 5, 31)))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = ("cards", "answered", "accepted", "overridden", "snoozed", "no_answer")
CODES = ("agrees-not", "done-already", "not-this-patient", "too-late")


@pytest.fixture
def mart(make_mart):
    """Two services in three units; one unit has few answers of the first service and many of the second."""
    rng = np.random.default_rng(11)
    number = 900
    unit = np.array(["A", "B", "C"], dtype=object)[rng.choice(3, number, p=[0.1, 0.45, 0.45])]
    service = np.array(["one", "two"], dtype=object)[
        (rng.random(number) < np.where(unit == "A", 0.75, 0.5)).astype(int)
    ]
    outcome = np.array(["accepted", "overridden", "snoozed"], dtype=object)[rng.choice(3, 600, p=[0.5, 0.4, 0.1])]
    code = np.array(CODES, dtype=object)[rng.choice(4, 600, p=[0.6, 0.3, 0.07, 0.03])]
    entries = {"days": np.sort(rng.integers(0, 91, number)), "unit_name": unit, "service": service}
    answers = {"about": np.arange(1, 601), "outcome": outcome,
               "reason_code": np.where(outcome == "overridden", code, None)}  # fmt: skip
    with make_mart(number, entries, answers) as found:
        yield found


def test_all_services_show_of_a_unit_what_each_of_them_shows(mart):
    """So no count of one follows from all less the other; and what is shown is the sum."""
    whole = strata_of(mart, EVERYTHING, By.UNIT)
    own = [strata_of(mart, replace(EVERYTHING, service=name), By.UNIT) for name in ("one", "two")]
    shown = 0
    for row, key in enumerate(whole.keys):
        for name in NAMES:
            parts = [each.grid.count(each.keys.index(key), name) for each in own if key in each.keys]
            told = whole.grid.count(row, name)
            assert told == (None if None in parts else sum(parts))
            shown += told is not None
    small = [each for one in own for each in one.grid.counts[:-1].ravel() if 0 < each < 11]
    assert small
    assert shown


def test_reasons_of_a_service_are_the_same_in_every_file(mart):
    """Alone, among others, and in the pack; over all services a reason is shown where each of them shows it."""
    rows = list(reason_rows(mart, EVERYTHING))
    hidden = Counter()
    for service in ("one", "two"):
        selection = replace(EVERYTHING, service=service)
        among = {row[1]: row[3] for row in rows if row[0] == service and isinstance(row[3], int)}
        alone = {
            row[1]: row[3] for row in reason_rows(mart, selection) if row[0] == service and isinstance(row[3], int)
        }
        in_pack = sorted(share.count for _words, share in shown_reasons(reasons(mart, selection)))
        assert among == alone
        assert in_pack == sorted(among.values())
        assert min(in_pack) > 10
        hidden.update({row[1] for row in rows if row[0] == service} - set(among))
    assert hidden
    assert {row[1] for row in rows if row[0] == ALL and isinstance(row[3], str)} == set(hidden)


def test_the_pack_tells_the_weeks_that_the_file_tells(mart):
    """A week is in the pack only where the file tells its override rate, with the share without a decision as there."""
    selection = replace(EVERYTHING, service="two")
    lines = week_lines(mart, selection)
    told = {str(line["week"]): line["undecided_share"] for line in lines if not isinstance(line["override_rate"], str)}
    shown = shown_weeks(mart, selection)
    assert {week: share.value if share else None for week, share in shown.items()} == told
    assert "hidden" not in told.values()
    later = replace(selection, period=Period(date(2026, 3, 4), date(2026, 5, 31)))
    assert "2026-03-02" not in shown_weeks(mart, later)


def test_no_week_of_the_file_tells_a_rate_without_the_share_it_leaves_out(mart):
    """Where the share without a decision is hidden, the override rate is too, by the same word, with its interval."""
    lines = week_lines(mart)
    silent = [line for line in lines if isinstance(line["undecided_share"], str)]
    assert silent
    for line in silent:
        ends = {line["override_rate"], line["override_rate_low"], line["override_rate_high"]}
        assert ends == {line["undecided_share"]}
    assert len(silent) < len(lines)


def test_a_few_cards_put_off_hide_no_rate(make_mart):
    """They hide how many were silent; cards without a decision are one number that stands beside the rate."""
    outcome = np.array(["overridden"] * 20 + ["accepted"] * 30 + ["snoozed"] * 3, dtype=object)
    about = np.arange(outcome.size) + 1
    with make_mart(80, {}, {"about": about, "outcome": outcome}) as mart:
        (line,) = week_lines(mart)
    assert (line["cards"], line["answered"], line["undecided"], line["undecided_share"]) == (80, 50, 30, 30 / 80)
    assert (line["overridden"], line["override_rate"], line["acceptance_rate"]) == (20, 20 / 50, 30 / 80)
    assert {line[name] for name in ("snoozed", "no_answer", "no_answer_share")} == {"hidden"}


def week_lines(mart, selection=EVERYTHING):
    """The lines of the file of weeks, by the names of its columns."""
    names = [column.name for column in WEEKLY.columns]
    return [dict(zip(names, row, strict=True)) for row in weekly_rows(mart, selection)]


def scores(mart, selection):
    """The counts and the score of each measure by stratifier and group, "" for all; None where masked."""
    found = {}
    for report in measure_reports(counted(mart, selection), "https://h.example", NOW, "x"):
        (group,) = report["group"]
        lines = {("", ""): group}
        lines |= {(kind["code"][0]["text"], each["value"]["text"]): each
                  for kind in group["stratifier"] for each in kind["stratum"]}  # fmt: skip
        for key, line in lines.items():
            counts = tuple(each.get("count") for each in line["population"])
            found.setdefault(key, {})[report["id"][: -len("-x")]] = (counts, line["measureScore"].get("value"))
    return found


def test_reports_tell_the_whole_and_groups_as_the_pages_do(make_mart):
    """Eight cards that were put off mask nothing; a unit of few cards is masked, and the smallest of the others."""
    unit = np.repeat(np.array(["A", "B", "C", "D"], dtype=object), [200, 150, 60, 6])
    outcome = np.where(np.arange(unit.size) % 3 == 0, "overridden", "accepted").astype(object)
    outcome[:8] = "snoozed"
    about = np.flatnonzero(np.arange(unit.size) % 5 != 0) + 1
    with make_mart(unit.size, {"unit_name": unit}, {"about": about, "outcome": outcome[about - 1]}) as found:
        told, page = scores(found, EVERYTHING), group_rows(funnels(found, EVERYTHING, By.UNIT))
        whole = funnel(found, EVERYTHING)
    assert 0 < whole.snoozed < 11
    assert told["", ""]["override-rate"] == (
        (whole.cards, whole.cards, whole.cards - whole.answered, whole.overridden), whole.override_rate.value,
    )  # fmt: skip
    assert None not in [score for _, score in told["", ""].values()]
    units = {name: each for (kind, name), each in told.items() if kind == "unit"}
    assert page.without_counts == {"C", "D"}
    for name, each in units.items():
        masked = {None in counts for counts, _ in each.values()} | {score is None for _, score in each.values()}
        assert masked == {name in page.without_counts}, name


def test_reports_hide_groups_of_few_clinicians(make_mart):
    """Forty cards of two people are masked for everybody, because a file is passed on."""
    role = np.repeat(np.array(["Nurse", "Doctor", "Pharmacist"], dtype=object), [200, 150, 40])
    who = np.arange(role.size) % np.where(role == "Pharmacist", 2, 12)
    clinician = np.array([f"{kind}-{n}" for kind, n in zip(role, who, strict=True)], dtype=object)
    with make_mart(role.size, {"role": role, "clinician": clinician}) as found:
        told = scores(found, EVERYTHING)
    shown = {name for (kind, name), each in told.items() if kind == "role" and None not in each["acceptance-rate"][0]}
    assert shown == {"Nurse"}
    assert told["", ""]["no-answer-share"][1] == 1.0


def test_few_cases_of_two_hidden_groups_are_never_all_that_is_hidden():
    """Their sum follows from what everybody and the others show, so it is no small one."""
    group = np.repeat(["a", "b", "c", "d"], [40, 45, 100, 200])
    case = np.concatenate([np.arange(size) < cases for size, cases in ((40, 4), (45, 0), (100, 40), (200, 90))])
    (report,) = equity([attribute("group", list(group))], [Rate("rate", case)], hide_small_cases=True)
    shown = sum(each.rate.count for each in report.groups if hasattr(each.rate, "count"))
    assert int(case.sum()) - shown >= 11


def test_refusals_and_remarks_tell_no_small_count():
    """They are read by everybody, and no page hides parts of a sentence."""
    for events, others in ((3, 400), (400, 3), (9, 9)):
        refusal = too_few(labelled([1] * events + [0] * others, np.full(events + others, 0.5)))
        assert refusal
        assert re.findall(r"\d+", refusal.reason) == ["10"]
    few = SimpleNamespace(left_out=("one",), cards_left_out=4)
    assert _left_out(few) == [
        "1 combination of unit and stratum is left out, with fewer than 11 cards: too few in one of the periods."
    ]
