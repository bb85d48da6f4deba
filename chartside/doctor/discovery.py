"""`GET {base}/cds-services` (CDS Hooks 2.0.1, "Discovery")."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from chartside.doctor import hooks, templates
from chartside.doctor.checks import Check, Level
from chartside.doctor.shape import empties, nulls
from chartside.doctor.visit import Listed, Visit
from chartside.doctor.wire import Answer

AREA = "Discovery"
MAX_SERVICES = 50
SHALL, SHOULD, MAY = Level.SHALL, Level.SHOULD, Level.MAY


def _check(name: str, rows: tuple[int, ...], level: Level, title: str, advice: str, idle: str = "") -> Check:
    """A check of this area."""
    return Check(f"discovery.{name}", AREA, rows, level, title, advice, idle or "discovery lists no service")


HTTPS = _check(
    "https", (1,), SHALL, "The service is reached over https", "Serve it over TLS 1.2 or newer, discovery included."
)
PATH = _check(
    "path", (7, 8), SHALL, "GET {base}/cds-services answers 200",
    "Serve discovery at exactly this path under the base URL, without a redirect.",
)  # fmt: skip
ARRAY = _check(
    "services", (2, 8), SHALL, "The answer is a JSON object with the array services",
    'Answer application/json with {"services": [...]}; an empty array where there are none.',
)  # fmt: skip
STABLE = _check("stable", (7,), SHALL, "A second call lists the same", "Discovery has to be stable between calls.")
NULLS = _check("nulls", (3,), SHALL, "No member is null", "Leave optional members out instead of sending null.")
EMPTIES = _check("empties", (4,), SHALL, "No member is empty", 'Leave optional members out instead of sending "".')
HOOK = _check("hook", (9,), SHALL, "Each service has a hook", "Give each service the string member hook.")
HOOK_NAME = _check(
    "hook-name", (106,), SHOULD, "Hook names are known, or in reverse-domain form",
    "Name a hook of your own like org.example.hook-name.",
)  # fmt: skip
DESCRIPTION = _check(
    "description", (10,), SHALL, "Each service has a description", "Say in `description` what the service does."
)
ID = _check("id", (11,), SHALL, "Each service has an id", "Give each service the string member id.")
ID_FORM = _check(
    "id-form", (11,), SHALL, "Each id can stand in a URL as it is", "Use letters, digits, '-', '.', '_' and '~' only."
)
UNIQUE = _check(
    "unique", (17,), SHALL, "No id is listed twice for one hook",
    "The same id may stand for several hooks (newer guidance replaces older), but once for each.",
)  # fmt: skip
TITLE = _check("title", (12,), SHOULD, "Each service has a title", "Give each service a short `title`.")
PREFETCH = _check(
    "prefetch", (13,), SHALL, "prefetch, where given, maps keys to query strings",
    "Publish prefetch as an object whose values are strings.", "no service publishes prefetch",
)  # fmt: skip
USAGE = _check(
    "usage", (14,), SHALL, "usageRequirements, where given, is text", "Publish usageRequirements as a string.",
    "no service publishes usageRequirements",
)  # fmt: skip
CHECKS = (
    HTTPS, PATH, ARRAY, STABLE, NULLS, EMPTIES, HOOK, HOOK_NAME, DESCRIPTION, ID, ID_FORM, UNIQUE, TITLE, PREFETCH,
    USAGE,
)  # fmt: skip
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_REVERSE_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_KNOWN_HOOKS = {*hooks.HOOKS, *hooks.DEPRECATED, *hooks.OTHERS}


def examine(visit: Visit) -> None:
    """Find the services and judge what is said of them. Sets `visit.blocked` where nothing can be examined."""
    answer = _answer(visit)
    if visit.over:
        return
    rows = _services(visit, answer)
    for index, row in enumerate(rows[:MAX_SERVICES]):
        listed = _entry(visit, index, row)
        if listed is not None:
            visit.services.append(listed)
    _unique(visit)
    if visit.options.service:
        _only(visit)


def _https(visit: Visit) -> None:
    """TLS, except on this machine."""
    parts = urlsplit(visit.options.base)
    if parts.scheme == "https":
        visit.book.judge(HTTPS, "base URL", kept=True, found="is https")
    elif is_loopback(parts.hostname or ""):
        visit.book.skip(HTTPS, "the service runs on this machine")
    else:
        visit.book.judge(HTTPS, "base URL", kept=False, found="is http")


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _answer(visit: Visit) -> Answer:
    """The answer of discovery, at its right place or at the place that the user named."""
    url = visit.options.discovery_url
    answer = visit.caller.get(url)
    if not answer.status:
        visit.blocked, visit.over = f"{url} {answer.fault}", True
        return answer
    _https(visit)
    if visit.closed(answer):
        return answer
    visit.book.judge(PATH, "/cds-services", kept=answer.status == 200, found=answer.said)
    if answer.status != 200 and visit.options.discovery:
        url = visit.options.discovery
        answer = visit.caller.get(url)
    if answer.status == 200:
        again = visit.caller.get(url)
        same = again.status == 200 and again.value == answer.value
        visit.book.judge(STABLE, "second call", kept=same, found="lists the same" if same else "differs")
    return answer


def _services(visit: Visit, answer: Answer) -> list[object]:
    """The rows of `services`."""
    if answer.status != 200:
        visit.book.skip_rest("discovery did not answer, so no service is known (--discovery names another address)")
        visit.over = True
        return []
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    value = answer.value if isinstance(answer.value, dict) else {}
    rows = value.get("services")
    fault = _shape_fault(kind, answer, rows)
    visit.book.judge(ARRAY, "discovery", kept=not fault, found=fault or "is as it should be")
    for check, paths in ((NULLS, nulls(value, "$")), (EMPTIES, empties(value, "$", "$.services"))):
        found = sorted(paths) if value else []
        visit.book.judge(check, "discovery", kept=not found, found=", ".join(found) or "none")
    return rows if isinstance(rows, list) else []


def _shape_fault(kind: str, answer: Answer, rows: object) -> str:
    """What is wrong with the answer as a whole."""
    if not answer.is_json:
        return "is not JSON"
    if not isinstance(rows, list):
        return "has no array services"
    return "" if kind == "application/json" else "does not say Content-Type: application/json"


def _entry(visit: Visit, index: int, row: object) -> Listed | None:
    """Judge one entry; None where it cannot be called."""
    entry: Mapping[str, object] = row if isinstance(row, Mapping) else {}
    name = str(entry.get("id") or f"services[{index}]")
    for check, member in ((HOOK, "hook"), (DESCRIPTION, "description"), (ID, "id"), (TITLE, "title")):
        kept = _is_text(entry.get(member))
        visit.book.judge(check, name, kept=kept, found="is given" if kept else "is missing or not text")
    if "usageRequirements" in entry:
        kept = _is_text(entry["usageRequirements"])
        visit.book.judge(USAGE, name, kept=kept, found="is text" if kept else "is not text")
    name_of_hook, identifier = entry.get("hook"), entry.get("id")
    if isinstance(name_of_hook, str) and name_of_hook:
        known = name_of_hook in _KNOWN_HOOKS or bool(_REVERSE_DOMAIN.fullmatch(name_of_hook))
        visit.book.judge(HOOK_NAME, name, kept=known, found=f"names the hook {name_of_hook}")
    if isinstance(identifier, str) and identifier:
        safe = bool(_SEGMENT.fullmatch(identifier))
        visit.book.judge(ID_FORM, name, kept=safe, found="is safe" if safe else "has characters that need escaping")
    if not (_is_text(name_of_hook) and _is_text(identifier)):
        return None
    url = f"{visit.options.discovery_url}/{quote(str(identifier), safe='')}"
    return Listed(str(identifier), str(name_of_hook), url, _templates(visit, name, entry))


def _templates(visit: Visit, name: str, entry: Mapping[str, object]) -> dict[str, str]:
    """Judge the prefetch templates of an entry and return those that are text."""
    if "prefetch" not in entry:
        return {}
    given = entry["prefetch"]
    rows = given if isinstance(given, dict) else {}
    kept = isinstance(given, dict) and all(map(_is_text, rows.values()))
    visit.book.judge(PREFETCH, name, kept=kept, found="maps keys to text" if kept else "is not a map of keys to text")
    texts = {key: value for key, value in rows.items() if isinstance(value, str) and value}
    for key, template in texts.items():
        templates.lint(visit.book, f"{name} ({entry.get('hook')}) {key}", str(entry.get("hook")), template)
    return texts


def _unique(visit: Visit) -> None:
    """One entry for each id and hook."""
    seen = [(service.id, service.hook) for service in visit.services]
    for service in dict.fromkeys(visit.services):
        once = seen.count((service.id, service.hook)) == 1
        visit.book.judge(UNIQUE, service.name, kept=once, found="is listed once" if once else "is listed again")


def _only(visit: Visit) -> None:
    """Keep the service that the user named."""
    visit.services = [service for service in visit.services if service.id == visit.options.service]
    if not visit.services:
        visit.blocked, visit.over = "discovery lists no service with the id that --service names", True


def _is_text(value: object) -> bool:
    """A string with something in it."""
    return isinstance(value, str) and bool(value.strip())
