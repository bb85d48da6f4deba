"""The pages about models: what is there is shown, nothing else is, and nothing runs or is fetched."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from chartside.model_pages import FILES, create_blueprint
from models.runtime.catalogue import MODELS_FOLDER, read_manifests
from models.runtime.read_manifest import read_untrained
from models.runtime.read_score_manifest import read_score_manifest

STYLE = "p { color: #123456; }"
CARD = f'<!doctype html><title>Card</title><style>{STYLE}</style><p>All words.</p><a href="report.html">Report</a>'
SCORES = ("news2", "qsofa", "ckd_epi", "kfre", "charlson", "prevent_cvd")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder as training leaves it, and a file beside that nobody should get."""
    home = tmp_path / "models" / "icu_mortality"
    (home / "evidence").mkdir(parents=True)
    for _, file, _, title in FILES:
        (home / file).write_text(CARD if file.endswith(".html") else f"{title}: words", encoding="utf-8")
    (home / "model.npz").write_bytes(b"weights")
    (home / "evidence" / "notes.txt").write_text("not for you")
    for name in SCORES:
        shutil.copytree(MODELS_FOLDER / name, home.parent / name)
    return home


@pytest.fixture
def pages(folder: Path, tmp_path: Path) -> Any:
    """A client of an application with a judged model, one that nobody judged, one fitted at the site, and scores."""
    tree = read_untrained(MODELS_FOLDER / "icu_mortality" / "model.toml")
    sentence = "Cross-validated on 12 stays: AUROC .71 (.70 to .72)."
    judged = replace(
        tree,
        info=replace(tree.info, digest="ab" * 32, validation=sentence),
        artefact=replace(tree.artefact, folder=folder),
    )
    bare = replace(
        tree,
        info=replace(tree.info, id="bare", title="A model <b>without</b> words"),
        artefact=replace(tree.artefact, folder=folder.parent / "bare"),
    )
    (tmp_path / "local").mkdir()
    shutil.copytree(folder, tmp_path / "local" / "icu_mortality")
    local = replace(
        tree,
        info=replace(tree.info, id="local", validation="Recalibrated on 71 stays: AUROC .99 (.98 to 1.00)."),
        artefact=replace(tree.artefact, folder=tmp_path / "local" / "icu_mortality"),
    )
    scores = [read_score_manifest(folder.parent / name / "model.toml") for name in SCORES]
    app = Flask("test", static_folder=None)
    app.register_blueprint(create_blueprint([judged, bare, local, *scores], folder.parent))
    return app.test_client()


def test_the_list_names_every_model(pages: Any) -> None:
    """Title, version, digest, validation and documents of each; drafts are named as such, with the reason."""
    page = pages.get("/models/").get_data(as_text=True)
    assert "Cross-validated on 12 stays: AUROC .71 (.70 to .72)." in page
    assert "ab" * 32 in page
    assert "A model &lt;b&gt;without&lt;/b&gt; words" in page
    assert "No evaluation stands beside this model." in page
    for name, *_ in FILES:
        assert f'href="/models/icu-mortality/{name}"' in page
    assert 'href="/models/news2/"' in page
    drafts = [one for one in map(_score, SCORES) if one.draft]
    assert page.count("Draft, not offered:") == len(drafts)
    assert all(one.draft.split("'")[0] in page for one in drafts)


def _score(name: str) -> Any:
    """The manifest of a score."""
    return read_score_manifest(MODELS_FOLDER / name / "model.toml")


@pytest.mark.parametrize(("name", "file", "kind", "title"), FILES)
def test_documents_are_served_as_they_lie_there(
    pages: Any, folder: Path, name: str, file: str, kind: str, title: str
) -> None:
    """Byte for byte, with their type."""
    answer = pages.get(f"/models/icu-mortality/{name}")
    assert answer.status_code == 200
    assert answer.data == (folder / file).read_bytes()
    assert answer.headers["Content-Type"] == kind
    assert title


def test_a_model_is_shown_by_its_card(pages: Any) -> None:
    """The page of a model is the card, and the links between card and report hold."""
    assert pages.get("/models/icu-mortality/").get_data(as_text=True) == CARD
    assert pages.get("/models/icu-mortality/report.html").status_code == 200
    assert pages.get("/models/icu-mortality/card.html").status_code == 200


def test_a_model_without_a_card_says_so(pages: Any) -> None:
    """It has a page from its manifest, and no documents."""
    page = pages.get("/models/bare/").get_data(as_text=True)
    assert "No model card stands beside this model." in page
    assert "from 24 %" in page or "from " in page
    assert pages.get("/models/bare/report").status_code == 404


def test_figures_of_the_site_are_not_for_everybody(pages: Any) -> None:
    """A version that was fitted at this site is named as such; neither its sentence nor its documents are given."""
    for path in ("/models/", "/models/local/"):
        page = pages.get(path).get_data(as_text=True)
        assert "Fitted at this site." in page
        assert "71 stays" not in page
    assert pages.get("/models/local/evaluation.json").status_code == 404
    assert pages.get("/models/local/report").status_code == 404


@pytest.mark.parametrize("name", SCORES)
def test_a_score_shows_its_source_inputs_and_tiers(pages: Any, name: str) -> None:
    """All lines, all tiers with where they begin, and the reason of a draft."""
    manifest = _score(name)
    page = pages.get(f"/models/{manifest.info.id}/").get_data(as_text=True)
    assert all(f'<th scope="row">{tier.name}</th>' in page for tier in manifest.tiers)
    assert page.count("<tr>") >= len(manifest.inputs) + len(manifest.tiers)
    assert manifest.info.version in page
    assert ("Draft, not offered:" in page) == bool(manifest.draft)
    assert "About this score" in page
    assert "<built-in" not in page
    notes = pages.get(f"/models/{manifest.info.id}/card.md")
    assert notes.data == (manifest.folder / "card.md").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/models/nobody/",
        "/models/nobody/report",
        "/models/icu-mortality/model.npz",
        "/models/icu-mortality/notes.txt",
        "/models/icu-mortality/evidence/notes.txt",
        "/models/icu-mortality/..%2Fmodel.npz",
        "/models/icu-mortality/../../model.npz",
        "/models/news2/report",
        "/models/news2/model.toml",
        "/models/static/../model_pages.py",
    ],
)
def test_nothing_else_is_given_away(pages: Any, path: str) -> None:
    """Only the names of the list; neither weights nor other files, by no way of writing a path."""
    assert pages.get(path).status_code == 404


@pytest.mark.parametrize("part", ["", "icu-mortality/", "news2/", "icu-mortality/card.xml"])
def test_answers_are_kept_apart(pages: Any, part: str) -> None:
    """No script, frame, cache or referrer; only the page's own style is let in, by its digest."""
    headers = pages.get(f"/models/{part}").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert (f"'sha256-{digest}'" in policy) == (part == "icu-mortality/")


def test_only_reading_is_possible(pages: Any) -> None:
    """These pages change nothing."""
    assert pages.post("/models/").status_code == 405
    assert pages.post("/models/icu-mortality/report").status_code == 405


@pytest.fixture
def opened(chrome: Any, pages: Any) -> Iterator[Any]:
    """Opens a page in Chromium without JavaScript, with the headers of the service; keeps what the browser refused."""
    context = chrome.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))

    def answer(route: Any) -> None:
        reply = pages.get(route.request.url.removeprefix("http://models.test"))
        route.fulfill(status=reply.status_code, headers=dict(reply.headers), body=reply.get_data())
        reply.close()

    page.route("**/*", answer)
    yield page, refused
    context.close()


@pytest.mark.parametrize("path", ["/models/", "/models/kfre/", "/models/icu-mortality/"])
def test_a_narrow_browser_shows_it_whole(opened: Any, path: str) -> None:
    """Styled, without scrolling sideways, and nothing that the policy had to refuse."""
    page, refused = opened
    page.goto(f"http://models.test{path}")
    assert page.locator("body").bounding_box()["width"] <= 390
    assert [text for text in refused if "favicon" not in text] == []


def test_every_model_has_a_page() -> None:
    """Whatever the manifests of the folder say, it can be said in words."""
    manifests = read_manifests()
    app = Flask("test", static_folder=None)
    app.register_blueprint(create_blueprint(list(manifests.values()), MODELS_FOLDER))
    pages = app.test_client()
    assert len(manifests) >= 17
    for id_ in manifests:
        assert pages.get(f"/models/{id_}/").status_code == 200, id_


def test_the_guideline_about_the_action_is_linked(pages: Any) -> None:
    """On the page of a score; on the card of a trained model it stands as training wrote it."""
    page = pages.get("/models/kfre/").text
    assert '<a href="https://doi.org/10.1016/j.kint.2023.10.018" target="_blank" rel="noopener noreferrer">' in page
    card = (MODELS_FOLDER / "icu_mortality" / "evidence" / "card.html").read_text(encoding="utf-8")
    assert "(https://doi.org/10.1097/CCM.0000000000001856)" in card
