"""Forms, faults and the pages beside the risk page, in Spanish: every phrase has words, and the numbers stay."""

from __future__ import annotations

import ast
import dataclasses
import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template
from jinja2 import Environment

from clinical.advice import OVERRIDE_REASONS, Channel, Feedback, Outcome
from clinical.errors import (
    DataUnavailable,
    LaunchFailed,
    LedgerUnavailable,
    MalformedRequest,
    ModelFault,
    NotAllowed,
    NotAuthenticated,
    Unprocessable,
    WrongPatient,
)
from clinical.snooze import SNOOZES
from fhir_adapters.write.write_errors import NotAsSent
from smart_app.blueprint import create_blueprint
from smart_app.faults import TABLE, UNKNOWN
from smart_app.language.language import Language
from smart_app.language.shelf import load_languages
from smart_app.launch.launching import ERROR_WORDS
from smart_app.page.problem_report import KINDS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "smart_app/templates/smart_app"
TEMPLATES = (
    "busy", "decision", "fact", "fault", "hand_over", "left", "problem_report", "put_off", "what_if", "what_if_page",
    "write_back",
)  # fmt: skip
ROOMS = (ROOT / "clinical", ROOT / "fhir_adapters", ROOT / "models/runtime")
BASE = "https://chartside.example"
ACTION = "Ask a senior clinician to review the patient now."  # of the model of these tests, which brings no words
TITLE = "Risk of death in hospital (intensive care)"  # likewise
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def spanish() -> Language:
    """The shipped language."""
    return load_languages(ROOMS)["es"]


@dataclasses.dataclass
class Chart:
    """An EHR that takes what is written, or fails."""

    fault: Exception | None = None

    def offered(self, _visit: Any) -> bool:
        """Always."""
        return True

    def write(self, _visit: Any, _advice: Any) -> str:
        """Take it."""
        if self.fault is not None:
            raise self.fault
        return "RiskAssessment/r1"


@pytest.fixture
def chart() -> Chart:
    """The EHR that is written to."""
    return Chart()


@pytest.fixture
def speaking(house: Any, facts: Any, chart: Chart, spanish: Language) -> Any:
    """The house with everything on, in two languages."""
    house.app = Flask("speaking")
    deps = dataclasses.replace(house.deps, facts=facts, writer=chart, languages={"es": spanish})
    house.app.register_blueprint(create_blueprint(deps))
    return house


@dataclasses.dataclass
class Reader:
    """A clinician whose EHR speaks a language."""

    house: Any
    doctor: Any
    locale: str
    browser: Any = None
    url: str = ""

    def open(self, make: Any, **changes: Any) -> str:
        """Open the page; gives its text."""
        self.browser = self.house.browser()
        self.url, page = self.doctor.see(self.browser, make.visit(locale=self.locale, **changes))
        return page

    def fields(self, page: str, suffix: str) -> dict[str, str]:
        """The hidden fields of the form whose number ends so."""
        token, advice = (re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("csrf_token", "advice"))
        once = next(one for one in re.findall(r'name="once" value="([^"]+)"', page) if one.endswith(suffix))
        return {"csrf_token": token, "advice": advice, "once": once}

    def send(self, path: str, form: dict[str, str]) -> Any:
        """Send a form, and follow where it leads."""
        return self.browser.post(f"{self.url}/{path}", data=form, base_url=BASE, follow_redirects=True)


@pytest.fixture
def both(speaking: Any, doctor: Any) -> Callable[[], tuple[Reader, Reader]]:
    """The same clinician with an EHR in Spanish, and in English."""
    return lambda: (Reader(speaking, doctor, "es-MX"), Reader(speaking, doctor, "en-US"))


def part(page: str, name: str) -> str:
    """The section of a class; for `main`, all but who the patient is."""
    form = r"<main.*?</main>" if name == "main" else rf'<section class="{name}".*?</section>'
    return re.search(form, page, re.DOTALL)[0]


def plain(page: str) -> str:
    """The words of a part, without codes."""
    page = re.sub(r'<(strong|span|dd) class="code">.*?</\1>', "", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def digits(page: str) -> list[str]:
    """The numbers that a part says."""
    return sorted(re.findall(r"\d+(?:\.\d+)?", re.sub(r"Inciden\w+ [0-9a-f]{8}", "", plain(page))))


def marked(page: str) -> list[str]:
    """What says that it is English."""
    return [html.unescape(one) for one in re.findall(r'<span lang="en">(.*?)</span>', page)]


def phrases(name: str) -> Iterator[str]:
    """The phrases of a template, as gettext sees them."""
    env = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    env.policies["ext.i18n.trimmed"] = True
    for _, _, found in env.extract_translations((FOLDER / f"{name}.html").read_text()):
        yield found if isinstance(found, str) else found[0]


@pytest.fixture(scope="module")
def english() -> list[str]:
    """The longer pieces of phrases, which no page in Spanish may say."""
    pieces = (piece for name in TEMPLATES for one in phrases(name) for piece in re.split(r"<[^>]+>|%\(\w+\)s", one))
    return [words for piece in pieces if len(words := " ".join(piece.split())) > 6 and " " in words]


def check(told: str, original: str, english: list[str], named: tuple[str, ...] = ()) -> None:
    """Spanish words, the same numbers, and nothing marked as English but what is named."""
    assert plain(told) != plain(original)
    assert digits(told) == digits(original)
    assert marked(told) == list(named)
    words = plain(told)
    assert [one for one in english if one in words] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_phrase_has_spanish_words(spanish: Language, name: str) -> None:
    """With the same places, markup and numbers."""
    known = spanish.catalogue.phrases
    for phrase in phrases(name):
        assert phrase in known
        for form in (r"%\(\w+\)s", r"<[^>]+>", r"\d+"):
            assert sorted(re.findall(form, phrase)) == sorted(re.findall(form, known[phrase])), phrase


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_words_stand_outside_phrases(name: str) -> None:
    """Neither in the text of a template nor in an attribute that is read out."""
    text = (FOLDER / f"{name}.html").read_text()
    text = re.sub(r"{%-? *trans\b.*?endtrans *-?%}|{#.*?#}", "", text, flags=re.DOTALL)
    text = re.sub(r"{{.*?}}(?!})|{%.*?%}", "", text, flags=re.DOTALL)
    assert re.findall(r'(?:aria-label|title|alt|placeholder)="[^"]*[a-z]', text) == []
    # The answer "yes" of a macro is read by templates.
    assert set(re.findall(r"[A-Za-z]{2,}", re.sub(r"<[^>]*>|&\w+;", " ", text))) <= {"Chartside", "yes"}


# What may stand where a message says something that differs; anything else is a number.
SAID = {
    "name": "comment", "what": "The EHR's CapabilityStatement", "_DOCUMENT": "The EHR's smart-configuration",
    "fault.message": "the server did not answer in time", "verb": "read", "type(fault).__name__": "ValueError",
    "type(error).__name__": "ValueError", "' and '.join(lacking)": "RiskAssessment and Provenance", "wanted": "FULL",
    "resource['resourceType']": "RiskAssessment",
    "refused.message": "At most 500 characters are kept of the comment; you sent 501.",
}  # fmt: skip
SHOWN = {
    "NotAllowed", "NotAuthenticated", "MalformedRequest", "LaunchFailed", "WrongPatient", "LedgerUnavailable",
    "ModelFault", "TooManyLaunches", "WriteFailed", "MayNotWrite", "NothingToWrite", "NotRenewed",
}  # fmt: skip
# Faults of command lines, of the quality team's pages, and of what comes in at a hook, which this page does not show.
QUALITY = (
    "alerts", "analytics", "device_report", "exports", "follow_up", "incident_events", "mart", "monitor", "pages",
    "reviews", "statistics",
)  # fmt: skip
ELSEWHERE = (
    *(f"oversight/{name}" for name in QUALITY), "fhir_adapters/hl7v2", "fhir_adapters/prefetch.py",
    "fhir_adapters/smart/people_sign_in.py",
    "fhir_adapters/outcomes.py", "clinical/strict_json.py",
)  # fmt: skip
PLACES = ("smart_app", "fhir_adapters", "oversight", "models/runtime", "clinical", "chartside/smart_page.py")


def raised() -> Iterator[tuple[str, str]]:
    """Each message that stands where it is raised, with its place filled in."""
    for place in PLACES:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = str(file.relative_to(ROOT))
            for node in ast.walk(ast.parse(file.read_text())) if not name.startswith(ELSEWHERE) else ():
                call = node.exc if isinstance(node, ast.Raise) else None
                if isinstance(call, ast.Call) and ast.unparse(call.func) in SHOWN and call.args:
                    text = written(call.args[0])
                    if text:
                        yield f"{name}:{node.lineno}", text


def written(node: ast.expr) -> str:
    """The text of a literal, with something in each of its places; empty for a name."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = [
        str(one.value) if isinstance(one, ast.Constant) else SAID.get(ast.unparse(one.value), "7")  # type: ignore[attr-defined]
        for one in node.values
    ]
    return "".join(parts)


def test_each_message_that_a_page_may_show_has_spanish_words(spanish: Language) -> None:
    """Wherever it is raised."""
    found = dict(raised())
    assert len(found) > 70
    # Of a model's folder: a text that another function makes.
    unknown = {place: text for place, text in found.items() if spanish.told(text) is None and "The model's" not in text}
    assert unknown == {}


def headings() -> Iterator[str]:
    """Headings that a route gives to a fault."""
    for file in (ROOT / "smart_app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "heading" and isinstance(node.value, ast.Constant):
                yield str(node.value.value)


def test_each_fixed_sentence_has_spanish_words(spanish: Language) -> None:
    """Headings, what to do, kinds of problems, reasons, spans, and answers of an authorization server."""
    table = [words for _, words in TABLE] + [UNKNOWN]
    told = [*(one.heading for one in table), *(one.advice for one in table), *headings(), *KINDS.values()]
    told += [*(one.display for one in (*OVERRIDE_REASONS, *SNOOZES)), *ERROR_WORDS.values()]
    told += [one.value for one in Outcome]
    assert len(told) > 50
    for sentence in told:
        assert spanish.told(sentence) not in (None, sentence), sentence


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (DataUnavailable("labs", "the server answered 503").message,
         "No se pudieron leer los datos necesarios «{}»: {}."),
        (NotAsSent("RiskAssessment/7", ("status", "prediction")).message,
         "Lo que hay en la HCE no es lo que se envió: RiskAssessment difiere en status, prediction. "
         "No confiar en la copia de la HCE y avisar a los responsables de la HCE."),
        ("The EHR did not take the RiskAssessment: it does not allow it.",
         "La HCE no aceptó el RiskAssessment: no lo permite."),
        ("Nobody knows whether the Provenance was written: the server answered 500. Trying again is safe.",
         "No se sabe si el Provenance se escribió: {}. Se puede volver a intentar sin peligro."),
        ("The EHR did not allow this app to create and read back Provenance.",
         "La HCE no permitió a esta aplicación crear y volver a leer Provenance."),
        ("The model's row.py failed (KeyError); no answer is given.",
         "Falló row.py del modelo (KeyError); no se da ninguna respuesta."),
        ("The EHR's CapabilityStatement lacks 'token'.", "Al CapabilityStatement de la HCE le falta 'token'."),
    ],
)  # fmt: skip
def test_messages_that_are_put_together(spanish: Language, message: str, told: str) -> None:
    """With what differs in its place."""
    found = spanish.told(message)
    assert found is not None
    assert re.fullmatch(re.escape(told).replace(r"\{\}", ".+"), found), found
    assert re.findall(r"\d+", found) == re.findall(r"\d+", message)


WRONG = {
    "no reason": ("o", {"outcome": "overridden"}),
    "long comment": ("a", {"outcome": "accepted", "comment": "x" * 501}),
    "no span": ("s", {"outcome": "snoozed"}),
    "nothing to undo": ("a", {"outcome": "withdrawn"}),
    "no outcome": ("a", {}),
    "marks": ("a", {"outcome": "accepted", "comment": "a\u202eb\x00c"}),
    "long and not plain": ("a", {"outcome": "accepted", "comment": "x" * 501 + "\u00ad"}),
    "no reason, and not plain": ("o", {"outcome": "overridden", "comment": "so\u00adft"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_form_that_is_wrong(both: Any, make: Any, english: list[str], case: str) -> None:
    """Says so in Spanish, with the form open."""
    suffix, form = WRONG[case]
    pages = []
    for reader in both():
        page = reader.open(make)
        answer = reader.send("decision", {**reader.fields(page, suffix), **form})
        assert answer.status_code == 400
        pages.append(part(answer.text, "decide"))
    assert 'role="alert"' in pages[0]
    check(*pages, english, (ACTION,))


GIVEN = {
    "accepted": ("a", {"outcome": "accepted", "comment": "Reason: Saved"}),
    "overridden": ("o", {"outcome": "overridden", "reason": OVERRIDE_REASONS[0].code}),
    "snoozed": ("s", {"outcome": "snoozed", "span": "PT12H"}),
}


@pytest.mark.parametrize("case", GIVEN)
def test_a_decision_that_is_saved_and_withdrawn(both: Any, make: Any, english: list[str], case: str) -> None:
    """Both are said; a comment stays as it was written."""
    suffix, form = GIVEN[case]
    saved, gone = [], []
    for reader in both():
        page = reader.send("decision", {**reader.fields(reader.open(make), suffix), **form})
        saved.append(part(page.text, "decide"))
        undone = reader.send("decision", {**reader.fields(page.text, "u"), "outcome": "withdrawn"})
        gone.append(part(undone.text, "decide"))
    check(*saved, english, (ACTION,))
    check(*gone, english, (ACTION,))
    assert "Guardado: " in plain(saved[0])
    assert ("<q>Reason: Saved</q>" in saved[0]) == ("comment" in form)
    assert "Retirado el 12 nov 2026, 14:05 UTC." in plain(gone[0])


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.SNOOZED, Outcome.WITHDRAWN])
def test_what_another_clinician_decided(both: Any, speaking: Any, make: Any, english: list[str], outcome: Any) -> None:
    """Without a name, and with a span where there is one."""
    pages = []
    for reader in both():
        given = make.advice()
        speaking.ledger.append(given)
        reason = SNOOZES[0] if outcome is Outcome.SNOOZED else None
        decided = Feedback(given.id, given.client, given.service, outcome, make.now, Channel.PAGE, reason)
        speaking.ledger.feedback.append(dataclasses.replace(decided, user="Practitioner/8"))
        pages.append(part(reader.open(make, app_context=make.token(given)), "decide"))
    check(*pages, english, (ACTION,))
    assert "por otro profesional" in plain(pages[0])


def test_a_score_without_a_suggestion(both: Any, speaking: Any, make: Any, make_score: Any, english: list[str]) -> None:
    """The other words of the same forms."""
    from clinical.advice import WithheldReason

    speaking.findings[:] = [lambda: (make_score(), WithheldReason.BELOW_THRESHOLD)]
    pages = [part(reader.open(make), "decide") for reader in both()]
    check(*pages, english)
    assert "Con esta puntuación no se sugiere nada." in plain(pages[0])


@pytest.mark.parametrize("kind", ["", "wrong-data"])
def test_a_problem_report(both: Any, make: Any, english: list[str], kind: str) -> None:
    """Refused with words, and saved with its number; what was written stays."""
    pages = []
    for reader in both():
        form = reader.fields(reader.open(make), "r")
        pages.append(part(reader.send("report", {**form, "kind": kind, "words": "Report a problem"}).text, "report"))
    if not kind:
        assert "Report a problem</textarea>" in pages[0]
        pages = [page.replace("Report a problem</textarea>", "</textarea>") for page in pages]
    check(*pages, english)


def test_a_problem_report_from_the_card(both: Any, speaking: Any, make: Any, english: list[str]) -> None:
    """The card's own link opens the form, which is named by the advice."""
    given, pages = speaking.ledger.append(make.advice()), []
    for reader in both():
        reader.open(make, app_context=make.token(given, reports=True))
        page = reader.browser.get(reader.url, base_url=BASE, follow_redirects=True).text
        pages.append(part(page, "report"))
    check(*pages, english, (TITLE,))
    assert f'aria-label="Notificar un problema con este aviso: {TITLE}"' in pages[0]
    assert '<details class="no-print" open><summary>Notificar un problema con este aviso</summary>' in pages[0]
    assert f"Acerca de: {TITLE} , evaluado el 12 nov 2026, 14:05 UTC." in plain(pages[0])


def test_writing_into_the_chart(both: Any, make: Any, english: list[str]) -> None:
    """Offered, and done."""
    offered, done = [], []
    for reader in both():
        page = reader.open(make)
        offered.append(part(page, "write-back"))
        done.append(part(reader.send("write", reader.fields(page, "a")).text, "write-back"))
    check(*offered, english)
    check(*done, english)
    assert "RiskAssessment/r1" in done[0]


def test_a_source_fact(both: Any, facts: Any, make: Any, english: list[str]) -> None:
    """Its labels; what the EHR says stays, also where it is a word of the page."""
    facts.fact = dataclasses.replace(
        facts.fact, code="Signed out", value="none", status="entered-in-error", performer="Value", taken_back=True
    )
    pages = []
    for reader in both():
        reader.open(make)
        page = reader.browser.get(f"{reader.url}/fact/Observation/urea-nitrogen-1", base_url=BASE).text
        assert f'<html lang="{reader.locale[:2]}">' in page
        pages.append(part(page, "main"))
    for kept in ("<h1>Signed out</h1>", "<dd>none</dd>", "<dd>Value</dd>", "«entered-in-error»", "0.5 a 2.2 mmol/L"):
        assert kept in pages[0]
    assert "38 mg/dL (informado: 13.57 mmol/L), 12 nov 2026, 09:05 UTC" in plain(pages[0])
    check(*(re.sub(r"<h1>.*?</h1>", "", page) for page in pages), english)


def test_a_fact_that_says_little(both: Any, facts: Any, make: Any, english: list[str]) -> None:
    """What is not given is said in Spanish."""
    facts.fact = dataclasses.replace(facts.fact, value="", status="", time=None)
    pages = []
    for reader in both():
        reader.open(make)
        pages.append(part(reader.browser.get(f"{reader.url}/fact/Observation/k-9", base_url=BASE).text, "main"))
    check(*pages, english)
    assert "ninguno" in pages[0]
    assert pages[0].count("no consta") == 2


FAULTS = (
    WrongPatient("The record that was read is not that of the patient whose chart is open."),
    Unprocessable("The data come from more than one FHIR server."),
    MalformedRequest("The launch needs the parameter 'iss' exactly once."),
    NotAuthenticated("This page is not open in this browser, or its time is over."),
    NotAllowed("The EHR's permission to read this record has run out."),
    DataUnavailable("labs", "the server answered 503"),
    LedgerUnavailable("The ledger cannot be read (OperationalError)."),
    LaunchFailed("The launch took too long."),
    ModelFault("The reasons do not add up to the risk; no answer is given."),
    RuntimeError("something else"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: type(one).__name__)
def test_a_fault_page(both: Any, speaking: Any, make: Any, english: list[str], fault: Exception) -> None:
    """What happened and what to do, in Spanish; that nothing was assessed is said all the same."""
    speaking.fault = fault
    pages = []
    for reader in both():
        page = reader.open(make)
        assert f'<html lang="{reader.locale[:2]}">' in page
        assert "<title>" in page
        pages.append(part(page, "main"))
    check(*pages, english)
    assert "no significa que no haya riesgo" in plain(pages[0])
    assert (">Volver a intentar</a>" in pages[0]) == (">Try again</a>" in pages[1])


def test_a_fault_with_a_way_back(both: Any, chart: Chart, make: Any, english: list[str]) -> None:
    """Of an open page: it has an assessment, so that only the way back is said."""
    chart.fault = LaunchFailed("The EHR did not take the RiskAssessment: it does not allow it.")
    pages = []
    for reader in both():
        form = reader.fields(reader.open(make), "a")
        pages.append(part(reader.send("write", form).text, "main"))
    check(*pages, english)
    assert "Volver a la página" in pages[0]
    assert "riesgo" not in pages[0]


def test_a_fault_before_there_is_a_launch(speaking: Any, english: list[str]) -> None:
    """In the browser's language; the words of the EHR stay."""
    pages = []
    for accept in ("es-AR,es;q=0.9", "en"):
        url = "/smart/launch?iss=https://evil.example&launch=1"
        page = speaking.browser().get(url, base_url=BASE, headers={"Accept-Language": accept})
        assert page.status_code == 403
        pages.append(part(page.text, "main"))
    check(*pages, english)


def test_a_form_that_is_too_large(both: Any, make: Any, english: list[str]) -> None:
    """Even what the web server refuses."""
    pages = []
    for reader in both():
        reader.open(make)
        pages.append(part(reader.send("decision", {"comment": "x" * 30_000}).text, "main"))
    check(*pages, english)


QUIET = {
    "busy.html": ({"elapsed": "20 seconds"}, {"elapsed": "1 second", "again": True}, {"waits": True}, {}),
    "hand_over.html": ({"url": "https://as.example/", "form": {"state": "s"}},),
    "left.html": ({},),
}


@pytest.mark.parametrize("name", QUIET)
def test_pages_without_a_chart(speaking: Any, english: list[str], name: str) -> None:
    """Waiting, on the way to the EHR, signed out."""
    for given in QUIET[name]:
        pages = []
        for accept in ("es", "en"):
            with speaking.app.test_request_context("/smart/launch", headers={"Accept-Language": accept}):
                speaking.app.preprocess_request()
                page = render_template(f"smart_app/{name}", **given)
            assert f'<html lang="{accept}">' in page
            pages.append(part(page, "main"))
        check(*pages, english)


def test_what_no_catalogue_knows_is_marked(speaking: Any, both: Any, make: Any) -> None:
    """A message that somebody added since."""
    speaking.fault = LedgerUnavailable("The ledger is on holiday.")
    reader, _ = both()
    assert '<p><span lang="en">The ledger is on holiday.</span></p>' in reader.open(make)


@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_on_a_fault_page(chrome: Any, speaking: Any, both: Any, make: Any, width: int) -> None:
    """WCAG 2.2 A and AA; no sideways scrolling with the longer words."""
    from axe_playwright_python.sync_playwright import Axe

    speaking.fault = DataUnavailable("labs", "the server answered 503")
    reader, _ = both()
    body = reader.open(make)
    page = chrome.new_page(viewport={"width": width, "height": 800})
    with speaking.browser().get("/smart/static/page.css") as sheet:
        style = sheet.text
    page.route("**/*", lambda route: route.fulfill(content_type="text/html", body=body))
    page.route("**/page.css", lambda route: route.fulfill(content_type="text/css", body=style))
    page.goto(f"{BASE}/smart/page/x")
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
    assert found.response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
