"""Who a patient, an encounter or a clinician is does not stand in the database."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from sqlalchemy import text

from clinical.advice import Channel
from clinical.errors import SettingsInvalid
from oversight.pseudonyms import Pseudonyms, role

NAMES = Pseudonyms(b"k" * 32)


def everything(engine, url):
    """All bytes of the SQLite files, or all rows of all tables on PostgreSQL; and every finding, unpacked."""
    with engine.connect() as connection:
        packed = [*connection.scalars(text("SELECT finding FROM advice"))]
        packed += connection.scalars(text("SELECT content FROM vocabulary"))
        findings = b"".join(zlib.decompressobj().decompress(each) for each in packed)
    if engine.dialect.name == "sqlite":
        path = Path(engine.url.database)
        return findings + b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    with engine.connect() as connection:
        return findings + b"".join(
            repr(tuple(row)).encode()
            for table in ("advice", "feedback", "vocabulary", "audit", "switch", "incident", "used_token")
            for row in connection.execute(text(f"TABLE {table}"))
        )


def test_no_identity_stands_in_the_clear(ledger, engine, url, make_advice, answer, rich, score):
    """The bytes of the database hold the facts' own ids, and no id of patient, encounter or user."""
    card = make_advice()
    for each in (card, make_advice(finding=rich), make_advice(finding=score)):
        ledger.append(each)
    ledger.record([answer(card, channel=Channel.PAGE, user="Practitioner/dr-house-007", comment="seen")])
    stored = everything(engine, url)
    assert b"Observation/123" in stored
    assert card.id.encode() in stored
    for identity in (b"p-4711", b"enc-99", b"dr-house", b"a key for tests"):  # none of which a digest can spell
        assert identity not in stored


def test_same_id_has_other_names_by_kind_client_and_key():
    """A pseudonym joins one kind in one hospital under one key, and nothing else."""
    names = {
        NAMES.patient("a", "1"),
        NAMES.encounter("a", "1"),
        NAMES.user("a", "1"),
        NAMES.patient("b", "1"),
        NAMES.patient("a1", ""),
        NAMES.patient("", "a1"),
        Pseudonyms(b"l" * 32).patient("a", "1"),
    }
    assert len(names) == 7
    assert all(len(name) == 64 for name in names)
    assert NAMES.patient("a", "1") == Pseudonyms(b"k" * 32).patient("a", "1")


def test_nobody_has_no_pseudonym():
    """Where no encounter or user is named, none is made up."""
    assert NAMES.encounter("a", None) is None
    assert NAMES.user("a", "") == ""


def test_absolute_and_relative_reference_are_one_user():
    """A token's fhirUser is a URL, a hook's userId is not; they are the same person."""
    assert NAMES.user("a", "https://ehr.example/fhir/Practitioner/7") == NAMES.user("a", "Practitioner/7")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Practitioner/7", "Practitioner"),
        ("https://ehr.example/fhir/PractitionerRole/7", "PractitionerRole"),
        ("dr/house", ""),
        ("7", ""),
        ("", ""),
    ],
)
def test_role_is_a_resource_type_or_nothing(reference, expected):
    """What stands before the slash is kept only where it is a type, for it could be a name."""
    assert role(reference) == expected


def test_short_key_stops_the_start():
    """A key that can be guessed protects nobody."""
    with pytest.raises(SettingsInvalid):
        Pseudonyms(b"k" * 31)


def test_key_has_a_name_that_does_not_reveal_it():
    """Two keys can be told apart in the ledger."""
    assert NAMES.key_id != Pseudonyms(b"l" * 32).key_id
    assert len(NAMES.key_id) == 16
