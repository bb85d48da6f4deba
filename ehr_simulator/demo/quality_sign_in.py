"""How the quality team signs in to the demo: at the stand-in hospital, each with the role of their group."""

from __future__ import annotations

from ehr_simulator.settings import EhrSettings, OAuthClient

CLIENT_ID = "chartside-quality"
WHO = "Ann, who sees everything, or as others, who see less"
_FILE = """# How people sign in to the quality team's pages. docs/sign-in.md explains each key.
kind = "oidc"
label = "{hospital}"
issuer = "{issuer}"
client_id = "{client_id}"
roles_claim = "groups"

[roles]
quality = ["chartside-quality"]
modeller = ["chartside-modellers"]
integrator = ["chartside-integrators"]
auditor = ["chartside-auditors"]
admin = ["chartside-admins"]
clinician = ["clinicians"]
"""


def client(chartside: str) -> OAuthClient:
    """The quality team's pages as an app of the hospital's own."""
    return OAuthClient(
        CLIENT_ID,
        (f"{chartside}/oversight/callback",),
        staff=True,
        signed_out_uris=(f"{chartside}/oversight/sign-in",),
    )


def settings_toml(settings: EhrSettings) -> str:
    """The file of CHARTSIDE_SIGN_IN_FILE. The people and their groups stand in `authorization/staff.py`."""
    return _FILE.format(hospital=settings.hospital, issuer=settings.base_url, client_id=CLIENT_ID)
