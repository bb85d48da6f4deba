"""The end of a session at this server (OpenID Connect RP-Initiated Logout 1.0).

There is none to end: everybody signs in anew for every app. So it sends the browser back, or says that it is over.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, make_response, request

from ehr_simulator.authorization.clients import RegisteredClient


def answer(clients: Mapping[str, RegisteredClient]) -> Response:
    """Back to the app, if it has registered the address; else a line of text."""
    client = clients.get(request.args.get("client_id", ""))
    back = request.args.get("post_logout_redirect_uri", "")
    if client is None or back not in client.settings.signed_out_uris:
        return Response("You are signed out of the hospital.\n", mimetype="text/plain")
    sent = make_response("", 302)
    sent.headers["Location"] = back
    return sent
