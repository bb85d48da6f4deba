"""The part of the page: a form without JavaScript, sliders with it; nothing in an address, nothing recorded."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Blueprint, Flask, render_template_string, request
from werkzeug.serving import make_server

from clinical.advice import Advice, WithheldReason
from clinical.errors import MalformedRequest, NotAllowed, NotAuthenticated
from clinical.what_if import WhatIfOffer
from ehr_simulator.whole_answers import whole
from models.runtime.catalogue import MODELS_FOLDER
from smart_app.form_token import form_token
from smart_app.headers import protect
from smart_app.language.language import Language
from smart_app.language.shelf import load_languages
from smart_app.language.speaking import speak
from smart_app.what_if.routes import WhatIf, add_what_if
from smart_app.what_if.view import slightly

SECRET = b"s" * 32
TEMPLATES = Path(__file__).resolve().parents[2] / "smart_app" / "templates"
LAUNCH = SimpleNamespace(id="L1", browser="b")
TOKEN = form_token(SECRET, "L1", "b")
PAGE = """<!doctype html><html lang="{{ language().code }}"><head><title>Risk</title>
<link rel="icon" href="/smart/static/icon.svg"></head><body><main><h1>Risk</h1>
{% from "smart_app/what_if.html" import what_if_of %}
{% for one in views.values() %}{{ what_if_of(one, launch, token) }}{% endfor %}</main></body></html>"""
ROOMS = (MODELS_FOLDER.parent / "clinical", MODELS_FOLDER.parent / "fhir_adapters", MODELS_FOLDER / "runtime")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Words that would not stand in a Spanish sentence.
ENGLISH = re.compile(r"\b(?:the|of|with|was|were|is|it|and|or|to|from|value|values|measured|risk|old|numbers?)\b", re.I)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'"
)


@dataclass
class FakeOpening:
    """A page with some advice; it knows one launch."""

    advice_of_page: dict[str, Advice]
    deps: Any = field(default_factory=lambda: SimpleNamespace(secret=SECRET, zone=UTC))

    def mine(self, launch_id: str) -> Any:
        if launch_id != LAUNCH.id:
            raise NotAuthenticated("This page is not open in this browser.")
        return LAUNCH

    def person(self, _launch: Any) -> None:
        return None

    def advice(self, _launch: Any, advice_id: str) -> Advice:
        if advice_id not in self.advice_of_page:
            raise NotAllowed("This advice is not on this page.")
        return self.advice_of_page[advice_id]


@dataclass
class Desktop:
    """The routes on a bare Flask app, with every request that came in."""

    app: Flask
    requests: list[tuple[str, str]]
    shelf: Any
    asked: Any

    def post(self, **values: str) -> Any:
        form = {"csrf_token": TOKEN, "advice": "a1"} | {f"value-{k}": v for k, v in values.items()}
        return self.app.test_client().post("/smart/page/L1/what-if", data=form)


@pytest.fixture
def desktop(shelf: Any, make_advice: Callable[..., Advice]) -> Desktop:
    """A page with an advice of the model, and one that runs silently."""
    asked = max(shelf.asked, key=lambda one: len(shelf.case(one.finding).inputs))
    shown = replace(make_advice(), id="a1", finding=asked.finding, withheld=None)
    silent = replace(shown, id="a2", withheld=WithheldReason.SHADOW)
    opening = FakeOpening({"a1": shown, "a2": silent})
    what_if = WhatIf(opening, {shelf.manifest.info.id: shelf.what_if})  # type: ignore[arg-type]
    app, seen = Flask("bare"), []
    blueprint = Blueprint(
        "smart_app",
        "smart_app.blueprint",
        url_prefix="/smart",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    add_what_if(blueprint, what_if)
    languages = load_languages((*ROOMS, shelf.manifest.folder))
    speak(blueprint, languages, lambda: request.accept_languages.best or "")

    @blueprint.get("/page/<launch_id>")
    def page(launch_id: str) -> str:
        views = what_if.views(opening.advice_of_page.values())
        return render_template_string(PAGE, views=views, launch=LAUNCH, token=TOKEN)

    blueprint.register_error_handler(NotAllowed, lambda fault: (fault.message, 403))
    blueprint.register_error_handler(NotAuthenticated, lambda fault: (fault.message, 401))
    blueprint.register_error_handler(MalformedRequest, lambda fault: (fault.message, 400))

    @blueprint.after_request
    def _headers(response: Any) -> Any:
        response = protect(response, ())
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.before_request
    def _note() -> None:
        from flask import request

        seen.append((request.method, request.full_path))

    app.register_blueprint(blueprint)
    return Desktop(app, seen, shelf, asked)


def test_without_javascript_a_form_gives_the_answer(desktop: Desktop) -> None:
    """The page has a field for each input; posting one gives the model's answer, labelled, with nothing in the URL."""
    page = desktop.app.test_client().get("/smart/page/L1").text
    offer = desktop.shelf.what_if.offer(desktop.asked.finding)
    for one in offer.inputs:
        assert f'name="value-{one.name}"' in page
        assert one.label in page
    assert "the model's response to another number, not the effect of a treatment" in page
    assert page.count("<details") == 1  # nothing of the silent one
    one = offer.inputs[0]
    answer = desktop.post(**{one.name: f"{one.high:f}"})
    assert answer.status_code == 200
    expected = desktop.shelf.what_if.respond(desktop.asked.finding, {one.name: one.high}).probability
    shown = re.search(r'big-answer">([^<]*)<', answer.text)
    from clinical import wording

    assert shown is not None
    assert shown[1].replace("&lt;", "<").replace("&gt;", ">") == wording.percent(expected)
    assert len(answer.data) < 150_000
    assert all("value" not in path for _, path in desktop.requests)


def test_what_was_measured_is_answered_with_the_stored_risk(desktop: Desktop) -> None:
    """The numbers of the page as they are change nothing."""
    fields = re.findall(
        r'name="value-(\w+)" type="number" inputmode="decimal" value="([^"]*)"',
        desktop.app.test_client().get("/smart/page/L1").text,
    )
    answer = desktop.post(**dict(fields))
    assert fields
    assert "with what was measured." in answer.text
    assert " instead of " not in answer.text


@pytest.mark.parametrize("text", ["abc", "1e3", "nan", "inf", "--4", "1;2", "9" * 9])
def test_no_number_is_answered_in_words(desktop: Desktop, text: str) -> None:
    """A fault says what to enter and does not quote."""
    name = desktop.shelf.what_if.offer(desktop.asked.finding).inputs[0].name
    answer = desktop.post(**{name: text})
    assert answer.status_code == 400
    assert "Enter numbers, such as 72 or 4.5." in answer.text
    assert f'"{text}"' not in answer.text


def test_strangers_get_nothing(desktop: Desktop) -> None:
    """Another launch, a wrong token, another advice and a silent one are refused at every route."""
    client = desktop.app.test_client()
    form = {"csrf_token": TOKEN, "advice": "a1"}
    assert client.post("/smart/page/L2/what-if", data=form).status_code == 401
    assert client.post("/smart/page/L1/what-if", data={**form, "csrf_token": "x"}).status_code == 403
    for advice in ("a2", "a3"):
        assert client.post("/smart/page/L1/what-if", data={**form, "advice": advice}).status_code == 403
        assert client.get(f"/smart/page/L1/what-if/{advice}").status_code == 403
        assert client.get(f"/smart/page/L1/model/{advice}").status_code == 403
    for path in ("what-if/a1", "model/a1"):
        assert client.get(f"/smart/page/L2/{path}").status_code == 401
    assert client.get("/smart/page/L1/what-if").status_code == 405


def test_the_file_is_the_signed_one_and_may_be_kept(desktop: Desktop) -> None:
    """Its bytes are those of the artefact; the sheet is never kept and is small."""
    client = desktop.app.test_client()
    file = client.get("/smart/page/L1/model/a1")
    assert file.data == (desktop.shelf.manifest.folder / desktop.shelf.manifest.artefact.file).read_bytes()
    assert file.headers["Cache-Control"] == "private, max-age=3600"
    sheet = client.get("/smart/page/L1/what-if/a1")
    assert sheet.headers["Cache-Control"] == "no-store"
    assert len(sheet.data) < 100_000
    assert sheet.json["digest"] == desktop.shelf.manifest.artefact.sha256


@pytest.fixture
def live(desktop: Desktop) -> Iterator[str]:
    """The same on a port of this machine."""
    server = make_server("127.0.0.1", 0, whole(desktop.app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_sliders_answer_by_keyboard_and_ask_nobody(desktop: Desktop, live: str, chrome: Any) -> None:
    """Opened, every field is a labelled slider; keys move it, the live region tells the server's answer; no request."""
    page = chrome.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"{live}/smart/page/L1")
    assert not [path for _, path in desktop.requests if "/model/" in path]
    page.locator("summary").first.press("Enter")
    page.wait_for_selector("details[data-state=ready]")
    before = list(desktop.requests)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    for one in desktop.shelf.what_if.offer(desktop.asked.finding).inputs:
        slider = page.get_by_role("slider", name=one.label, exact=False).first
        slider.focus()
        for key, value in (("Home", one.low), ("End", one.high)):
            slider.press(key)
            told = float(page.locator("[aria-live]").first.get_attribute("data-probability"))
            expected = desktop.shelf.what_if.respond(desktop.asked.finding, {one.name: value}).probability
            assert told == pytest.approx(expected, abs=1e-9)
            said = page.locator("[aria-live]").first.inner_text()
            assert ("not the effect of a treatment" if value != one.value else "with what was measured.") in said
        assert slider.get_attribute("aria-valuetext")
        page.get_by_role("button", name="Back to what was measured").click()
    told = float(page.locator("[aria-live]").first.get_attribute("data-probability"))
    assert told == pytest.approx(desktop.asked.finding.probability, abs=1e-9)
    assert "with what was measured" in page.locator("[aria-live]").first.inner_text()
    assert desktop.requests == before
    assert outside == []
    assert page.url == f"{live}/smart/page/L1"
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert page.locator("[data-drivers] li").count() == 5
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()
    assert faults == []


def test_a_file_that_cannot_be_read_leaves_the_form(desktop: Desktop, live: str, chrome: Any) -> None:
    """Without the model's file the page is as without JavaScript: fields and a button that work."""
    page = chrome.new_page()
    page.route("**/model/*", lambda route: route.abort())
    page.goto(f"{live}/smart/page/L1")
    page.locator("summary").first.click()
    page.wait_for_selector("details[data-state=plain]")
    assert page.get_by_role("button", name="Work it out").is_visible()
    assert page.get_by_role("slider").count() == 0
    page.get_by_role("button", name="Work it out").click()
    page.wait_for_selector(".big-answer")
    page.close()


class NothingModifiable:
    """A model that looks at nothing that treatment changes."""

    content = b""
    modifiable = False

    def offer(self, _finding: Any) -> WhatIfOffer:
        return WhatIfOffer()


class AnotherVersion(NothingModifiable):
    """A model that was trained again since."""

    modifiable = True

    def offer(self, _finding: Any) -> WhatIfOffer:
        return WhatIfOffer(refused="It was worked out by another version of the model.")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (NothingModifiable(), "Nothing that this model looks at is a number that treatment changes"),
        (AnotherVersion(), "What-if is not offered: It was worked out by another version of the model."),
    ],
)
def test_where_nothing_may_be_asked_the_page_says_why(
    model: Any, words: str, make_advice: Callable[..., Advice], make_assessment: Callable[..., Any]
) -> None:
    """No form, no script's data, one sentence; a model without what-if has no part on the page at all."""
    advice = replace(make_advice(), finding=make_assessment(), withheld=None)
    app = Flask("bare", template_folder=str(TEMPLATES), static_folder=None)
    blueprint = Blueprint("words", __name__)
    speak(blueprint, {}, str)
    app.register_blueprint(blueprint)
    app.add_url_rule("/s/<path:filename>", "smart_app.static", lambda filename: filename)
    what_if = WhatIf(FakeOpening({advice.id: advice}), {advice.finding.model.id: model})  # type: ignore[arg-type]
    with app.test_request_context():
        text = render_template_string(PAGE, views=what_if.views([advice]), launch=LAUNCH, token=TOKEN)
        assert words in text
        assert "<form" not in text
        assert "data-digest" not in text
        assert WhatIf(FakeOpening({}), {}).views([advice]) == {}  # type: ignore[arg-type]


@pytest.fixture(params=["en-US", "es-MX"])
def reader(request: pytest.FixtureRequest, chrome: Any) -> Iterator[Any]:
    """A tab of a browser that asks for a language."""
    context = chrome.new_context(locale=request.param)
    yield context.new_page()
    context.close()


def test_words_in_the_browser_are_the_servers(desktop: Desktop, live: str, reader: Any) -> None:
    """Percent and multipliers read the same for many numbers, halves and ends among them, in each language."""
    from clinical import wording

    page = reader
    page.goto(f"{live}/smart/page/L1")
    code = page.evaluate("document.documentElement.lang")
    language = load_languages(ROOMS).get(code, Language())
    numbers = [i / 2000 for i in range(1, 2000)] + [0.005, 0.0099999, 0.01, 0.99, 0.9900001, 0.125, 0.375, 1e-12]
    factors = [
        1.0,
        0.95,
        0.995,
        0.9949,
        1.049,
        1.05,
        9.96,
        99.6,
        0.0123,
        123.4,
        0.000123,
        *(x * 7 + 1e-3 for x in numbers),
    ]
    script = """async ([p, f]) => { const w = await import("/smart/static/what_if/words.js");
      const said = JSON.parse(document.querySelector("[data-words]").dataset.words);
      return [p.map((x) => [w.percent(x), w.ofHundred(x, said)]), f.map((x) => [w.multiplier(x), w.direction(x)])]; }"""
    first, second = page.evaluate(script, [numbers, factors])
    assert first == [[wording.percent(x), language.told(wording.of_hundred(x))] for x in numbers]
    assert second == [[wording.multiplier(x), wording.direction(x)] for x in factors]
    pairs = [(0.4, 0.4), (0.4, 0.4000000001), (0.4, 0.402), (0.402, 0.4), (0.4, 0.41), (0.994, 0.999), (0.001, 0.009)]
    script = """async (pairs) => { const w = await import("/smart/static/what_if/words.js");
      return pairs.map(([one, other]) => w.slightly(one, other)); }"""
    assert page.evaluate(script, pairs) == [slightly(*pair) for pair in pairs]
    assert len({slightly(*pair) for pair in pairs}) == 4


def region(text: str) -> str:
    """The words of the answer of a page."""
    found = re.search(r'<div role="status" aria-live="polite">(.*?)</p>', text, re.DOTALL)
    assert found is not None
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", found[1])).split())


def test_the_script_says_what_the_form_says(desktop: Desktop, live: str, reader: Any) -> None:
    """For the same numbers, in each language: the answer, what was measured, and each driver."""
    page = reader
    page.goto(f"{live}/smart/page/L1")
    code = page.evaluate("document.documentElement.lang")
    page.locator("summary").first.click()
    page.wait_for_selector("details[data-state=ready]")
    one = max(desktop.shelf.what_if.offer(desktop.asked.finding).inputs, key=lambda one: one.high - one.low)
    slider = page.locator(f'[data-input="{one.name}"] input')
    for key, value in (("End", one.high), ("Home", one.low)):
        slider.press(key)
        form = {"csrf_token": TOKEN, "advice": "a1", f"value-{one.name}": f"{value:f}"}
        client = desktop.app.test_client()
        answer = client.post("/smart/page/L1/what-if", data=form, headers={"Accept-Language": code}).text
        said = page.locator("[aria-live]").first.inner_text()
        told = region(answer)
        assert said.split(")")[0] == told.split(")")[0]
        assert told.endswith(said.rsplit(". ", 1)[1])
        drivers = [html.unescape(driver) for driver in re.findall(r"<li>(.*?)</li>", answer)]
        assert page.locator("[data-drivers] li").all_inner_texts() == drivers
        assert page.locator("[data-drivers] p").inner_text() in html.unescape(answer)
        assert ("nivel: " in said) == ("no el efecto de un tratamiento" in said) == (code == "es")
    page.locator("button[type=reset]").click()
    assert page.locator("[aria-live]").first.inner_text().endswith("con lo medido." if code == "es" else "measured.")
    kept = page.locator(f'[data-input="{one.name}"] output').inner_text()
    assert kept.endswith(", lo medido" if code == "es" else ", as measured")


def words_of(text: str) -> str:
    """The words of a part of a page."""
    text = re.sub(r"<h1>Risk</h1>|<(title|footer|script)\b.*?</\1>|data-words='[^']*'", "", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_the_form_in_spanish_has_the_numbers_of_the_english_one(desktop: Desktop) -> None:
    """Nothing is left in English, neither on the page nor in an answer or a refusal."""
    client = desktop.app.test_client()
    one = desktop.shelf.what_if.offer(desktop.asked.finding).inputs[0]
    forms = ({f"value-{one.name}": f"{one.low:f}"}, {f"value-{one.name}": "99999"}, {f"value-{one.name}": "x"}, {})
    for form in ({}, *({"csrf_token": TOKEN, "advice": "a1", **each} for each in forms)):
        told = {}
        for code in ("es", "en"):
            head = {"Accept-Language": code}
            send = client.post if form else client.get
            answer = send("/smart/page/L1/what-if" if form else "/smart/page/L1", data=form, headers=head)
            assert f'<html lang="{code}">' in answer.text
            told[code] = answer.text
        assert '<span lang="en">' not in told["es"]
        numbers = (sorted(re.findall(r"\d+(?:\.\d+)?", words_of(told[code]))) for code in ("es", "en"))
        assert next(numbers) == next(numbers)
        assert not ENGLISH.findall(words_of(told["es"]).replace("72 o 4.5", "")), words_of(told["es"])


def test_the_sheet_is_the_same_in_spanish(desktop: Desktop) -> None:
    """But for the words that are shown: what is worked out is worked out from English names."""
    client = desktop.app.test_client()
    spanish, english = (
        client.get("/smart/page/L1/what-if/a1", headers={"Accept-Language": code}).json for code in ("es", "en")
    )
    names = {*english["labels"], *(tier["name"] for tier in english["tiers"])}
    shown = spanish.pop("shown")
    assert english.pop("shown") == {}
    assert spanish == english
    assert set(shown) <= names
    assert {tier["name"] for tier in english["tiers"]} <= set(shown)


@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_in_spanish(desktop: Desktop, live: str, chrome: Any, width: int) -> None:
    """WCAG 2.2 A and AA, with the sliders open and with the answer of the form; longer words do not scroll sideways."""
    from axe_playwright_python.sync_playwright import Axe

    context = chrome.new_context(locale="es-MX", viewport={"width": width, "height": 800})
    page = context.new_page()
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    page.goto(f"{live}/smart/page/L1")
    page.locator("summary").first.click()
    page.wait_for_selector("details[data-state=ready]")
    page.locator("input[type=range]").first.press("Home")
    assert Axe().run(page, options=options).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.route("**/model/*", lambda route: route.abort())
    page.reload()
    page.locator("summary").first.click()
    page.wait_for_selector("details[data-state=plain]")
    page.get_by_role("button", name="Calcular").click()
    page.wait_for_selector(".big-answer")
    assert Axe().run(page, options=options).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
