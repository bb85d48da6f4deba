"""The CHAI Applied Model Card has the elements of its schema, in its order, and says what the card says."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from models.training.model_card.chai import as_chai_xml

OUTLINE = tomllib.loads(Path(__file__).with_name("chai_outline.toml").read_text("utf-8"))
SPACE = f"{{{OUTLINE['namespace']}}}"


def order(children):
    """A pattern over the names of children, each followed by a blank."""
    parts = (re.fullmatch(r"(\w+)([?*+]?)", child).groups() for child in children)
    return "".join(f"(?:{name} ){often}" for name, often in parts)


def faults(element):
    """Where an element breaks the outline: names, order, attributes, stray text."""
    name = element.tag.removeprefix(SPACE)
    found = [f"{name} has attributes"] if element.attrib else []
    if name not in OUTLINE["children"]:
        return found + ([f"{name} is not text alone"] if len(element) else [])
    names = [child.tag.removeprefix(SPACE) for child in element]
    if not re.fullmatch(order(OUTLINE["children"][name]), "".join(f"{child} " for child in names)):
        found.append(f"{name} has {names}")
    if any((text or "").strip() for text in (element.text, *(child.tail for child in element))):
        found.append(f"{name} has stray text")
    return found + [fault for child in element for fault in faults(child)]


@pytest.fixture
def root(card):
    """The document, parsed again."""
    return ET.fromstring(as_chai_xml(card))


def at(root, path):
    """The text of one element."""
    return root.findtext("/".join(f"{SPACE}{name}" for name in path.split("/")))


def test_the_xml_keeps_the_outline_of_the_schema(root):
    """All elements are those of version 0.2, in its order and namespace, and each text says something."""
    assert root.tag == SPACE + OUTLINE["root"]
    assert faults(root) == []
    assert all(one.text.strip() for one in root.iter() if not len(one))


@pytest.mark.parametrize("name", sorted(set(OUTLINE["children"]) - {"Keywords", "EHRCompatibility", "Results"}))
def test_the_outline_finds_what_is_wrong(root, name):
    """A child twice, a needed one missing or two turned round are found, and so is an attribute."""
    for change in ("double", "drop", "turn", "mark"):
        broken = copy.deepcopy(root)
        element = next(broken.iter(SPACE + name))
        if change == "double":
            element.append(copy.deepcopy(element[0]))
        elif change == "drop":
            element.remove(
                next(child for child in element if child.tag.removeprefix(SPACE) in OUTLINE["children"][name])
            )
        elif change == "turn":
            element[:] = [element[1], element[0], *element[2:]]
        else:
            element.set("id", "x")
        assert len(faults(broken)) == 1, change


def test_the_outline_finds_results_without_a_result(root):
    """The schema asks for one at least."""
    next(root.iter(f"{SPACE}Results")).clear()
    assert faults(root) == ["Results has []"]


def test_the_xml_says_what_the_card_says(card, root):
    """Facts, notes and attributes at their places; what is not available says so; signs of markup come back whole."""
    assert at(root, "BasicInfo/ModelName") == card.facts["title"]
    assert at(root, "ReleaseInfo/ReleaseVersion") == "1.2.3"
    assert at(root, "UsesAndDirections/TargetedPatientPopulation") == card.says("intended-patients")
    assert at(root, "TrustIngredients/TransparencyInformation/FundingSource") == card.says("funding")
    assert "Not available. No words" in at(root, "KeyMetrics/SafetyReliability/Interpretation")
    assert [word.text for word in root.iter(f"{SPACE}Keyword")] == ["risk", "made-up"]
    assert at(root, "Bibliography") == "@misc{made2026, title={{Made up}}}"


def test_results_are_json_with_intervals(root, figures):
    """Each result is a figure with its interval, or a single value; too few are counted and not judged."""
    results = {
        one.findtext(f"{SPACE}Label"): json.loads(one.findtext(f"{SPACE}ValueJson"))
        for one in root.iter(f"{SPACE}MetricResult")
    }
    value, low, high = figures["slices"]["hour 48"]["auroc"]
    interval = {"kind": "estimate_ci", "estimate": value, "lower": low, "upper": high, "level": 95}
    assert results["AUROC, hour 48"] == interval
    assert results["Rows, sex other <x> (too few to judge)"] == {"kind": "single", "value": 4}
    assert results["Sensitivity, threshold raised"]["unit"] == "%"
    assert results["Difference in AUROC, against NEWS2"]["kind"] == "estimate_ci"


def test_the_bytes_are_utf8_with_a_declaration(card):
    """And the same every time."""
    content = as_chai_xml(card)
    assert content.startswith(b"<?xml version='1.0' encoding='utf-8'?>\n<AppliedModelCard xmlns=")
    assert content == as_chai_xml(card)
    assert "threshold" in content.decode()
