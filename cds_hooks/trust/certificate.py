"""What a proxy says about a client certificate, as a fingerprint.

Three forms are read: the SHA-256 fingerprint itself in hex, with or without colons (HAProxy, Cloudflare); the
certificate as PEM, URL-encoded (nginx `$ssl_client_escaped_cert`; its `$ssl_client_fingerprint` is SHA-1, and so of no
use); the certificate as a byte sequence (`Client-Cert`, RFC 9440 section 2.1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from urllib.parse import unquote

MAX_LENGTH = 16_384
_HEX = re.compile(r"[0-9a-f]{64}")
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")
_BYTES = re.compile(r":([A-Za-z0-9+/=]+):")


def fingerprint(sent: str) -> str:
    """The SHA-256 fingerprint in lower case hex, or an empty string for what is none of the three forms."""
    if len(sent) > MAX_LENGTH:
        return ""
    plain = sent.replace(":", "").lower()
    if _HEX.fullmatch(plain):
        return plain
    whole = _BYTES.fullmatch(sent.strip()) or _PEM.fullmatch(unquote(sent))
    return _digest("".join(whole[1].split())) if whole else ""


def _digest(body: str) -> str:
    """The fingerprint of a certificate in base64: the hash of its DER form."""
    try:
        return hashlib.sha256(base64.b64decode(body, validate=True)).hexdigest()
    except binascii.Error:
        return ""
