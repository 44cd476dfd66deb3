"""The seeded cloud as processes: `python -m tests.seeded_cloud --port 4999 --accounts 20`."""

import argparse
import asyncio
import json

from tests.seeded_cloud import answers, wire
from tests.seeded_cloud.serving import end_with_parent, serve
from tests.seeded_cloud.weather import Weather, parse
from tests.seeded_cloud.wire import AwsError, Request, Response
from tests.seeded_cloud.world import REGIONS, World


class Cloud:
    """Answers of one world in one weather."""

    def __init__(self, world: World, weather: Weather) -> None:
        self._world, self._weather = world, weather

    async def answer(self, request: Request) -> Response | None:
        call = wire.read(request)
        if self._weather.latency:
            await asyncio.sleep(self._weather.latency)
        drop = self._weather.drop(call, request)
        if drop:
            await asyncio.sleep(self._weather.hang if drop == "dead" else 0)
            return None
        try:
            self._weather.check(call, request)
            return wire.answer(call, answers.of(self._world, call))
        except AwsError as error:
            return wire.refusal(call, error)


async def _run(port: int, cloud: Cloud) -> None:
    end_with_parent()
    await serve(port, cloud.answer)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--seed", default="1")
    asked.add_argument("--accounts", type=int, default=3)
    asked.add_argument("--regions", type=int, default=len(REGIONS))
    asked.add_argument("--sizes", type=json.loads, default={})
    asked.add_argument("--weather", type=parse, default=Weather())
    given = asked.parse_args()
    world = World(
        seed=given.seed, accounts=given.accounts, regions=REGIONS[: given.regions], sizes=given.sizes
    )
    asyncio.run(_run(given.port, Cloud(world, given.weather)))


if __name__ == "__main__":
    main()
