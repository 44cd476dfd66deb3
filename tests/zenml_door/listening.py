"""A web server on this machine, for as long as a test needs it."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


class listening:  # noqa: N801 - used as a function
    """A server on this machine as long as the block lasts; its port."""

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self._server = HTTPServer(("127.0.0.1", port), handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> int:
        self._thread.start()
        return self._server.server_address[1]

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
