"""The rules for suggestions, their actions, and system actions (CDS Hooks 2.0.1, "Suggestion" and "Action")."""

from __future__ import annotations

import re

from chartside.doctor.checks import Check, Level
from chartside.doctor.lint import Linter, Members, is_text, is_uuid, rows

AREA = "Cards"
SHALL, SHOULD, MAY = Level.SHALL, Level.SHOULD, Level.MAY
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64}")


def _check(name: str, rows_: tuple[int, ...], level: Level, title: str, advice: str, idle: str) -> Check:
    """A check of this area."""
    return Check(f"card.{name}", AREA, rows_, level, title, advice, idle)


_NONE, _NO_ACTION = "no card held a suggestion", "no suggestion held an action"
BEHAVIOR = _check(
    "selection-behavior", (56,), SHALL, "A card with suggestions has selectionBehavior at-most-one or any",
    "Send selectionBehavior; EHRs ignore suggestions without it.", _NONE,
)  # fmt: skip
LABEL = _check("suggestion-label", (64,), SHALL, "Each suggestion has a label", "Send the text of the button.", _NONE)
UUID = _check(
    "suggestion-uuid", (65,), MAY, "Each suggestion has a uuid", "Send a UUID: feedback names it when accepted.", _NONE
)
RECOMMENDED = _check(
    "recommended", (66,), SHALL, "isRecommended is true or false, and true once at most where one may be chosen",
    "Mark one suggestion at most when selectionBehavior is at-most-one.", _NONE,
)  # fmt: skip
ACTIONS = _check(
    "actions", (67,), SHALL, "actions, where given, is a list of objects",
    "Send a list; leave `actions` out where nothing is to be done.", _NO_ACTION,
)  # fmt: skip
TYPE = _check(
    "action-type", (69,), SHALL, "Each action is create, update or delete", "Send one of the three.", _NO_ACTION
)
DESCRIPTION = _check(
    "action-description", (70,), SHALL, "Each action has a description", "Say in words what it does.", _NO_ACTION
)
RESOURCE = _check(
    "action-resource", (71, 72), SHALL, "create and update carry a FHIR resource, update a whole one with its id",
    "Send the resource with its resourceType.", _NO_ACTION,
)  # fmt: skip
DELETE = _check(
    "action-delete", (73,), SHOULD, "delete names a resourceId as Type/id, and no resource",
    "Send resourceId as a relative reference.", "no action was a delete",
)  # fmt: skip
GROUPING = _check(
    "action-grouping", (68,), SHOULD, "actionSelectionBehavior (3.0 ballot) is not sent to a client unasked",
    "Send it only to clients that are known to support it.", _NONE,
)  # fmt: skip
SYSTEM = _check(
    "system-actions", (48, 49), SHOULD, "systemActions are not sent to a client unasked",
    "Send systemActions only to clients with which they were agreed.", "no call was answered with 200",
)  # fmt: skip
CHECKS = (BEHAVIOR, LABEL, UUID, RECOMMENDED, ACTIONS, TYPE, DESCRIPTION, RESOURCE, DELETE, GROUPING, SYSTEM)


def lint(linter: Linter, path: str, card: Members) -> None:
    """Judge the suggestions of a card."""
    found = rows(card, "suggestions")
    if not found:
        return
    behavior = card.get("selectionBehavior")
    known = behavior in ("at-most-one", "any")
    linter.rule(BEHAVIOR, path, kept=known, broken="has suggestions without a known selectionBehavior")
    marks = [row.get("isRecommended", False) for row in found]
    single = behavior != "at-most-one" or marks.count(True) <= 1
    right = single and all(isinstance(mark, bool) for mark in marks)
    linter.rule(RECOMMENDED, f"{path}.suggestions", kept=right, broken="recommend more than one, or in another type")
    for index, row in enumerate(found):
        _suggestion(linter, f"{path}.suggestions[{index}]", row)


def _suggestion(linter: Linter, path: str, row: Members) -> None:
    """Judge one suggestion."""
    linter.rule(LABEL, f"{path}.label", kept=is_text(row.get("label")), broken="is missing or not text")
    linter.rule(UUID, f"{path}.uuid", kept=is_uuid(row.get("uuid")), broken="is missing or not a UUID")
    linter.rule(GROUPING, path, kept="actionSelectionBehavior" not in row, broken="has actionSelectionBehavior")
    if "actions" in row:
        given = row["actions"]
        right = isinstance(given, list) and all(isinstance(action, dict) for action in given)
        linter.rule(ACTIONS, f"{path}.actions", kept=right, broken="is not a list of objects")
    for index, action in enumerate(rows(row, "actions")):
        _action(linter, f"{path}.actions[{index}]", action)


def _action(linter: Linter, path: str, action: Members) -> None:
    """Judge one action."""
    kind = action.get("type")
    linter.rule(TYPE, f"{path}.type", kept=kind in ("create", "update", "delete"), broken="is none of the three")
    described = is_text(action.get("description"))
    linter.rule(DESCRIPTION, f"{path}.description", kept=described, broken="is missing or not text")
    resource = action.get("resource")
    if kind in ("create", "update"):
        whole = isinstance(resource, dict) and is_text(resource.get("resourceType"))
        whole = whole and (kind == "create" or is_text(resource.get("id") if isinstance(resource, dict) else None))
        linter.rule(RESOURCE, f"{path}.resource", kept=whole, broken="is missing, or lacks resourceType or id")
    if kind == "delete":
        named = action.get("resourceId")
        relative = isinstance(named, str) and bool(_RELATIVE.fullmatch(named)) and resource is None
        linter.rule(DELETE, path, kept=relative, broken="has no relative resourceId, or a resource")


def lint_system_actions(linter: Linter, answer: Members) -> None:
    """Judge the actions that nobody is asked about."""
    linter.rule(SYSTEM, "$", kept="systemActions" not in answer, broken="has systemActions")
    for index, action in enumerate(rows(answer, "systemActions")):
        _action(linter, f"systemActions[{index}]", action)
