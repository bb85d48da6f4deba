"""Who hangs up in the middle of an answer leaves no file open."""

from __future__ import annotations

from flask import Flask, send_file

from ehr_simulator.whole_answers import whole


def test_a_file_is_closed_before_its_answer_is_sent(tmp_path) -> None:
    """So nobody has to read it for that; bytes and status are those of the app itself."""
    (tmp_path / "icon.svg").write_bytes(b"<svg/>" * 50_000)
    app, opened = Flask("files"), []

    @app.get("/icon.svg")
    def icon():
        opened.append((tmp_path / "icon.svg").open("rb"))
        return send_file(opened[-1], mimetype="image/svg+xml")

    environ = app.test_request_context("/icon.svg").request.environ
    said: list[str] = []
    answer = whole(app)(environ, lambda status, _headers, *_: said.append(status))
    assert opened[0].closed
    assert said == ["200 OK"]
    assert b"".join(answer) == b"<svg/>" * 50_000
