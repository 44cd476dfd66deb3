"""The hinge: a built thing and a found thing end as the same values, in the registry and for ZenML."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from provisioner import arn as arns
from provisioner import found as founds
from provisioner.cli.scan import run as scan
from provisioner.components import find, for_arn
from provisioner.scan.table import ROWS

NAME = "churn-dev"
Refusal = Callable[[Callable[[], object]], tuple[str, int]]


@pytest.fixture
def built(world: Any) -> Any:
    """A registered sagemaker stack."""
    world.deploy(world.spec("sagemaker"))
    return world.finish()


def seen(world: Any) -> dict[str, Any]:
    """What a scan finds, by ARN."""
    return {r.arn: r for r in scan(world.cloud, ROWS).resources}


def without_made(type_: str, flavor: str, outputs: Any) -> dict[str, str]:
    """What a template promises beside the thing itself, no scan can read off it."""
    facts = find(type_, flavor)
    assert facts is not None
    return {k: v for k, v in outputs.items() if k not in facts.made_outputs}


def test_a_scan_finds_what_was_built_and_reads_the_same_values_off_it(world: Any, built: Any) -> None:
    found = seen(world)
    for part in world.registry.components():
        arn = next(v for k, v in part.outputs.items() if k.endswith("_arn"))
        facts = find(part.type, part.flavor)
        assert facts is not None
        assert found[arn].tags["stackwright:stack"] == NAME
        assert facts in [*for_arn(arn)]
        assert facts.outputs_of(arns.parse(arn)) == without_made(part.type, part.flavor, part.outputs)


def test_registered_from_a_scan_it_has_the_same_outputs_and_configuration(world: Any, built: Any) -> None:
    known = world.registry.components_of(built)
    found = seen(world)
    for types in (("artifact_store", "container_registry"), ("orchestrator",), ("step_operator",)):
        for type_ in types:
            arn = next(v for k, v in known[type_].outputs.items() if k.endswith("_arn"))
            assert arn in found
    resources = [
        found[next(v for k, v in known[t].outputs.items() if k.endswith("_arn"))]
        for t in ("artifact_store", "container_registry", "orchestrator")
    ]
    made = founds.components(
        resources,
        types=("artifact_store", "container_registry", "orchestrator"),
        stack="shared",
        now=world.now,
    )
    configs = {t: dict(part.config) for t, part in known.items()}
    assert (
        configs["orchestrator"].pop("scheduler_role") == known["orchestrator"].outputs["scheduler_role_arn"]
    )
    assert {c.type: (c.flavor, c.outputs, c.config) for c in made} == {
        t: (known[t].flavor, without_made(t, known[t].flavor, known[t].outputs), configs[t])
        for t in ("artifact_store", "container_registry", "orchestrator")
    }
    assert {c.origin for c in made} == {"found"}


def test_a_found_bucket_and_repository_become_a_whole_stack(world: Any, built: Any) -> None:
    found = seen(world)
    known = world.registry.components_of(built)
    resources = [
        found[known["artifact_store"].outputs["bucket_arn"]],
        found[known["container_registry"].outputs["repository_arn"]],
    ]
    parts = founds.components(resources, types=(), stack="shared", now=world.now)
    stack = founds.stack("shared", parts, now=world.now)
    world.registry.register(stack, parts)
    assert world.held() == {NAME: "registered", "shared": "registered"}
    assert {t: (c.flavor, c.origin) for t, c in world.registry.components_of(stack).items()} == {
        "artifact_store": ("s3", "found"),
        "container_registry": ("ecr", "found"),
        "orchestrator": ("local", "found"),
    }


def test_what_was_found_can_be_reused_by_a_new_stack_with_the_same_values(world: Any, built: Any) -> None:
    bucket = world.registry.components_of(built)["artifact_store"]
    components = {
        "artifact_store": {"flavor": "s3", "reuse": bucket.outputs["bucket_arn"]},
        "container_registry": "ecr",
        "orchestrator": "local",
    }
    world.deploy(world.spec(name="second", components=components))
    reused = world.registry.components_of(world.finish("second"))["artifact_store"]
    assert (reused.origin, reused.outputs, reused.config) == ("found", bucket.outputs, bucket.config)


def test_an_unfit_repository_is_refused_with_the_reason(world: Any, refusal: Refusal) -> None:
    ecr = world.cloud.session.client("ecr").raw
    made = ecr.create_repository(repositoryName="frozen", imageTagMutability="IMMUTABLE")["repository"]
    resource = seen(world)[made["repositoryArn"]]
    assert refusal(lambda: founds.check_fit([resource], region="eu-central-1")) == (
        "frozen is unfit as container_registry: it does not hold that tags may be pushed again: ZenML "
        "re-pushes the tag of every pipeline build",
        3,
    )


def test_a_role_that_sagemaker_may_not_assume_is_no_component(world: Any) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    world.iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(trust))
    assert "arn:aws:iam::123456789012:role/web" not in seen(world)


def test_resources_of_two_regions_are_no_stack(world: Any, refusal: Refusal) -> None:
    from dataclasses import replace

    world.cloud.buckets.create_private("one")
    resource = seen(world)["arn:aws:s3:::one"]
    parts = founds.components([resource], types=(), stack="mixed", now=world.now)
    parts.append(replace(parts[0], type="container_registry", flavor="ecr", region="us-east-1"))
    assert refusal(lambda: founds.stack("mixed", parts, now=world.now)) == (
        "the resources are in 123456789012 eu-central-1 and 123456789012 us-east-1",
        3,
    )
