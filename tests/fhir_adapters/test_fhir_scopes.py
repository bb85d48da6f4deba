"""One grammar of scopes, one of ids, one name of the page: every reader of a grant or a reference says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.errors import LaunchFailed
from clinical.invocation import SMART_HOOK, FhirAccess
from fhir_adapters.grant import Grant
from fhir_adapters.ids import ANY_ID, FHIR_ID, RELATIVE
from fhir_adapters.scopes import Cover, Scope, cover, of_the_launch, parse
from fhir_adapters.smart.id_token import fhir_user
from fhir_adapters.smart.launch_context import fhir_context_in, id_in
from fhir_adapters.smart.smart_scopes import covered
from fhir_adapters.write.write_scopes import can_write

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("cds_hooks", "chartside", "clinical", "fhir_adapters", "models", "oversight", "smart_app")


@pytest.mark.parametrize(
    ("text", "rights", "narrowed", "old"),
    [
        ("patient/Observation.rs", "rs", False, False),
        ("patient/Observation.read", "rs", False, True),
        ("user/*.write", "cud", False, True),
        ("patient/*.*", "cruds", False, True),
        ("patient/*.cruds", "cruds", False, False),
        ("system/Patient.r", "r", False, False),
        ("patient/Observation.rs?category=laboratory", "rs", True, False),
    ],
)
def test_a_scope_is_read(text: str, rights: str, narrowed: bool, old: bool) -> None:
    """Both forms, in the letters of v2, and whether a filter leaves only a part."""
    scope = parse(text)
    assert scope is not None
    assert (scope.rights, scope.narrowed, scope.old) == (frozenset(rights), narrowed, old)


@pytest.mark.parametrize(
    "text",
    ["openid", "launch/patient", "patient/Observation.sr", "patient/Observation.rsx", "patient/Observation.READ",
     "patient/Obs ervation.rs", "patient/Observation.rs?", " patient/Observation.rs", "x/patient/Observation.rs", ""],
)  # fmt: skip
def test_what_is_no_scope_gives_nothing(text: str) -> None:
    """Deny by default: no reader takes a right out of it."""
    assert parse(text) is None
    assert Grant("b", FhirAccess("b", "t", (text,))).for_type("Observation")[0] is None
    assert not covered("patient/Observation.rs", (text,))
    assert can_write((text,)) == ()


def parsed(granted: tuple[str, ...]) -> list[Scope]:
    """Those that are scopes on resources."""
    return [one for one in map(parse, granted) if one is not None]


scopes = st.builds(
    "{}/{}.{}{}".format,
    st.sampled_from(("patient", "user", "system")),
    st.sampled_from(("Observation", "Patient", "RiskAssessment", "Provenance", "*")),
    st.sampled_from(("read", "write", "*", "rs", "r", "s", "c", "cruds", "crs", "cud", "", "sr")),
    st.sampled_from(("", "", "?x=y")),
)


@given(st.lists(scopes, max_size=5).map(tuple))
def test_all_readers_of_a_grant_agree(granted: tuple[str, ...]) -> None:
    """What the launch calls granted, the reader of the record takes as whole; what may be written may be read."""
    at_the_screen = tuple(scope for scope in granted if not scope.startswith("system/"))
    for name in ("Observation", "Patient"):
        whole = cover("rs", name, parsed(at_the_screen)) is Cover.WHOLE
        assert covered(f"patient/{name}.rs", granted) == whole
        assert covered(f"patient/{name}.read", granted) == whole
    given_here = list(of_the_launch(granted))
    for name in can_write(granted):
        assert all(any(one.about(name) and right in one.rights for one in given_here) for right in "cr")


@pytest.mark.parametrize(
    ("granted", "reach"),
    [
        (("patient/Observation.r", "patient/Observation.s"), Cover.WHOLE),
        (("patient/Observation.r", "patient/*.s"), Cover.WHOLE),
        (("patient/Observation.r",), Cover.NONE),
        (("patient/Observation.r", "patient/Observation.s?category=laboratory"), Cover.PART),
        (("patient/Observation.rs?category=laboratory", "patient/Observation.rs"), Cover.WHOLE),
    ],
)
def test_two_scopes_may_give_two_rights(granted: tuple[str, ...], reach: Cover) -> None:
    """SMART App Launch 2.2.0 lets an EHR grant each right by a scope of its own; all readers add them up."""
    assert cover("rs", "Observation", parsed(granted)) is reach
    assert covered("patient/Observation.rs", granted) == (reach is Cover.WHOLE)
    access, _ = Grant("b", FhirAccess("b", "t", granted)).for_type("Observation")
    assert (access is None) == (reach is Cover.NONE)


@pytest.mark.parametrize("name", [".", "..", "...", "", "a/b", "a b", "ü", "x" * 65, "a\n"])
def test_what_cannot_be_a_part_of_a_url_is_no_id(name: str) -> None:
    """Nowhere: not as an id, in a reference, in the context of a launch, nor as who opened the page."""
    assert not FHIR_ID.fullmatch(name)
    assert not RELATIVE.fullmatch(f"Location/{name}")
    assert fhir_context_in({"fhirContext": [{"reference": f"ServiceRequest/{name}"}]}) == ()
    with pytest.raises(LaunchFailed):
        id_in({"patient": name}, "patient")
    with pytest.raises(LaunchFailed, match="fhirUser"):
        fhir_user({"fhirUser": f"Practitioner/{name}"}, "https://ehr.example/fhir")


@given(st.from_regex(re.compile(ANY_ID, re.ASCII), fullmatch=True))
def test_every_other_id_of_fhir_is_one(name: str) -> None:
    """The data type's own rule, and one exception: dots alone."""
    assert bool(FHIR_ID.fullmatch(name)) == bool(name.strip("."))
    assert bool(RELATIVE.fullmatch(f"Observation/{name}")) == bool(name.strip("."))


@pytest.mark.parametrize(
    ("piece", "home"), [(f'"{SMART_HOOK}"', "clinical/invocation.py"), ("|c?r?u?d?s?", "fhir_adapters/scopes.py")]
)
def test_it_is_written_once(piece: str, home: str) -> None:
    """A second copy would drift from the first."""
    files = (path for room in PRODUCT for path in (ROOT / room).rglob("*.py"))
    assert [str(path.relative_to(ROOT)) for path in files if piece in path.read_text("utf-8")] == [home]


def test_ids_are_written_once_in_this_room() -> None:
    """All patterns of references are made of the same id."""
    files = (ROOT / "fhir_adapters").rglob("*.py")
    assert [path.name for path in files if r"A-Za-z0-9\-.]{1,64}" in path.read_text("utf-8")] == ["ids.py"]
