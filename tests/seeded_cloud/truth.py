"""What a scan of the seeded cloud has to answer: the state of every cell, and what is in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.seeded_cloud.weather import Weather
from tests.seeded_cloud.world import GLOBAL, SERVICES, World

Place = tuple[str, str, str]
# State, ARNs, and whether questions about them got no answer.
Content = tuple[str, frozenset[str], bool]
_SIGNED_AS = {
    "sagemaker-domains": "sagemaker",
    "sagemaker-model-package-groups": "sagemaker",
    "stepfunctions": "states",
}


def expected(world: World, weather: Weather, accounts: Iterable[str] = ()) -> dict[Place, Content]:
    """Place -> content, for every service that the seeded cloud has anything of."""
    return {
        (account, region, service): _content(world, weather, account, region, service)
        for account in accounts or world.ids
        for service in SERVICES.values()
        for region in ([GLOBAL] if service == "iam" else world.regions)
    }


def _content(world: World, weather: Weather, account: str, region: str, service: str) -> Content:
    # Buckets and roles are listed where the scan is at home, whatever region they are in.
    asked_in = world.home if service in ("s3", "iam") else region
    if asked_in in weather.dead_regions:
        return "failed", frozenset(), False
    if weather.is_denied(account, asked_in, _SIGNED_AS.get(service, service)):
        return "denied", frozenset(), False
    arns = world.arns(service, account, region)
    if not arns:
        return "empty", arns, False
    return "found", arns, service == "s3" and _is_hidden(world, weather, account, region)


def _is_hidden(world: World, weather: Weather, account: str, region: str) -> bool:
    """Whether buckets that are listed at home cannot be looked into where they are, or by their account."""
    here = weather.is_denied(account, region, "s3") or region in weather.dead_regions
    return here or weather.is_denied(account, world.home, "s3control")


def told(answer: Mapping[str, Any]) -> dict[Place, Content]:
    """Place -> content, as a scan's JSON tells it."""
    kinds: dict[Place, set[str]] = {}
    services = dict(_services(answer["resources"]))
    for resource in answer["resources"]:
        place = (resource["account"], resource["region"], services[resource["arn"]])
        kinds.setdefault(place, set()).add(resource["arn"])
    return {
        (place := (c["account"], c["region"], c["service"])): (
            c["state"],
            frozenset(kinds.get(place, ())),
            c["gaps"] > 0,
        )
        for c in answer["cells"]
    }


def _services(resources: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    names = {
        "build_project": "codebuild",
        "domain": "sagemaker-domains",
        "model_package_group": "sagemaker-model-package-groups",
        "job_queue": "batch",
        "state_machine": "stepfunctions",
    }
    for resource in resources:
        kind = resource["kind"]
        yield resource["arn"], names.get(kind) or SERVICES.get(kind) or kind
