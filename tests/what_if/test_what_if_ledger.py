"""The page of a card: what comes back from the ledger answers as what was assessed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from clinical.advice import Advice
from oversight.database import open_engine
from oversight.ledger import SqlLedger
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade


def test_what_the_ledger_kept_answers_alike(
    shelf: Any, make_advice: Callable[..., Advice], tmp_path: Path, clock: Any
) -> None:
    """Offer, program and answers are the same, number by number, after a way through the database."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    engine = open_engine(url)
    upgrade(engine)
    ledger = SqlLedger(engine, Pseudonyms(b"p" * 32), clock)
    offering = answering = 0.0
    sizes = []
    for asked in shelf.asked[::8]:
        clock.time = asked.as_of
        advice = replace(make_advice(), id=str(uuid4()), time=asked.as_of, finding=asked.finding)
        ledger.append(advice)
        found = ledger.find(advice.id, client=advice.client, patient_id=advice.patient_id)
        assert found is not None
        started = time.perf_counter()
        offer = shelf.what_if.offer(found.finding)
        offering = max(offering, time.perf_counter() - started)
        assert offer == shelf.what_if.offer(asked.finding)
        assert offer.refused == ""
        sheet = shelf.what_if.sheet(found.finding)
        assert sheet == shelf.what_if.sheet(asked.finding)
        sizes.append(len(json.dumps(sheet, allow_nan=False)))
        values = {one.name: one.low for one in offer.inputs}
        started = time.perf_counter()
        answer = shelf.what_if.respond(found.finding, values)
        answering = max(answering, time.perf_counter() - started)
        assert answer == shelf.what_if.respond(asked.finding, values)
    engine.dispose()
    sys.stdout.write(
        f"\n{shelf.name}: offer {1000 * offering:.1f} ms, answer {1000 * answering:.1f} ms (slowest), "
        f"sheet up to {max(sizes):,} bytes\n"
    )
