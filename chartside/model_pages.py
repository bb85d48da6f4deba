"""`GET /models/…`: which models there are, and the evidence about each. Open to anybody: no patient, no site in it.

Evidence is written by training and shown as it lies there, from a fixed list of files that is read once at the start. A
model without evidence (a published score) has a page that is made from its manifest, and so has a version that was
fitted at this site: its figures are about the site's patients.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort, make_response, render_template

from chartside import model_words
from chartside.model_options import offer
from models.runtime.catalogue import MODELS_FOLDER, AnyManifest
from models.runtime.score_manifest import ScoreManifest

HTML = "text/html; charset=utf-8"
MARKDOWN = "text/markdown; charset=utf-8"
# What is served of a folder: the name in the address, the file, its type, and what it is to a reader.
FILES = (
    ("card.html", "evidence/card.html", HTML, "Model card"),
    ("report", "evidence/report.html", HTML, "Evaluation report"),
    ("card.md", "evidence/card.md", MARKDOWN, "Card as text"),
    ("card.xml", "evidence/card.xml", "application/xml", "CHAI model card (XML)"),
    ("attributes.json", "evidence/attributes.json", "application/json", "31 source attributes (JSON)"),
    ("evaluation.json", "evaluation.json", "application/json", "All figures (JSON)"),
)
# A score brings the text that people wrote about it.
NOTES = ("card.md", "card.md", MARKDOWN, "About this score")
# The card and the report refer to each other by the names of the files.
ALIASES = {"report.html": "report"}
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it is served; `styles` are the sources of style that its page may use beside the service's own."""

    title: str
    content: bytes
    type: str
    styles: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One model with its documents by name.

    `local` marks a version that was fitted at this site: its figures are about the site's patients and are not shown.
    """

    manifest: AnyManifest
    documents: Mapping[str, Document]
    local: bool = False

    @property
    def id(self) -> str:
        """Its id, as in its service."""
        return self.manifest.info.id

    @property
    def is_score(self) -> bool:
        """Whether it is a published score or equation."""
        return isinstance(self.manifest, ScoreManifest)

    @property
    def draft(self) -> str:
        """Why it is not offered at all, or nothing."""
        return self.manifest.draft if isinstance(self.manifest, ScoreManifest) else ""

    @property
    def offer(self) -> str:
        """To whom it is offered."""
        return offer(self.draft, served=self.manifest.served)


def create_blueprint(manifests: Iterable[AnyManifest], shipped: Path = MODELS_FOLDER) -> Blueprint:
    """The pages about these models; those that do not lie in the folder `shipped` were fitted at this site."""
    shelf = {manifest.info.id: _shown(manifest, shipped) for manifest in manifests}
    pages = Blueprint(
        "model_pages", __name__, template_folder="templates", static_folder="static", static_url_path="/models/static"
    )
    pages.after_request(_protect)

    @pages.get("/models/")
    def models() -> str:
        """All of them."""
        return _list(shelf.values())

    @pages.get("/models/<model>/")
    def model(model: str) -> Response:
        """One of them: its card, or what its manifest says."""
        return _page(_of(shelf, model))

    @pages.get("/models/<model>/<name>")
    def document(model: str, name: str) -> Response:
        """One of its documents."""
        return _sent(_of(shelf, model).documents.get(ALIASES.get(name, name)))

    return pages


def _shown(manifest: AnyManifest, shipped: Path) -> Shown:
    """A model and those of its documents that are there."""
    folder = manifest.folder
    if shipped.resolve() not in folder.resolve().parents:
        return Shown(manifest, {}, local=True)
    listed = (NOTES,) if isinstance(manifest, ScoreManifest) else FILES
    found = ((name, title, folder / file, type_) for name, file, type_, title in listed)
    return Shown(manifest, {name: _read(path, title, type_) for name, title, path, type_ in found if path.is_file()})


def _read(path: Path, title: str, type_: str) -> Document:
    """A file, and for a page the digests of its own styles (CSP 3, section 2.3.1): nothing else may style it."""
    content = path.read_bytes()
    digests = (base64.b64encode(hashlib.sha256(style).digest()).decode() for style in _STYLE.findall(content))
    return Document(title, content, type_, " ".join(f"'sha256-{digest}'" for digest in digests))


def _of(shelf: Mapping[str, Shown], model: str) -> Shown:
    """A model, or 404."""
    return shelf.get(model) or abort(404)


def _list(shelf: Iterable[Shown]) -> str:
    """Risk models first, then scores, drafts last."""
    known = list(shelf)
    parts = {
        "Risk models": [one for one in known if not one.is_score and not one.draft],
        "Published scores and equations": [one for one in known if one.is_score and not one.draft],
        "Drafts, not offered": [one for one in known if one.draft],
    }
    return render_template("model_pages/list.html", parts={title: ones for title, ones in parts.items() if ones})


def _page(shown: Shown) -> Response:
    """The card that training wrote, or a page from the manifest."""
    card = shown.documents.get("card.html")
    if card is not None:
        return _sent(card)
    return make_response(render_template("model_pages/model.html", shown=shown, words=model_words))


def _sent(document: Document | None) -> Response:
    """A document, or 404."""
    if document is None:
        abort(404)
    response = Response(document.content, content_type=document.type)
    response.headers["Content-Security-Policy"] = _policy(document.styles)
    return response


def _policy(styles: str = "") -> str:
    """Nothing but text, drawings in the page, and styles that are ours."""
    sources = f"'self' {styles}".strip()
    return f"default-src 'none'; style-src {sources}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def _protect(response: Response) -> Response:
    """Keep answers out of caches, frames and referrers, and scripts out of answers."""
    response.headers.setdefault("Content-Security-Policy", _policy())
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
