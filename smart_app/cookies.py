"""The cookie that ties a launch to one browser.

One cookie per launch, so that two charts in two tabs do not push each other out. Its name carries the launch id, its
value is a random secret of which the server keeps a digest. `__Host-` with Secure and Path=/ keeps other hosts from
setting it; SameSite=None with Partitioned (CHIPS) is what a frame inside an EHR needs; SameSite then protects
nothing, so every form carries a token (`form_token.py`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from flask import Response

PREFIX = "__Host-chartside-"


def digest(secret: str) -> str:
    """What the server keeps of a secret that the browser holds."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(secret: str, kept: str) -> bool:
    """Whether a secret is the one whose digest is kept."""
    return hmac.compare_digest(digest(secret), kept)


def held(cookies: Mapping[str, str]) -> dict[str, str]:
    """The browser's secrets by launch id."""
    return {name.removeprefix(PREFIX): value for name, value in cookies.items() if name.startswith(PREFIX)}


def hand_out(response: Response, launch_id: str, secret: str) -> None:
    """Give the browser the secret of a launch, until it is closed."""
    response.set_cookie(
        PREFIX + launch_id, secret, secure=True, httponly=True, samesite="None", partitioned=True, path="/"
    )


def take_back(response: Response, launch_ids: Iterable[str]) -> None:
    """Remove the cookies of launches that are over."""
    for launch_id in launch_ids:
        response.set_cookie(
            PREFIX + launch_id, "", max_age=0, secure=True, httponly=True, samesite="None", partitioned=True, path="/"
        )
