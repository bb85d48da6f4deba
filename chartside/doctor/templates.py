"""Prefetch template rules (CDS Hooks 2.0.1, "Prefetch Template", "Prefetch tokens", "Prefetch query restrictions")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from chartside.doctor.book import Book
from chartside.doctor.checks import Check, Level
from chartside.doctor.hooks import HOOKS, USER_TOKENS

AREA = "Prefetch templates"
_IDLE = "the service publishes no prefetch templates"


def _check(name: str, rows: tuple[int, ...], level: Level, title: str, advice: str) -> Check:
    """A check of this area."""
    return Check(f"prefetch.{name}", AREA, rows, level, title, advice, _IDLE)


FORM = _check(
    "form", (20,), Level.SHALL, "Each template is a relative FHIR read or type-level search",
    "Write templates as Patient/{{context.patientId}} or Observation?patient={{context.patientId}}&…, without host.",
)  # fmt: skip
BRACES = _check(
    "delimiters", (21,), Level.SHALL, "Tokens stand between {{ and }}, and every brace is part of one",
    "Write tokens as {{context.patientId}}.",
)  # fmt: skip
TOKENS = _check(
    "tokens", (21, 22), Level.SHALL, "Tokens name only fields that the hook offers for prefetch",
    "Use context fields marked 'Prefetch Token: Yes' in the hook's definition, or userPractitionerId and its kin. "
    "Expressions are 3.0-ballot and only for clients known to take them.",
)  # fmt: skip
PARAMETERS = _check(
    "parameters", (23,), Level.SHOULD, "Searches use only the parameters that every EHR is asked to support",
    "Keep to reference, token (modifier :in alone), date with eq, lt, gt, ge, le, _count, _maxresults and _sort.",
)  # fmt: skip
BOUND = _check(
    "count", (24,), Level.SHOULD, "Searches are bounded by _count",
    "Add _count (and a date where the hook allows one), so that a long record cannot flood the call.",
)  # fmt: skip
CHECKS = (FORM, BRACES, TOKENS, PARAMETERS, BOUND)

_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_REFERENCES = ("userId", "performer", "dispatchedOrders", "order")
_ID = r"[A-Za-z0-9.\-]{1,64}"
_READ = re.compile(rf"[A-Z][A-Za-z]+/{_ID}")
_SEARCH = re.compile(r"[A-Z][A-Za-z]+\?[^\s#?]+")
_CONTROLS = ("_count", "_maxresults", "_sort", "_id", "_lastUpdated")
_DATE_WITH_RARE_PREFIX = re.compile(r"(?:ne|sa|eb|ap)\d{4}")


def lint(book: Book, subject: str, hook: str, template: str) -> None:
    """Judge one template of a service on a hook. `subject` names service and key."""
    without = _TOKEN.sub("", template)
    whole = "{" not in without and "}" not in without
    book.judge(BRACES, subject, kept=whole, found="has a brace outside a token" if not whole else "tokens are whole")
    if not whole:
        return
    query = _TOKEN.sub(_stand_in, template)
    form = bool(_READ.fullmatch(query) or _SEARCH.fullmatch(query))
    book.judge(FORM, subject, kept=form, found=_form_fault(query) if not form else "is a read or a search")
    wrong = list(_illegal(hook, template))
    book.judge(TOKENS, subject, kept=not wrong, found=f"uses {', '.join(wrong)}" if wrong else "tokens are legal")
    if form and "?" in query:
        _search(book, subject, query)


def _search(book: Book, subject: str, query: str) -> None:
    """Judge the parameters of a search."""
    parameters = parse_qsl(query.partition("?")[2], keep_blank_values=True)
    rare = sorted({name for name, value in parameters if _is_rare(name, value)})
    book.judge(PARAMETERS, subject, kept=not rare, found=f"uses {', '.join(rare)}" if rare else "usual parameters")
    names = {name for name, _ in parameters}
    bounded = bool(names & {"_count", "_maxresults"})
    book.judge(BOUND, subject, kept=bounded, found="is bounded" if bounded else "has no _count")


def _stand_in(match: re.Match[str]) -> str:
    """What a token could become: an id, or a reference where the field is one."""
    return "Practitioner/x" if match[1].strip().removeprefix("context.") in _REFERENCES else "x"


def _form_fault(query: str) -> str:
    """What is wrong with the form."""
    if "://" in query or query.startswith("/"):
        return "is not relative to the FHIR server's base"
    return "is neither Type/id nor Type?parameters"


def _illegal(hook: str, template: str) -> Iterator[str]:
    """Tokens that the hook does not offer. An unknown hook may offer any root-level field of its own context."""
    known = HOOKS.get(hook)
    for token in _TOKEN.findall(template):
        name = token.strip()
        field = name.removeprefix("context.")
        if name in USER_TOKENS:
            continue
        if not name.startswith("context.") or not re.fullmatch(r"\w+", field) or (known and field not in known.tokens):
            yield f"{{{{{name}}}}}"


def _is_rare(name: str, value: str) -> bool:
    """Whether a parameter is outside the recommended set."""
    plain, _, modifier = name.partition(":")
    special = plain.startswith("_") and plain not in _CONTROLS
    return modifier not in ("", "in") or "." in plain or special or bool(_DATE_WITH_RARE_PREFIX.match(value))
