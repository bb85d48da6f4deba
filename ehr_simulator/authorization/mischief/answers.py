"""Mischief in the answer of the authorization endpoint."""

from __future__ import annotations

from ehr_simulator.authorization.mischief.board import Mischief

SCRIPT = "<script>document.title='stolen'</script><img src=x onerror=alert(1)>"


def twist(answer: dict[str, str], mischief: Mischief, who: tuple[str, ...]) -> dict[str, str]:
    """The parameters that go back to the app. `who` begins with the client id."""
    twisted = dict(answer)
    if "code" in twisted:
        before = mischief.swap_code(who[0], twisted["code"])
        if mischief.on("replayed_code", who):
            twisted["code"] = before
    for member, name, default in (
        ("iss", "other_issuer", "https://other-ehr.example"),
        ("state", "wrong_state", "another-state"),
    ):
        twisted[member] = mischief.value(name, who, default=default) or twisted.get(member, "")
    for member, name in (("iss", "no_issuer"), ("state", "no_state")):
        if mischief.on(name, who):
            twisted[member] = ""
    script = mischief.value("hostile_error", who, default=SCRIPT)
    if script is not None:
        twisted.pop("code", None)
        twisted |= {"error": "access_denied", "error_description": script}
    return {name: value for name, value in twisted.items() if value}
