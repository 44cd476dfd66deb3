"""What `stack export` writes, read by the very tools that it is written for."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner import export
from tests.conftest import NAME, REGION
from tests.export.samples import EC2, EKS, MORE
from tests.zenml.conftest import ZenMLServer
from tests.zenml.e2e.conftest import HERE, PYTHON, client_environment

pytestmark = pytest.mark.slow
TOOLS = HERE.parents[2] / "build" / "tools-venv" / "bin"
ZENML = ("-c", "from zenml.cli.cli import cli; cli()")
CLUSTER = """\
version: 1
name: churn-dev
region: eu-central-1
components:
  artifact_store: s3
  container_registry: ecr
  orchestrator: {flavor: eks, options: {public_access_cidrs: ["198.51.100.7/32"]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def ran(python: Path, *arguments: str, folder: Path, **environment: str) -> str:
    """What a user's tool prints, in a folder with nothing but what was exported."""
    own = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"}
    for script in HERE.glob("*.py"):
        shutil.copy(script, folder)
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=own | environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def credentials(aws: Any) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "of-the-user",
    }


def exported(cli: Any, format_: str, file: Path) -> Path:
    done = cli("stack", "export", NAME, "--format", format_, "-o", str(file))
    assert done.code == 0, done.err
    return file


def stack_id(server: ZenMLServer, name: str) -> str:
    (found,) = server.get("/stacks", name=name)["items"]
    return str(found["id"])


def test_zenml_imports_the_stack_and_exports_it_again(
    cli: Any, world: Any, server: ZenMLServer, folder: Path
) -> None:
    world.deploy(world.spec("sagemaker"))
    world.finish()
    file = exported(cli, "zenml", folder / "exported.yaml")
    environment = client_environment(world.aws, server, folder)
    ran(PYTHON, *ZENML, "stack", "import", "imported", "-f", str(file), folder=folder, **environment)
    again = folder / "again.yaml"
    ran(PYTHON, *ZENML, "stack", "export", "imported", str(again), folder=folder, **environment)
    ours, theirs = yaml.safe_load(file.read_text()), yaml.safe_load(again.read_text())
    # The connector comes by the commands at the head of the file.
    for line in file.read_text().splitlines():
        if line.startswith("#   zenml "):
            ran(PYTHON, *ZENML, *line.split()[2:], folder=folder, **environment)
    connected = server.get("/components", stack_id=stack_id(server, "imported"), hydrate="true")["items"]
    assert {c["name"]: c["metadata"]["connector"]["name"] for c in connected} == {
        part["name"]: NAME for parts in ours["components"].values() for part in parts
    }
    # ZenML writes down a default of its own.
    del theirs["components"]["orchestrator"][0]["configuration"]["instance_type"]
    assert theirs == ours | {"stack_name": "imported"}


@pytest.mark.parametrize("of", ["eks", "ec2", "more"])
def test_zenml_imports_every_kind_of_stack(of: str, server: ZenMLServer, aws: Any, folder: Path) -> None:
    name = f"imported-{of}"
    subject = replace({"eks": EKS, "ec2": EC2, "more": MORE}[of], name=name)
    (folder / "x.yaml").write_text(export.find("zenml").render(subject))
    environment = client_environment(aws, server, folder)
    ran(PYTHON, *ZENML, "stack", "import", name, "-f", "x.yaml", folder=folder, **environment)
    assert server.get("/stacks", name=name)["total"] == 1


def test_metaflow_runs_a_flow_whose_values_lie_in_our_bucket(cli: Any, world: Any, folder: Path) -> None:
    world.deploy()
    stack = world.finish()
    exported(cli, "metaflow", folder / f"config_{NAME}.json")
    settings = {"METAFLOW_HOME": str(folder), "METAFLOW_PROFILE": NAME, "METAFLOW_USER": "me"}
    told = ran(
        TOOLS / "python",
        "flow.py",
        "run",
        folder=folder,
        AWS_REGION=REGION,
        **settings,
        **credentials(world.aws),
    )
    assert "total 6" in told
    bucket = world.registry.components_of(stack)["artifact_store"].outputs["bucket_name"]
    keys = [o["Key"] for o in world.s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert {key.split("/")[:2] == ["metaflow", "ChurnFlow"] for key in keys} == {True}


def test_the_sagemaker_sdk_takes_roles_and_bucket_from_the_file(cli: Any, world: Any, folder: Path) -> None:
    world.deploy(world.spec("sagemaker"))
    parts = world.registry.components_of(world.finish())
    file = exported(cli, "sagemaker", folder / "config.yaml")
    told = ran(
        PYTHON,
        "sagemaker_defaults.py",
        folder=folder,
        SAGEMAKER_USER_CONFIG_OVERRIDE=str(file),
        **credentials(world.aws),
    )
    assert json.loads(told.splitlines()[-1]) == {
        "bucket": parts["artifact_store"].outputs["bucket_name"],
        "prefix": "sagemaker",
        "role": parts["step_operator"].outputs["execution_role_arn"],
        "pipeline": parts["orchestrator"].outputs["execution_role_arn"],
    }


def test_the_kubernetes_client_gets_in_as_the_access_role_by_the_aws_cli(
    cli: Any, world: Any, folder: Path
) -> None:
    Path("stack.yaml").write_text(CLUSTER)
    done = cli("deploy", "--yes")
    assert done.code == 0, done.err
    file = exported(cli, "kubernetes", folder / "kubeconfig")
    told = ran(
        TOOLS / "python", "list_accounts.py", folder=folder, KUBECONFIG=str(file), **credentials(world.aws)
    )
    assert json.loads(told.splitlines()[-1]) == {"accounts": ["default", "zenml"], "refused": 403}
