"""The modules in a Chromium: the same risk and the same drivers as the server, to 1e-9, and nothing leaves the page."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

RANDOM_ROWS = 220
OPEN = """async ({url, digest}) => {
  const buffer = await (await fetch(url)).arrayBuffer();
  window.model = await chartside.Model.open(buffer, digest);
  return {names: window.model.names.length, base: window.model.base, bytes: buffer.byteLength};
}"""
EXPLAIN = """(rows) => rows.map((row) => {
  const found = window.model.explain(Float64Array.from(row, (x) => x === null ? NaN : x));
  return {probability: found.probability, base: found.base, parts: Array.from(found.parts)};
})"""
ANSWER = """([sheet, moves]) => moves.map((values) => {
  const started = performance.now();
  const row = chartside.changedRow(sheet, values);
  const found = window.model.answer(row, sheet);
  return {...found, row: Array.from(row, (x) => Number.isNaN(x) ? null : x), ms: performance.now() - started};
})"""


@pytest.fixture
def page(chrome: Any, desk: Any) -> Any:
    """A page with the modules, under the policy that the real page has."""
    opened = chrome.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(f"{desk.url}/")
    opened.wait_for_function("window.chartside !== undefined")
    yield opened
    opened.close()
    assert faults == []


def load(page: Any, desk: Any, shelf: Any) -> dict[str, Any]:
    """Open a model's file in the page."""
    desk.files["/model.npz"] = ("application/octet-stream", shelf.what_if.content)
    return page.evaluate(OPEN, {"url": "/model.npz", "digest": shelf.manifest.artefact.sha256})


def as_json(row: np.ndarray) -> list[float | None]:
    """A row for JavaScript."""
    return [None if math.isnan(value) else value for value in row.tolist()]


def random_rows(shelf: Any, rng: np.random.Generator) -> list[np.ndarray]:
    """Rows with values between and beyond what training saw, exact thresholds, and from nothing to all missing."""
    artefact = shelf.what_if._artefact
    low, high = artefact.lowest, artefact.highest
    rows = []
    for number in range(RANDOM_ROWS):
        row = low + (high - low) * rng.uniform(-0.1, 1.1, len(low))
        tree = artefact.members[0].trees[number % len(artefact.members[0].trees)]
        inner = tree[~tree["is_leaf"]]
        row[inner["feature_idx"]] = inner["num_threshold"]
        row[rng.random(len(row)) < number / (RANDOM_ROWS - 1)] = np.nan
        if "hours" in artefact.features:
            row[artefact.features.index("hours")] = rng.uniform(12, 48)
        rows.append(np.where(np.abs(row) > 1e30, np.nan, row).astype(np.float32))
    return rows


def test_risk_and_reasons_of_any_row_equal_the_servers(page: Any, desk: Any, shelf: Any) -> None:
    """Random rows, an empty one and rows on thresholds: probability and each column's part to 1e-9."""
    opened = load(page, desk, shelf)
    explainer = shelf.what_if._explainer
    rows = random_rows(shelf, np.random.default_rng(11))
    assert any(np.isnan(row).sum() >= len(row) - 1 for row in rows)
    expected = [explainer.explain(row) for row in rows]
    apart = parts = 0.0
    for real, found in zip(expected, page.evaluate(EXPLAIN, [as_json(row) for row in rows]), strict=True):
        apart = max(apart, abs(real.probability - found["probability"]), abs(real.base - found["base"]))
        parts = max(parts, float(np.abs(real.attributions - np.array(found["parts"])).max()))
    sys.stdout.write(
        f"\n{shelf.name}: {opened['bytes']:,} bytes, {len(rows)} random rows, largest differences: "
        f"probability {apart:.1e}, part {parts:.1e}"
    )
    assert apart <= 1e-9
    assert parts <= 1e-9


def test_sliders_give_what_the_server_gives(page: Any, desk: Any, shelf: Any, every_chart: bool) -> None:
    """Charts of the open data with some inputs moved: row, probability, tier and each driver; no request is made."""
    load(page, desk, shelf)
    rng, compared, times = np.random.default_rng(3), 0, []
    before = list(desk.asked)
    apart = drivers = 0.0
    one_in = (
        1 if every_chart else max(1, sum(len(each.finding.explanation.attributions) for each in shelf.asked) // 2500)
    )
    for number, asked in enumerate(shelf.asked):
        offer, sheet = shelf.what_if.offer(asked.finding), shelf.what_if.sheet(asked.finding)
        moves = [{}, *({one.name: one.low} for one in offer.inputs[number % one_in :: one_in])]
        moves += [{one.name: float(rng.uniform(one.low, one.high)) for one in offer.inputs}]
        for values, found in zip(moves, page.evaluate(ANSWER, [sheet, moves]), strict=True):
            real = shelf.what_if.respond(asked.finding, values)
            row = shelf.case(asked.finding).changed(dict(real.values))[0]
            assert found["row"] == as_json(row)
            assert found["tier"] == real.tier.name
            apart = max(apart, abs(found["probability"] - real.probability))
            mine = {driver.label: driver.log_odds for driver in real.explanation.drivers()}
            for driver in found["drivers"]:
                drivers = max(drivers, abs(driver["logOdds"] - mine.get(driver["label"], 0.0)))
            times.append(found["ms"])
            compared += 1
    assert desk.asked == before
    assert compared >= 200
    sys.stdout.write(
        f"\n{shelf.name}: {compared} moves, largest differences: probability {apart:.1e}, driver {drivers:.1e}; "
        f"{np.median(times):.1f} ms per move (median), {np.percentile(times, 95):.1f} ms (95th percentile)"
    )
    assert apart <= 1e-9
    assert drivers <= 1e-9


def test_a_changed_byte_is_refused(page: Any, desk: Any, shelf: Any) -> None:
    """Another digest, a cut file and a compressed one are no model."""
    content = shelf.what_if.content
    for wrong in (content[:-1], content[:5000] + bytes([content[5000] ^ 1]) + content[5001:], b"", b"PK" * 500):
        desk.files["/model.npz"] = ("application/octet-stream", wrong)
        with pytest.raises(Exception, match="SHA-256 differs"):
            page.evaluate(OPEN, {"url": "/model.npz", "digest": shelf.manifest.artefact.sha256})
