"""`stack export` at the command line: what is written, where, and by whose word."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.registry import RegisteredComponent, RegisteredStack
from tests.conftest import ACCOUNT, NAME, REGION, SECRET
from tests.export import samples

TRUSTS_EKS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
FORMATS = ("env", "json", "yaml", "zenml", "metaflow")


@pytest.fixture
def deployed(world: Any) -> Any:
    world.deploy()
    return world.finish()


def test_a_deployed_stack_is_exported_without_a_call(
    cli: Any, deployed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for format_ in FORMATS:
        ran = cli("stack", "export", NAME, "--format", format_)
        told = [word in ran.out for word in (ACCOUNT, REGION, deployed.connector["role_arn"])]
        assert (format_, ran.code, told) == (format_, 0, [True, True, True])
        assert SECRET not in ran.out + ran.err


def test_the_answer_says_all_of_it(cli: Any, deployed: Any) -> None:
    plain = cli("stack", "export", NAME, "--format", "json")
    value = cli("stack", "export", NAME, "--format", "json", "-o", "x.json", "--json").json
    assert value == {"name": NAME, "format": "json", "file": "x.json", "text": plain.out}
    assert Path("x.json").read_text() == plain.out
    shown = cli("stack", "show", NAME, "--json").json
    exported = json.loads(plain.out)
    assert exported == {key: shown[key] for key in exported}


def test_a_file_of_the_users_is_not_replaced(cli: Any, deployed: Any) -> None:
    Path("x.env").write_text("precious")
    ran = cli("stack", "export", NAME, "-o", "x.env", "--json")
    assert (ran.code, ran.error["message"], ran.error["field"]) == (2, "x.env exists", "output")
    assert Path("x.env").read_text() == "precious"
    assert cli("stack", "export", NAME, "-o", "x.env", "--force").out == "wrote x.env\n"
    again = cli("stack", "export", NAME, "-o", "x.env")
    assert (again.code, again.err) == (0, "Next: set -a; . x.env; set +a\n")


def test_a_place_that_cannot_be_written_to_is_said(cli: Any, deployed: Any) -> None:
    ran = cli("stack", "export", NAME, "-o", "none/x.env", "--json")
    assert (ran.code, ran.error["message"].partition(":")[0]) == (2, "none/x.env cannot be written")


def test_an_unknown_stack_is_answered_with_the_known(cli: Any, deployed: Any) -> None:
    ran = cli("stack", "export", "nothing", "--json")
    assert (ran.code, ran.error["message"], ran.error["hint"]) == (
        3,
        "no stack 'nothing' is registered",
        f"registered: {NAME}",
    )


def test_a_format_that_does_not_fit_names_those_that_do(cli: Any, deployed: Any) -> None:
    ran = cli("stack", "export", NAME, "--format", "kubernetes", "--json")
    assert (ran.code, ran.error["field"], ran.error["hint"]) == (
        3,
        "format",
        f"what fits: {', '.join(FORMATS)}",
    )


def test_an_unverified_stack_is_exported_with_a_warning_and_a_deleted_one_is_not(
    cli: Any, world: Any, deployed: Any
) -> None:
    world.registry.set_status(NAME, "unverified")
    ran = cli("stack", "export", NAME)
    assert (ran.code, ran.err.splitlines()[0]) == (
        0,
        f"{NAME} is unverified: nobody has proved whose these values are.",
    )
    world.registry.set_status(NAME, "deleted")
    gone = cli("stack", "export", NAME, "--json")
    assert (gone.code, gone.error["message"]) == (3, f"{NAME} is deleted: nothing of it can be used")


# Where a cluster is, only AWS tells


def clustered(world: Any, *, account: str = ACCOUNT) -> None:
    """A cluster, and a registered stack on it."""
    role = world.iam.create_role(
        RoleName="cluster",
        AssumeRolePolicyDocument=json.dumps(TRUSTS_EKS),
    )["Role"]["Arn"]
    ec2 = world.cloud.session.client("ec2").raw
    subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]][:2]
    world.cloud.session.client("eks").raw.create_cluster(
        name=NAME, roleArn=role, resourcesVpcConfig={"subnetIds": subnets}
    )
    raw = samples.answer(("orchestrator", "eks"))
    parts = [
        RegisteredComponent(
            name=f"{NAME}.{type_}",
            type=type_,
            flavor=part["flavor"],
            origin="built",
            account=account,
            region=REGION,
            outputs=part["outputs"],
            config=part["config"],
            created_at=world.now,
        )
        for type_, part in raw["components"].items()
    ]
    stack = RegisteredStack(
        name=NAME,
        account=account,
        region=REGION,
        status="registered",
        components={p.type: p.name for p in parts},
        created_at=world.now,
        connector=raw["connector"],
    )
    world.registry.register(stack, parts)


def test_a_kubeconfig_says_where_the_cluster_is(cli: Any, world: Any) -> None:
    clustered(world)
    ran = cli("stack", "export", NAME, "--format", "kubernetes")
    assert ran.code == 0, ran.err
    told = world.cloud.session.client("eks").raw.describe_cluster(name=NAME)["cluster"]
    (cluster,) = yaml.safe_load(ran.out)["clusters"]
    assert cluster == {
        "name": told["arn"],
        "cluster": {
            "server": told["endpoint"],
            "certificate-authority-data": told["certificateAuthority"]["data"],
        },
    }


def test_another_accounts_cluster_is_not_looked_for(cli: Any, world: Any) -> None:
    clustered(world, account="444455556666")
    ran = cli("stack", "export", NAME, "--format", "kubernetes", "--json")
    assert (ran.code, ran.out.count("444455556666") > 0) == (3, True)


def test_a_cluster_that_may_not_be_looked_at_is_refused(cli: Any, world: Any) -> None:
    clustered(world)
    world.aws.deny("eks:DescribeCluster")
    ran = cli("stack", "export", NAME, "--format", "kubernetes", "--json")
    assert ran.code == 4
