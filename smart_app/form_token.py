"""The token in every form: only a page that this server made for this launch and this browser can post (CSRF)."""

from __future__ import annotations

import hashlib
import hmac

from clinical.errors import NotAllowed


def form_token(secret: bytes, launch_id: str, browser: str) -> str:
    """An HMAC over the launch and the digest of its cookie."""
    return hmac.new(secret, f"form\0{launch_id}\0{browser}".encode(), hashlib.sha256).hexdigest()


def check_form_token(secret: bytes, launch_id: str, browser: str, sent: str) -> None:
    """Raise `NotAllowed` unless the token is the one of this launch."""
    if not hmac.compare_digest(form_token(secret, launch_id, browser).encode(), sent.encode()):
        raise NotAllowed("This form does not belong to this page. Nothing was saved.")
