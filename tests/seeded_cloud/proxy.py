"""The same weather in front of any AWS endpoint: `python -m tests.seeded_cloud.proxy --to http://…`."""

import argparse
import asyncio
from urllib.parse import urlsplit

from tests.seeded_cloud import wire
from tests.seeded_cloud.serving import end_with_parent, serve
from tests.seeded_cloud.weather import Weather, parse
from tests.seeded_cloud.wire import AwsError, Request, Response

# What concerns one connection, not the request.
_HOP = ("connection", "content-length", "keep-alive", "transfer-encoding")


class Proxy:
    """Passes on what the weather lets through."""

    def __init__(self, to: str, weather: Weather) -> None:
        parts = urlsplit(to)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._weather = weather

    async def answer(self, request: Request) -> Response | None:
        call = wire.read(request)
        await asyncio.sleep(self._weather.latency)
        drop = self._weather.drop(call, request)
        if drop:
            await asyncio.sleep(self._weather.hang if drop == "dead" else 0)
            return None
        try:
            self._weather.check(call, request)
        except AwsError as error:
            return wire.refusal(call, error)
        return await self._passed_on(request)

    async def _passed_on(self, request: Request) -> Response:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        # HTTP/1.0: no answer in chunks, and no connection that stays open.
        kept = {k: v for k, v in request.headers.items() if k not in ("connection", "keep-alive")}
        lines = "".join(f"{name}: {value}\r\n" for name, value in kept.items())
        start = f"{request.method} {request.target} HTTP/1.0\r\n{lines}connection: close\r\n\r\n"
        writer.write(start.encode("latin-1") + request.body)
        try:
            return await _response(reader, head_only=request.method == "HEAD")
        finally:
            writer.close()


async def _response(reader: asyncio.StreamReader, *, head_only: bool) -> Response:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *rest = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    length = headers.get("content-length")
    body = b"" if head_only else await (reader.read() if length is None else reader.readexactly(int(length)))
    kept = {name: value for name, value in headers.items() if name not in _HOP}
    return Response(body=body, status=int(first.split(" ")[1]), headers=kept)


async def _run(port: int, proxy: Proxy) -> None:
    end_with_parent()
    await serve(port, proxy.answer)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--to", required=True)
    asked.add_argument("--weather", type=parse, default=Weather())
    given = asked.parse_args()
    asyncio.run(_run(given.port, Proxy(given.to, given.weather)))


if __name__ == "__main__":
    main()
