"""The page that posts a long authorization request (SMART `authorize-post`): by itself, or by its one button."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from flask import Response, make_response, render_template

from smart_app.headers import Exemption, allow


def hand_over(url: str, form: Mapping[str, str], further: Iterable[str] = ()) -> Response:
    """A form to the EHR's authorization server. The answer's policy lets it go there and back, and nowhere else.

    Chromium holds `form-action` against every redirect of a posted form too, so a sign-in page on another origin has to
    be among the `further` origins.
    """
    parts = urlsplit(url)
    allow(Exemption(form_targets=(f"{parts.scheme}://{parts.netloc}", *further)))
    return make_response(render_template("smart_app/hand_over.html", url=url, form=form))
