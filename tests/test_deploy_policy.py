"""The deploy policy: what it grants, what a real deployment calls, and that the two are the same."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from parliament import analyze_policy_string

from provisioner import deploy, deploy_policy, deploy_rows, synth
from provisioner import link as links
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.cli import run
from provisioner.components import CATALOGUE
from provisioner.deploy_policy import MAX_CHARACTERS, DeployPolicy, Piece
from provisioner.deploy_rows import ROWS, Row, candidates, handlers
from provisioner.emulator.rules import iam_action
from provisioner.enrolments import Enrolment
from provisioner.physical import NAMED, Ground
from provisioner.template import Template, parse

ACCOUNT, REGION, NAME = "123456789012", "eu-central-1", "churn-dev"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/ml-boundary"
ROLES = f"arn:aws:iam::{ACCOUNT}:role/"
SHIPPED = sorted(synth.index().values())

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.type)
every_shape = pytest.mark.parametrize("shape", SHIPPED)
with_and_without_boundary = pytest.mark.parametrize("boundary", ["", BOUNDARY])

# What parliament says of a statement that is meant as it is.
EXPLAINED = {
    "RESOURCE_POLICY_PRIVILEGE_ESCALATION": "who makes the bucket's policy could give themselves its "
    "objects; granting the objects as well would silence it, and grant more",
}


@cache
def policy_of(shape: str, boundary: str = "", account: str = ACCOUNT) -> DeployPolicy:
    return made(synth._shipped(shape), boundary, account=account)


def made(template: Template, boundary: str = "", *, name: str = NAME, account: str = ACCOUNT) -> DeployPolicy:
    return deploy_policy.make(
        template,
        name=name,
        region=REGION,
        partition="aws",
        account=account,
        parameters={"PermissionsBoundaryArn": boundary} if boundary else {},
    )


def of(resources: Mapping[str, Any], **more: Any) -> Template:
    return Template(body={"Resources": resources, **more})


def resource(type_: str, **properties: Any) -> dict[str, Any]:
    return {"Type": type_, "Properties": properties}


def statements(pieces: tuple[Piece, ...]) -> list[dict[str, Any]]:
    return [statement for piece in pieces for statement in piece.document["Statement"]]


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(pieces: tuple[Piece, ...]) -> set[str]:
    return {action for s in statements(pieces) for action in many(s["Action"])}


def only(pieces: tuple[Piece, ...], sid: str) -> dict[str, Any]:
    (found,) = [s for s in statements(pieces) if s["Sid"] == sid]
    return found


# The table of types


@every_row
def test_every_type_has_candidates(row: Row) -> None:
    assert candidates(row.type)


@every_row
def test_what_no_schema_says_names_the_aws_page_that_does(row: Row) -> None:
    assert bool(row.by_hand) == row.page.startswith("https://docs.aws.amazon.com/")


@every_row
def test_every_candidate_acts_on_something_that_the_row_names(row: Row) -> None:
    lost = [
        action
        for action in candidates(row.type)
        if (kinds := handlers().actions[action])
        and not {row.own, *row.others}.intersection(kinds)
        and action not in row.never
        and action not in ("iam:PassRole", "iam:CreateServiceLinkedRole")
        and not (action.startswith("kms:") and row.keys)
    ]
    assert lost == []


@every_row
def test_a_row_cuts_only_what_a_handler_asks_for(row: Row) -> None:
    cut = {a for listed in row.needs.values() for a in listed.split()} | row.never.keys()
    assert cut <= set(candidates(row.type))


def test_every_name_is_of_a_type_with_a_row() -> None:
    assert {row.type for row in NAMED} <= deploy_rows.BY_TYPE.keys()


def everything() -> Template:
    """One resource of every type, each with every property that a row knows."""
    tags = [{"Key": "stackwright:stack", "Value": {"Ref": "AWS::StackName"}}]
    trust = trusting("eks.amazonaws.com", "ec2.amazonaws.com")
    role = {"Fn::GetAtt": ["IAMRole", "Arn"]}
    arn = "arn:aws:kms:eu-central-1:123456789012:key/k"
    found = {}
    for row in ROWS:
        properties: dict[str, Any] = {"Tags": tags, "RoleArn": role, "AssumeRolePolicyDocument": trust}
        for path in (*row.needs, *([row.keys] if row.keys else [])):
            properties |= nested(path, arn)
        properties |= {k: [arn] for k in ("ManagedPolicyArns",) if k in properties}
        found[row.type.replace("AWS", "").replace(":", "")] = resource(row.type, **properties)
    found["IAMServiceLinkedRole"]["Properties"]["AWSServiceName"] = "spot.amazonaws.com"
    return of(found)


def trusting(*services: str) -> dict[str, Any]:
    """A trust policy."""
    principal = {"Service": list(services)}
    return {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}


def nested(path: str, value: Any) -> dict[str, Any]:
    key, _, rest = path.partition(".")
    return {key: nested(rest, value) if rest else value}


# Every piece


@every_shape
@with_and_without_boundary
def test_parliament_finds_nothing_unexplained(shape: str, boundary: str) -> None:
    policy = policy_of(shape, boundary)
    documents = [p.document for p in (*policy.setup, *policy.ongoing, *policy.run_time)]
    findings = [f for d in documents for f in analyze_policy_string(json.dumps(d)).findings]
    found = {f.issue: f.detail for f in findings if not is_start_of_machines(f)}
    assert {issue: detail for issue, detail in found.items() if issue not in EXPLAINED} == {}


def is_start_of_machines(finding: Any) -> bool:
    """Starting one acts on many kinds of resources, each with conditions of its own: a statement for each."""
    details = finding.detail if isinstance(finding.detail, list) else []
    actions = {row.get("action") for row in details if isinstance(row, dict)}
    return finding.issue == "RESOURCE_MISMATCH" and actions == {"ec2:RunInstances"}


def test_parliament_understands_every_type_with_every_property() -> None:
    # It knows fewer new actions, and for some older ARNs, than the reference that cfn-lint ships.
    behind = {"UNKNOWN_ACTION", "UNKNOWN_PREFIX", "RESOURCE_MISMATCH"}
    found = {
        f.issue
        for p in made(everything()).setup
        for f in analyze_policy_string(json.dumps(p.document)).findings
    }
    assert found - behind - EXPLAINED.keys() == set()


@every_shape
def test_every_action_is_one_of_iam(shape: str) -> None:
    policy = policy_of(shape)
    listed = actions(policy.setup) | actions(policy.ongoing)
    assert [a for a in sorted(listed) if "*" in a or handlers().actions.get(a, None) is None] == [
        a for a in sorted(listed) if handlers().actions.get(a, ()) is None
    ]
    assert [a for a in listed if "*" in a] == []


@pytest.mark.parametrize("template", [*(synth._shipped(s) for s in SHIPPED), everything()])
def test_every_piece_fits_into_a_managed_policy(template: Template) -> None:
    policy = made(template, BOUNDARY, name="c" * 31)
    sizes = [len("".join(json.dumps(p.document).split())) for p in (*policy.setup, *policy.ongoing)]
    assert [p.characters for p in (*policy.setup, *policy.ongoing)] == sizes
    assert max(sizes) <= MAX_CHARACTERS
    assert len(policy.setup) <= deploy_policy.MAX_PIECES


@every_shape
def test_sids_are_unique_and_of_letters_and_digits(shape: str) -> None:
    policy = policy_of(shape)
    sids = [s["Sid"] for s in statements(policy.setup)]
    assert [s for s in sids if not s.isalnum() or sids.count(s) > 1] == []


@every_shape
def test_what_holds_for_all_resources_says_why(shape: str) -> None:
    policy = policy_of(shape)
    wide = {s["Sid"] for s in statements(policy.setup + policy.ongoing) if "*" in many(s["Resource"])}
    assert wide <= policy.reasons.keys()


@every_shape
@with_and_without_boundary
def test_iam_statements_name_only_the_stacks_own_roles(shape: str, boundary: str) -> None:
    policy = policy_of(shape, boundary)
    named = {
        arn
        for s in statements(policy.setup + policy.ongoing)
        if any(a.startswith(("iam:", "sts:")) for a in many(s["Action"]))
        for arn in many(s["Resource"])
    }
    resources = synth._shipped(shape).resources
    roles = [i for i, r in resources.items() if r["Type"] == "AWS::IAM::Role"]
    profiles = [i for i, r in resources.items() if r["Type"] == "AWS::IAM::InstanceProfile"]
    services = {arn for arn in named if arn.startswith(f"{ROLES}aws-service-role/")}
    nodes = {f"arn:aws:iam::{ACCOUNT}:instance-profile/eks-*"} if services else set()
    own = {f"arn:aws:iam::{ACCOUNT}:instance-profile/{NAME}-{profile}-*" for profile in profiles}
    assert named - services - nodes == own | {f"{ROLES}{NAME}-{role}-*" for role in roles}


def test_the_same_template_gives_the_same_policy() -> None:
    template = synth._shipped("sagemaker.account.retain.json")
    assert made(template).as_dict() == made(parse(template.text)).as_dict()


# What no preset ships


def on_eks(**options: Any) -> dict[str, Any]:
    cluster = {"flavor": "eks", "options": {"public_access_cidrs": ["198.51.100.7/32"], **options}}
    return {"components": {**specs.PRESETS["eks"], "orchestrator": cluster}}


GITHUB = {
    "issuer": "https://token.actions.githubusercontent.com",
    "audience": "sts.amazonaws.com",
    "subject": "repo:acme/churn:ref:refs/heads/main",
}
WISHES: dict[str, dict[str, Any]] = {
    "oidc": {"access": {"trust": "oidc", "oidc": GITHUB}},
    "access key": {"access": {"trust": "access_key"}},
    "budget": {"budget": {"monthly_usd": 200, "notify": "team@example.com"}},
    "customer key": {"data": {"kms_key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{'1' * 8}-1-1-1-{'1' * 12}"}},
    "codebuild": {"components": {**specs.PRESETS["sagemaker"], "image_builder": "codebuild"}},
    "managed nodes": on_eks(compute="managed", gpu={"instance_type": "g5.xlarge", "max_nodes": 2}),
    "three zones": on_eks(zones=3, nat_gateways=3),
    "existing network": on_eks()
    | {"network": {"vpc": f"vpc-{'0' * 17}", "subnets": [f"subnet-{n * 17}" for n in "12"]}},
}
every_wish = pytest.mark.parametrize("wish", WISHES)


@cache
def wished(wish: str) -> DeployPolicy:
    base = {"version": 1, "name": NAME, "region": REGION, "components": specs.PRESETS["sagemaker"]}
    plan = plans.make(specs.parse(base | WISHES[wish]))
    return deploy_policy.make(
        synth.synthesize(plan.shape),
        name=NAME,
        region=REGION,
        partition="aws",
        account=ACCOUNT,
        parameters=plan.parameters,
    )


@every_wish
def test_every_shape_is_known_and_clean(wish: str) -> None:
    policy = wished(wish)
    pieces = (*policy.setup, *policy.ongoing)
    found = {f.issue for p in pieces for f in analyze_policy_string(json.dumps(p.document)).findings}
    # parliament does not know billing:GetBillingViewData yet.
    assert found - EXPLAINED.keys() <= ({"UNKNOWN_ACTION"} if wish == "budget" else set())
    assert [line for line in policy.capability if "unknown" in line] == []
    assert max(p.characters for p in pieces) <= MAX_CHARACTERS


@every_wish
def test_every_identity_is_the_stacks_own(wish: str) -> None:
    own = (f"{ROLES}{NAME}-", f"arn:aws:iam::{ACCOUNT}:user/{NAME}-", f"{ROLES}aws-service-role/")
    named = {
        arn
        for s in statements(wished(wish).setup)
        if any(a.startswith("iam:") for a in many(s["Action"]))
        for arn in many(s["Resource"])
        if not arn.startswith(own)
    }
    allowed = {
        "oidc": {f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"},
        "three zones": {f"arn:aws:iam::{ACCOUNT}:instance-profile/eks-*"},
        "existing network": {f"arn:aws:iam::{ACCOUNT}:instance-profile/eks-*"},
    }
    assert named == allowed.get(wish, set())


# What is cut, and what is filled in


def test_a_setting_that_the_template_lacks_needs_no_right() -> None:
    bucket = resource("AWS::S3::Bucket", VersioningConfiguration={"Status": "Enabled"})
    writes = {a for a in actions(made(of({"Data": bucket})).setup) if a.startswith("s3:Put")}
    assert writes == {"s3:PutBucketVersioning"}


def test_a_setting_behind_a_condition_counts_when_it_holds() -> None:
    setting = {"Fn::If": ["HasRules", {"Rules": []}, {"Ref": "AWS::NoValue"}]}
    body = {
        "Parameters": {"Rules": {"Type": "String", "Default": ""}},
        "Conditions": {"HasRules": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Rules"}, ""]}]}},
    }
    template = of({"Data": resource("AWS::S3::Bucket", LifecycleConfiguration=setting)}, **body)

    def asked(rules: str) -> set[str]:
        policy = deploy_policy.make(
            template, name=NAME, region=REGION, partition="aws", parameters={"Rules": rules}
        )
        return {a for a in actions(policy.setup) if a.startswith("s3:Put")}

    assert (asked(""), asked("yes")) == (set(), {"s3:PutLifecycleConfiguration"})


def test_a_boundary_caps_every_role_that_setup_makes() -> None:
    policy = policy_of("minimal.account.retain.json", BOUNDARY)
    capped = {
        action
        for s in statements(policy.setup)
        if s.get("Condition") == {"ArnEquals": {"iam:PermissionsBoundary": BOUNDARY}}
        for action in many(s["Action"])
    }
    assert capped == {
        "iam:CreateRole",
        "iam:DeleteRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
    }
    assert "iam:DeleteRolePermissionsBoundary" not in actions(policy.setup)
    assert policy.words[0] == f"setup can create roles, none of them stronger than {BOUNDARY}"


def test_without_a_boundary_setup_is_said_to_be_admin_equivalent() -> None:
    words = policy_of("minimal.account.retain.json").words
    assert words[0] == (
        "setup can create roles: admin-equivalent; a permissions boundary (`access.boundary`) caps it"
    )


def test_only_the_templates_managed_policies_may_be_attached() -> None:
    arn = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonEKSClusterPolicy"}
    role = resource("AWS::IAM::Role", ManagedPolicyArns=[arn])
    attach = only(made(of({"ClusterRole": role})).setup, "IamRole")
    assert attach == {
        "Sid": "IamRole",
        "Effect": "Allow",
        "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
        "Resource": f"{ROLES}{NAME}-ClusterRole-*",
        "Condition": {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}},
    }


def test_a_role_is_passed_only_to_the_services_that_it_trusts() -> None:
    trust = trusting("codebuild.amazonaws.com")
    template = of(
        {
            "BuildRole": resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust),
            "Unused": resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust),
            "Build": resource("AWS::CodeBuild::Project", ServiceRole={"Fn::GetAtt": ["BuildRole", "Arn"]}),
        }
    )
    assert only(made(template).setup, "IamPassRole") == {
        "Sid": "IamPassRole",
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": f"{ROLES}{NAME}-BuildRole-*",
        "Condition": {"StringEquals": {"iam:PassedToService": "codebuild.amazonaws.com"}},
    }


def test_a_service_linked_role_is_bound_to_its_service() -> None:
    setup = made(of({"Cluster": resource("AWS::EKS::Cluster", Name="ml")})).setup
    assert only(setup, "IamLinkedRole") == {
        "Sid": "IamLinkedRole",
        "Effect": "Allow",
        "Action": "iam:CreateServiceLinkedRole",
        "Resource": f"{ROLES}aws-service-role/eks.amazonaws.com/*",
        "Condition": {"StringEquals": {"iam:AWSServiceName": "eks.amazonaws.com"}},
    }


def network(tags: list[Any]) -> Template:
    return of(
        {
            "Vpc": resource("AWS::EC2::VPC", Tags=tags),
            "Table": resource("AWS::EC2::RouteTable", VpcId={"Ref": "Vpc"}, Tags=tags),
            "Route": resource("AWS::EC2::Route", RouteTableId={"Ref": "Table"}),
        }
    )


def test_what_has_only_an_id_is_touched_by_the_stacks_tag_alone() -> None:
    setup = made(network([{"Key": "stackwright:stack", "Value": {"Ref": "AWS::StackName"}}])).setup
    own = {"StringEquals": {"aws:ResourceTag/stackwright:stack": NAME}}
    bound = {a for s in statements(setup) if s.get("Condition") == own for a in many(s["Action"])}
    assert bound == {
        *("ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute"),
        *("ec2:DeleteRouteTable", "ec2:DeleteTags", "ec2:DeleteVpc"),
    }


def test_what_is_not_tagged_cannot_be_bound_and_says_so() -> None:
    policy = made(network([]))
    loose = [s for s in statements(policy.setup) if "ec2:DeleteRoute" in many(s["Action"])]
    assert [(s["Resource"], "Condition" in s, s["Sid"] in policy.reasons) for s in loose] == [
        (f"arn:aws:ec2:{REGION}:{ACCOUNT}:route-table/*", False, True)
    ]


def test_a_customer_key_is_used_for_grants_to_aws_alone() -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    repository = resource("AWS::ECR::Repository", EncryptionConfiguration={"KmsKey": key})
    setup = made(of({"Images": repository})).setup
    kms = [s for s in statements(setup) if any(a.startswith("kms:") for a in many(s["Action"]))]
    assert [(s["Action"], s["Resource"], s.get("Condition")) for s in kms] == [
        ("kms:CreateGrant", key, {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
        (["kms:DescribeKey", "kms:RetireGrant"], key, None),
    ]


def test_a_type_that_nobody_described_is_said_to_be_missing() -> None:
    words = made(of({"Thing": resource("AWS::Unheard::Of")})).words
    assert "what AWS::Unheard::Of takes to make is unknown and missing here" in words


@every_shape
def test_of_what_we_ship_nothing_is_missing(shape: str) -> None:
    assert synth._shipped(shape).types <= deploy_rows.BY_TYPE.keys()


def test_every_type_of_the_catalogue_is_described() -> None:
    assert {t for c in CATALOGUE for t in c.resource_types} <= deploy_rows.BY_TYPE.keys()


def test_more_than_ten_pieces_are_said() -> None:
    policy = made(of({f"R{n}{'x' * 40}": resource("AWS::IAM::Role") for n in range(1200)}))
    assert len(policy.setup) > deploy_policy.MAX_PIECES
    assert any("ask AWS for more" in line for line in policy.words)
    assert max(p.characters for p in policy.setup) <= MAX_CHARACTERS


# Names before anything exists


def ground(template: Template, *, name: str = NAME, account: str = ACCOUNT, **parameters: str) -> Ground:
    return Ground(
        template=template,
        name=name,
        region=REGION,
        partition="aws",
        account=account,
        parameters=parameters,
        formats=handlers().arns,
    )


@pytest.mark.parametrize(
    ("type_", "properties", "kind", "arns"),
    [
        ("AWS::S3::Bucket", {}, "s3:bucket", ("arn:aws:s3:::churn-dev-thing-*",)),
        ("AWS::S3::Bucket", {"BucketName": "mine"}, "s3:bucket", ("arn:aws:s3:::mine",)),
        ("AWS::IAM::Role", {}, "iam:role", (f"{ROLES}churn-dev-Thing-*",)),
        (
            "AWS::EKS::Cluster",
            {"Name": {"Ref": "AWS::StackName"}},
            "eks:nodegroup",
            (f"arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/churn-dev/*",),
        ),
        (
            "AWS::EKS::AccessEntry",
            {"ClusterName": "theirs"},
            "eks:access-entry",
            (f"arn:aws:eks:{REGION}:{ACCOUNT}:access-entry/theirs/*",),
        ),
        (
            "AWS::Logs::LogGroup",
            {"LogGroupName": {"Fn::Sub": "/aws/codebuild/${AWS::StackName}"}},
            "logs:log-group",
            (
                f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/codebuild/churn-dev",
                f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/codebuild/churn-dev:*",
            ),
        ),
        (
            "AWS::SecretsManager::Secret",
            {"Name": "keys"},
            "secretsmanager:secret",
            (f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:keys-*",),
        ),
        (
            "AWS::IAM::OIDCProvider",
            {"Url": "https://token.actions.githubusercontent.com"},
            "iam:oidc-provider",
            (f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",),
        ),
        ("AWS::EC2::VPC", {}, "ec2:vpc", (f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/*",)),
    ],
)
def test_a_resource_is_named_as_cloudformation_will_name_it(
    type_: str, properties: dict[str, Any], kind: str, arns: tuple[str, ...]
) -> None:
    assert ground(of({"Thing": resource(type_, **properties)})).arns(kind) == arns


@pytest.mark.parametrize(
    ("stack", "logical_id", "pattern"),
    [
        ("churn", "AccessRole", "churn-AccessRole-*"),
        ("churn", "A" * 60, f"churn-{'A' * 24}*"),
        ("c" * 31, "OrchestratorExecutionRole", f"{'c' * 24}*"),
    ],
)
def test_a_name_that_is_too_long_is_known_as_far_as_it_is_kept(
    stack: str, logical_id: str, pattern: str
) -> None:
    assert ground(of({logical_id: resource("AWS::IAM::Role")}), name=stack).names(logical_id) == [pattern]


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"Ref": "AWS::StackName"}, NAME),
        ({"Ref": "Given"}, "value"),
        ({"Ref": "Empty"}, "*"),
        ({"Ref": "Role"}, f"{NAME}-Role-*"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, f"{ROLES}{NAME}-Role-*"),
        ({"Fn::GetAtt": ["Role", "RoleId"]}, "*"),
        ({"Fn::Sub": ["${A}/${AWS::Region}", {"A": {"Ref": "Given"}}]}, f"value/{REGION}"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Given"}]]}, "a-value"),
        ({"Fn::If": ["IsGiven", "yes", "no"]}, "yes"),
        ({"Fn::ImportValue": "x"}, "*"),
        ([{"Ref": "AWS::NoValue"}, "b"], ["b"]),
    ],
)
def test_intrinsics_are_resolved_as_far_as_anybody_can(value: Any, resolved: Any) -> None:
    template = of(
        {"Role": resource("AWS::IAM::Role")},
        Parameters={"Given": {"Type": "String"}, "Empty": {"Type": "String", "Default": ""}},
        Conditions={
            "IsGiven": {
                "Fn::And": [
                    {"Fn::Not": [{"Fn::Equals": [{"Ref": "Given"}, ""]}]},
                    {"Fn::Or": [{"Fn::Equals": ["a", "b"]}, {"Condition": "IsEmpty"}]},
                ]
            },
            "IsEmpty": {"Fn::Equals": [{"Ref": "Empty"}, ""]},
        },
    )
    assert ground(template, Given="value").value(value) == resolved


# Run-time policies


def test_the_run_time_policies_are_those_of_the_templates_roles() -> None:
    roles = {r.role: r for r in policy_of("sagemaker.account.retain.json").run_time}
    template = synth._shipped("sagemaker.account.retain.json")
    assert set(roles) == {i for i, r in template.resources.items() if r["Type"] == "AWS::IAM::Role"}
    passed = [
        s for s in roles["OrchestratorRole"].document["Statement"] if "iam:PassRole" in many(s["Action"])
    ]
    assert passed == [
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": f"{ROLES}{NAME}-OrchestratorRole-*",
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        }
    ]
    assert roles["OrchestratorRole"].trusted == (
        "sagemaker.amazonaws.com may assume it, only for this account",
    )


# On the command line


@pytest.fixture
def synth_policy(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str) -> tuple[int, str, str]:
        given = ("--preset", "sagemaker", "--name", NAME, "--region", REGION)
        return run(("synth", "--policy", *given, *arguments)), *capsys.readouterr()

    return ran


def of_preset(folder: Path, account: str = ACCOUNT) -> DeployPolicy:
    plan = plans.make(specs.preset("sagemaker", name=NAME, region=REGION))
    return made(synth.template(plan, cache_dir=folder / "cache"), account=account)


def test_synth_prints_the_policies_and_writes_nothing(
    synth_policy: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, err = synth_policy("--account", ACCOUNT)
    policy = of_preset(tmp_path)
    assert (code, json.loads(out), list(tmp_path.glob("*.json"))) == (0, policy.as_dict(), [])
    assert err.splitlines() == [f"{line}." for line in policy.words]
    assert set(json.loads(out)) == {"stack", "setup", "ongoing", "run_time", "words", "reasons"}


def test_synth_writes_one_file_per_policy_where_it_is_told_to(
    synth_policy: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, _ = synth_policy("--account", ACCOUNT, "-o", "build")
    names = [f"{NAME}-{part}.json" for part in ("setup-1", "ongoing-1", "run-time")]
    assert (code, out.splitlines()) == (0, [f"build/{name}" for name in names])
    assert sorted(p.name for p in (tmp_path / "build").iterdir()) == sorted(names)
    written = json.loads((tmp_path / "build" / names[0]).read_text())
    assert written == of_preset(tmp_path).setup[0].document


def test_plan_says_what_the_right_to_deploy_amounts_to(
    synth_policy: Callable[..., tuple[int, str, str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(("plan", "--preset", "sagemaker", "--name", NAME, "--region", REGION, "--json")) == 0
    policy = of_preset(tmp_path, account="")
    assert json.loads(capsys.readouterr().out)["deploy_policy"] == {
        "words": list(policy.capability),
        "pieces": 1,
        "characters": policy.setup[0].characters,
    }


def test_synth_refuses_what_is_no_account(synth_policy: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = synth_policy("--account", "12", "--json")
    assert (code, json.loads(out)["error"]["field"]) == (2, "account")


# What a real deployment calls


@dataclass(frozen=True)
class Call:
    """One right that a call asked for."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


def allows(statement: Mapping[str, Any], call: Call) -> bool:
    """A small evaluator of IAM: actions, resources, and the condition operators that we write."""
    context = dict(call.context)
    return (
        any(call.action.lower() == a.lower() for a in many(statement["Action"]))
        and any(fnmatchcase(call.resource, arn) for arn in many(statement["Resource"]))
        and all(
            context.get(key, "") in map(str, many(wanted))
            for wishes in statement.get("Condition", {}).values()
            for key, wanted in wishes.items()
        )
    )


def denied(found: list[dict[str, Any]], calls: set[Call]) -> set[Call]:
    return {call for call in calls if not any(allows(s, call) for s in found)}


def stack_arn(name: str) -> str:
    whole = name if name.startswith("arn:") else ""
    return whole or (f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/0" if name else "*")


def s3_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    bucket = f"arn:aws:s3:::{given['Bucket']}"
    if operation == "DeleteObjects":
        for row in given["Delete"]["Objects"]:
            action = "s3:DeleteObjectVersion" if "VersionId" in row else "s3:DeleteObject"
            yield action, f"{bucket}/{row['Key']}"
        return
    yield iam_action("s3", operation), f"{bucket}/{given['Key']}" if "Key" in given else bucket


def iam_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"iam:{operation}", f"{ROLES}{given['RoleName']}"
    if operation == "CreateRole" and given.get("Tags"):
        yield "iam:TagRole", f"{ROLES}{given['RoleName']}"


def ecr_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = given.get("repositoryNames") or [given.get("repositoryName")]
    for name in names:
        arn = given.get("resourceArn") or f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"
        yield f"ecr:{operation}", arn
        if operation == "CreateRepository" and given.get("tags"):
            yield "ecr:TagResource", arn


def stack_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"cloudformation:{operation}", stack_arn(given.get("StackName", ""))
    if operation == "CreateChangeSet" and given.get("Tags"):
        yield "cloudformation:TagResource", stack_arn(given["StackName"])


def sts_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    # AWS lets everybody ask who they are.
    if operation != "GetCallerIdentity":
        yield f"sts:{operation}", given["RoleArn"]


# An id's beginning -> the kind of what it names.
IDS = {
    "eipalloc": "ec2:elastic-ip",
    "igw": "ec2:internet-gateway",
    "nat": "ec2:natgateway",
    "rtb": "ec2:route-table",
    "sg": "ec2:security-group",
    "subnet": "ec2:subnet",
    "vpc": "ec2:vpc",
    "vpce": "ec2:vpc-endpoint",
}
# Where a call hands a role on, and to whom.
PASSED = {
    ("CreateProject", "serviceRole"): "codebuild.amazonaws.com",
    ("CreateCluster", "roleArn"): "eks.amazonaws.com",
    ("CreateCluster", "nodeRoleArn"): "ec2.amazonaws.com",
    ("CreateNodegroup", "nodeRole"): "ec2.amazonaws.com",
    ("CreatePodIdentityAssociation", "roleArn"): "pods.eks.amazonaws.com",
}


def network_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """On everything that the call names, and on the new thing that it makes."""
    action, text = f"ec2:{operation}", json.dumps(given)
    makers = [r for r in ROWS if r.own and action in candidates(r.type)]
    own = next((r.own for r in makers if deploy_policy._makes(action, r)), "")
    named = {(IDS[kind], name) for name, kind in re.findall(rf"\b(({'|'.join(IDS)})-[0-9a-f]+)", text)}
    kinds = handlers().actions[action] or ()
    touched = [(kind, name) for kind, name in sorted(named) if kind in kinds]
    for kind, name in [*touched, *([(own, "new")] if own else [])]:
        yield action, ground(of({})).arns(kind)[0].replace("*", name)
    if not kinds:
        yield action, "*"
    if own and "TagSpecifications" in given:
        yield "ec2:CreateTags", ground(of({})).arns(own)[0].replace("*", "new")


def cluster_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    action, cluster = f"eks:{operation}", given.get("clusterName", given.get("name"))
    kinds = handlers().actions[action] or ()
    place = f"arn:aws:eks:{REGION}:{ACCOUNT}:"
    if "resourceArn" in given:
        yield action, given["resourceArn"]
        return
    for kind in kinds:
        name = kind.removeprefix("eks:")
        yield action, f"{place}{name}/{cluster}" + ("" if name == "cluster" else "/thing/0")
    if not kinds:
        yield action, "*"
    if given.get("tags"):
        yield "eks:TagResource", f"{place}cluster/{cluster}"


def log_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name = given.get("logGroupName") or given.get("resourceArn", "").rpartition(":log-group:")[2]
    is_list = not handlers().actions[f"logs:{operation}"]
    yield f"logs:{operation}", "*" if is_list else f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"


def passed_roles(operation: str, given: Any) -> Iterator[tuple[str, str]]:
    """(role, service) of every role that a call hands on."""
    for key, value in given.items() if isinstance(given, Mapping) else ():
        if (operation, key) in PASSED:
            yield value, PASSED[operation, key]
        yield from passed_roles(operation, value)


def build_rights(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in given.get("names") or [given["name"]]:
        yield f"codebuild:{operation}", f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{name}"


RIGHTS: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "cloudformation": stack_rights,
    "codebuild": build_rights,
    "ec2": network_rights,
    "ecr": ecr_rights,
    "eks": cluster_rights,
    "iam": iam_rights,
    "logs": log_rights,
    "s3": s3_rights,
    "sts": sts_rights,
}


@dataclass
class Recorder:
    """Every call of the person who deploys, and of the handlers that act with that person's rights."""

    boundary: str = ""
    calls: set[Call] = field(default_factory=set)

    def note(self, service: str, operation: str, given: Mapping[str, Any]) -> None:
        # Every role here is made with the boundary, every network with the stack's tag.
        context = {
            "iam": (
                ("iam:PermissionsBoundary", self.boundary),
                ("iam:PolicyARN", given.get("PolicyArn", "")),
            ),
            "ec2": (("aws:ResourceTag/stackwright:stack", NAME),),
        }.get(service, ())
        self.calls |= {Call(a, r, context) for a, r in RIGHTS[service](operation, given)}
        self.calls |= {
            Call("iam:PassRole", role, (("iam:PassedToService", service),))
            for role, service in passed_roles(operation, given)
        }

    def of_client(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        self.note(model.service_model.signing_name, model.name, params)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The handlers' way into AWS, with every call noted."""

        def noted(account: str, region: str, service: str, operation: str, **given: Any) -> Any:
            self.note(service, operation, given)
            return call(account, region, service, operation, **given)

        return noted

    def taken(self) -> set[Call]:
        calls, self.calls = self.calls, set()
        return calls


SPEC = {"version": 1, "name": NAME, "region": REGION, "components": specs.PRESETS["sagemaker"]}
CLUSTER = {"flavor": "eks", "options": {"public_access_cidrs": ["198.51.100.7/32"]}}
ON_EKS = SPEC | {"components": {**specs.PRESETS["eks"], "orchestrator": CLUSTER}}
# Actions of setup that no call of ours proves, in statements of their own: why they are there.
UNSEEN = {
    **dict.fromkeys(deploy_policy._ANY_STACK, "the console's own pages ask without a stack's name"),
    "s3:GetObject": "`deploy` hands the template in; a click has CloudFormation read it",
    **dict.fromkeys(("ec2:DeleteTags", "ec2:ModifyVpcEndpoint"), "an update changes them"),
    **dict.fromkeys(deploy_rows._PROFILES.split(), "EKS makes them for the nodes of Auto Mode"),
    "iam:CreateServiceLinkedRole": "EKS makes its own role where the account has none yet",
}


def needless(granted: list[dict[str, Any]], calls: set[Call]) -> list[str]:
    """The statements without which every call is allowed, and that nobody explained."""
    return [
        s["Sid"]
        for s in granted
        if not denied([g for g in granted if g is not s], calls)
        and not set(many(s["Action"])) <= UNSEEN.keys()
    ]


@dataclass(frozen=True)
class Stage:
    """An account, the verbs, and every right that they or the handlers ask for."""

    aws: Any
    recorder: Recorder
    world: Any
    folder: Path

    def is_for(self, wish: Mapping[str, Any] = SPEC, *, boundary: str = "") -> DeployPolicy:
        """Writes stack.yaml; the policy of its template."""
        spec = dict(wish) | ({"access": {"boundary": boundary}} if boundary else {})
        (self.folder / "stack.yaml").write_text(json.dumps(spec))
        self.recorder.boundary = boundary
        plan = plans.make(specs.parse(spec))
        return made(synth.template(plan, cache_dir=self.folder / "cache"), boundary)

    def does(self, *arguments: str, code: int = 0) -> set[Call]:
        """The rights that a verb took."""
        self.recorder.taken()
        assert run(arguments) == code
        return self.recorder.taken()

    def clicks(self, enrolment: Enrolment) -> set[Call]:
        """The rights that the console takes to create the stack of a link."""
        _, template = self.world.drafted(specs.parse(dict(enrolment.spec)))
        bucket = f"stackwright-{ACCOUNT}-{REGION}"
        self.world.cloud.buckets.create_private(bucket)
        key = self.world.cloud.buckets.publish(bucket, template, shape={})
        url = links.object_url(bucket=bucket, key=key, region=REGION)
        self.recorder.taken()
        stack_id = self.world.cloud.stacks.create_from_url(
            name=NAME, template_url=url, parameters=enrolment.parameters
        )
        deploy.follow(self.world.cloud.stacks, stack_id, clock=self.world.clock, on_event=lambda event: None)
        return self.recorder.taken()

    def fills_bucket(self) -> None:
        """Two versions of one object."""
        (store,) = [c for c in self.world.registry.components() if c.type == "artifact_store"]
        bucket = store.outputs["bucket_name"]
        for _ in range(2):
            self.world.s3.put_object(Bucket=bucket, Key="model", Body=b"weights")


@pytest.fixture
def stage(aws: Any, world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    from provisioner.aws.session import Session
    from provisioner.cli.cloud import Cloud

    recorder = Recorder()
    cap = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    call, name = aws.engine.call, BOUNDARY.rpartition("/")[2]
    call(ACCOUNT, REGION, "iam", "CreatePolicy", PolicyName=name, PolicyDocument=json.dumps(cap))
    session = Session(REGION, credentials={"AccessKeyId": aws.access_key(ACCOUNT), "SecretAccessKey": "x"})
    session._sdk.register("before-parameter-build", recorder.of_client)
    monkeypatch.setattr("provisioner.cli.cloud.open_session", lambda region, profile: session)
    monkeypatch.setattr(aws.engine, "call", recorder.around(call))
    monkeypatch.chdir(tmp_path)
    world.cloud = Cloud(session=session)
    return Stage(aws, recorder, world, tmp_path)


@with_and_without_boundary
def test_setup_allows_what_deploy_and_destroy_call_and_every_statement_is_needed(
    stage: Stage, boundary: str
) -> None:
    policy = stage.is_for(boundary=boundary)
    calls = stage.does("deploy", "--yes", "--unchecked")
    stage.fills_bucket()
    calls |= stage.does("destroy", NAME, "--yes")
    granted = statements(policy.setup)
    # `deploy` ends with the proof of `finish`, which is the ongoing policy's.
    assert denied(granted + statements(policy.ongoing), calls) == set()
    assert needless(granted, calls) == []


def test_setup_allows_what_a_cluster_and_its_network_call(stage: Stage) -> None:
    policy = stage.is_for(ON_EKS, boundary=BOUNDARY)
    calls = stage.does("deploy", "--yes", "--unchecked", "--no-bootstrap")
    stage.fills_bucket()
    calls |= stage.does("destroy", NAME, "--yes")
    granted = statements(policy.setup)
    assert denied(granted + statements(policy.ongoing), calls) == set()
    assert needless(granted, calls) == []


def test_setup_allows_what_a_click_calls(stage: Stage) -> None:
    policy = stage.is_for()
    calls = stage.clicks(stage.world.link(specs.parse(SPEC)))
    assert Call("cloudformation:CreateStack", stack_arn(NAME)) in calls
    granted = statements(policy.setup)
    assert denied(granted, calls) == set()
    unread = denied([s for s in granted if s["Sid"] != "Template"], calls)
    assert {call.action for call in unread} == {"s3:GetObject"}


def test_setup_allows_the_rollback_of_what_failed(stage: Stage) -> None:
    policy = stage.is_for()
    stage.aws.fail("OrchestratorRoleSelf", "no room")
    calls = stage.does("deploy", "--yes", "--unchecked", code=4) | stage.does("destroy", NAME, "--yes")
    assert {c.action for c in calls} > {"iam:DeleteRole", "s3:DeleteBucket", "ecr:DeleteRepository"}
    assert denied(statements(policy.setup), calls) == set()


def test_ongoing_allows_what_status_finish_and_doctor_call_and_nothing_else(stage: Stage) -> None:
    policy = stage.is_for()
    enrolment = stage.world.link(specs.parse(SPEC))
    calls = stage.does("status", NAME)
    stage.clicks(enrolment)
    calls |= stage.does("finish", NAME) | stage.does("status", NAME) | stage.does("doctor", NAME)
    stage.does("destroy", NAME, "--yes")
    stage.aws.fail("OrchestratorRoleSelf", "no room")
    stage.does("deploy", "--yes", "--unchecked", code=4)
    calls |= stage.does("status", NAME)
    assert denied(statements(policy.ongoing), calls) == set()
    assert actions(policy.ongoing) == {call.action for call in calls}
    granted = statements(policy.ongoing)
    assert [s["Sid"] for s in granted if not denied([g for g in granted if g is not s], calls)] == []
