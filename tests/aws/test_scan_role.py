"""The role that a StackSet rolls out: it can be created, and only the named principal gets in."""

import json
from collections.abc import Iterator

import pytest

from provisioner.aws.session import Session
from provisioner.emulator.server import Emulator
from provisioner.errors import RefusedError
from provisioner.scan.policy import ROLE_NAME, role_template
from provisioner.scan.table import ROWS

ACCOUNT, CALLER = "111122223333", "444455556666"
EXTERNAL_ID = "scan-of-2026"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator() as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        yield running


def session(aws: Emulator, account: str) -> Session:
    keys = {"AccessKeyId": aws.access_key(account), "SecretAccessKey": "any"}
    return Session("eu-central-1", credentials=keys)


def rolled_out(aws: Emulator, principal: str) -> str:
    """The role's ARN, once its stack is complete."""
    cloudformation = session(aws, ACCOUNT).client("cloudformation").raw
    parameters = {"TrustedPrincipal": principal, "ExternalId": EXTERNAL_ID}
    cloudformation.create_stack(
        StackName="scan",
        TemplateBody=json.dumps(role_template(ROWS)),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    done = cloudformation.get_waiter("stack_create_complete")
    done.wait(StackName="scan", WaiterConfig={"Delay": 0.1})
    (stack,) = cloudformation.describe_stacks(StackName="scan")["Stacks"]
    return str(stack["Outputs"][0]["OutputValue"])


def test_whoever_is_named_gets_in_by_the_roles_fixed_name(aws: Emulator) -> None:
    caller = session(aws, CALLER)
    role = rolled_out(aws, caller.identity()["arn"])
    assert role == f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}"
    answer = caller.client("sts").assume_role(RoleArn=role, RoleSessionName="scan", ExternalId=EXTERNAL_ID)
    inside = Session("eu-central-1", credentials=answer["Credentials"])
    assert inside.identity()["account"] == ACCOUNT


def test_without_the_external_id_nobody_gets_in(aws: Emulator) -> None:
    caller = session(aws, CALLER)
    role = rolled_out(aws, caller.identity()["arn"])
    with pytest.raises(RefusedError, match="denied"):
        caller.client("sts").assume_role(RoleArn=role, RoleSessionName="scan")


def test_another_principal_of_the_trusted_account_stays_out(aws: Emulator) -> None:
    role = rolled_out(aws, f"arn:aws:iam::{CALLER}:role/platform")
    with pytest.raises(RefusedError, match="denied"):
        session(aws, CALLER).client("sts").assume_role(
            RoleArn=role, RoleSessionName="scan", ExternalId=EXTERNAL_ID
        )
