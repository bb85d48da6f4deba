"""JSON pointers (RFC 6901) into plain lists and dicts."""

from __future__ import annotations

from typing import Any


def steps(pointer: str) -> list[str]:
    """The parts of a pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def get(document: Any, pointer: str) -> Any:
    """What stands at a place."""
    for step in steps(pointer):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def put(document: Any, pointer: str, value: Any) -> None:
    """Set a place; `-` appends to a list."""
    *way, last = steps(pointer)
    place = get(document, "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in way))
    if isinstance(place, list):
        if last == "-":
            place.append(value)
        else:
            place[int(last)] = value
    else:
        place[last] = value


def cut(document: Any, pointer: str) -> None:
    """Delete a place, which must be there."""
    *way, last = steps(pointer)
    place = get(document, "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in way))
    del place[int(last) if isinstance(place, list) else last]


def places(document: Any, root: str = "") -> list[str]:
    """Every pointer into a document, the root last."""
    rows = enumerate(document) if isinstance(document, list) else document.items() if isinstance(document, dict) else ()
    inner = [
        place
        for name, member in rows
        for place in places(member, f"{root}/{str(name).replace('~', '~0').replace('/', '~1')}")
    ]
    return [*inner, root]
