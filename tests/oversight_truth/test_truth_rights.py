"""Every page by every role on the seeded ledger: what opens, and whose name, comment or pseudonym stands there."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chartside.factory import House, create_app, derive_key, open_house
from chartside.history.plan import SERVICES
from chartside.history.seed import SetClock
from chartside.settings import Settings
from ehr_simulator.demo.quality_sign_in import settings_toml
from ehr_simulator.settings import EhrSettings
from oversight.analytics.few_clinicians import FEWEST, roles_of_few
from oversight.analytics.selection import Selection
from oversight.exports.events import EVENTS, Detail, events
from oversight.pages.door.roles import RIGHTS, Right, Role
from oversight.pages.door.visits import COOKIE, Limits, Visits
from oversight.pages.exports import OFFERS
from oversight.pages.view import FILTERS
from oversight.pages.weekly_control import OF_FEW
from oversight.statistics.suppression import SMALLEST_SHOWN

REGISTRY = """
[clients.ward]
name = "Ward"
authentication = "loopback"
fhir_base = "http://127.0.0.1:9/fhir"
"""
# Who may come in by each route: who has the right, everybody who has signed in, or anybody at all.
SIGNED_IN, ANYBODY = "signed in", "anybody"
DOORS: dict[tuple[str, str], Right | str] = {
    ("GET", "/oversight/"): Right.FIGURES,
    ("GET", "/oversight/service"): Right.FIGURES,
    ("GET", "/oversight/comparison"): Right.FIGURES,
    ("GET", "/oversight/reasons"): Right.FIGURES,
    ("GET", "/oversight/equity"): Right.FIGURES,
    ("GET", "/oversight/drift"): Right.FIGURES,
    ("GET", "/oversight/outcomes"): Right.FIGURES,
    ("GET", "/oversight/thresholds"): Right.FIGURES,
    ("GET", "/oversight/override-rates"): Right.FIGURES,
    ("GET", "/oversight/models"): Right.FIGURES,
    ("GET", "/oversight/models/<model_id>"): Right.FIGURES,
    ("GET", "/oversight/models/<model_id>/attributes.json"): Right.EXPORT_FIGURES,
    ("GET", "/oversight/reviews"): Right.REVIEW,
    ("POST", "/oversight/reviews"): Right.PLAN_REVIEWS,
    ("GET", "/oversight/reviews/<plan>"): Right.PLAN_REVIEWS,
    ("GET", "/oversight/reviews/<plan>/next"): Right.REVIEW,
    ("POST", "/oversight/reviews/<plan>/next"): Right.REVIEW,
    ("GET", "/oversight/reviews/<plan>/settle"): Right.PLAN_REVIEWS,
    ("POST", "/oversight/reviews/<plan>/settle"): Right.PLAN_REVIEWS,
    ("POST", "/oversight/comments/review"): Right.COMMENTS,
    ("GET", "/oversight/alerts"): Right.ALERTS,
    ("GET", "/oversight/alerts/<number>"): Right.ALERTS,
    ("POST", "/oversight/alerts/<number>/step"): Right.HANDLE_ALERTS,
    ("GET", "/oversight/incidents"): Right.INCIDENTS,
    ("GET", "/oversight/incidents/<incident_id>"): Right.INCIDENTS,
    ("GET", "/oversight/incidents/<incident_id>/draft"): Right.INCIDENTS,
    ("POST", "/oversight/incidents/<incident_id>/event"): Right.HANDLE_INCIDENTS,
    ("GET", "/oversight/exports"): Right.EXPORT_FIGURES,
    ("GET", "/oversight/exports/<name>"): Right.EXPORT_FIGURES,
    ("GET", "/oversight/metrics"): Right.CLINICIANS,
    ("GET", "/oversight/sign-in"): ANYBODY,
    ("GET", "/oversight/sign-in/begin"): ANYBODY,
    ("GET", "/oversight/callback"): ANYBODY,
    ("GET", "/oversight/password"): SIGNED_IN,
    ("POST", "/oversight/sign-out"): SIGNED_IN,
    ("GET", "/oversight/static/<path:filename>"): ANYBODY,
    ("GET", "/oversight/<path:unknown>"): SIGNED_IN,
    ("POST", "/oversight/<path:unknown>"): SIGNED_IN,
}
COUNTS, CARDS = {Right.EXPORT_FIGURES}, {Right.EXPORT_FIGURES, Right.EXPORT_EVENTS}
FILES = {
    "committee_pack.html": COUNTS,
    "weekly_metrics.csv": COUNTS,
    "reasons.csv": COUNTS,
    "equity.csv": COUNTS,
    "measures.json": COUNTS,
    "figures.zip": COUNTS,
    "events.csv": CARDS,
    "everything.zip": CARDS,
}
# What stands in an address; elsewhere a number will do.
NAMES = {"filename": "oversight.css", "name": "committee_pack.html", "model_id": SERVICES[0]}
REFUSED = "Your role does not open this page"


@pytest.fixture(scope="module")
def house(seeded: Any, one_shelf: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house on the seeded ledger, with the sign-in of the demo."""
    folder = tmp_path_factory.mktemp("rights")
    (folder / "clients.toml").write_text(REGISTRY)
    hospital = EhrSettings("http://127.0.0.1:9", "", "", ())
    (folder / "sign-in.toml").write_text(settings_toml(hospital))
    settings = Settings(
        base_url="http://127.0.0.1:8100",
        database_url=f"sqlite:///{seeded.file}",
        clients_file=folder / "clients.toml",
        secret=b"s" * 64,
        sign_in_file=folder / "sign-in.toml",
        mart_folder=seeded.file.parent / "mart",
    )
    with closing(open_house(settings, clock=SetClock(_end(seeded)))) as opened:
        yield opened


def _end(seeded: Any) -> Any:
    """The midnight after the last day."""
    return seeded.ledger._clock.now()


@dataclass(frozen=True, slots=True)
class Place:
    """The application, and a browser for each role."""

    app: Flask
    visits: Visits

    def browser(self, *roles: Role) -> FlaskClient:
        """Signed in with these roles."""
        client = self.app.test_client()
        visit = self.visits.begin("0" * 16, "somebody", frozenset(roles))
        with self.app.test_request_context():
            response = self.app.make_response("")
        self.visits.hand_out(response, visit)
        client.set_cookie(
            COOKIE, response.headers["Set-Cookie"].partition("=")[2].partition(";")[0], domain="localhost"
        )
        return client


@pytest.fixture(scope="module")
def place(house: House) -> Place:
    """One for all tests."""
    assert house.sign_in is not None
    secret = derive_key(house.settings.secret, "quality pages")
    visits = Visits(secret, Limits(), house.used_tokens, house.clock, edition=house.sign_in.edition)
    return Place(create_app(house), visits)


def routes(app: Flask) -> list[tuple[str, str]]:
    """Method and rule of everything under /oversight."""
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/oversight")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_route_says_who_may_come_in(place: Place) -> None:
    """A new one without a row here fails, and so does a row without a route."""
    assert set(routes(place.app)) == set(DOORS)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of opening one route."""

    status: int
    text: str
    location: str


Opened = Callable[[Role | None], dict[tuple[str, str], Answer]]


@pytest.fixture(scope="module")
def opened(place: Place) -> Opened:
    """Every route as a role, or a stranger, finds it; each is opened once, about one service."""
    kept: dict[Role | None, dict[tuple[str, str], Answer]] = {}

    def open_all(role: Role | None) -> dict[tuple[str, str], Answer]:
        if role not in kept:
            browser = place.browser(role) if role is not None else place.app.test_client()
            kept[role] = {(method, rule): _open(browser, method, rule) for method, rule in DOORS}
        return kept[role]

    return open_all


def _open(browser: FlaskClient, method: str, rule: str) -> Answer:
    """One route, with something in the place of its names."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: NAMES.get(found[1], "1"), rule)
    asked = {"service": SERVICES[0]} if method == "GET" else {}
    with browser.open(path, method=method, query_string=asked) as answer:
        return Answer(answer.status_code, html.unescape(answer.text), answer.headers.get("Location", ""))


@pytest.mark.parametrize("role", [*Role, None])
def test_a_route_opens_for_who_has_its_right(opened: Opened, role: Role | None) -> None:
    """And for nobody else: a stranger is led to the sign-in, or told 401."""
    for (method, rule), answer in opened(role).items():
        needed, said = DOORS[method, rule], (method, rule, answer.status)
        if needed == ANYBODY:
            assert answer.status != 401, said
        elif role is None:
            assert answer.status == (303 if method == "GET" else 401), said
            assert "/oversight/sign-in" in (answer.location or answer.text), said
        elif needed == SIGNED_IN or needed in RIGHTS[role]:
            assert REFUSED not in answer.text, said
            assert answer.status not in (401, 500, 503), said
            if "<" not in rule and method == "GET" and isinstance(needed, Right):
                assert answer.status == 200, said
        else:
            assert (answer.status, REFUSED in answer.text) == (403, True), said


@pytest.mark.parametrize("role", list(Role))
def test_the_navigation_leads_to_what_opens(opened: Opened, role: Role) -> None:
    """To all of it that is a page of its own, and to nothing else."""
    answers = opened(role)
    links = set(re.findall(r'<li><a href="(/oversight/[^"?]*)', answers["GET", "/oversight/"].text))
    assert links
    assert {answers["GET", link].status for link in links} == {200}


def test_every_export_says_who_may_take_it() -> None:
    """A new one without a row here fails."""
    assert {name: set(offer.rights) for name, offer in OFFERS.items()} == FILES


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.QUALITY])
def test_a_file_does_not_leave_the_house_for_others(place: Place, role: Role) -> None:
    """And comments go along for who may read them only."""
    browser = place.browser(role)
    wanted = {name: f"/oversight/exports/{name}" for name, rights in FILES.items() if not rights <= RIGHTS[role]}
    for path in (*wanted.values(), "/oversight/exports/events.csv?comments=yes"):
        with browser.get(path) as answer:
            assert (answer.status_code, REFUSED in answer.text) == (403, True), path


@pytest.mark.parametrize("role", list(Role))
def test_no_patient_stands_on_any_page(opened: Opened, seeded: Any, role: Role) -> None:
    """Not even under a pseudonym, or the beginning of one."""
    words = {word for answer in opened(role).values() for word in re.findall(r"[0-9A-Za-z_-]{8,}", answer.text)}
    for column in ("patient", "encounter"):
        rows = seeded.mart.rows(f"SELECT DISTINCT {column} FROM advice WHERE {column} <> ''")
        assert rows
        assert not words & {value[:length] for (value,) in rows for length in (8, 10, 12, 16, len(value))}


@pytest.mark.parametrize("role", list(Role))
def test_clinicians_stand_there_for_who_may_see_them(opened: Opened, seeded: Any, role: Role) -> None:
    """Under short pseudonyms for the quality team, for nobody else in any form."""
    words = {word for answer in opened(role).values() for word in re.findall(r"[0-9A-Za-z_-]{6,}", answer.text)}
    rows = seeded.mart.rows("SELECT DISTINCT clinician FROM advice WHERE clinician <> ''")
    found = {value for (value,) in rows for length in (6, 7, 8, 10, 12, 16) if value[:length] in words}
    assert bool(found) == (Right.CLINICIANS in RIGHTS[role])
    assert not words & {value for (value,) in rows}


@pytest.mark.parametrize("role", list(Role))
def test_comments_stand_there_for_who_may_read_them(opened: Opened, seeded: Any, role: Role) -> None:
    """As clinicians wrote them."""
    text = "\n".join(answer.text for answer in opened(role).values())
    rows = seeded.mart.rows("SELECT DISTINCT comment FROM feedback WHERE length(comment) > 20")
    assert any(comment in text for (comment,) in rows) == (Right.COMMENTS in RIGHTS[role])


# Pages that know no filter by unit and role.
WITHOUT_PEOPLE = ("equity", "override-rates")


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.MODELLER, Role.INTEGRATOR, Role.AUDITOR, Role.ADMIN])
def test_no_filter_singles_a_clinician_out(place: Place, seeded: Any, role: Role) -> None:
    """Neither a role within a unit, nor a unit of a few days: one person may stand behind it."""
    browser = place.browser(role)
    rows = seeded.mart.rows("SELECT DISTINCT unit_name, role FROM advice WHERE unit_name <> '' AND role <> ''")
    assert len(rows) > 10
    for page in ("", "service", "comparison", "reasons", "equity", "drift", "outcomes", "thresholds", "override-rates"):
        unit, of_role = rows[len(page) % len(rows)]
        asked = {"service": SERVICES[0], "unit": unit, "role": of_role}
        for further in ({}, {"hook": "patient-view"}, {"model": SERVICES[0]}):
            with browser.get(f"/oversight/{page}", query_string=asked | further) as answer:
                taken = answer.status_code == 403 and "Too few clinicians" in answer.text
                assert taken or page in WITHOUT_PEOPLE, (page, further)
    day = str(seeded.period.last)
    with browser.get("/oversight/service", query_string={"unit": rows[0][0], "from": day, "to": day}) as answer:
        assert answer.status_code == 403
    with browser.get("/oversight/service", query_string={"unit": rows[0][0]}) as answer:
        assert answer.status_code == 200
        assert OF_FEW in html.unescape(answer.text)
        assert "weeks as a table" not in answer.text


@pytest.mark.parametrize("page", ["", "service", "comparison", "reasons", "drift", "outcomes", "thresholds", "models"])
def test_every_page_takes_every_filter(place: Place, page: str) -> None:
    """Of the one model of a service the figures are those of the service; of the risk page and a tier not."""
    browser, asked = place.browser(Role.QUALITY), {"service": SERVICES[0]}
    with browser.get(f"/oversight/{page}", query_string=asked) as whole:
        told = _figures(whole.text)
    with browser.get(f"/oversight/{page}", query_string=asked | {"model": SERVICES[0]}) as answer:
        assert answer.status_code == 200
        # Reports of problems name no model, so Service leaves them out.
        assert page == "service" or _figures(answer.text) == told
    with browser.get(f"/oversight/{page}", query_string=asked | {"hook": "smart-launch", "tier": "high"}) as answer:
        assert answer.status_code == 200
        assert page == "models" or _figures(answer.text) != told


def _figures(text: str) -> list[str]:
    """The cells of all tables."""
    return re.findall(r"<td[ >].*?</td>", re.sub(r"<a [^>]*>", "", text), re.DOTALL)


# Every filter that is not one of people, and its column in the mart.
DIVIDING = {name: column for name, column in FILTERS.items() if name not in {"unit", "role"}}


@pytest.mark.parametrize("name", DIVIDING)
def test_what_a_filter_leaves_out_of_a_role_is_not_that_of_few(place: Place, seeded: Any, name: str) -> None:
    """What is shown is of five clinicians or more, and so is all that is not, which follows from the role's figures."""
    browser, days = place.browser(Role.MODELLER), {"from": seeded.period.first, "to": seeded.period.last}
    rows = seeded.mart.rows(f"SELECT role, {DIVIDING[name]}, client, clinician FROM advice WHERE clinician <> ''")
    for role in sorted({row[0] for row in rows}):
        people: dict[str | None, set[tuple[str, str]]] = {}
        for _, value, *who in (row for row in rows if row[0] == role):
            people.setdefault(value, set()).add(tuple(who))
        refused: set[tuple[str, str]] = set()
        for value, who in people.items():
            # What has no value cannot be asked for.
            asked = days | {"role": role, name: value}
            if value and browser.get("/oversight/", query_string=asked).status_code == 200:
                assert len(who) >= FEWEST, asked
            else:
                refused |= who
        assert len(refused) == 0 or len(refused) >= FEWEST or refused == set().union(*people.values()), (role, refused)


def test_events_tell_no_role_that_is_one_person(seeded: Any) -> None:
    """For who may not see clinicians, of a unit where a role is fewer than five people, no card tells the role."""
    few = roles_of_few(seeded.mart, Selection(seeded.period))
    assert few
    place_of = {column.name: place for place, column in enumerate(EVENTS.columns)}
    told = [
        (row[place_of["client"]], row[place_of["location"]])
        for row in events(seeded.mart, Selection(seeded.period), 10**9, Detail())
        if row[place_of["role"]]
    ]
    assert not few & set(told)


# The first number of a row, and the caption of its table: on these pages rows of few are for the quality team.
SMALL_ROWS = (
    ("/oversight/override-rates?by=day", "Counts by day"),
    ("/oversight/override-rates?by=week", "Counts by week"),
    ("/oversight/reasons?", "Reasons of"),
    ("/oversight/reasons?", "By week"),
)


@pytest.mark.parametrize("role", list(Role))
def test_rows_of_few_are_for_who_may_see_clinicians(place: Place, role: Role) -> None:
    """The days, weeks and reasons of a service; for the others no hidden row is alone beside its total."""
    browser, few = place.browser(role), 0
    for address, caption in SMALL_ROWS:
        with browser.get(f"{address}&service={SERVICES[2]}") as answer:
            rows = _numbers(html.unescape(answer.text), caption)
        hidden = [name for name, number in rows if number is None]
        few += sum(number is not None and number < SMALLEST_SHOWN for _, number in rows)
        assert not (Right.CLINICIANS in RIGHTS[role] and hidden), (address, hidden)
        assert len(hidden) != 1, (address, hidden)
    assert bool(few) == (Right.CLINICIANS in RIGHTS[role])


def _numbers(text: str, caption: str) -> list[tuple[str, int | None]]:
    """The rows of a table of a page with the first of their numbers, None where there is none."""
    found = re.search(rf"<caption>{caption}.*?</table>", text, re.DOTALL)
    assert found is not None, caption
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', found[0], re.DOTALL)
    numbers = [(name, re.search(r'<td class="number">([\d,]+)', cells)) for name, cells in rows]
    return [(name, int(number[1].replace(",", "")) if number else None) for name, number in numbers]
