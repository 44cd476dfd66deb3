"""The same weather in front of any AWS endpoint: `python -m tests.seeded_cloud.proxy --to http://…`."""

import argparse
import asyncio
from urllib.parse import urlsplit

from tests.seeded_cloud import wire
from tests.seeded_cloud.serving import end_with_parent, serve
from tests.seeded_cloud.weather import Weather, parse
from tests.seeded_cloud.wire import AwsError, Request, Response


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
        # HTTP/1.0 ends with the connection: no chunks to put together.
        lines = "".join(f"{k}: {v}\r\n" for k, v in request.headers.items() if k != "connection")
        writer.write(
            f"{request.method} {request.target} HTTP/1.0\r\n{lines}\r\n".encode("latin-1") + request.body
        )
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest if ": " in line)
        kept = {k: v for k, v in headers.items() if k.lower() not in ("content-length", "connection")}
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
