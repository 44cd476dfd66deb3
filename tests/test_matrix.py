"""Every preset with every pair of options: synthesized, linted, estimated, deployed both ways, destroyed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from provisioner import deploy, synth
from provisioner import link as links
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.cli import run
from provisioner.plan import Shape
from tests import inventory, matrix
from tests.matrix import ROWS, Row, title

NAME, REGION, ACCOUNT = "churn-dev", "eu-central-1", matrix.ACCOUNT
TRUST = {"Version": "2012-10-17", "Statement": []}
ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
# Leaves room to grow below the 51,200 bytes of a template that is sent and not fetched.
PRESET_BYTES = 38_000

# A stack is the same whichever way it is made: presets go both ways, all other rows one of them in turn.
SHIPPED, OTHERS = ROWS[: len(specs.PRESETS)], ROWS[len(specs.PRESETS) :]
by_link = pytest.mark.parametrize("row", [*SHIPPED, *OTHERS[::2]], ids=title)
by_command = pytest.mark.parametrize("row", [*SHIPPED, *OTHERS[1::2]], ids=title)


# The rows themselves


def test_every_pair_that_rules_allow_stands_in_a_row() -> None:
    axes = {"a": "123", "b": "12", "c": "1234", "d": "12"}
    rules = (
        matrix.of("a", "c", test=lambda a, c: a != "1" or c in "12"),
        matrix.of("a", "b", "d", test=lambda *chosen: chosen != ("2", "2", "2")),
    )
    every = [dict(zip(axes, choices, strict=True)) for choices in product(*axes.values())]
    possible = {p for row in every if matrix.holds(row, rules) for p in matrix.pairs(row)}
    rows = matrix.pairwise(axes, rules)
    assert {p for row in rows for p in matrix.pairs(row)} == possible
    assert all(matrix.holds(row, rules) for row in rows)
    assert len(rows) <= 13


def test_the_rows_keep_the_rules_and_are_no_two_alike() -> None:
    assert [row for row in ROWS if not matrix.holds(row, matrix.RULES)] == []
    assert len({title(row) for row in ROWS}) == len(ROWS)


def test_only_what_never_stands_together_is_in_no_row() -> None:
    """Rows are kept small enough to be deployed; no pair may fall victim to that."""
    met = {pair for row in ROWS for pair in matrix.pairs(row)}
    missed = [pair for pair in matrix.every_pair(matrix.AXES) if pair not in met]
    possible = [pair for pair in missed if matrix.completed(dict(pair), matrix.AXES, matrix.RULES)]
    assert [sorted(pair) for pair in possible] == []


# What stands in the account before


def furnish(world: Any) -> dict[str, Any]:
    """Everything that a spec may name, as somebody else made it."""

    def call(service: str) -> Any:
        return world.cloud.session.client(service).raw

    for name in ("administrator", "server"):
        world.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    allow = json.dumps({**TRUST, "Statement": [ANYTHING]})
    boundary = world.iam.create_policy(PolicyName="boundary", PolicyDocument=allow)
    return {
        "boundary": boundary["Policy"]["Arn"],
        "provider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{matrix.ISSUER}",
        "key": call("kms").create_key(KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"],
        "sns": topic(call("sns")),
        "email": "ml@example.com",
        **network(call("ec2")),
    }


def provide(world: Any) -> None:
    """An account has each OIDC provider once: who builds one must find none."""
    world.iam.create_open_id_connect_provider(
        Url=f"https://{matrix.ISSUER}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=[]
    )


def topic(sns: Any) -> str:
    """A topic that budgets may publish to."""
    arn = str(sns.create_topic(Name="ml")["TopicArn"])
    budgets = {"Service": "budgets.amazonaws.com"}
    allow = {"Effect": "Allow", "Principal": budgets, "Action": "sns:Publish", "Resource": arn}
    policy = json.dumps({**TRUST, "Statement": [allow]})
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return arn


def network(ec2: Any) -> dict[str, Any]:
    """A VPC with two subnets that reach the internet."""
    vpc = ec2.create_vpc(CidrBlock="172.30.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnets = []
    for number, zone in enumerate("ab"):
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"172.30.{number * 16}.0/20", AvailabilityZone=f"{REGION}{zone}"
        )
        subnets.append(made["Subnet"]["SubnetId"])
        # Managed nodes have no other way to the internet.
        ec2.modify_subnet_attribute(SubnetId=subnets[-1], MapPublicIpOnLaunch={"Value": True})
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[-1])
    return {"vpc": vpc, "subnets": subnets}


# The whole way of a row


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account that has what a spec may name, and the commands of somebody who uses it."""

    world: Any
    ground: Mapping[str, Any]
    capture: pytest.CaptureFixture[str]

    def says(self, *arguments: str) -> Any:
        """The JSON of a command that must go well."""
        self.capture.readouterr()
        code = run([*arguments, "--json"])
        out, err = self.capture.readouterr()
        assert (code, "Traceback" in err) == (0, False), out + err
        return json.loads(out)

    def holds(self) -> inventory.Inventory:
        self.world.aws.engine.settle()
        return inventory.take(self.client, account=ACCOUNT)

    def client(self, service: str) -> Any:
        return self.world.cloud.session.client(service).raw

    def parts(self) -> list[tuple[str, str]]:
        """Type and physical id of every resource of the stack."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=NAME)
        rows = [row for page in pages for row in page["StackResourceSummaries"]]
        return [(row["ResourceType"], row["PhysicalResourceId"]) for row in rows]

    def click(self, url: str) -> Any:
        """What the console does with a link."""
        link = links.parse(url)
        stack_id = self.world.cloud.stacks.create_from_url(
            name=link.stack_name, template_url=link.template_url, parameters=link.parameters
        )
        return deploy.follow(
            self.world.cloud.stacks, stack_id, clock=self.world.clock, on_event=self.world.events.append
        )


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where templates are kept between tests: each is synthesized once, by who needs it first."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shapes"


@pytest.fixture
def account(
    world: Any,
    shapes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Account:
    world.home.mkdir(parents=True, exist_ok=True)
    (world.home / "cache").symlink_to(shapes)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO())
    # Clients are dear to make: every command has those of the one caller.
    monkeypatch.setattr("provisioner.aws.session.Session", lambda *_, **__: world.cloud.session)
    return Account(world=world, ground=furnish(world), capture=capsys)


def begin(row: Row, account: Account) -> None:
    """The account and the folder of somebody who wants this combination, and knows what it costs."""
    wish = matrix.spec(row, account.ground, name=NAME, region=REGION)
    Path("stack.yaml").write_text(json.dumps(wish))
    if row["trust"] == "oidc-reuse":
        provide(account.world)
    check_estimate(account.says("plan"))


@by_link
def test_a_combination_is_made_from_its_link_and_leaves_nothing_but_its_data(
    row: Row, account: Account
) -> None:
    begin(row, account)
    account.says("publish", "--yes")
    before = account.holds()
    state = account.click(account.says("link")["url"])
    assert state.status == "CREATE_COMPLETE", [e.reason for e in account.world.events if e.reason]
    check_present(account.parts(), inventory.more(account.holds(), before))
    assert account.says("finish", NAME, "--yes")["status"] == "registered"
    keeping = row["retention"] == "retain"
    account.says("destroy", NAME, "--yes", *(["--keep-data"] if keeping else []))
    kept = {**(data_of(state.outputs) if keeping else {}), **shared_of(row, account)}
    assert inventory.more(account.holds(), before) == kept


@by_command
def test_a_combination_is_made_by_command_and_leaves_nothing(row: Row, account: Account) -> None:
    begin(row, account)
    account.says("publish", "--yes")
    before = account.holds()
    account.says("deploy", "--yes")
    check_present(account.parts(), inventory.more(account.holds(), before))
    assert account.world.registry.stack(NAME).status == "registered"
    account.says("destroy", NAME, "--yes")
    assert inventory.more(account.holds(), before) == shared_of(row, account)
    assert [stack.name for stack in account.world.cloud.stacks.all()] == []


def check_estimate(plan: Any) -> None:
    """Nothing is left out, and what has no price says why."""
    rows = plan["cost"]["resources"]
    assert [r["logical_id"] for r in rows] == [
        r["logical_id"] for r in plan["resources"] if r["action"] == "build"
    ]
    assert {r["status"] for r in rows} <= {"priced", "free", "usage", "unknown"}
    assert [r["logical_id"] for r in rows if not r["reason"]] == []


def check_present(parts: list[tuple[str, str]], new: Mapping[str, list[str]]) -> None:
    """The inventory sees every resource that the stack made; a blind one would find no leftovers either."""
    assert {type_ for type_, _ in parts} <= inventory.LISTED | inventory.PARTS
    counted = [(type_, id_) for type_, id_ in parts if type_ in inventory.LISTED]
    assert [(type_, id_) for type_, id_ in counted if id_ not in new.get(type_, [])] == []


def data_of(outputs: Mapping[str, str]) -> dict[str, list[str]]:
    """What `--keep-data` keeps on purpose."""
    return {
        "AWS::S3::Bucket": [outputs["ArtifactStoreBucketName"]],
        "AWS::ECR::Repository": [outputs["ContainerRegistryRepositoryUri"].partition("/")[2]],
    }


def shared_of(row: Row, account: Account) -> dict[str, list[str]]:
    """A provider of an issuer outlives the stack that made it: others may have come to rely on it."""
    return {"AWS::IAM::OIDCProvider": [account.ground["provider"]]} if row["trust"] == "oidc" else {}


# The templates of all rows


# Names of what no test touches: a template is not of an account.
ELSEWHERE = {
    "boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "provider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{matrix.ISSUER}",
    "key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f",
    "sns": f"arn:aws:sns:{REGION}:{ACCOUNT}:ml",
    "email": "ml@example.com",
    "vpc": "vpc-0123456789abcdef0",
    "subnets": ["subnet-0123456789abcdef0", "subnet-1123456789abcdef0"],
}


def shape(row: Row) -> Shape:
    return plans.make(specs.parse(matrix.spec(row, ELSEWHERE, name=NAME, region=REGION))).shape


def test_cfn_lint_finds_nothing_in_any_combination(shapes: Path, tmp_path: Path) -> None:
    kinds = {it.key: it for it in map(shape, ROWS)}
    files = [tmp_path / f"{number}.json" for number in range(len(kinds))]
    for path, kind in zip(files, kinds.values(), strict=True):
        path.write_text(synth.of_shape(kind, cache_dir=shapes).text)
    lint = [Path(sys.executable).parent / "cfn-lint", "--include-checks", "W", "--format", "parseable"]
    halves = [files[::2], files[1::2]]
    running = [
        subprocess.Popen([*lint, *half], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for half in halves
    ]
    assert [(run.communicate()[0], run.returncode) for run in running] == [("", 0), ("", 0)]


def test_a_preset_without_more_ships_and_is_small_enough_for_a_console_to_show() -> None:
    for preset in specs.PRESETS:
        kind = shape(matrix.as_shipped(preset))
        assert kind.key in synth.index()
        assert synth.of_shape(kind, cache_dir=Path()).size <= PRESET_BYTES, preset
