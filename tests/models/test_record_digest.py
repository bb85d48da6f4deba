"""Records that differ in anything that may change an answer never share a digest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import given, settings
from hypothesis import strategies as st

from clinical.record import (
    Answer,
    Coding,
    Condition,
    MedicationUse,
    Observation,
    PatientRecord,
    ProcedureDone,
    Says,
    SetAside,
    SetAsideReason,
    Source,
    Stay,
    StayDiagnosis,
    StayLocation,
)
from models.runtime.record_digest import record_digest

IGNORED = {"read_at", "name"}

moments = st.datetimes(timezones=st.just(UTC))
texts = st.text(max_size=6)
numbers = st.floats(allow_nan=False)
maybe_moments = st.none() | moments
codings = st.builds(Coding, texts, texts, texts)
many_codings = st.lists(codings, max_size=2).map(tuple)
observations = st.builds(
    Observation, texts, many_codings, numbers, texts, moments, texts, st.sampled_from(Source), numbers, texts
)
places = st.builds(StayLocation, texts, many_codings, maybe_moments, maybe_moments, st.booleans(), texts, st.booleans())
stays = st.builds(
    Stay,
    texts,
    texts,
    st.none() | codings,
    maybe_moments,
    maybe_moments,
    st.lists(places, max_size=2).map(tuple),
    st.none() | codings,
    st.none() | codings,
    st.none() | codings,
    st.lists(st.builds(StayDiagnosis, texts, texts, st.none() | st.integers()), max_size=2).map(tuple),
    st.none() | st.dates(),
    st.none() | st.dates(),
    st.none() | st.timedeltas(timedelta(hours=-12), timedelta(hours=14)),
)
conditions = st.builds(Condition, texts, many_codings, maybe_moments, maybe_moments, st.booleans(), texts, texts)
medicines = st.builds(
    MedicationUse, texts, many_codings, maybe_moments, maybe_moments, st.booleans(), texts, texts, texts, maybe_moments
)
procedures = st.builds(
    ProcedureDone, texts, many_codings, maybe_moments, texts, texts, maybe_moments, texts, maybe_moments
)
answers = st.builds(Answer, texts, many_codings, many_codings, texts, moments, texts, st.sampled_from(Source))
words = st.lists(texts, max_size=2).map(tuple)
records = st.builds(
    PatientRecord,
    patient_id=texts,
    read_at=moments,
    birth_date=st.none() | st.dates(),
    sex=st.none() | texts,
    stays=st.lists(stays, max_size=2).map(tuple),
    observations=st.lists(observations, max_size=3).map(tuple),
    conditions=st.lists(conditions, max_size=2).map(tuple),
    medications=st.lists(medicines, max_size=2).map(tuple),
    procedures=st.lists(procedures, max_size=2).map(tuple),
    answers=st.lists(answers, max_size=2).map(tuple),
    set_aside=st.lists(
        st.builds(SetAside, texts, st.sampled_from(SetAsideReason), texts, many_codings), max_size=2
    ).map(tuple),
    incomplete=words,
    caveats=words,
    focus=st.none() | texts,
    name=texts,
    deceased=st.booleans(),
)


def bare(record: PatientRecord) -> PatientRecord:
    """The record without what the digest leaves out."""
    return replace(record, read_at=datetime(2026, 1, 1, tzinfo=UTC), name="")


@settings(max_examples=300, deadline=None)
@given(one=records, other=records)
def test_records_share_a_digest_only_if_they_are_equal(one: PatientRecord, other: PatientRecord) -> None:
    """Whatever the two hold."""
    if record_digest(one) == record_digest(other):
        assert bare(one) == bare(other)
    assert record_digest(one) == record_digest(bare(one))


FULL = PatientRecord(
    patient_id="p",
    read_at=datetime(2026, 1, 1, tzinfo=UTC),
    birth_date=date(1960, 1, 1),
    sex="male",
    stays=(
        Stay(
            "Encounter/1",
            "in-progress",
            Coding("s", "IMP", "d"),
            datetime(2026, 1, 1, tzinfo=UTC),
            datetime(2026, 1, 9, tzinfo=UTC),
            (
                StayLocation(
                    "ICU",
                    (Coding("s", "c", "d"),),
                    datetime(2026, 1, 1, tzinfo=UTC),
                    datetime(2026, 1, 8, tzinfo=UTC),
                    True,
                    "name",
                    True,
                    False,
                    date(2026, 1, 1),
                    True,
                    False,
                ),
            ),
            Coding("s", "EM", "d"),
            Coding("s", "emd", "d"),
            Coding("s", "home", "d"),
            (StayDiagnosis("Condition/1", "AD", 1),),
            date(2026, 1, 1),
            date(2026, 1, 9),
            timedelta(hours=1),
            datetime(2026, 1, 10, tzinfo=UTC),
        ),
    ),
    observations=(
        Observation(
            "Observation/1",
            (Coding("s", "c", "d"),),
            1.0,
            "u",
            datetime(2026, 1, 2, tzinfo=UTC),
            "final",
            Source.FHIR,
            2.0,
            "v",
            "1 to 2 v",
        ),
    ),
    conditions=(
        Condition(
            "Condition/1",
            (Coding("s", "c", "d"),),
            datetime(2026, 1, 3, tzinfo=UTC),
            datetime(2026, 1, 4, tzinfo=UTC),
            True,
            "Encounter/1",
            "text",
        ),
    ),
    medications=(
        MedicationUse(
            "MedicationRequest/1",
            (Coding("s", "c", "d"),),
            datetime(2026, 1, 3, tzinfo=UTC),
            datetime(2026, 1, 4, tzinfo=UTC),
            True,
            "Encounter/1",
            "text",
            "active",
            datetime(2026, 1, 5, tzinfo=UTC),
        ),
    ),
    procedures=(
        ProcedureDone(
            "Procedure/1",
            (Coding("s", "c", "d"),),
            datetime(2026, 1, 3, tzinfo=UTC),
            "Encounter/1",
            "text",
            datetime(2026, 1, 4, tzinfo=UTC),
            "completed",
            datetime(2026, 1, 5, tzinfo=UTC),
        ),
    ),
    answers=(
        Answer(
            "Observation/3",
            (Coding("s", "c", "d"),),
            (Coding("s", "v", "d"),),
            "text",
            datetime(2026, 1, 3, tzinfo=UTC),
            "final",
            Source.FHIR,
        ),
    ),
    set_aside=(
        SetAside(
            "Observation/2",
            SetAsideReason.UNIT,
            "detail",
            (Coding("s", "c", "d"),),
            datetime(2026, 1, 4, tzinfo=UTC),
            since=datetime(2026, 1, 3, tzinfo=UTC),
            decides=True,
            says=Says(1.0, "mg/dL", (Coding("s", "c", "d"),)),
        ),
    ),
    incomplete=("gap",),
    caveats=("caveat",),
    focus="Encounter/1",
    name="Name",
    deceased=False,
)


def changed_values(value: Any) -> Iterator[Any]:
    """Other values of the same kind, each different in one place, however deep; a new field is found by itself."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if not (isinstance(value, PatientRecord) and field.name in IGNORED):
                for other in changed_values(getattr(value, field.name)):
                    yield replace(value, **{field.name: other})
    elif isinstance(value, tuple):
        yield ()
        yield (*value, value[0])
        for other in changed_values(value[0]):
            yield (other, *value[1:])
    else:
        yield from changed_leaf(value)


def changed_leaf(value: Any) -> Iterator[Any]:
    """Another value in place of a plain one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, Source | SetAsideReason):
        yield next(member for member in type(value) if member is not value)
    elif isinstance(value, datetime):
        yield value + timedelta.resolution
    elif isinstance(value, timedelta):
        yield value + timedelta(minutes=15)
    elif isinstance(value, date):
        yield value + timedelta(days=1)
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, float):
        yield value + 2**-50
    else:
        yield f"{value} "


def test_every_single_difference_gives_another_digest() -> None:
    """Each field of each part of a record, also of one that is added later; equal content gives the same digest."""
    assert not [field.name for field in fields(FULL) if not getattr(FULL, field.name) and field.name != "deceased"]
    others = list(changed_values(FULL))
    digests = {record_digest(FULL), *map(record_digest, others)}
    assert len(others) > 120
    assert len(digests) == len(others) + 1
    assert record_digest(replace(FULL, read_at=FULL.read_at + timedelta(1), name="Other")) == record_digest(FULL)


def test_a_missing_value_is_not_an_empty_one() -> None:
    """None and nothing are told apart wherever the record knows None."""
    for name, hint in get_type_hints(PatientRecord).items():
        if get_origin(hint) is UnionType and str in get_args(hint):
            assert record_digest(replace(FULL, **{name: None})) != record_digest(replace(FULL, **{name: ""}))


def test_the_same_moment_in_another_zone_is_the_same_fact() -> None:
    """Facts are compared by their moment; the start of a stay also by its local day, which decides the age."""
    east = timezone(timedelta(hours=9))
    fact = replace(FULL.observations[0], time=FULL.observations[0].time.astimezone(east))
    assert record_digest(replace(FULL, observations=(fact,))) == record_digest(FULL)


def test_a_separator_within_a_text_moves_nothing_into_the_next() -> None:
    """Texts are joined with NUL; one that holds it is still told from two that meet there."""
    codings = [("a\0b", "c", "d"), ("a", "b\0c", "d"), ("a", "b", "c\0d"), ("a\0b", "c\0d", ""), ("a", "b", "c")]
    (fact,) = FULL.observations
    facts = [replace(fact, codings=(Coding(*texts),)) for texts in codings]
    assert len({record_digest(replace(FULL, observations=(fact,))) for fact in facts}) == len(codings)
    shifted = [replace(fact, reference="r\0u", unit=""), replace(fact, reference="r", unit="u\0")]
    assert len({record_digest(replace(FULL, observations=(fact,))) for fact in shifted}) == len(shifted)
