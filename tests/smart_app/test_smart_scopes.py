"""Scopes as text: whatever is granted, no right is read out of it that is not in it."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_adapters.smart.smart_scopes import asked, asked_writes, covered, not_beyond
from fhir_adapters.write.write_scopes import can_write

TYPES = ("Patient", "Observation", "RiskAssessment", "*")
RIGHTS = ("read", "write", "*", "rs", "r", "s", "c", "cruds", "crs", "cud", "", "sr", "rs?category=laboratory", "READ")
scopes = st.one_of(
    st.builds(
        "{}/{}.{}".format,
        st.sampled_from(("patient", "user", "system", "")),
        st.sampled_from(TYPES),
        st.sampled_from(RIGHTS),
    ),
    st.sampled_from(
        ("openid", "fhirUser", "launch", "offline_access", "launch/patient", "*", ".", "patient/", "\u0000")
    ),
    st.text(max_size=20),
)
grants = st.lists(scopes, max_size=6).map(tuple)
READS = tuple(f"patient/{name}.{form}" for name in TYPES[:3] for form in ("rs", "read"))


@given(grants)
def test_reading_needs_r_and_s_on_the_type(granted: tuple[str, ...]) -> None:
    """In plain words, against the parser."""
    plain = {"read", "*", "rs", "cruds", "crs"}
    for wanted in READS:
        name = wanted.split("/")[1].split(".")[0]
        expected = any(f"{who}/{kind}.{right}" in granted for who in ("patient", "user")
                       for kind in (name, "*") for right in plain)  # fmt: skip
        assert covered(wanted, granted) == expected


@given(grants, grants)
def test_a_renewal_never_adds_a_right(new: tuple[str, ...], old: tuple[str, ...]) -> None:
    """What is kept is of the new ones, and whatever it lets do, the old ones let do."""
    kept = not_beyond(new, old)
    assert set(kept) <= set(new)
    assert all(covered(wanted, old) for wanted in READS if covered(wanted, kept))
    assert set(can_write(kept)) <= set(can_write(old))
    assert not_beyond(old, old) == old


@given(st.lists(st.sampled_from(TYPES[:3]), unique=True))
def test_what_is_asked_for_would_be_enough_in_either_form(types: list[str]) -> None:
    """All that was asked for and granted leaves nothing missing; no scope is a wildcard."""
    reads = tuple(f"patient/{name}.rs" for name in types)
    for form in ("v1", "v2"):
        wanted = asked(reads, form)
        assert all(covered(scope, wanted) for scope in wanted)
        assert all(covered(scope, wanted) for scope in reads)
        writes = asked_writes(types, form)
        assert set(can_write(writes)) == set(types) & {"RiskAssessment"}
        assert not any("*" in scope for scope in (*wanted, *writes))
