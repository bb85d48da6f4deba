"""The risk page in Spanish: every phrase has words, no English is left, and the numbers are those of English."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from clinical.advice import WithheldReason
from clinical.assessment import Attribution, Basis, Explanation, Observed
from clinical.record import LOINC, Coding, Observation, SetAside, SetAsideReason, Source
from smart_app.blueprint import create_blueprint
from smart_app.language.shelf import load_languages
from smart_app.page.view import NO_CARD, TYPES, UNUSED_WORDS
from smart_app.ports.ehr import Banner
from smart_app.ports.learned import Group, Learned

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "smart_app/templates/smart_app"
TEMPLATES = sorted(path.stem for path in FOLDER.glob("*.html"))
# What the record says, or an identifier: never translated.
OF_THE_RECORD = ("behind", "code", "name")
# Words that would not stand in a Spanish sentence.
ENGLISH = """
about above after all also and answer any are as assessed at band because been before beside between but by can
card change checked could data days decision did does earlier effects estimate every fewer few for found from
given had has have higher highest hour hours how if in is it item items known last least left less level limits
lower lowers lowest many meant measured missing model more most needed new newest not numbers odd of old older
on one only or other out outcome part patient patients percent points published raises range rate read record
reported risk rose rule score scores shown signal signals size source stay still sum than that the them there
this times to too used usual value values was were what when which while whole why with worse years you your
""".split()  # noqa: SIM905  a text of words
MARKER = re.compile(rf"\b(?:{'|'.join(ENGLISH)})\b", re.IGNORECASE)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
BASE = "https://chartside.example"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SECRET = re.compile(r"[\w-]{20,}(?:\.[\w-]+)*")

# What the models of these tests would bring in their own words.
BROUGHT = {
    "Risk of death in hospital (intensive care)": "Riesgo de muerte en el hospital (cuidados intensivos)",
    "Death in hospital during this stay": "Muerte en el hospital durante esta estancia",
    "until the end of this hospital stay": "hasta el final de esta estancia hospitalaria",
    "Ask a senior clinician to review the patient now.": "Pedir a un médico experto que revise ahora al paciente.",
    "Supports clinical judgement, does not replace it. For adults in intensive care, hour 6 to 48.": (
        "Apoya el juicio clínico, no lo sustituye. Para adultos en cuidados intensivos, horas 6 a 48."
    ),
    "hour {number} of the intensive care stay": "hora {number} de la estancia en cuidados intensivos",
    "amber": "ámbar",
    "Amber": "Ámbar",
    "ICU mortality": "Mortalidad en la UCI",
    "in-hospital death": "muerte en el hospital",
    "during this hospital stay": "durante esta estancia hospitalaria",
    "Ask for a senior review and agree an escalation plan.": "Pedir una revisión y acordar un plan de tratamiento.",
    "Adults in intensive care": "Adultos en cuidados intensivos",
    "NEWS2 (early warning score)": "NEWS2 (puntuación de alerta temprana)",
    "NEWS2": "NEWS2",
    "eGFR (CKD-EPI 2021)": "TFGe (CKD-EPI 2021)",
    "eGFR": "TFGe",
    "Ask the team for an urgent review.": "Pedir al equipo una revisión urgente.",
    "Check doses of medicines.": "Comprobar las dosis de los medicamentos.",
    "People of 16 years and older in hospital": "Personas de 16 años o mayores en el hospital",
    "Royal College of Physicians 2017; worked out as published.": "RCP 2017; calculada como se publicó.",
    "RCP 2017": "RCP 2017",
    "KDIGO 2012: 45 to 59": "KDIGO 2012: 45 a 59",
    "day {number} in hospital": "día {number} en el hospital",
    "low": "bajo",
    "high": "alto",
    "medium": "medio",
    "medium or worse": "medio o peor",
    "G3a": "G3a",
    "Lactate": "Lactato",
    "Glasgow coma score": "Escala de coma de Glasgow",
    "Urea nitrogen": "Nitrógeno ureico",
    "Urine output": "Diuresis",
    "Heart rate": "Frecuencia cardíaca",
    "highest": "máxima",
    "mean, last {number} h": "media de las últimas {number} h",
    "Body temperature": "Temperatura corporal",
    "Mean arterial pressure": "Presión arterial media",
    "Creatinine": "Creatinina",
    "Sodium": "Sodio",
    "Potassium": "Potasio",
    "Platelets": "Plaquetas",
    "Bilirubin": "Bilirrubina",
    "Albumin": "Albúmina",
    "Arterial pH": "pH arterial",
    "Age": "Edad",
    "Age {number} years": "Edad de {number} años",
    "Comorbidity": "Comorbilidad",
    "Respiratory rate": "Frecuencia respiratoria",
    "inspired oxygen": "oxígeno inspirado",
    "Oxygen saturation": "Saturación de oxígeno",
    "Oxygen": "Oxígeno",
    "on oxygen": "con oxígeno",
    "yes": "sí",
    "Temperature": "Temperatura",
    "Systolic pressure": "Presión sistólica",
    "Pulse": "Pulso",
    "Consciousness": "Consciencia",
    "alert": "alerta",
    "heart failure within {number} years": "insuficiencia cardíaca en {number} años",
    "stroke within {number} years": "ictus en {number} años",
    "the unit is not known for potassium": "no se conoce la unidad de potasio",
    "outside {number} to {number2} {verbatim}": "fuera de {number} a {number2} {verbatim}",
    "unit '{verbatim}' cannot be converted to {verbatim2}": "«{verbatim}» no se puede convertir a {verbatim2}",
    "only {number} of the {number2} signals that are needed were measured": (
        "solo se midieron {number} de las {number2} señales que se necesitan"
    ),
    "only {number} % was found": "solo se encontró {number} %",
    "labs: the EHR stopped in the middle": "laboratorio: la HCE se detuvo a la mitad",
    "times without a zone were read as UTC": "las horas sin zona se leyeron como UTC",
}


class Words(HTMLParser):
    """What a page says, to eyes and to screen readers. `marked` is what says that it is English."""

    VOID = ("meta", "link", "br", "input", "rect", "line", "circle", "polyline")
    SILENT = ("script", "style")

    def __init__(self, page: str, without: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.said: list[str] = []
        self.marked: list[str] = []
        self.lang = ""
        self._without = set(without)
        self._path: list[tuple[str, bool, bool]] = [("", True, False)]
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        _, heard, english = self._path[-1]
        heard = heard and tag not in self.SILENT and not self._without & set((known.get("class") or "").split())
        if tag == "html":
            self.lang = known.get("lang") or ""
        if heard and known.get("aria-label") and known.get("class") != "source":
            self.said.append(known["aria-label"] or "")
        if tag not in self.VOID:
            self._path.append((tag, heard, english or (tag != "html" and known.get("lang") == "en")))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            while self._path.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        _, heard, english = self._path[-1]
        if heard and data.strip():
            (self.marked if english else self.said).append(data)

    @property
    def text(self) -> str:
        """All of it in a line."""
        return " ".join(" ".join(self.said).split())


@pytest.fixture
def spanish(tmp_path: Path):
    """The languages of the page, and what the models of these tests bring: sentences with and without full stop."""
    (tmp_path / "words").mkdir()
    brought = {english.rstrip("."): words.rstrip(".") for english, words in BROUGHT.items()} | BROUGHT
    entries = "\n".join(f'msgid "{english}"\nmsgstr "{words}"\n' for english, words in brought.items())
    head = 'msgid ""\nmsgstr ""\n"Language: es\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (tmp_path / "words/es.po").write_text(head + entries)
    return load_languages([ROOT / "clinical", tmp_path])


LEARNED = Learned(
    ages=(18.0, 74.0),
    groups=(Group("age", "55 to 90", 55, 90, 7, too_few=True), Group("sex", "female", 0, 0, 7)),
    ranges={"Lactate": (0.7, 3.9)},
    report=True,
)


@pytest.fixture
def speak(house, facts) -> Callable:
    """Serves the house in some languages, with single facts and with what a model learned from."""

    def serve(languages):
        deps = dataclasses.replace(house.deps, facts=facts, languages=languages, learned={"icu-mortality": LEARNED})
        house.app = Flask("speaking")
        house.app.register_blueprint(create_blueprint(deps))
        return house

    return serve


@pytest.fixture
def speaking(speak, spanish):
    """The house, with a page that speaks Spanish."""
    return speak(spanish)


def trending(make):
    """A risk with trends, words beside numbers, sex, many features of a signal, and a signal left out by design."""
    code = (Coding(LOINC, "1-1", "Lactate"),)
    facts = tuple(
        Observation(
            f"Observation/l-{n}", code, value, "mmol/L", make.now - timedelta(hours=n, minutes=7), "final", Source.FHIR,
            value, "mmol/L", reference_range="0.5 to 2.2 mmol/L",
        )
        for n, value in enumerate((4.1, 3.0, 2.0, 2.5, 1.1, 1.0, 0.9, 0.8))
    )  # fmt: skip
    plain = make.risk().explanation
    kinds = ("latest", "lowest", "highest", "mean", "change", "count")
    more = [
        Attribution(f"l.{kind}", "Lactate", "Lactate", "Lactate: highest", 0.1, 4.1, "mmol/L", facts) for kind in kinds
    ]
    more += [
        Attribution("sex", "sex", "Sex (1 male, 0 female)", "Sex", 0.5, 1.0, "1"),
        Attribution("rr", "rr", "Respiratory rate", "Respiratory rate", 0.45, None, "/min"),
        Attribution(
            "c", "c", "Comorbidity", "Comorbidity", 0.7, 1.0, "1", basis=(Basis("Condition/1", "Heart failure"),)
        ),
    ]
    explanation = Explanation(plain.base_log_odds - 1.6, (*plain.attributions[1:], *more))
    return make.risk(
        explanation=explanation,
        probability=1 / (1 + math.exp(-explanation.log_odds)),
        interval=(0.2, 0.9),
        coverage=0.8,
        unusual=("Age 103 years", "Lactate"),
        missing=("Bilirubin", "Respiratory rate (not used beside inspired oxygen)"),
        observed=Observed(0.2, 1.0, 134, 34, 0.1876, 0.2836),
        incomplete=("labs: the EHR stopped in the middle",),
        caveats=("times without a zone were read as UTC",),
    )


def all_unused(make):
    """A risk with a fact set aside for each reason."""
    facts = tuple(
        SetAside(f"Observation/{n}", reason, "outside 10 to 300 /min") for n, reason in enumerate(SetAsideReason)
    )
    return make.risk(unused=facts, oldest=None, newest=None)


@pytest.fixture
def states(make, make_rich, make_score, make_equation) -> dict[str, list]:
    """Findings of each kind of page; with each, why its card was withheld."""
    short = make_score(unknown=1, value=5.0, band="medium")
    worked = dataclasses.replace(make.abstention(), incomplete=("labs: the EHR stopped in the middle",))
    agreed = make.risk(observed=Observed(0.3, 0.4, 1460, 447, 0.2786, 0.3635))
    rich = make_rich(comparators=(make_score(), short, make_equation()), unanswered=(worked,))
    weak = make.risk(weak="only 40 % was found.", coverage=0.4)
    lowest = dataclasses.replace(make.risk(), tier=dataclasses.replace(make.risk().tier, name="low", at_least=0.0))
    return {
        "risk": [(make.risk(), None)],
        "trends": [(trending(make), None)],
        "checked": [(agreed, None)],
        "lowest": [(lowest, None)],
        "weak": [(weak, None)],
        "rich": [(dataclasses.replace(rich, as_of=make.now), None)],
        "score": [(dataclasses.replace(short, as_of=make.now), None)],
        "equation": [(dataclasses.replace(make_equation(), as_of=make.now), None)],
        "abstention": [(make.abstention(), None)],
        "unused": [(all_unused(make), None)],
        "withheld": [(make.risk(), reason) for reason in WithheldReason],
        "nothing": [],
    }


STATES = (
    "risk", "trends", "checked", "lowest", "weak", "rich", "score", "equation", "abstention", "unused", "withheld",
    "nothing",
)  # fmt: skip


def see(house, doctor, findings: list, visit, accept: str = "en-GB,en;q=0.9") -> str:
    """The page."""
    house.findings[:] = [lambda one=one: one for one in findings]
    browser = house.browser()
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = accept
    return doctor.see(browser, visit)[1]


def numbers(page: str) -> Counter[str]:
    """The numbers that a page shows."""
    return Counter(NUMBER.findall(UUID.sub("", Words(page).text)))


def no_secrets(page: str) -> str:
    """A page without what is new each time."""
    return SECRET.sub("…", UUID.sub("…", page))


def phrases(house, name: str) -> set[str]:
    """What the product's own Jinja finds to translate in a template."""
    env = house.app.jinja_env
    source = env.loader.get_source(env, f"smart_app/{name}.html")[0]
    found = (message for _, _, message in env.extract_translations(source))
    return {one for each in found for one in (each if isinstance(each, tuple) else (each,)) if one}


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_phrase_of_a_template_has_spanish_words(house, name: str) -> None:
    """With the same places and the same markup: a place that is misspelt would break the page."""
    known = load_languages()["es"].catalogue.phrases
    for phrase in phrases(house, name):
        assert phrase in known
        for part in (r"%\(\w+\)s", r"<[^>]+>", r"\d+"):
            assert sorted(re.findall(part, phrase)) == sorted(re.findall(part, known[phrase])), phrase


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_has_no_words_outside_its_phrases(name: str) -> None:
    """Neither in its text nor in an attribute that is read out."""
    text = (FOLDER / f"{name}.html").read_text()
    text = re.sub(r"{%-? *trans\b.*?endtrans *-?%}|{#.*?#}", "", text, flags=re.DOTALL)
    text = re.sub(r"{{.*?}}|{%.*?%}", "", text, flags=re.DOTALL)
    assert re.findall(r'(?:aria-label|title|alt|placeholder)="[^"]*[a-z]', text) == []
    left = re.sub(r"<[^>]*>|&\w+;", " ", text)
    assert set(re.findall(r"[A-Za-z]{2,}", left)) <= {"Chartside", "yes"}  # "yes" is a truth that is never shown


@pytest.mark.parametrize("state", STATES)
def test_the_page_in_spanish_has_no_english_left(speaking, doctor, make, states, state: str) -> None:
    """By the locale of the launch, whatever the browser prefers; the record's own words stay as they are."""
    visit = make.visit(locale="es-MX", not_granted=("patient/Condition.rs", "patient/Patient.r"))
    page = see(speaking, doctor, states[state], visit)
    words = Words(page, without=OF_THE_RECORD)
    assert words.lang == "es"
    assert words.marked == []
    assert MARKER.findall(UUID.sub("", words.text)) == [], words.text


@pytest.mark.parametrize("state", STATES)
def test_the_numbers_are_those_of_the_english_page(speaking, doctor, make, states, state: str) -> None:
    """Each as often, with the same digits and the same point."""
    visit = make.visit(not_granted=("patient/Condition.rs",))
    english = see(speaking, doctor, states[state], visit)
    told = see(speaking, doctor, states[state], dataclasses.replace(visit, locale="es"))
    assert numbers(told) == numbers(english)
    assert state == "nothing" or len(numbers(told)) > 5


@pytest.mark.parametrize("state", STATES)
def test_the_english_page_is_the_one_without_languages(speak, spanish, doctor, make, states, state: str) -> None:
    """Byte for byte, where neither the launch nor the browser asks for Spanish."""
    told = see(speak(spanish), doctor, states[state], make.visit())
    assert '<html lang="en">' in told
    assert 'span lang="en"' not in told
    assert len(MARKER.findall(Words(told).text)) > 10  # the list of English words would find English
    assert no_secrets(see(speak({}), doctor, states[state], make.visit())) == no_secrets(told)


def test_without_a_locale_the_browser_chooses(speaking, doctor, make, states) -> None:
    """Its first choice; the launch counts more."""
    for locale, accept, code in (("", "es-AR,es;q=0.9,en;q=0.5", "es"), ("en-US", "es", "en"), ("fr", "es", "en")):
        page = see(speaking, doctor, states["risk"], make.visit(locale=locale), accept)
        assert Words(page).lang == code


def test_each_fixed_sentence_of_the_page_has_spanish_words(spanish) -> None:
    """Why there was no card, why a fact was not used, what was kept back."""
    for sentence in (*NO_CARD.values(), *UNUSED_WORDS.values(), *TYPES.values()):
        assert spanish["es"].told(sentence) not in (None, sentence), sentence


@pytest.mark.parametrize(
    ("banner", "told"),
    [
        (Banner("p1"), "Nombre no registrado Fecha de nacimiento no registrada edad desconocida sexo no registrado"),
        (Banner("p1", "Why Source", date(1952, 3, 4), "male"),
         "Why Source fecha de nacimiento: 4 mar 1952 74 años masculino"),
        (Banner("p1", "Other", date(2025, 3, 4), "other"), "Other fecha de nacimiento: 4 mar 2025 1 año otro"),
    ],
)  # fmt: skip
def test_the_banner_translates_all_but_the_name(speaking, doctor, make, states, banner, told: str) -> None:
    """A name that is a word of the page stays a name."""
    speaking.banners["p1"] = banner
    page = see(speaking, doctor, states["risk"], make.visit(locale="es"))
    assert told in Words(page).text


def test_what_a_sender_writes_is_kept(speaking, doctor, make, states) -> None:
    """A diagnosis and a reference range in any words; only what is known of them is translated."""
    page = see(speaking, doctor, states["trends"], make.visit(locale="es"))
    assert "Heart failure" in page
    assert "referencia 0.5 a 2.2 mmol/L" in Words(page).text


def test_a_sentence_without_words_says_that_it_is_english(speaking, doctor, make, states) -> None:
    """A model of the site may have brought none."""
    finding = dataclasses.replace(make.abstention(), text="the moon is full.")
    page = see(speaking, doctor, [(finding, None)], make.visit(locale="es"))
    assert 'No evaluado</strong>, porque <span lang="en">the moon is full</span>.' in page


@pytest.fixture
def tab(chrome, speaking) -> Iterator[Callable]:
    """A tab of a width that gets its pages from the house itself."""
    contexts = []

    def open_(browser, width: int):
        contexts.append(chrome.new_context(viewport={"width": width, "height": 900}))

        def answer(route) -> None:
            with browser.get(route.request.url, base_url=BASE) as given:
                headers = {"content-type": given.content_type}
                route.fulfill(status=given.status_code, headers=headers, body=given.data)

        contexts[-1].route("**/*", answer)
        return contexts[-1].new_page()

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("state", "width"),
    [("trends", 320), ("trends", 1280), ("rich", 320), ("rich", 1280), ("score", 320), ("unused", 320)],
)
def test_axe_finds_nothing_in_spanish(tab, speaking, doctor, make, states, state: str, width: int) -> None:
    """WCAG 2.2 A and AA by axe-core, all unfolded; longer words do not scroll sideways."""
    from axe_playwright_python.sync_playwright import Axe

    speaking.findings[:] = [lambda one=one: one for one in states[state]]
    browser = speaking.browser()
    page = tab(browser, width)
    page.goto(BASE + doctor.open(browser, make.visit(locale="es", not_granted=("patient/Condition.rs",))))
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    report = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
    found = [(one["id"], [node["target"] for node in one["nodes"]]) for one in report.response["violations"]]
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
