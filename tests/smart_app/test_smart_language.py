"""Languages of the page: what is translated, what is kept, and what stays English and says so."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.errors import SettingsInvalid
from smart_app.language.catalogue import PLACE, read_catalogue
from smart_app.language.language import Language, spoken
from smart_app.language.shelf import load_languages

ROOT = Path(__file__).resolve().parents[2]
HEAD = 'msgid ""\nmsgstr ""\n"Language: es\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
ENTRIES = {
    "not measured": "no medido",
    "raises": "aumenta",
    "Heart rate": "Frecuencia cardíaca",
    "about {number} of 100": "unos {number} de cada 100",
    "{words} is {number} or more, since {moment}": "desde el {moment}, {words} es {number} o más",
    "because {words}": "porque {words}",
    "the place {verbatim} is not known": "no se conoce el lugar {verbatim}",
}


def written(folder: Path, entries: dict[str, str], name: str = "es.po") -> Path:
    """A catalogue file."""
    path = folder / name
    path.write_text(HEAD + "\n".join(f'msgid "{english}"\nmsgstr "{words}"\n' for english, words in entries.items()))
    return path


@pytest.fixture
def spanish(tmp_path: Path) -> Language:
    """A small language."""
    return Language("es", read_catalogue([written(tmp_path, ENTRIES)], "es"))


@pytest.mark.parametrize(
    ("english", "told"),
    [
        ("not measured", "no medido"),
        ("about 21 of 100", "unos 21 de cada 100"),
        ("Heart rate is >99 % or more, since 12 Nov 2026, 14:05 UTC",
         "desde el 12 nov 2026, 14:05 UTC, Frecuencia cardíaca es >99 % o más"),
        ("because not measured", "porque no medido"),
        ("because Heart rate, not measured, 4-way", "porque Frecuencia cardíaca, no medido, 4-way"),
        ("the place Heart rate is not known", "no se conoce el lugar Heart rate"),
        ("3 Jan 2026", "3 ene 2026"),
        ("8.2 mmol/L", "8.2 mmol/L"),
        ("<1 %", "<1 %"),
        ("× 1.8", "× 1.8"),
        ("", ""),
        ("about many of 100", None),
        ("Not measured", None),
        ("somebody", None),
    ],
)  # fmt: skip
def test_a_sentence_is_translated_as_a_whole_or_not_at_all(spanish: Language, english: str, told: str | None) -> None:
    """Numbers, units and what a record says are kept; months are not."""
    assert spanish.told(english) == told


def test_english_is_told_as_it_stands() -> None:
    """Without looking anything up."""
    assert Language().told("anything at all") == "anything at all"


@given(st.text(max_size=80))
def test_any_text_is_told_or_left_alone(text: str) -> None:
    """No text of a record can break the page, and a number never becomes another."""
    spanish = load_languages()["es"]
    told = spanish.told(text)
    assert told is None or sorted(re.findall(r"\d+", told)) == sorted(re.findall(r"\d+", text))


@pytest.mark.parametrize(
    ("locale", "code"),
    [("es", "es"), ("es-MX", "es"), ("ES_419", "es"), (" es ", "es"), ("en-GB", "en"), ("de", "en"), ("", "en"),
     ("español", "en"), ("est", "en"), ("*", "en")],
)  # fmt: skip
def test_the_locale_of_the_launch_chooses(locale: str, code: str) -> None:
    """By its first subtag; English where there is no such language."""
    assert spoken(locale, {"en", "es"}) == code


@pytest.mark.parametrize(
    "entries",
    [{"about {number} of 100": "unos de cada 100"}, {"about {number} of 100": "unos {words} de cada 100"},
     {"{number} of {number2}": "{number} de {number}"}],
)  # fmt: skip
def test_a_translation_that_loses_a_number_keeps_the_service_from_starting(
    tmp_path: Path, entries: dict[str, str]
) -> None:
    """It would be missing on the page."""
    with pytest.raises(SettingsInvalid, match="places differ"):
        read_catalogue([written(tmp_path, entries)], "es")


def test_two_translations_of_one_text_are_refused(tmp_path: Path) -> None:
    """One word, one translation: on the page nobody could say which is meant."""
    files = [written(tmp_path, {"raises": "aumenta"}), written(tmp_path, {"raises": "eleva"}, "other.po")]
    with pytest.raises(SettingsInvalid, match="two ways"):
        read_catalogue(files, "es")


def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path) -> None:
    """In words that say which."""
    path = tmp_path / "es.po"
    path.write_bytes(b"msgid \xff\xfe\nmsgstr")
    with pytest.raises(SettingsInvalid, match=r"es\.po"):
        read_catalogue([path], "es")


@pytest.mark.parametrize("code", sorted(load_languages()))
def test_each_shipped_translation_keeps_its_places(code: str) -> None:
    """Places are checked on loading; a pattern needs text of its own to be met by."""
    for pattern in load_languages()[code].catalogue.patterns:
        assert re.search(r"[A-Za-z]{2}", PLACE.sub("", pattern.form.pattern)), pattern.form.pattern


@pytest.mark.parametrize("piece", ["1 to 2, ", "1 a, ", "a 1, b ", "x (not used beside ", "nothing usable of: a, "])
def test_no_text_of_a_record_costs_more_than_its_length(piece: str) -> None:
    """Patterns with several open places are bounded, and what is longer than any sentence of ours is not tried."""
    spanish = load_languages([ROOT / "models/runtime", ROOT / "fhir_adapters", *sorted(ROOT.glob("models/*/"))])["es"]
    steps = []
    for length in (200, 1_400, 100_000):
        begun = time.process_time()
        for _ in range(5):
            spanish.told((piece * length)[:length])
        steps.append(time.process_time() - begun)
    assert steps[1] < 200 * max(steps[0], 0.001)
    assert steps[2] < 5 * max(steps[1], 0.01)
