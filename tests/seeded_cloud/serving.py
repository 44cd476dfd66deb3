"""A small HTTP/1.1 server, a process of its own per core: asyncio, nothing else."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.seeded_cloud.wire import Request, Response

ROOT = Path(__file__).parent.parent.parent
# None ends the connection without an answer.
Answer = Callable[[Request], Awaitable[Response | None]]


async def serve(port: int, answer: Answer) -> None:
    """Answer until the process ends; several processes may share the port."""
    server = await asyncio.start_server(
        lambda reader, writer: _connection(reader, writer, answer),
        "127.0.0.1",
        port,
        reuse_port=True,
        backlog=512,
    )
    async with server:
        await server.serve_forever()


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            request = await read(reader)
            response = await answer(request)
            if response is None:
                break
            writer.write(_bytes(response, head_only=request.method == "HEAD"))
            await writer.drain()
    writer.close()


async def read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method=method, target=target, headers=headers, body=body)


def _bytes(response: Response, *, head_only: bool) -> bytes:
    headers = {**response.headers, "Content-Length": str(len(response.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {response.status} Seeded\r\n{lines}\r\n".encode("latin-1")
    return head if head_only else head + response.body


class Processes:
    """Server processes on one loopback port, each told its arguments; they end with the block."""

    def __init__(self, module: str, arguments: Sequence[str], *, number: int = 1) -> None:
        self.port = _free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", module, "--port", str(self.port), *arguments]
        self._number = number
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for _ in range(self._number):
            self._running.append(subprocess.Popen(self._command, cwd=ROOT))
        _wait_for(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            process.wait()


def end_with_parent() -> None:
    """Nobody is left behind where the one that started this was killed."""
    parent = os.getppid()

    async def watch() -> None:
        while os.getppid() == parent:
            await asyncio.sleep(1)
        os._exit(0)

    asyncio.get_running_loop().watcher = asyncio.ensure_future(watch())  # type: ignore[attr-defined]  # kept alive


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")
