"""Answers go compressed to browsers that take it: a page of fifteen results is mostly the same forms again.

Compression beside a secret is safe here: nothing that a stranger can choose stands in an answer (BREACH, Gluck et al.
2013, needs that). Addresses are not repeated, and a form is taken only with the page's own token.
"""

from __future__ import annotations

import gzip

from flask import Response, request

LEAST_BYTES = 1_000
LEVEL = 5
TEXTS = ("text/", "application/json", "application/javascript", "image/svg+xml")


def compress(response: Response) -> Response:
    """Compress a text that is whole and long enough, if the browser takes it."""
    if response.status_code != 200 or not (response.mimetype or "").startswith(TEXTS):
        return response
    response.headers.add("Vary", "Accept-Encoding")
    if request.accept_encodings["gzip"] <= 0 or response.headers.get("Content-Encoding"):
        return response
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) >= LEAST_BYTES:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("ETag", None)  # nothing here is kept, so nothing is asked for again
    return response
