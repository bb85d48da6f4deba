"""The rules for an answer and its cards (CDS Hooks 2.0.1, "CDS Service Response" to "Link")."""

from __future__ import annotations

from collections.abc import Iterator

from chartside.doctor import suggestions
from chartside.doctor.book import Book
from chartside.doctor.checks import Check, Level
from chartside.doctor.lint import Linter, Members, is_text, is_uuid, is_web_url, rows
from chartside.doctor.shape import empties, nulls

AREA = "Cards"
SUMMARY_BELOW = 140
SHALL, SHOULD, MAY = Level.SHALL, Level.SHOULD, Level.MAY
NO_CARD = "no answer held a card; give --prefetch with a record that this service speaks about"


def _check(name: str, rows_: tuple[int, ...], level: Level, title: str, advice: str, idle: str = NO_CARD) -> Check:
    """A check of this area."""
    return Check(f"card.{name}", AREA, rows_, level, title, advice, idle)


_NO_LINK, _NO_REASON = "no card held a link", "no card held override reasons"
NULLS = _check("nulls", (3,), SHALL, "No member of an answer is null", "Leave optional members out.")
EMPTIES = _check(
    "empties", (4,), SHALL, "No member of an answer is empty, but for cards",
    "Leave optional members out instead of sending empty text, arrays or objects.",
)  # fmt: skip
SUMMARY = _check(
    "summary", (51,), SHALL, "The summary is given and shorter than 140 characters",
    "Keep the summary to 139 characters at most; the rest belongs in detail.",
)  # fmt: skip
INDICATOR = _check(
    "indicator", (53,), SHALL, "The indicator is info, warning or critical", "Send one of these three words."
)
SOURCE = _check(
    "source", (54, 60), SHALL, "The source has a label", "Send source.label: whom the clinician should trust for this."
)
SOURCE_URLS = _check(
    "source-urls", (61, 62), SHOULD, "source.url and source.icon, where given, are absolute URLs",
    "Send absolute http(s) URLs.", "no card gave source.url or source.icon",
)  # fmt: skip
TOPIC = _check(
    "topic", (63,), MAY, "The source has a topic with code and system",
    "Send source.topic as a Coding, so that cards can be counted and filtered by subject.",
)  # fmt: skip
DETAIL = _check(
    "detail", (52,), SHALL, "detail, where given, is text", "Send GitHub-flavoured Markdown.", "no card gave detail"
)
UUID = _check(
    "uuid", (50,), MAY, "The card has a uuid", "Send a UUID: without it no feedback about the card can come back."
)
UNIQUE = _check(
    "unique", (50, 65), SHALL, "No uuid stands twice in an answer", "Make a new UUID for each card and suggestion.",
    "no uuid was sent",
)  # fmt: skip
REASONS = _check(
    "override-reasons", (57,), SHALL, "Each override reason has code, system and display",
    "Send complete Codings; HL7 publishes non-adherence-reason-codes.", _NO_REASON,
)  # fmt: skip
LINK = _check(
    "link", (75,), SHALL, "Each link has label, absolute url, and type absolute or smart", "Send all three.", _NO_LINK
)
ABSOLUTE_CONTEXT = _check(
    "absolute-context",
    (76,),
    SHALL,
    "An absolute link has no appContext",
    "appContext is for smart links.",
    "no card held an absolute link",
)
LINK_MEMBERS = _check(
    "link-members", (77, 78), SHALL, "appContext is text and autolaunchable true or false, where given",
    "Send these JSON types.", _NO_LINK,
)  # fmt: skip
EXTENSION = _check(
    "extension", (104,), SHALL, "extension, where given, is an object of named extensions",
    "Send an object whose keys are reverse-domain names.", "no answer held an extension",
)  # fmt: skip
CHECKS = (
    NULLS, EMPTIES, SUMMARY, INDICATOR, SOURCE, SOURCE_URLS, TOPIC, DETAIL, UUID, UNIQUE, REASONS, LINK,
    ABSOLUTE_CONTEXT, LINK_MEMBERS, EXTENSION, *suggestions.CHECKS,
)  # fmt: skip


def lint(book: Book, subject: str, answer: object) -> None:
    """Judge one decoded answer."""
    if not isinstance(answer, dict):
        return
    linter = Linter(book, subject)
    for check, paths in ((NULLS, nulls(answer, "$")), (EMPTIES, empties(answer, "$", "$.cards"))):
        found = sorted(paths)
        linter.rule(check, ", ".join(found), kept=not found, broken="")
    for path, holder in _with_extension(answer):
        linter.rule(EXTENSION, path, kept=isinstance(holder["extension"], dict), broken="is not an object")
    for index, card in enumerate(rows(answer, "cards")):
        _card(linter, f"cards[{index}]", card)
    _unique(linter, answer)
    suggestions.lint_system_actions(linter, answer)


def _card(linter: Linter, path: str, card: Members) -> None:
    """Judge one card."""
    summary = card.get("summary")
    fault = f"has {len(summary)} characters" if isinstance(summary, str) and summary else "is missing or not text"
    fits = is_text(summary) and len(str(summary)) < SUMMARY_BELOW
    linter.rule(SUMMARY, f"{path}.summary", kept=fits, broken=fault)
    known = card.get("indicator") in ("info", "warning", "critical")
    linter.rule(INDICATOR, f"{path}.indicator", kept=known, broken="is none of the three")
    linter.rule(UUID, f"{path}.uuid", kept=is_uuid(card.get("uuid")), broken="is missing or not a UUID")
    if "detail" in card:
        linter.rule(DETAIL, f"{path}.detail", kept=isinstance(card["detail"], str), broken="is not text")
    _source(linter, f"{path}.source", card.get("source"))
    for index, reason in enumerate(rows(card, "overrideReasons")):
        whole = all(is_text(reason.get(name)) for name in ("code", "system", "display"))
        linter.rule(REASONS, f"{path}.overrideReasons[{index}]", kept=whole, broken="is not complete")
    for index, link in enumerate(rows(card, "links")):
        _link(linter, f"{path}.links[{index}]", link)
    suggestions.lint(linter, path, card)


def _source(linter: Linter, path: str, source: object) -> None:
    """Judge who speaks."""
    members: Members = source if isinstance(source, dict) else {}
    linter.rule(SOURCE, path, kept=is_text(members.get("label")), broken="is missing or has no label")
    for name in ("url", "icon"):
        if name in members:
            linter.rule(SOURCE_URLS, f"{path}.{name}", kept=is_web_url(members[name]), broken="is not an absolute URL")
    topic = members.get("topic")
    coded = isinstance(topic, dict) and is_text(topic.get("code")) and is_text(topic.get("system"))
    linter.rule(TOPIC, f"{path}.topic", kept=coded, broken="is missing or has no code and system")


def _link(linter: Linter, path: str, link: Members) -> None:
    """Judge one link."""
    whole = is_text(link.get("label")) and is_web_url(link.get("url")) and link.get("type") in ("absolute", "smart")
    linter.rule(LINK, path, kept=whole, broken="lacks label, absolute url or type")
    if link.get("type") == "absolute":
        linter.rule(ABSOLUTE_CONTEXT, path, kept="appContext" not in link, broken="is absolute and has appContext")
    kept = isinstance(link.get("appContext", ""), str) and isinstance(link.get("autolaunchable", False), bool)
    linter.rule(LINK_MEMBERS, path, kept=kept, broken="has appContext or autolaunchable of another type")


def _unique(linter: Linter, answer: Members) -> None:
    """No identifier twice."""
    cards = rows(answer, "cards")
    holders = [*cards, *(row for card in cards for row in rows(card, "suggestions"))]
    named = [str(holder["uuid"]).lower() for holder in holders if is_text(holder.get("uuid"))]
    if named:
        twice = len(named) - len(set(named))
        linter.rule(UNIQUE, "$", kept=not twice, broken=f"repeats {twice} of {len(named)} uuids")


def _with_extension(value: object, path: str = "$") -> Iterator[tuple[str, Members]]:
    """Every object outside FHIR resources that has an extension."""
    if isinstance(value, dict) and "resourceType" not in value:
        if "extension" in value:
            yield path, value
        for name, member in value.items():
            if name != "extension":
                yield from _with_extension(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _with_extension(member, f"{path}[{index}]")
