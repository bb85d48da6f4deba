"""What a model sees: the same for the service and for training, in intensive care, at discharge and at home."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import floor, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.assessment import AbstentionReason
from clinical.errors import ManifestInvalid
from clinical.record import (
    LOINC,
    Coding,
    Observation,
    PatientRecord,
    SetAside,
    SetAsideReason,
    Source,
    Stay,
    StayLocation,
)
from models.runtime.gather import Series, _whole_hours, by_hour
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import Looked, Refused, TreeSight

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
IMP = Coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP")
PLACES = {
    "intensive-care": 'kind = "intensive-care"\nfrom_hour = 1\nto_hour = 96\nallowance_hours = 1\n',
    "hourly": 'kind = "intensive-care"\nfrom_hour = 1\nto_hour = 96\nallowance_hours = 1\nhourly = true\n',
    "discharge": 'kind = "discharge"\nallowance_hours = 1\n',
    "outpatient": 'kind = "outpatient"\nlook_back_days = 365\n',
    "young": 'kind = "outpatient"\nlook_back_days = 365\nmaximum_age = 50\n',
}
MANIFEST = """
id = "little"
version = "1.0.0"
title = "Little"
description = "Little."
horizon = "soon"
hooks = ["patient-view"]
action = "Look again."
intended_use = "For tests."
{top}
[outcome]
text = "an outcome"
system = "http://example.org"
code = "x"
[population]
minimum_age = 18
age_cap = 90
{population}
[minimum]
signals = 1
source = "a test"
{minimum}
[needs.labs]
count = 100
[[tiers]]
name = "usual"
at_least = 0.0
indicator = "info"
source = "a test"
[signals.K]
label = "Potassium"
need = "labs"
codes = ["2823-3"]
unit = "mmol/L"
range = [1, 12]
source = "a test"
take = ["last", "min", "max", "mean", "sd", "count", "change", "slope", "since", "mean@6h"]
[signals.Na]
label = "Sodium"
need = "labs"
codes = ["2951-2"]
unit = "mmol/L"
range = [100, 200]
source = "a test"
take = ["last"]
"""
CODES = {"K": "2823-3", "Na": "2951-2"}


@pytest.fixture
def folder(tmp_path):
    """Makes the sight of a small model."""

    def make(
        place: str,
        *,
        minimum: str = "",
        top: str = "",
        more: str = "",
        code: str = "",
        change: tuple[str, str] = ("", ""),
    ) -> TreeSight:
        text = MANIFEST.format(population=PLACES[place], minimum=minimum, top=top).replace(*change, 1) + more
        (tmp_path / "model.toml").write_text(text, encoding="utf-8")
        if code:
            (tmp_path / "features.py").write_text(code, encoding="utf-8")
        return TreeSight(read_untrained(tmp_path / "model.toml"))

    return make


def fact(name: str, value: float, hours: float) -> Observation:
    """A measured number so many hours after the start."""
    unit, when = "mmol/L", START + timedelta(hours=hours)
    reference = f"Observation/{name}-{hours}-{value}"
    return Observation(reference, (Coding(LOINC, CODES[name]),), value, unit, when, "final", Source.FHIR, value, unit)


def record(*facts: Observation, **changes: object) -> PatientRecord:
    """A man of 60 who lies in intensive care."""
    bed = StayLocation("Medical ICU", start=START, intensive_care=True, recognised_by="test")
    stay = Stay("Encounter/1", "in-progress", IMP, START - timedelta(hours=5), None, (bed,))
    found = PatientRecord("1", START, date(1966, 1, 1), "male", (stay,), facts)
    return replace(found, **changes)


HOURS = st.floats(-2, 60).map(lambda hour: round(hour, 2))
FACTS = st.lists(st.builds(fact, st.sampled_from(["K", "Na"]), st.sampled_from([3.5, 4.0, 5.5, 140.0]), HOURS))


@pytest.mark.parametrize("place", ["intensive-care", "hourly"])
@given(facts=FACTS)
def test_training_sees_what_the_service_sees(place, facts, tmp_path_factory):
    """Cutting what was collected once gives, at every moment, the row of a record that is read at that moment."""
    path = tmp_path_factory.mktemp("model") / "model.toml"
    path.write_text(MANIFEST.format(population=PLACES[place], minimum="", top=""), encoding="utf-8")
    sight = TreeSight(read_untrained(path))
    moments = [START + timedelta(hours=hour) for hour in (0.5, 1, 6, 6.5, 24, 48)]
    for as_of, seen in zip(moments, sight.see(record(*facts), moments), strict=True):
        looked = sight.look(record(*facts), as_of)
        if isinstance(looked, Refused):
            assert seen is None or not seen.answered
        else:
            assert seen is not None
            assert seen.answered
            np.testing.assert_array_equal(seen.values, looked.row)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40).map(sorted), st.floats(30, 31))
def test_one_fact_an_hour_is_the_newest_of_it(times, now):
    """Hours are counted back from now; each keeps its newest fact, and none comes from the future."""
    series = Series(tuple(times), tuple(range(len(times))), ())
    found = by_hour(series, now)
    ages = [int(round(now - time, 6)) for time in times]
    assert list(found.values) == [max(i for i, age in enumerate(ages) if age == one) for one in dict.fromkeys(ages)]
    assert all(time <= now for time in found.times)
    assert len({round(now - time) for time in found.times}) == len(found.times)


@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 500)), min_size=1, max_size=40).map(sorted),
    st.floats(30, 31),
    st.sampled_from([None, 6, 12]),
)
def test_of_a_sum_nothing_is_lost(entries, now, window):
    """Each hour has the sum of its facts and all of them behind it, so that sums over whole hours are as before."""
    times, values = zip(*entries, strict=True)
    facts = tuple(fact("K", value, hours) for hours, value in entries)
    found = by_hour(Series(times, values, facts), now, add_up=True)
    assert [one for place in range(len(found.times)) for one in found.behind(place)] == list(facts)
    assert [sum(one.value for one in found.behind(place)) for place in range(len(found.times))] == list(found.values)
    since = -1 if window is None else now - window
    # A fact that lies on the border but for less than floats can tell is on either side of it.
    sure = [abs(round(now - time) - (now - time)) > 1e-5 for time in times]
    if all(sure):
        assert sum(v for t, v in zip(found.times, found.values, strict=True) if t > since) == sum(
            v for t, v in entries if t > since
        )
    newest = by_hour(Series(times, values, facts), now)
    assert (found.times, found.facts) == (newest.times, newest.facts)


def test_a_sum_of_an_hour_leads_to_all_of_its_facts(folder):
    """Behind the highest hour stand its facts, behind the total all of them; the label says that it is per hour."""
    sight = folder("hourly", change=("range = [1, 12]", 'range = [1, 12]\nper_hour = "sum"'))
    facts = [fact("K", value, hours) for hours, value in [(1.2, 3), (1.7, 4), (2.5, 5), (3.9, 2), (3.95, 2)]]
    looked = sight.look(record(*facts), START + timedelta(hours=4))
    seen = {one.name: place for place, one in enumerate(sight.features)}
    assert [looked.row[seen[f"K.{name}"]] for name in ("last", "min", "max", "count", "mean@6h")] == [
        4, 4, 7, 3, pytest.approx(16 / 3)
    ]  # fmt: skip
    assert looked.facts[seen["K.max"]] == tuple(facts[:2])
    assert looked.facts[seen["K.last"]] == tuple(facts[3:])
    assert looked.facts[seen["K.mean"]] == tuple(facts)
    assert sight.features[seen["K.max"]].label == "Potassium per hour: highest"
    assert looked.series["K"].behind(0)[0].time == facts[0].time


def test_a_sum_per_hour_needs_a_model_that_counts_by_the_hour(folder):
    """Else the key would be without effect, in silence; another word is refused too."""
    with pytest.raises(ManifestInvalid, match="per_hour needs hourly = true"):
        folder("intensive-care", change=("range = [1, 12]", 'range = [1, 12]\nper_hour = "sum"'))
    with pytest.raises(ManifestInvalid, match="per_hour must be one of newest, sum"):
        folder("hourly", change=("range = [1, 12]", 'range = [1, 12]\nper_hour = "mean"'))


def test_only_a_sum_changes_the_recipe(folder, tmp_path):
    """A model from before the key, or one that says what is usual, keeps its recipe."""
    recipes = []
    for more in ("", '\nper_hour = "newest"', '\nper_hour = "sum"'):
        folder("hourly", change=("range = [1, 12]", f"range = [1, 12]{more}"))
        recipes.append(read_untrained(tmp_path / "model.toml").recipe)
    assert recipes[0] == recipes[1] != recipes[2]


def test_whole_hours_stay_as_they_are():
    """A table with one value an hour is not changed, to the last bit."""
    series = Series((0.0, 3.0, 7.0), (1.0, 2.0, 3.0), ())
    assert by_hour(series, 9.0) is series


def test_a_monitor_counts_once_an_hour(folder):
    """Sixty values of one hour are one measurement to a model that learnt from an hourly table."""
    facts = [fact("K", 3.0 + minute / 60, 4 + minute / 60) for minute in range(1, 60)] + [fact("Na", 140, 2)]
    names = [feature.name for feature in folder("hourly").features]
    hourly, every = folder("hourly"), folder("intensive-care")
    at = START + timedelta(hours=5)
    seen = dict(zip(names, hourly.look(record(*facts), at).row.tolist(), strict=True))
    assert (seen["K.count"], seen["K.last"]) == (1, pytest.approx(3.983, abs=1e-3))
    assert dict(zip(names, every.look(record(*facts), at).row.tolist(), strict=True))["K.count"] == 59


def test_the_stay_that_is_left_is_the_one_that_counts(folder):
    """At discharge: the stay under way, or one that ended within a day; a visit is none."""
    sight, now = folder("discharge"), START + timedelta(hours=43)
    looked = sight.look(record(fact("K", 4, 1)), now)
    assert looked.placed.situation == "day 3 of the hospital stay"
    (stay,) = record().stays
    ended = replace(stay, status="finished", end=now - timedelta(hours=3))
    looked = sight.look(record(fact("K", 4, 1), stays=(ended,)), now)
    assert isinstance(looked, Looked)
    assert looked.placed.hours == 45
    for other, in_population in [
        (replace(stay, status="finished", end=now - timedelta(hours=25)), False),
        (replace(stay, class_code=Coding(IMP.system, "AMB")), False),
        (replace(stay, class_code=None), True),
        (replace(stay, status="cancelled"), False),
    ]:
        found = sight.look(record(fact("K", 4, 1), stays=(other,), focus="Encounter/1"), now)
        assert found.refusal.in_population is in_population, other
        assert found.refusal.reason is AbstentionReason.NO_CURRENT_STAY


def test_outside_hospital_the_last_year_counts(folder):
    """Older values are passed over; somebody in hospital, or too old, is not meant."""
    sight = folder("outpatient", top="", minimum="")
    at_home = record(fact("K", 4, 0), fact("K", 6, -24 * 366), fact("Na", 150, -24 * 364), stays=())
    looked = sight.look(at_home, START + timedelta(hours=1))
    seen = {feature.name: value for feature, value in zip(sight.features, looked.row.tolist(), strict=True)}
    assert (seen["K.max"], seen["Na.last"]) == (4, 150)
    inside = sight.look(replace(at_home, stays=record().stays), START + timedelta(hours=1))
    assert inside.refusal.reason is AbstentionReason.NOT_MEANT_FOR
    assert not inside.refusal.in_population


def test_in_doubt_whether_somebody_is_in_hospital_there_is_no_answer(folder):
    """A stay that cannot be read, or of unknown class or status, may be one; a visit is none."""
    sight, now = folder("outpatient"), START + timedelta(hours=1)
    (stay,) = record().stays
    visit = replace(stay, class_code=Coding(IMP.system, "AMB"), locations=())
    assert isinstance(sight.look(record(fact("K", 4, 0), stays=(visit,)), now), Looked)
    aside = SetAside("Encounter/1", SetAsideReason.MALFORMED, "no class")
    for changes in (
        {"stays": (), "set_aside": (aside,)},
        {"stays": (), "incomplete": ("encounter: could not be read",)},
        {"stays": (replace(visit, class_code=None),)},
        {"stays": (replace(visit, class_code=Coding("http://other", "I")),)},
        {"stays": (replace(visit, status="unknown"),)},
        {"stays": (replace(stay, end=START),)},
    ):
        found = sight.look(record(fact("K", 4, 0), **changes), now)
        assert isinstance(found, Refused), changes
        assert found.refusal.in_population, changes
    for sure in (replace(visit, class_code=Coding(IMP.system, "EMER")), replace(stay, class_code=None)):
        found = sight.look(record(fact("K", 4, 0), stays=(sure,)), now)
        assert found.refusal.reason is AbstentionReason.NOT_MEANT_FOR


def test_an_upper_age_is_kept(folder):
    """People above the oldest of the training data are not meant."""
    found = folder("young").look(record(fact("K", 4, 0), stays=()), START + timedelta(hours=1))
    assert found.refusal.reason is AbstentionReason.NOT_MEANT_FOR
    assert "50" in found.refusal.text


def test_what_is_required_is_named_where_it_is_missing(folder):
    """The model cannot do without it."""
    found = folder("outpatient", minimum='required = ["Na"]').look(
        record(fact("K", 4, 0), stays=()), START + timedelta(hours=1)
    )
    assert found.refusal.reason is AbstentionReason.NOT_ENOUGH_DATA
    assert "sodium" in found.refusal.text
    assert found.refusal.missing == ("Sodium",)


CODE = """
from clinical.assessment import AbstentionReason
from models.runtime.columns import Value
from models.runtime.whereabouts import Refusal

def columns(record, placed, series):
    return {"stays": Value(float(len(record.stays)))}

def refusal(record, placed, series):
    if record.sex == "female":
        return Refusal(AbstentionReason.NOT_MEANT_FOR, "it is for men", in_population=False)
    return None
"""
COLUMNS = """
[columns.stays]
label = "Stays"
unit = "{count}"
[columns.nothing]
label = "Nothing"
unit = "1"
[derived.ratio]
label = "K over Na"
concept = "ratio"
kind = "ratio"
top = "K.last"
bottom = "Na.last"
scale = 1
unit = "1"
"""


def test_code_beside_the_manifest_gives_what_toml_cannot_say(folder):
    """Columns come last; one that the code leaves out is unknown; its refusal comes before all else."""
    sight = folder("outpatient", more=COLUMNS, code=CODE)
    assert [feature.name for feature in sight.features][-3:] == ["ratio", "stays", "nothing"]
    looked = sight.look(record(fact("K", 4, 0), stays=()), START + timedelta(hours=1))
    assert looked.row[-2] == 0
    assert isnan(looked.row[-1])
    woman = record(stays=(), sex="female")
    assert sight.look(woman, START + timedelta(hours=1)).refusal.text == "it is for men"
    assert list(sight.see(woman, [START + timedelta(hours=1)])) == [None]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nowhere_at_all", "cannot be loaded"),
        ("columns = 3", "must be functions"),
        ("def (", "cannot be loaded"),
    ],
)
def test_code_that_does_not_load_stops_the_start(folder, code, words):
    """Whatever is wrong with it, it is named."""
    with pytest.raises(ManifestInvalid, match=words):
        folder("outpatient", more=COLUMNS, code=code)


def test_columns_without_code_are_refused(folder):
    """They would be unknown for ever."""
    with pytest.raises(ManifestInvalid, match=r"features\.py"):
        folder("outpatient", more=COLUMNS)


def test_the_person_is_as_much_as_the_manifest_says(folder):
    """A model need not know the sex, nor the hours; how long ago the hospital stay began is one of them."""
    sight = folder("intensive-care", more='[person]\ncolumns = ["age", "admitted"]\n')
    assert [feature.name for feature in sight.features][:3] == ["age", "admitted", "K.last"]
    looked = sight.look(record(fact("K", 4, 0.5)), START + timedelta(hours=2))
    assert looked.row[:2].tolist() == [60, 7]


@given(
    st.one_of(st.floats(0, 2000), st.builds(lambda hour, off: hour + off, st.integers(1, 500), st.floats(-2e-6, 2e-6)))
)
def test_whole_hours_are_those_of_the_rounded_age(age: float) -> None:
    """Rounding is left out only where it changes nothing: not a millisecond before a whole hour."""
    assert _whole_hours(age) == floor(round(age, 6))
