"""Equity and drift on odd ledgers and under hostile addresses: words in the place of figures, never a fault."""

from __future__ import annotations

import re
from datetime import date, timedelta

import numpy as np
import pytest
from oversight_analytics.pages_on_marts import INSIDE, MartAsItIs

from oversight.analytics.drift import drift, labels_of
from oversight.analytics.drift_rows import Feature, drift_rows
from oversight.analytics.drift_words import told
from oversight.analytics.outcome_question import OutcomeQuestion
from oversight.analytics.selection import Selection
from oversight.mart.parts import Parts
from oversight.mart.values import DRAWS, VALUE, WORD
from oversight.statistics.drift import USUAL
from oversight.stored_numbers import APART
from oversight.tallies import Period

FIRST = date(2026, 3, 2)
EVIL = "<script>alert(1)</script>\" ' {{7*7}} % \u202e\u00e9"
PAGES = ("/oversight/equity", "/oversight/drift")


def texts(values) -> np.ndarray:
    """A column of texts."""
    return np.array(list(values), dtype=object)


def lists(values) -> np.ndarray:
    """A column of lists."""
    made = np.empty(len(values), dtype=object)
    for place, each in enumerate(values):
        made[place] = list(each)
    return made


def add_groups(folder, number, **groups) -> None:
    """A value of each attribute for each patient."""
    rows = [(f"p{n}", name, each(n)) for name, each in groups.items() for n in range(number)]
    Parts(folder / "patient_group").add({
        "sequence": np.arange(1, len(rows) + 1), "time": np.zeros(len(rows), dtype=np.int64),
        "client": texts(["ward"] * len(rows)), "patient": texts(row[0] for row in rows),
        "attribute": texts(row[1] for row in rows), "value": texts(row[2] for row in rows),
        "source": texts(["test"] * len(rows)),
    })  # fmt: skip


def add_values(folder, values, words, reads) -> None:
    """Values of entries 1 to n; `words` are the concept labels of their columns."""
    number, wide = values.shape
    sequence = np.arange(1, number + 1)
    draw = (sequence * 2654435761 % 4294967296 * DRAWS // 4294967296).astype(np.int32)
    rows = {"sequence": sequence, "draw": draw, "vocabulary": np.ones(number, dtype=np.int64),
            "value": lists(values), "effect": lists(np.zeros((number, wide)) + 0.1),
            "reads": lists(reads), "age_hours": np.full(number, np.nan)}  # fmt: skip
    rows |= {name: np.full(number, wide, np.int32) for name in ("facts", "unit_unknown", "implausible", "signals")}
    Parts(folder / VALUE).add(rows | {"missing": np.zeros(number, np.int32)}, order="draw, sequence", group=2048)
    kinds = {name: texts(f"{word}-{name}" for word in words) for name in ("feature", "concept", "label", "unit")}
    numbered = {"sequence": np.ones(wide, dtype=np.int64), "place": np.arange(wide, dtype=np.int32)}
    Parts(folder / WORD).add(numbered | kinds | {"concept_label": texts(words), "lead": np.ones(wide, dtype=np.bool_)})


def people(number, **columns):
    """Entries of ninety days, one for each patient."""
    plain = {"patient": texts(f"p{n}" for n in range(number)), "encounter": texts(f"p{n}" for n in range(number)),
             "days": np.arange(number) % 84}  # fmt: skip
    return plain | columns


@pytest.fixture
def get(app, tmp_path):
    """Reads a page on the mart of the test, of which the ledger has more."""
    outcomes = {"icu-mortality": OutcomeQuestion("death-in-hospital", None)}
    pages = app(mart=MartAsItIs(tmp_path, current=False), outcomes=outcomes)
    return lambda address: pages.test_client().get(address, headers=INSIDE)


def _none(folder) -> tuple[int, dict, dict]:
    """Nobody's groups are known."""
    return 60, {}, {}


def _one(folder) -> tuple[int, dict, dict]:
    """One group only."""
    add_groups(folder, 60, sex=lambda _n: "female")
    return 60, {}, {}


def _many(folder) -> tuple[int, dict, dict]:
    """Everybody is a group."""
    add_groups(folder, 60, name=lambda n: f"n{n}")
    return 60, {}, {}


def _stay(folder) -> tuple[int, dict, dict]:
    """One stay."""
    add_groups(folder, 2, sex=lambda n: "female" if n else "male")
    return 1, {}, {"about": [1]}


def _abstained(folder) -> tuple[int, dict, dict]:
    """The model never answered."""
    add_groups(folder, 60, sex=lambda n: "female" if n % 2 else "male")
    return 60, {"abstention": "too-little", "tier": None, "probability": np.full(60, np.nan)}, {}


def _score(folder) -> tuple[int, dict, dict]:
    """A score: tiers, but neither risks nor values."""
    add_groups(folder, 300, sex=lambda n: "female" if n % 2 else "male")
    return 300, {"probability": np.full(300, np.nan)}, {"about": list(range(1, 200))}


def _strange(folder) -> tuple[int, dict, dict]:
    """Names that are markup, a template, a direction mark; values that are no numbers."""
    number = 900
    add_groups(folder, number, **{EVIL: lambda n: f"{EVIL}{n % 2}", "": lambda n: "x" if n % 3 else ""})
    values = np.exp(np.random.default_rng(1).normal(size=(number, 3)))
    values[::7, 0], values[1::7, 0], values[2::7, 0] = np.inf, -np.inf, 3e38
    values[:, 2] = np.nan
    since = np.arange(number) % 84 >= 62
    values[since, 1] *= 18
    reads = [[f"{EVIL}-concept{APART}http://x|{EVIL if new else 'a'}{APART}{EVIL}"] for new in since]
    add_values(folder, values, [EVIL, "Glucose" + EVIL, "Tier"], reads)
    return (
        number,
        {"unit_name": texts([EVIL] * number), "model_version": EVIL, "role": EVIL, "client": "ward"},
        {
            "about": list(range(1, 601)),
            "outcome": texts(["overridden", "accepted", "accepted"] * 200),
        },
    )


@pytest.mark.parametrize("made", [_none, _one, _many, _stay, _abstained, _score, _strange])
@pytest.mark.parametrize("page", PAGES)
def test_odd_ledgers_have_pages(make_mart, get, tmp_path, page, made) -> None:
    """What cannot be said is told in words, markup is text, and what lags is told."""
    number, advice, answers = made(tmp_path)
    with make_mart(number, people(number, **advice), answers):
        pass
    for more in ("", "&service=icu-mortality", "&measure=seconds&and=sex"):
        answer = get(f"{page}?from=2026-03-02&to=2026-05-24{more}")
        assert answer.status_code == 200, more
        assert "<script>" not in answer.text
        assert not re.search(r"\b(nan|inf|None)\b", answer.text)
        assert "the ledger has newer entries" in answer.text


def test_groups_that_cannot_be_compared_are_told_so(make_mart, get, tmp_path) -> None:
    """Loaded they are: nobody should load them again."""
    _one(tmp_path)
    with make_mart(60, people(60)):
        pass
    assert "between 2 and 20 values" in get("/oversight/equity").text


ADDRESSES = (
    "since=2026-05-01&since=2026-05-02", "since=2026-13-01", "since=<script>", "since=9999-12-31", "since=0001-01-01",
    "from=9999-12-31&to=9999-12-31", "from=9999-12-30&to=9999-12-31", "from=0001-01-01&to=0001-01-02",
    "from=0001-01-01&to=0001-01-01", "from=2026-05-01&to=2026-05-01", "to=0001-01-01", "to=9999-12-31",
    "from=0001-01-01&to=9999-12-31", "service=%00", "service=<script>alert(1)</script>", "by=<script>alert(1)</script>",
    "by=sex&and=sex", "by=sex&by=race", "and=%F0%9F%92%A9", "measure=%27%20OR%201=1", "measure=tpr&by=__class__",
    "unit=%27;DROP%20TABLE%20advice", "by=" + "x" * 5000, "from=2026-05-01%0d%0aSet-Cookie:x", "since=+2026-05-01",
    "from=２０２６-05-01", "since=2026-W18-1", "since=20260501", "%00=1",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_hostile_addresses_are_answered_in_words(make_mart, get, tmp_path, page) -> None:
    """200 or 400, without what was sent as markup."""
    number, advice, answers = _score(tmp_path)
    with make_mart(number, people(number, **advice), answers):
        pass
    for address in ADDRESSES:
        answer = get(f"{page}?{address}")
        assert answer.status_code in {200, 400}, address
        assert "<script>" not in answer.text
        assert "Set-Cookie" not in answer.headers


def test_new_categories_of_few_stays_are_not_named(make_mart, tmp_path) -> None:
    """Codes and units are texts of records: one of a single stay may say whose it is."""
    number = 1_680
    since = np.arange(number) % 84 >= 62
    reads = [[f"g{APART}x|{f'Mrs {n}' if new and n % 2 else 'a'}{APART}mg"] for n, new in enumerate(since)]
    add_values(tmp_path, np.exp(np.random.default_rng(1).normal(size=(number, 1))), ["g"], reads)
    period = Period(FIRST, FIRST + timedelta(days=83))
    with make_mart(number, people(number)) as mart:
        rows = drift_rows(mart, Selection(period, service="icu-mortality"), FIRST + timedelta(days=62), None)
        found = drift(mart, rows, USUAL, np.random.default_rng(0))
        said = [each.words for each in told(found, rows)]
    assert any("categories of fewer than 11 stays each" in each for each in said)
    assert not any("Mrs" in each for each in said)


def test_a_separator_in_a_text_of_a_record_is_no_fault(make_mart, get, tmp_path) -> None:
    """A unit may be anything that somebody typed."""
    add_values(tmp_path, np.ones((300, 1)), ["g"], [[f"g{APART}x|a{APART}m{APART}g{APART}"]] * 300)
    with make_mart(300, people(300)):
        pass
    assert get("/oversight/drift").status_code == 200


def test_a_value_never_takes_the_place_of_the_risk_or_the_mix() -> None:
    """A concept may be called like one of our own columns."""
    names = ("Predicted risk", "Tier", "X")
    features = tuple(Feature(f"f{n}", "l", "1", f"c{n}", name) for n, name in enumerate(names))
    assert labels_of(features) == ("Predicted risk (f0)", "Tier (f1)", "X")
