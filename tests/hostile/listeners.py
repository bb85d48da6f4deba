"""An address that nobody may call."""

from __future__ import annotations

import socket
import threading


class Listener:
    """Counts who connects. Nobody may."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.calls = 0
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            peer.close()

    def close(self) -> None:
        self._socket.close()
