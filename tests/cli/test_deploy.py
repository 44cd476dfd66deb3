"""`deploy` asks AWS before it makes anything; what it could not look at never stops it."""

from typing import Any

import pytest

NAME = "churn-dev"
REGION = "eu-central-1"
ACCOUNT = "123456789012"
ISSUER = "token.actions.githubusercontent.com"
BASE = """version: 1
name: churn-dev
region: eu-central-1
components:
  artifact_store: s3
  container_registry: ecr
"""
EKS = (
    BASE
    + """  orchestrator:
    flavor: eks
    options: {public_access_cidrs: [198.51.100.7/32]}
"""
)
MANAGED = """  orchestrator:
    flavor: eks
    options: {public_access_cidrs: [198.51.100.7/32], compute: managed, node: {instance_type: m5.96xlarge}}
"""
OIDC = (
    BASE
    + f"""  orchestrator: local
access: {{trust: oidc, oidc: {{issuer: "https://{ISSUER}", subject: "repo:acme/churn:ref:refs/heads/main"}}}}
"""
)


@pytest.fixture
def write(cli: Any) -> Any:
    """A stack.yaml in the folder of the command line."""
    from pathlib import Path

    def written(text: str) -> None:
        Path("stack.yaml").write_text(text, encoding="utf-8")

    return written


def test_a_machine_type_that_the_region_does_not_offer_stops_it(cli: Any, world: Any, write: Any) -> None:
    write(BASE + MANAGED)
    ran = cli("deploy", "--yes", "--json")
    assert (ran.code, ran.error["message"]) == (
        3,
        "components.orchestrator.options.node_instance_type: EC2 has no m5.96xlarge in eu-central-1",
    )
    assert list(world.cloud.stacks.all()) == []


def test_no_address_left_stops_it_and_unchecked_does_not_ask(cli: Any, world: Any, write: Any) -> None:
    for _ in range(5):
        world.cloud.session.client("ec2").allocate_address(Domain="vpc")
    write(EKS)
    ran = cli("deploy", "--yes", "--json")
    assert (ran.code, ran.error["message"], ran.error["hint"]) == (
        3,
        "AWS::EC2::EIP: 5 Elastic IP addresses are there, 1 more are planned, 5 are allowed",
        "ask for more at Service Quotas (ec2 L-0263D0A3), or remove what nobody uses",
    )
    assert list(world.cloud.stacks.all()) == []
    unchecked = cli("deploy", "--yes", "--unchecked", "--json")
    assert (unchecked.code, "The maximum number of addresses" in unchecked.error["message"]) == (4, True)


def test_a_provider_that_the_account_has_stops_it_with_its_arn(cli: Any, world: Any, write: Any) -> None:
    there = world.iam.create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"]
    )
    write(OIDC)
    ran = cli("deploy", "--yes", "--json")
    assert (ran.code, ran.error["message"], ran.error["hint"]) == (
        3,
        f"access.oidc: the account has a provider for {ISSUER} already",
        f"set access.oidc.provider: {there['OpenIDConnectProviderArn']}",
    )


def test_what_the_stack_made_itself_is_not_in_its_way(cli: Any, world: Any, write: Any) -> None:
    write(OIDC)
    assert cli("deploy", "--yes", "--json").code == 0
    again = cli("deploy", "--yes")
    assert (again.code, "takes no update" in again.err, "has a provider for" in again.err) == (
        0,
        False,
        False,
    )
    assert "a stack churn-dev is there" not in again.err


def test_what_it_may_not_look_at_does_not_stop_it(cli: Any, world: Any, monkeypatch: Any) -> None:
    from provisioner.aws.answers import Answers
    from provisioner.preflight.row import Unanswered

    monkeypatch.setattr(Answers, "ask", lambda self, asked: {q: Unanswered(reason="denied") for q in asked})
    ran = cli("deploy", "--preset", "minimal", "--name", NAME, "--yes")
    assert ran.code == 0
    (line,) = [line for line in ran.err.splitlines() if line.startswith("Could not look beforehand: ")]
    assert "name-taken" in line


def test_destroying_names_the_provider_that_stays(cli: Any, world: Any, write: Any) -> None:
    write(OIDC)
    cli("deploy", "--yes")
    gone = cli("destroy", NAME, "--yes", "--json")
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
    assert gone.json["kept"] == [f"provider {provider} (others of the account may sign in by it)"]
    listed = world.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert [row["Arn"] for row in listed] == [provider]
    assert cli("deploy", "--yes", "--json").error["hint"] == f"set access.oidc.provider: {provider}"


def test_a_role_that_sagemaker_may_not_assume_is_said_to_be_so(cli: Any, world: Any, write: Any) -> None:
    trust = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
        '"Principal": {"Service": "ec2.amazonaws.com"}}]}'
    )
    role = world.iam.create_role(RoleName="ml", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    write(BASE + f"  orchestrator: {{flavor: sagemaker, reuse: '{role}'}}\n")
    ran = cli("deploy", "--yes", "--json")
    assert (ran.code, ran.error["message"]) == (
        3,
        f"{role} does not trust sagemaker.amazonaws.com: SageMaker could not assume it",
    )
