"""The corpus: how a case differs from a good request, and what counts as right. `corpus/README.md` has the language."""

from __future__ import annotations

import copy
import gzip
import json
import re
import tomllib
import uuid
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hostile import good, pointer

FOLDER = Path(__file__).with_name("corpus")
VERDICTS = {"refused", "assessed", "aside", "unused", "not-assessed", "withheld", "served", "closed"}
KEYS = {
    "name", "right", "status", "hook", "door", "fact", "without", "change", "body", "hex", "before", "after",
    "encode", "compress", "headers", "drop_headers", "method", "path", "query", "token", "authorization", "reason",
    "counts", "twice", "says", "times", "send", "note",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its class (the name of its file), its name, its verdicts, and the rest of its table."""

    group: str
    name: str
    right: tuple[str, ...]
    spec: Mapping[str, Any] = field(repr=False)

    @property
    def hook(self) -> str:
        """The hook of the good request that it starts from."""
        return str(self.spec.get("hook", "patient-view"))

    @property
    def door(self) -> str:
        """call, feedback or discovery."""
        return str(self.spec.get("door", "call"))


@dataclass(frozen=True, slots=True)
class World:
    """What only a run knows: the time, a listener that must stay silent, and a card that was really issued."""

    now: datetime
    listener: str
    card: str = ""
    suggestion: str = ""
    service: str = good.SERVICE


@dataclass(slots=True)
class Request:
    """One HTTP request. `document` is the body before it was written down, where there is one."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    document: Any = None


def load() -> list[Case]:
    """Every case of every file, checked: unique names, known keys, known verdicts."""
    cases: list[Case] = []
    for path in sorted(FOLDER.glob("*.toml")):
        table = tomllib.loads(path.read_text("utf-8"))
        for row in table["case"]:
            spec = {**table.get("all", {}), **row}
            assert not spec.keys() - KEYS, (path.name, spec["name"], spec.keys() - KEYS)
            right = tuple(spec["right"]) if isinstance(spec["right"], list) else (spec["right"],)
            assert right, (path.name, spec["name"])
            assert set(right) <= VERDICTS, (path.name, spec["name"])
            cases.append(Case(path.stem, spec["name"], right, spec))
    names = [(case.group, case.name) for case in cases]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    return cases


def build(case: Case, world: World) -> Request:
    """The request of a case."""
    document, raws = _changed(_start(case, world), case.spec.get("change", ()), case, world)
    written = _written(document, raws)
    return Request(
        method=case.spec.get("method", "GET" if case.door == "discovery" else "POST"),
        path=_path(case, world),
        headers=_headers(case),
        body=b"" if case.door == "discovery" else _body(case, written, world),
        document=document,
    )


def reference(case: Case, world: World) -> Request:
    """The good request that a case is compared with: without its bad fact, or as it was."""
    document = _start(case, world)
    if "fact" in case.spec:
        place = good.aliases()["@" + case.spec["fact"]]
        pointer.cut(document, place.removesuffix("/resource"))
    document, raws = _changed(document, case.spec.get("without", ()), case, world)
    path = "/cds-services/" + world.service
    return Request("POST", path, {"Content-Type": "application/json"}, _written(document, raws).encode(), document)


def _start(case: Case, world: World) -> Any:
    """The good document; each call has its own user and instance, so that no earlier one stands in its way."""
    if case.door == "feedback":
        return good.feedback(world.now, world.card, world.suggestion)
    document = good.call(world.now, case.hook)
    document["hookInstance"] = str(uuid.uuid4())
    document["context"]["userId"] = f"Practitioner/{good.MARK}-{uuid.uuid4().hex[:12]}"
    return document


def _changed(document: Any, changes: Iterable[Mapping[str, Any]], case: Case, world: World) -> tuple[Any, list[str]]:
    """The document after all changes, and the raw texts that stand in it."""
    raws: list[str] = []
    root = [document]  # a list around it, so that the document as a whole has a place too
    for change in changes:
        _apply(change, root, raws, case, world)
    return root[0], raws


def _apply(change: Mapping[str, Any], document: Any, raws: list[str], case: Case, world: World) -> None:
    """One change."""
    place = "/0" + _place(change["at"], case)
    if change.get("cut"):
        pointer.cut(document, place)
    elif "like" in change:
        pointer.put(document, place, copy.deepcopy(pointer.get(document, "/0" + _place(change["like"], case))))
    elif "also" in change:
        pointer.put(document, place, _twice(pointer.get(document, place), change, raws, world))
    else:
        pointer.put(document, place, _value(change, raws, world))


def _value(change: Mapping[str, Any], raws: list[str], world: World) -> Any:
    """What a change puts there."""
    if "json" in change:
        return _raw(fill(change["json"], world), raws)
    if "nested" in change:
        opening, closing = change["nested"].split("…")
        return _raw(opening * change["times"] + "0" + closing * change["times"], raws)
    if "text" in change:
        return fill(change["text"], world) * change.get("times", 1)
    if "list" in change:
        return _raw("[" + ",".join([fill(change["list"], world)] * change["times"]) + "]", raws)
    if "members" in change:
        return {f"{good.MARK}{index}": 0 for index in range(change["members"])}
    return filled(change["to"], world)


def _raw(text: str, raws: list[str]) -> str:
    """A stand-in for JSON text that no library would write."""
    raws.append(text)
    return f"@@raw{len(raws) - 1}@@"


def _twice(members: Any, change: Mapping[str, Any], raws: list[str], world: World) -> str:
    """An object that has one of its members once more."""
    once = json.dumps(members)[1:-1]
    return _raw(f'{{{once},"{change["also"]}":{fill(change["json"], world)}}}', raws)


def _written(document: Any, raws: list[str]) -> str:
    """The document as JSON text."""
    text = json.dumps(document, ensure_ascii=False)
    for index in reversed(range(len(raws))):  # an earlier one may stand inside a later one
        text = text.replace(json.dumps(f"@@raw{index}@@"), raws[index])
    return text


def _body(case: Case, written: str, world: World) -> bytes:
    """The bytes: the written document or other text, wrapped and encoded."""
    spec = case.spec
    text = fill(spec.get("before", ""), world) + fill(spec.get("body", written), world) + spec.get("after", "")
    data = (text * spec.get("times", 1)).encode(spec.get("encode", "utf-8"), "surrogatepass")
    data = bytes.fromhex(spec["hex"]) if "hex" in spec else data
    if "compress" in spec:
        return gzip.compress(data) if spec["compress"] == "gzip" else zlib.compress(data)
    return data


def _headers(case: Case) -> dict[str, str]:
    """The headers of a case."""
    headers = {"Content-Type": "application/json", **case.spec.get("headers", {})}
    return {name: value for name, value in headers.items() if name not in case.spec.get("drop_headers", ())}


def _path(case: Case, world: World) -> str:
    """The path and query of a case."""
    tails = {"call": f"/{world.service}", "feedback": f"/{world.service}/feedback", "discovery": ""}
    path = str(case.spec.get("path", "/cds-services" + tails[case.door]))
    return path + ("?" + case.spec["query"] if "query" in case.spec else "")


def _place(name: str, case: Case) -> str:
    """A pointer: `@fact/status` is the status of the case's fact."""
    if not name.startswith("@"):
        return name
    alias, slash, rest = name.partition("/")
    fact = f"@{case.spec.get('fact', '')}" if alias == "@fact" else alias
    entry = fact.endswith(".entry")
    whole = good.aliases()[fact.removesuffix(".entry")]
    return (whole.removesuffix("/resource") if entry else whole) + slash + rest


_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SLOT = re.compile(r"\{(now|local|day|listener|card|suggestion|mark|patient|base|own)(?:([+-]\d+)([dhms]))?\}")


def fill(text: str, world: World) -> str:
    """Put the run's own values into a text."""

    def value(match: re.Match[str]) -> str:
        name, number, unit = match.groups()
        time = world.now + (timedelta(**{_UNITS[unit]: int(number)}) if number else timedelta())
        known = {
            "now": good.stamp(time),
            "local": f"{time + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}.123+02:00",
            "day": f"{time:%Y-%m-%d}",
            "listener": world.listener,
            "card": world.card,
            "suggestion": world.suggestion,
            "mark": good.MARK,
            "patient": good.PATIENT,
            "base": good.FHIR_BASE,
            "own": good.BASE_URL,
        }
        return known[name]

    return _SLOT.sub(value, text)


def filled(value: Any, world: World) -> Any:
    """The same for all texts in a value."""
    if isinstance(value, str):
        return fill(value, world)
    if isinstance(value, list):
        return [filled(item, world) for item in value]
    if isinstance(value, dict):
        return {fill(name, world): filled(member, world) for name, member in value.items()}
    return value
