"""The page in a real browser: in the EHR's frame, at 320 px, on paper, without JavaScript."""

from dataclasses import dataclass, field
from functools import partial

import pytest
from flask import Flask

from clinical.advice import Outcome
from smart_app.blueprint import create_blueprint
from smart_app.deps import Deps
from smart_app.ports.ehr import Ehr

# Every text against the background behind it (WCAG 1.4.3); gives the texts that fall short.
POOR_CONTRAST = """() => {
  const lum = c => c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const behind = el => { for (; el; el = el.parentElement) {
    const c = rgb(getComputedStyle(el).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); }
    return [255, 255, 255]; };
  return [...document.querySelectorAll('body *')]
    .filter(el => [...el.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .filter(el => { const [a, b] = [lum(rgb(getComputedStyle(el).color).slice(0, 3)), lum(behind(el))].sort();
      return (b + .05) / (a + .05) < 4.5; }).map(el => el.textContent.trim().slice(0, 40)); }"""

SMALL_TARGETS = """() => [...document.querySelectorAll('button, summary, a, label:has(input)')]
  .filter(el => el.checkVisibility() && el.getBoundingClientRect().height < 24).map(el => el.textContent.trim())"""


@dataclass(frozen=True)
class Begun:
    """A launch on its way."""

    authorize_url: str
    state: str
    pending: str = "sealed"
    form: dict[str, str] = field(default_factory=dict)


def answering_at_once(origin: str, _ehr: Ehr, launch: str, _redirect_uri: str) -> Begun:
    """An authorization server that sends the browser straight back."""
    return Begun(f"{origin}/smart/callback?code=c&state=s{launch}", f"s{launch}")


@pytest.fixture
def origin(house, make, chart: str, serve) -> str:
    """The page on a real port, for an EHR whose authorization server answers at once."""
    app = Flask("page")
    ehr = Ehr("general", make.iss, "chartside", (chart,))
    deps = Deps(
        ehrs={make.iss: ehr},
        sessions=house.sessions,
        assess=house.assess,
        banner=house.banner,
        ledger=house.ledger,
        clock=house.clock,
        contexts=make.contexts,
        base_url="http://x",
        secret=b"s" * 32,
    )
    app.register_blueprint(create_blueprint(deps))
    origin = serve(app)
    house.sessions.begin = partial(answering_at_once, origin)
    return origin


@pytest.fixture
def tab(chrome):
    """Opens a tab of a size, without JavaScript in the page, and gathers what the console says."""
    contexts = []

    def open_(width: int = 1280):
        contexts.append(chrome.new_context(viewport={"width": width, "height": 800}))
        page = contexts[-1].new_page()
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        return page

    yield open_
    for context in contexts:
        context.close()


def link(origin: str, make, launch: int = 1) -> str:
    """The link in the EHR."""
    return f"{origin}/smart/launch?launch={launch}&iss={make.iss}"


def test_the_launch_works_in_a_sandboxed_frame_of_another_site(
    tab, origin: str, chart: str, chart_app: Flask, house, make
) -> None:
    """Cookie, page and decision survive where SameSite=Lax would not, and the policy lets this EHR frame it."""
    chart_app.config["SRC"] = link(origin, make)
    page = tab()
    page.goto(chart)
    frame = page.frame_locator("iframe")
    frame.get_by_text("31 %").first.wait_for()
    frame.get_by_role("button", name="Accept").click()
    frame.get_by_text("Saved: accepted").wait_for()
    assert [item.outcome for item in house.ledger.feedback] == [Outcome.ACCEPTED]
    assert [text for text in page.said if "Security" in text] == []


def test_a_stranger_may_not_frame_it(tab, origin: str, chart: str, chart_app: Flask, make) -> None:
    """127.0.0.1 is another origin than the registered localhost, so the browser shows nothing."""
    chart_app.config["SRC"] = link(origin, make)
    page = tab()
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(chart.replace("localhost", "127.0.0.1"))
    assert all("31 %" not in frame.content() for frame in page.frames)


@pytest.mark.parametrize("kind", ["risk", "rich", "weak", "score", "partly", "equation"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_reads_and_can_be_hit(
    tab, origin: str, house, make, make_rich, make_score, make_equation, width: int, kind: str
) -> None:
    """No sideways scrolling, AA contrast, targets of 24 px; also with everything unfolded."""
    finding = {
        "risk": make.risk,
        "rich": make_rich,
        "weak": lambda: make_rich(weak="only 62 % of what the model weighs was found"),
        "score": make_score,
        "partly": lambda: make_score("medium", unknown=2),
        "equation": make_equation,
    }[kind]()
    house.findings[:] = [lambda: (finding, None)]
    page = tab(width)
    page.goto(link(origin, make))
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(POOR_CONTRAST) == []
    assert page.evaluate(SMALL_TARGETS) == []
    assert page.said == []


def test_an_override_by_keyboard_without_script(chrome, origin: str, house, make) -> None:
    """Unfold, choose, write, save: with JavaScript off and by keys alone."""
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(link(origin, make))
    page.get_by_text("Override …").focus()
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="I judge the risk differently").focus()
    page.keyboard.press("Space")
    page.get_by_role("textbox").fill("seen at the bedside")
    page.get_by_role("button", name="Save override").press("Enter")
    page.get_by_text("Saved: overridden").wait_for()
    context.close()
    (feedback,) = house.ledger.feedback
    assert (feedback.reason.code, feedback.comment) == ("recipient-disagrees-evidence", "seen at the bedside")


def test_a_score_is_accepted_without_script(chrome, origin: str, house, make, make_score) -> None:
    """The page of a score works with JavaScript off: items unfold nothing, the button saves."""
    house.findings[:] = [lambda: (make_score(), None)]
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(link(origin, make))
    assert page.get_by_role("row", name="Respiratory rate 26 /min 3").is_visible()
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Saved: accepted").wait_for()
    context.close()
    assert [item.outcome for item in house.ledger.feedback] == [Outcome.ACCEPTED]


def test_two_tabs_keep_their_patients(chrome, origin: str, house, make) -> None:
    """One browser, two charts: each tab still shows its own patient after a reload."""
    context = chrome.new_context()
    tabs = []
    for n, patient in enumerate(("p1", "p2"), 1):
        house.sessions.visit = make.visit(patient_id=patient)
        tabs.append(context.new_page())
        tabs[-1].goto(link(origin, make, n))
    for page, name in zip(tabs, ("Ada P1", "Ada P2"), strict=True):
        page.reload()
        assert page.locator(".patient .name").inner_text() == name
    context.close()


def test_paper_has_the_words_and_no_buttons(tab, origin: str, make) -> None:
    """Printed, folded parts are open and controls are gone."""
    page = tab()
    page.goto(link(origin, make))
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name="Accept").is_visible()
    assert page.get_by_text("Observation/k-9").is_visible()
    assert page.pdf().startswith(b"%PDF")
