"""Takes the screenshots of docs/oversight.md: `make screenshots-oversight`. Everything in them is made up, and runs.

Each page is drawn by the application from a history whose seed and last day are fixed, in a headless Chromium.
"""

from __future__ import annotations

import base64
import shutil
import struct
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from oversight_analytics.oversight_stage import PASSWORD, Stage, running_stage
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parents[2] / "docs/images"
WIDTH, TALL, MOST_BYTES = 1280, 800, 150_000
COLOURS = 256


@dataclass(frozen=True, slots=True)
class Shot:
    """A part of a page: from `above` px over an element (of the top, where none is named) so many px down."""

    name: str
    path: str
    height: int
    around: str = ""
    above: int = 20


SHOTS = (
    Shot("overview", "", 960, ".answer"),
    Shot("service", "service?service=sepsis-6h", 800, "h2:has-text('Do units differ')"),
    Shot("service-weeks", "service?service=icu-mortality", 620, "h2:has-text('Override rate by week')"),
    Shot("comparison", "comparison?service=sepsis-6h&compare=versions&first_version=0.9.0&second_version=1.0.0", 855,
         ".warning"),
    Shot("reasons", "reasons", 1240, "#broken h2"),
    Shot("equity", "equity?service=sepsis-6h&by=language&measure=tpr", 760, "form + p"),
    Shot("drift", "drift?service=sepsis-6h", 760, "form + p"),
    Shot("outcomes", "outcomes?service=sepsis-6h", 820, "h2:has-text('side by side')"),
    Shot("thresholds", "thresholds?service=sepsis-6h&threshold=35", 800, "h2:has-text('In short')"),
    Shot("reviews", "reviews/sepsis-overrides", 700, "h1"),
    Shot("alerts", "alerts", 760, "h1"),
    Shot("incidents", "incidents", 760, "h1"),
    Shot("models", "models", 620, "form + p"),
    Shot("override_rates", "override-rates", 760, "h1"),
    Shot("exports", "exports", 620, "h1"),
)  # fmt: skip


def take(browser: Any, stage: Stage, shot: Shot) -> str:
    """Open a page and keep a part of it; says how it went."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": TALL},
        http_credentials={"username": "quality", "password": PASSWORD},
        reduced_motion="reduce",
    )
    tab = context.new_page()
    answer = tab.goto(f"{stage.url}/oversight/{shot.path}")
    if answer.status != 200:
        context.close()
        return f"{shot.name}: status {answer.status}, no picture"
    top = 0.0
    if shot.around:
        top = max(0.0, tab.locator(shot.around).first.bounding_box()["y"] - shot.above)
    clip = {"x": 0, "y": top, "width": WIDTH, "height": shot.height}
    content = small(context.new_page(), tab.screenshot(clip=clip, full_page=True))
    context.close()
    path = FOLDER / f"oversight-{shot.name}.png"
    path.write_bytes(content)
    return f"{path.name}: {len(content) // 1000} kB{' TOO LARGE' if len(content) >= MOST_BYTES else ''}"


def small(tab: Any, png: bytes) -> bytes:
    """The same picture with a palette: a third of the size. A tab of the browser reads the pixels."""
    pixels = base64.b64decode(tab.evaluate(_READ, base64.b64encode(png).decode()))
    width, height = struct.unpack(">II", png[16:24])
    rgb = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, 4)[:, :3]
    packed = rgb.astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    colours, place, count = np.unique(packed, return_inverse=True, return_counts=True)
    if colours.size > COLOURS:
        colours, place = _fewer(colours, place, count)
    palette = np.column_stack([colours >> 16, colours >> 8 & 255, colours & 255]).astype(np.uint8)
    return indexed(place.astype(np.uint8).reshape(height, width), palette)


def _fewer(
    colours: np.ndarray[Any, Any], place: np.ndarray[Any, Any], count: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The commonest colours; each of the others becomes the nearest of them."""
    kept = np.sort(np.argsort(-count, kind="stable")[:COLOURS])
    parts = np.column_stack([colours >> 16, colours >> 8 & 255, colours & 255]).astype(np.int32)
    far = ((parts[:, None, :] - parts[kept][None, :, :]) ** 2).sum(axis=2)
    return colours[kept], np.argmin(far, axis=1)[place]


def indexed(places: np.ndarray[Any, Any], palette: np.ndarray[Any, Any]) -> bytes:
    """A PNG with a palette (ISO/IEC 15948): places (height, width), palette (colours, 3), all uint8."""
    height, width = places.shape
    rows = np.hstack([np.zeros((height, 1), dtype=np.uint8), places])  # filter type 0 before each row
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


_READ = """async png => {
  const picture = new Image();
  picture.src = 'data:image/png;base64,' + png;
  await picture.decode();
  const canvas = document.createElement('canvas');
  canvas.width = picture.width; canvas.height = picture.height;
  const pen = canvas.getContext('2d');
  pen.drawImage(picture, 0, 0);
  const bytes = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  let text = '';
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}"""


@click.command()
@click.argument("names", nargs=-1)
@click.option("--stage", "kept", type=click.Path(file_okay=False, path_type=Path), help="Keep the ledger here.")
def main(names: tuple[str, ...], kept: Path | None) -> None:
    """Take all, or those that are named."""
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_stage(kept or Path(folder)) as stage:
        _take_all(stage, [shot for shot in SHOTS if not names or shot.name in names])


def _take_all(stage: Stage, shots: list[Shot]) -> None:
    """One browser for all of them."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for shot in shots:
            click.echo(take(browser, stage, shot))
        browser.close()


if __name__ == "__main__":
    main()
