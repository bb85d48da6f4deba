"""Joins the languages to the templates: `{% trans %}` for phrases, and filters for finished sentences.

`said` marks what the catalogue does not know as English, so that a screen reader pronounces it so (WCAG 2.2, 3.1.2);
`said_plain` is for attributes, where no mark can stand; `said_each` for lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from flask import Blueprint, g
from flask.blueprints import BlueprintSetupState
from markupsafe import Markup, escape

from smart_app.language.language import ENGLISH, Language, spoken


def language() -> Language:
    """The language of the answer that is being written."""
    found: Language = g.get("chartside_language", Language())
    return found


def _told(text: str) -> str | None:
    """A finished sentence, looked up once for each answer."""
    known: dict[str, str | None] = g.setdefault("chartside_told", {})
    if text not in known:
        known[text] = language().told(text)
    return known[text]


def said(sentence: object) -> Markup | str:
    """A finished sentence for the text of the page."""
    text = str(sentence)
    told = _told(text)
    if told is None:
        return Markup('<span lang="en">{}</span>').format(text)
    return escape(told)


def said_first(sentence: object) -> Markup | str:
    """A finished sentence where it begins one: with a capital, and nothing else changed."""
    text = str(sentence)
    told = _told(text)
    first = _capital(text if told is None else told)
    return escape(first) if told is not None else Markup('<span lang="en">{}</span>').format(first)


def _capital(text: str) -> str:
    """The same with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def said_plain(sentence: object) -> str:
    """A finished sentence for an attribute."""
    text = str(sentence)
    return _told(text) or text


def said_each(sentences: Iterable[object]) -> list[Markup | str]:
    """Several of them, each by itself."""
    return [said(sentence) for sentence in sentences]


def speak(blueprint: Blueprint, languages: Mapping[str, Language], locale: Callable[[], str]) -> None:
    """Let the pages of a blueprint speak. `locale` is that of the user of the request, or empty."""
    known = {ENGLISH: Language(), **languages}

    def choose() -> None:
        g.chartside_language = known[spoken(locale(), known)]

    def join(state: BlueprintSetupState) -> None:
        env = state.app.jinja_env
        env.add_extension("jinja2.ext.i18n")
        env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
        env.policies["ext.i18n.trimmed"] = True
        env.filters.update(said=said, said_plain=said_plain, said_each=said_each, said_first=said_first)
        env.globals["language"] = language

    blueprint.before_request(choose)
    blueprint.record_once(join)


def _gettext(phrase: str) -> str:
    """A phrase of a template."""
    return language().say(phrase)


def _ngettext(one: str, many: str, number: int) -> str:
    """A phrase that depends on a number; each form is a phrase of its own."""
    return language().say(one if number == 1 else many)
