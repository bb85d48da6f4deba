"""The EHR's style on the page: taken where it is readable, and never a way in."""

import pytest

from smart_app.look import contrast, sheet

STYLE = {
    "color_background": "#fafafa",
    "color_text": "#222222",
    "color_highlight": "#005a9c",
    "color_error": "#ff00ff",
    "dim_font_size": "15px",
    "dim_border_radius": "6px",
    "font_family_body": "'Open Sans', Arial",
}


def test_readable_values_are_taken() -> None:
    """Background, ink, highlight, size, radius and font; what means something here keeps its colour."""
    text = sheet(STYLE)
    for words in (
        "background: #fafafa",
        "--ink: #222222",
        "--go: #005a9c",
        "15px",
        "6px",
        "'Open Sans', Arial, system-ui",
    ):
        assert words in text
    assert "#ff00ff" not in text
    assert sheet({}) == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("color_background", "#333333"),
        ("color_text", "#999999"),
        ("color_highlight", "#ffcc00"),
        ("color_text", "#22222280"),
        ("dim_font_size", "6px"),
        ("dim_border_radius", "40px"),
    ],
)
def test_what_would_be_hard_to_read_is_left_out(key: str, value: str) -> None:
    """Too little contrast, a transparent ink, tiny letters, buttons like balls."""
    assert sheet({key: value}) == ""


def test_contrast_is_that_of_the_guideline() -> None:
    """Black on white is 21, a colour on itself 1, and the well-known grey is just enough."""
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#1d4f91", "#1d4f91") == pytest.approx(1)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


def test_the_page_links_to_the_style_of_its_launch(house, doctor, make) -> None:
    """As a style sheet of its own, so that the policy allows it; only in the browser that opened the page."""
    browser = house.browser()
    url, text = doctor.see(browser, make.visit(style=STYLE))
    assert f'<link rel="stylesheet" href="{url}/look.css">' in text
    answer = browser.get(f"{url}/look.css", base_url=make.base_url)
    assert answer.headers["Content-Type"].startswith("text/css")
    assert "--go: #005a9c" in answer.text
    assert house.browser().get(f"{url}/look.css", base_url=make.base_url).status_code == 403
    assert "look.css" not in doctor.see(house.browser(), make.visit())[1]
