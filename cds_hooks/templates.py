"""A linter for the prefetch templates that we publish (CDS Hooks 2.0.1, "Prefetch Template").

Required: a read or a type-level search with a relative URL, and only tokens that the hook allows. Recommended, and
held to here as well: only the parameters that every EHR can be expected to serve, and a bound on every search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_hooks.context import USER_TOKENS, Hook

_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_READ = re.compile(r"[A-Z][A-Za-z]+/(?:\{\{[^{}]*\}\}|[A-Za-z0-9\-.]{1,64})", re.ASCII)
_SEARCH = re.compile(r"[A-Z][A-Za-z]+\?(?P<query>[^?#\s]+)", re.ASCII)
_PARAMETER = re.compile(r"(?P<name>_?[a-z][a-z-]*)(?P<modifier>:[A-Za-z-]+)?=(?P<value>[^=]+)", re.ASCII)
# Context fields that hold a whole reference: the token alone is a read.
_REFERENCES = ("userId", "performer")
_RESULT = {"_count", "_maxresults", "_sort"}
_SORT = re.compile(r"-?_?[a-z][a-z-]*(?:,-?_?[a-z][a-z-]*)*", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
# Of the date prefixes only eq, lt, gt, ge and le are widely served.
_RARE_PREFIX = re.compile(r"(?:ne|sa|eb|ap)\d", re.ASCII)


def faults_in_template(template: str, hook: Hook) -> list[str]:
    """What is wrong with a template for a hook, as ends of a sentence that begins with its name."""
    faults = list(_tokens(template, hook))
    search = _SEARCH.fullmatch(template)
    if search:
        return faults + list(_search(search["query"]))
    if not _READ.fullmatch(template) and template not in {f"{{{{context.{name}}}}}" for name in _REFERENCES}:
        faults.append("is neither a read nor a search of one resource type with a relative URL")
    return faults


def _tokens(template: str, hook: Hook) -> Iterator[str]:
    """The rules for tokens."""
    legal = {f"context.{name}" for name in hook.tokens} | (USER_TOKENS if "userId" in hook.tokens else set())
    used = _TOKEN.findall(template)
    yield from (f"uses the token '{token}', which {hook.name} does not offer" for token in used if token not in legal)
    if set("{}") & set(_TOKEN.sub("", template)):
        yield "has a brace outside of a token"


def _search(query: str) -> Iterator[str]:
    """The rules for the parameters of a search."""
    names = []
    for part in query.split("&"):
        found = _PARAMETER.fullmatch(part)
        if found is None:
            yield f"has the parameter '{part.partition('=')[0]}', which is chained or malformed"
        else:
            names.append(found["name"])
            yield from _parameter(found["name"], found["modifier"] or "", found["value"])
    if "_count" not in names:
        yield "has no '_count'"


def _parameter(name: str, modifier: str, value: str) -> Iterator[str]:
    """The rules for one parameter."""
    if modifier not in ("", ":in"):
        yield f"uses the modifier '{modifier}' on '{name}'"
    if name.startswith("_") and name not in _RESULT | {"_id"}:
        yield f"uses the parameter '{name}', which is not widely served"
    if name in ("_count", "_maxresults") and not _NUMBER.fullmatch(value):
        yield f"has a '{name}' that is no positive number"
    if name == "_sort" and not _SORT.fullmatch(value):
        yield "has a '_sort' that names no search parameters"
    if _RARE_PREFIX.match(value):
        yield f"uses a date prefix on '{name}' that is not widely served"
