"""The clinician's page in Spanish: nothing of it stays English, whatever the models and the record have to say."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.serving import make_server

from chartside.factory import create_app, open_house
from chartside.house import House
from chartside.settings import Settings
from clinical.invocation import FhirAccess
from ehr_simulator.whole_answers import whole
from fhir_adapters.smart.visit import Granted, Visit
from smart_app import cookies
from smart_app.sessions import Launch

NOW = datetime(2026, 3, 2, 16, tzinfo=UTC)
BASE = "http://127.0.0.1:8100"
ENGLISH = re.compile(r'<(\w+)[^>]*\blang="en"[^>]*>(.*?)</\1>', re.DOTALL)
# Words that no Spanish text has; ids, addresses and the record's own words are taken out before.
TELLING = re.compile(
    r"\b(?:the|of|is|was|were|with|which|from|this|that|and|not|for|risk|hours?|days?|old)\b", re.IGNORECASE
)
# A name that is the same in every language.
SAME = ("Royal College of Physicians", "RCP")
# Stands where the words of the record stand, which nobody translates.
OF_THE_RECORD = re.compile(r"the place of the stay: [^<\n\"]*")
ONE_MORE = ("charlson", "news2", "qsofa", "sirs", "sofa", "meld3", "fib4", "lace", "cha2ds2-vasc", "ckd-epi", "kfre")


class Standing:
    """A clock that stands still."""

    def now(self) -> datetime:
        """The moment of the ill patient's page."""
        return NOW


@dataclass
class Leave:
    """Sessions of one visit with leave to read."""

    base: str
    scopes: tuple[str, ...] = ("patient/*.rs",)
    not_granted: tuple[str, ...] = ()

    def access(self, _visit: Visit) -> FhirAccess:
        """A token."""
        return FhirAccess(self.base, "t", self.scopes)

    def granted(self, _visit: Visit) -> Granted:
        """All that was asked for."""
        return Granted(self.scopes, self.not_granted, ())


@dataclass
class Server:
    """A FHIR server of one patient; `kept` is what it answers, by type, `faults` a status by type."""

    base: str = ""
    kept: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)

    def answer(self, path: str) -> Response:
        """One search or read."""
        kind = path.split("/", maxsplit=1)[0]
        empty = {"resourceType": "Bundle", "type": "searchset"}
        body = json.dumps(self.kept.get(kind, empty))
        return Response(body, self.faults.get(kind, 200), content_type="application/fhir+json")


@pytest.fixture
def server(ill: dict[str, Any]) -> Iterator[Server]:
    """It has the ill patient."""
    sent, made = ill["prefetch"], Server()
    stays = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": sent["encounter"]}]}
    made.kept = {"Patient": sent["patient"], "Encounter": stays, "Observation": sent["vitals"]}
    app = Flask("fhir")
    app.add_url_rule("/fhir/<path:path>", "any", made.answer)
    listening = make_server("127.0.0.1", 0, whole(app), threaded=True)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    made.base = f"http://127.0.0.1:{listening.server_port}/fhir"
    yield made
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def house(make_settings: Callable[..., Settings], tmp_path: Path, server: Server) -> Iterator[House]:
    """The whole house with every shipped model, for that server."""
    settings = make_settings(tmp_path)
    registry = settings.clients_file.read_text().replace("http://127.0.0.1:9/fhir", server.base)
    asked = "".join(f"[clients.ward.services.{name}]\n" for name in ONE_MORE)
    settings.clients_file.write_text(f"{registry}\n{asked}")
    with closing(open_house(settings, clock=Standing())) as opened:
        yield opened


def page(house: House, leave: Leave, locale: str = "es-MX") -> str:
    """The page of a launch with this locale."""
    app = create_app(replace(house, sessions=leave))  # type: ignore[arg-type]
    visit = Visit(
        client="ward", handle="h", patient_id="pat-1", encounter_id="enc-1", user="Practitioner/dr-1",
        app_context=None, need_patient_banner=True, locale=locale,
    )  # fmt: skip
    until = NOW + timedelta(hours=1)
    launch = Launch("L1", leave.base, NOW, until, cookies.digest("secret"), visit)
    shown = app.view_functions["smart_app.page"]
    getattr(shown, "__self__")._opening.stores.launches.put("L1", launch, until)  # noqa: B009  a bound method's object
    browser = app.test_client()
    browser.set_cookie(f"{cookies.PREFIX}L1", "secret", domain="127.0.0.1", secure=True)
    look = partial(browser.get, "/smart/page/L1", base_url=BASE.replace("http:", "https:"))
    until_s = monotonic() + 60
    while "Refresh" in (answer := look()).headers and monotonic() < until_s:  # as a browser does
        sleep(0.1)
    assert answer.status_code == 200, answer.text
    return answer.text


def english_of(text: str) -> list[str]:
    """What the page itself marks as English."""
    return sorted({unescape(re.sub(r"<[^>]+>", "", found[2])) for found in ENGLISH.finditer(_body(text))})


def _body(text: str) -> str:
    """Without the head."""
    return text.partition("<body>")[2]


def unmarked(text: str) -> list[str]:
    """Lines of text that look English and are not marked so."""
    body = re.sub(
        r"<(style|script)\b.*?</\1>",
        "",
        OF_THE_RECORD.sub("", ENGLISH.sub("", _body(text))).replace(*SAME),
        flags=re.DOTALL,
    )
    spoken = [
        *re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', body),
        *re.sub(r"<[^>]+>", "\n", body).split("\n"),
    ]
    return sorted({line.strip() for line in map(unescape, spoken) if TELLING.search(line)})


def all_told(text: str, house: House) -> None:
    """The page is one of its language; only the names of guidelines stay in theirs, and say so."""
    names = {one.title for model in house.models.values() for one in model.info.guidelines}
    assert '<html lang="es"' in text
    assert [found for found in english_of(text) if found not in names] == []
    assert unmarked(text) == []


def test_the_page_of_a_very_ill_patient_is_spanish(house: House, server: Server) -> None:
    """Every served model: risks, scores beside them, what is missing, and why there is no answer."""
    text = page(house, Leave(server.base))
    assert text.count("<article") >= 5
    all_told(text, house)


def test_a_page_with_gaps_is_spanish(house: House, server: Server) -> None:
    """Types that may not be read, a server that fails, facts that are not used, a birth date without a day."""
    server.kept["Patient"] = server.kept["Patient"] | {"birthDate": "1944-05"}
    entries = server.kept["Observation"]["entry"]
    first = entries[0]["resource"]
    odd = [
        {"status": "preliminary"}, {"valueQuantity": {"value": 9000, "unit": "/min", "code": "/min"}},
        {"valueQuantity": {"value": 9, "unit": "stone"}}, {"effectiveDateTime": "2027-01-01T00:00:00Z"},
        {"valueQuantity": {"value": 9, "comparator": "<", "unit": "/min", "code": "/min"}},
    ]  # fmt: skip
    server.kept["Observation"]["entry"] = [
        *entries, *({"resource": first | {"id": f"odd-{n}"} | change} for n, change in enumerate(odd)),
    ]  # fmt: skip
    server.faults = {"Condition": 403, "Procedure": 403}
    scopes = ("patient/Patient.rs", "patient/Encounter.rs", "patient/Observation.rs", "patient/Condition.rs")
    all_told(page(house, Leave(server.base, scopes, ("patient/MedicationRequest.rs",))), house)


def test_a_page_without_leave_to_read_is_spanish(house: House, server: Server) -> None:
    """No model has what it needs, and each says so."""
    text = page(house, Leave(server.base, ("patient/Patient.rs",)))
    assert "no se pudieron leer los datos necesarios" in text
    all_told(text, house)


def test_the_page_in_english_marks_nothing(house: House, server: Server) -> None:
    """No text of it is looked up."""
    text = page(house, Leave(server.base), "en-US")
    assert '<html lang="en"' in text
    assert english_of(text) == []
