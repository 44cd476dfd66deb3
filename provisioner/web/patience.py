"""How `serve` bears clients that are slow, silent or many: nobody keeps a connection without a request."""

import asyncio
import resource
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from fastapi import FastAPI

# For a request's head, for its body, and between two requests.
SECONDS = 10.0
MOST_CONNECTIONS = 512
_HEAD_BYTES = 16 * 1024


class Impatient(H11Protocol):
    """A connection that ends unless a request comes; where there is no room, the longest silent one ends."""

    _timer: asyncio.TimerHandle | None = None
    seconds = SECONDS

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()
        # The proxy's other clients, and whoever asks for /health, must not wait for those that say nothing.
        if self.limit_concurrency and len(self.connections) >= self.limit_concurrency:
            silent = [c for c in self.connections if isinstance(c, Impatient) and c.is_silent]
            min(silent, key=Impatient.ends_at).end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    @property
    def is_silent(self) -> bool:
        """The client has something to say before we have."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def ends_at(self) -> float:
        return self._timer.when() if self._timer else 0.0

    def end(self) -> None:
        self.connections.discard(self)
        self.transport.abort()

    def _wait(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self.loop.call_later(self.seconds, self._end_without_request)

    def _end_without_request(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.end()


def server(app: "FastAPI", *, seconds: float = SECONDS) -> uvicorn.Server:
    """Half of the files that this process may open are for connections."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    config = uvicorn.Config(
        app,
        http=type("_Impatient", (Impatient,), {"seconds": seconds}),
        ws="none",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=min(MOST_CONNECTIONS, files // 2),
        backlog=min(128, files // 4),
        timeout_keep_alive=int(seconds) or 1,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )
    return uvicorn.Server(config)
