"""What counts as right. Outcomes are judged, never wording: each rule gives the words for what is wrong, or nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

from markdown_it import MarkdownIt

from hostile import good
from hostile.corpus import Case

TIME_LIMIT_S = 20.0  # for a machine that has other work to do; what hangs or explodes takes longer
ORIGIN = good.ISSUER  # the one browser origin of the registry
EXTENSION = "org.chartside.outcome"
# Status for each kind of refusal; a case may narrow or widen it.
REFUSALS = {
    "call": {400, 422},
    "feedback": {400, 422},
    "discovery": {400, 404, 405},
}
# FHIR R4 IssueType (valueset-issue-type.html).
ISSUE_TYPES = {
    "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired", "forbidden",
    "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found", "deleted", "too-long",
    "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store",
    "exception", "timeout", "incomplete", "throttled", "informational",
}  # fmt: skip
A_MOMENT = 1e-4
SAYS_SO = re.compile(r"Read but not used|Read only in part|[Nn]ot assessed")
PLAIN_TAGS = {
    "p", "strong", "em", "s", "table", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "br", "hr", "code", "pre",
    "blockquote", "h1", "h2", "h3", "h4",
}  # fmt: skip
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MARKDOWN.validateLink = lambda _: True  # type: ignore[method-assign]  # other renderers let javascript: pass


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        """The body as JSON, or None."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def outcome(self) -> dict[str, Any]:
        """The machine-readable outcome of a service call, or nothing."""
        found = self.json
        return dict(found.get("extension", {}).get(EXTENSION, {})) if isinstance(found, dict) else {}

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The cards."""
        found = self.json
        return list(found.get("cards", [])) if isinstance(found, dict) else []

    @property
    def detail(self) -> str:
        """The text of all cards."""
        return "\n\n".join(str(card.get("detail", "")) for card in self.cards)

    @property
    def rows(self) -> list[str]:
        """The rows of the tables of drivers."""
        return [line for line in self.detail.splitlines() if line.startswith("|")]


def faults(case: Case, answer: Answer, reference: Answer | None) -> list[str]:
    """Everything that is wrong with an answer."""
    found = [*always(answer, method=str(case.spec.get("method", "")))]
    if not any(_is_right(verdict, case, answer, reference) for verdict in case.right):
        seen = {"status": answer.status, **answer.outcome}
        wanted = {} if reference is None else reference.outcome
        said = (answer.json or {}).get("issue") if isinstance(answer.json, dict) else None
        found.append(f"neither of {case.right}: {seen}, {said}; reference {wanted}; {answer.detail[-600:]}")
    return found


def always(answer: Answer, *, method: str = "POST", cds: bool = True) -> Iterator[str]:
    """The rules for every answer, whatever was asked."""
    if answer.status >= 500:
        yield f"status {answer.status}: {answer.body[:300]!r}"
    if answer.seconds > TIME_LIMIT_S:
        yield f"took {answer.seconds:.1f} s"
    yield from _headers(answer)
    if answer.status == 200:
        yield from _active_content(answer)
        yield from _silence(answer)
    elif method != "HEAD":
        yield from _echo(answer)
        if cds:
            yield from _operation_outcome(answer)


def _headers(answer: Answer) -> Iterator[str]:
    """Out of caches, frames and referrers; CORS never open; no version of the server."""
    wanted = {
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "frame-ancestors",
        "Referrer-Policy": "no-referrer",
    }
    for name, part in wanted.items():
        if part not in answer.headers.get(name, ""):
            yield f"header {name} lacks {part}"
    if "Access-Control-Allow-Credentials" in answer.headers:
        yield "CORS with credentials"
    if answer.headers.get("Access-Control-Allow-Origin", ORIGIN) != ORIGIN:
        yield "CORS for a stranger"
    if re.search(r"\d", answer.headers.get("Server", "")):
        yield "the Server header tells a version"
    if answer.status == 405 and not answer.headers.get("Allow"):
        yield "405 without Allow (RFC 9110, 15.5.6)"
    if answer.status == 401 and "Bearer" not in answer.headers.get("WWW-Authenticate", ""):
        yield "401 without WWW-Authenticate"


def _operation_outcome(answer: Answer) -> Iterator[str]:
    """A fault is an OperationOutcome with severity, code and words."""
    found = answer.json
    issues = found.get("issue") if isinstance(found, dict) else None
    if not isinstance(found, dict) or found.get("resourceType") != "OperationOutcome" or not issues:
        yield f"no OperationOutcome: {answer.body[:200]!r}"
        return
    if not answer.headers.get("Content-Type", "").startswith(("application/json", "application/fhir+json")):
        yield "the OperationOutcome is not sent as JSON"
    for issue in issues:
        if issue.get("severity") not in ("fatal", "error") or issue.get("code") not in ISSUE_TYPES:
            yield "an issue without severity or code"
        if not (issue.get("details") or {}).get("text"):
            yield "an issue without words"
    if "cards" in found:
        yield "a fault with cards"


def _echo(answer: Answer) -> Iterator[str]:
    """Nothing of the request stands in an error."""
    text = answer.body.decode("utf-8", "replace")
    everything = text + str(sorted(answer.headers.items()))
    if good.MARK.lower() in everything.lower():
        yield "the error repeats the request"
    if re.search(r"\b(?:128\.71|8\.27143|3\.171|61\.71)\b|eyJ|Traceback|File \"", everything):
        yield "the error holds a value, a token or a traceback"


def _silence(answer: Answer) -> Iterator[str]:
    """An empty list is only right beside the statement of what was assessed and why nothing is shown."""
    found = answer.json
    if isinstance(found, dict) and found.get("cards") == []:
        outcome = answer.outcome
        if outcome.get("status") not in ("assessed", "not-assessed") or not outcome.get("withheld"):
            yield "an empty list without a reason"


class _Tags(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Any tag but those of plain text, and any attribute that loads or runs something."""
        if tag not in PLAIN_TAGS:
            self.found.append(f"<{tag}>")
        self.found += [f"{tag} {name}" for name, _ in attrs if name not in ("style", "align")]


def active_parts(markdown: str) -> list[str]:
    """What a client that renders Markdown, and the HTML in it, would load, link or run."""
    parser = _Tags()
    parser.feed(MARKDOWN.render(markdown))
    # Clients with GFM's extended autolinks turn bare addresses into links; ours are not written in details at all.
    bare = re.findall(r"(?i)(?<!\\):(?=//)|www(?<!\\)\.(?=[a-z])|[\w.+-]+(?<!\\)@[\w-]+\.", markdown)
    return parser.found + [f"autolink {part}" for part in bare]


def _active_content(answer: Answer) -> Iterator[str]:
    """No markup from the request in a card, as text or after rendering."""
    if answer.body and not answer.headers.get("Content-Type", "").startswith("application/json"):
        yield "an answer that is not application/json"
    for card in answer.cards:
        yield from (f"active content: {part}" for part in active_parts(str(card.get("detail", ""))))
        rest = json.dumps({name: value for name, value in card.items() if name != "detail"})
        if re.search(r"<\s*[a-zA-Z!/]|javascript:", rest):
            yield "markup outside the detail"


def card_faults(body: Any) -> Iterator[str]:
    """CDS Hooks 2.0.1 for an answer to a call, written anew and not taken from the product's linter."""
    if not isinstance(body, dict) or not isinstance(body.get("cards"), list):
        yield "no list of cards"
        return
    if body["cards"] and _has_empties(body["cards"]):
        yield "an empty member or a null"
    for card in body["cards"]:
        yield from _card_faults(card)


def _has_empties(value: Any) -> bool:
    """Whether a null, or an empty text, list or object stands anywhere."""
    if isinstance(value, dict | list) and value:
        return any(map(_has_empties, value.values() if isinstance(value, dict) else value))
    return value is None or value in ("", [], {})


def _card_faults(card: dict[str, Any]) -> Iterator[str]:
    """The rules for one card."""
    if not 0 < len(card.get("summary", "")) < 140:
        yield "summary"
    if card.get("indicator") not in ("info", "warning", "critical"):
        yield "indicator"
    if str(UUID(card.get("uuid", ""))) != card.get("uuid"):
        yield "uuid"
    if not {"label", "topic"} <= card.get("source", {}).keys():
        yield "source"
    if "suggestions" in card and card.get("selectionBehavior") not in ("any", "at-most-one"):
        yield "selectionBehavior"
    yield from (f"reason {row}" for row in card.get("overrideReasons", []) if not {"code", "display"} <= row.keys())
    yield from (f"link {row}" for row in card.get("links", []) if row.get("type") not in ("absolute", "smart"))
    yield from active_parts(card.get("detail", ""))


def _is_right(verdict: str, case: Case, answer: Answer, reference: Answer | None) -> bool:
    """Whether an answer is right in one of the ways that a case allows."""
    if verdict == "refused":
        return answer.status in set(case.spec.get("status", REFUSALS[case.door]))
    if answer.status != 200:
        return False
    if case.door != "call" or reference is None:
        return _is_served(case, answer)
    known = answer.outcome
    if verdict == "assessed":
        return known.get("status") == "assessed" and len(answer.cards) == 1
    if verdict in ("not-assessed", "withheld"):
        return _abstains(case, answer, shown=verdict == "not-assessed")
    return _equals(verdict, answer, reference) and str(case.spec.get("says", "")) in answer.detail.replace("\\", "")


def _is_served(case: Case, answer: Answer) -> bool:
    """A feedback that was counted as it should be, or a discovery."""
    if case.door != "feedback":
        return isinstance((answer.json or {}).get("services"), list)
    return {name: answer.json.get(name) for name in case.spec["counts"]} == case.spec["counts"]


def _abstains(case: Case, answer: Answer, *, shown: bool) -> bool:
    """No number, with a reason; on a card, unless the patient is none of the model's."""
    known = answer.outcome
    right = known.get("status") == "not-assessed" and "probability" not in known
    return right and known.get("reason") in case.spec["reason"] and bool(answer.cards) == shown


def _equals(verdict: str, answer: Answer, reference: Answer) -> bool:
    """The same finding as without the fact; "aside" also has to say that something was not used."""
    mine, other = answer.outcome, reference.outcome
    same = all(mine.get(name) == other.get(name) for name in ("status", "tier", "reason"))
    same = same and ("probability" in mine) == ("probability" in other)
    # The second call comes a moment later, and the calibration changes with the hour of the stay.
    same = same and abs(mine.get("probability", 0.0) - other.get("probability", 0.0)) < A_MOMENT
    if not same or bool(answer.cards) != bool(reference.cards) or answer.rows != reference.rows:
        return False
    if verdict == "aside":
        return bool(SAYS_SO.search(answer.detail)) and answer.detail != reference.detail
    return verdict in ("served", "unused")
