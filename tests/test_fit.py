"""A found resource fits, does not fit, or nobody could look."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioner import fit
from provisioner.component import Component
from provisioner.components import find
from provisioner.scan.checks import FOR_KIND
from provisioner.scan.table import ROWS, Found

HOME = "eu-central-1"
ACCOUNT = "111122223333"
BUCKET = Found(
    arn="arn:aws:s3:::churn",
    account=ACCOUNT,
    region=HOME,
    kind="bucket",
    name="churn",
    attributes={
        "public_access_blocked": True,
        "encrypted": True,
        "versioned": True,
        "locked": False,
        "requester_pays": False,
        "acls_disabled": True,
    },
)
ROLE = Found(
    arn="arn:aws:iam::111122223333:role/ml",
    account=ACCOUNT,
    region="global",
    kind="role",
    name="ml",
    attributes={"trusts_sagemaker": True, "guarded_trust": True, "no_full_access": True, "policies": []},
)
CLUSTER = Found(
    arn=f"arn:aws:eks:{HOME}:{ACCOUNT}:cluster/ml",
    account=ACCOUNT,
    region=HOME,
    kind="cluster",
    name="ml",
    attributes={
        "active": True,
        "version": "1.35",
        "authentication": "API",
        "auto_mode": False,
        "addons": ["coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"],
        "nodes_desired": 1,
        "nodes_max": 3,
        "instance_types": ["m7i.large"],
        "gpu": False,
        "endpoint_public": True,
        "endpoint_narrow": True,
        "secrets_encrypted": True,
    },
)
PRIVATE = [
    {"id": "subnet-a", "zone": "eu-central-1a", "zone_id": "euc1-az2", "free": 250, "way_out": "nat"},
    {"id": "subnet-b", "zone": "eu-central-1b", "zone_id": "euc1-az3", "free": 250, "way_out": "nat"},
]
VPC = Found(
    arn=f"arn:aws:ec2:{HOME}:{ACCOUNT}:vpc/vpc-1",
    account=ACCOUNT,
    region=HOME,
    kind="vpc",
    name="vpc-1",
    attributes={"available": True, "subnets": PRIVATE},
)
BEFORE_1_35_ENDS = date(2026, 11, 22)


def component(type_: str, flavor: str) -> Component:
    found = find(type_, flavor)
    assert found
    return found


STORE = component("artifact_store", "s3")
STEPS = component("step_operator", "sagemaker")
PODS = component("orchestrator", "eks")


def with_(found: Found, **attributes: object) -> Found:
    return replace(found, attributes={**found.attributes, **attributes})


def answers(fitness: fit.Fitness) -> Mapping[str, bool | None]:
    return {answer.id: answer.ok for answer in fitness.checks}


def policy(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}]}


# Buckets


def test_a_resource_fits_when_every_check_says_yes() -> None:
    fitness = fit.check(STORE, BUCKET, region=HOME)
    assert fitness.verdict == "fit"
    assert answers(fitness) == dict.fromkeys(
        (
            *("same_region", "not_reserved", "not_public", "encrypted", "not_locked", "owner_pays"),
            *("acls_disabled", "versioned"),
        ),
        True,
    )
    assert fitness.checks[0] == fit.Answer(
        id="same_region", ok=True, severity="error", reason="the bucket is in the stack's region"
    )


@pytest.mark.parametrize(
    ("attributes", "region", "verdict"),
    [
        # The account may block what the bucket does not.
        ({"public_access_blocked": False}, HOME, "unknown"),
        ({"public_access_blocked": True}, "us-east-1", "unfit"),
        ({}, HOME, "unknown"),
        ({}, "us-east-1", "unfit"),
        ({"public_access_blocked": True, "encrypted": False, "versioned": False}, HOME, "fit"),
        ({"public_access_blocked": True, "locked": True, "requester_pays": True}, HOME, "fit"),
        ({"public_access_blocked": True}, HOME, "fit"),
        # Nothing blocks it, and the policy lets everybody in.
        ({"public_access_blocked": False, "public_by_policy": True}, HOME, "unfit"),
        ({"public_access_blocked": False, "public_by_policy": False}, HOME, "unknown"),
        ({"public_access_blocked": False, "public_by_policy": False, "acls_disabled": True}, HOME, "fit"),
        ({"public_access_blocked": True, "reserved_for": "the AWS CDK's assets"}, HOME, "unfit"),
    ],
)
def test_only_checks_of_severity_error_decide(
    attributes: dict[str, object], region: str, verdict: str
) -> None:
    assert fit.check(STORE, replace(BUCKET, attributes=attributes), region=region).verdict == verdict


def test_a_bucket_whose_region_nobody_told_is_unknown() -> None:
    answer = fit.check(STORE, replace(BUCKET, region=""), region=HOME)
    assert (answer.verdict, answer.checks[0].ok) == ("unknown", None)


def test_whose_a_reserved_bucket_is_stands_beside_the_answer() -> None:
    reserved = with_(BUCKET, reserved_for="the AWS CDK's assets")
    (answer,) = [a for a in fit.check(STORE, reserved, region=HOME).checks if a.id == "not_reserved"]
    assert (answer.ok, answer.detail) == (False, "the AWS CDK's assets")


# Roles


def test_a_role_without_policies_names_all_that_it_lacks() -> None:
    fitness = fit.check(STEPS, ROLE, region=HOME)
    (answer,) = [a for a in fitness.checks if a.id == "may_run_jobs"]
    wanted = {
        action
        for statement in STEPS.statements
        if statement.role == "execution" and not statement.when
        for action in statement.actions
    }
    assert (fitness.verdict, answer.ok, set(answer.detail.split(", "))) == ("unfit", False, wanted)


def test_a_role_whose_policies_were_not_read_is_unknown() -> None:
    unread = replace(ROLE, attributes={"trusts_sagemaker": True})
    fitness = fit.check(STEPS, unread, region=HOME)
    assert (fitness.verdict, answers(fitness)["may_run_jobs"]) == ("unknown", None)


@pytest.mark.parametrize("type_", ["orchestrator", "step_operator"])
def test_a_role_that_may_do_everything_fits_both_slots_in_every_region(type_: str) -> None:
    able = with_(ROLE, policies=[policy("*")])
    answer = fit.check(component(type_, "sagemaker"), able, region="us-east-1")
    assert answer == fit.best(able, HOME)
    assert (answer.verdict, answers(answer)["reaches_the_stack"]) == ("fit", True)


def needed_policies(**outputs: str) -> list[dict[str, Any]]:
    """The component's own minimal policy, for a bucket and a repository of these ARNs."""
    known = {"artifact_store": outputs, "container_registry": outputs, "step_operator": outputs}
    known["aws"] = {"partition": "aws", "region": HOME, "account": ACCOUNT}
    return [
        policy(
            *statement.actions,
            resource=[fit.fill(resource, known) for resource in statement.resources],
            **({"Condition": statement.conditions} if statement.conditions else {}),
        )
        for statement in STEPS.statements
        if statement.role == "execution" and not statement.when
    ]


CHOSEN = {
    "bucket_arn": "arn:aws:s3:::churn",
    "repository_arn": f"arn:aws:ecr:{HOME}:{ACCOUNT}:repository/churn",
}
OUTPUTS = {"artifact_store": CHOSEN, "container_registry": CHOSEN}


def test_our_own_minimal_policy_is_enough_for_its_own_stack() -> None:
    role = with_(ROLE, policies=needed_policies(execution_role_arn=ROLE.arn, **CHOSEN))
    fitness = fit.check(STEPS, role, region=HOME, outputs=OUTPUTS)
    assert (fitness.verdict, answers(fitness)["reaches_the_stack"]) == ("fit", True)


def test_for_a_bucket_still_to_be_chosen_nobody_can_tell() -> None:
    role = with_(ROLE, policies=needed_policies(execution_role_arn=ROLE.arn, **CHOSEN))
    fitness = fit.check(STEPS, role, region=HOME)
    (reaches,) = [a for a in fitness.checks if a.id == "reaches_the_stack"]
    assert (fitness.verdict, reaches.ok) == ("fit", None)
    assert {"s3:GetObject", "ecr:BatchGetImage"} <= set(reaches.detail.split(", "))


def test_a_role_judged_by_itself_may_serve_in_the_region_of_its_policies() -> None:
    role = with_(ROLE, policies=needed_policies(execution_role_arn=ROLE.arn, **CHOSEN))
    fitness = fit.best(role, role.region)
    assert (fitness.verdict, answers(fitness)["reaches_the_stack"]) == ("fit", None)


def test_a_role_that_fits_one_slot_alone_is_fit_for_that() -> None:
    role = with_(ROLE, policies=needed_policies(execution_role_arn=ROLE.arn, **CHOSEN))
    whole = component("orchestrator", "sagemaker")
    assert fit.check(whole, role, region=HOME).verdict == "unfit"
    assert fit.best(role, HOME) == fit.check(STEPS, role, region=HOME)


def test_a_role_of_another_region_is_unfit_for_this_one() -> None:
    role = with_(ROLE, policies=needed_policies(execution_role_arn=ROLE.arn, **CHOSEN))
    assert fit.check(STEPS, role, region="us-east-1").verdict == "unfit"


def test_a_role_of_another_bucket_is_unfit_for_this_one() -> None:
    other = CHOSEN | {"bucket_arn": "arn:aws:s3:::fraud"}
    role = with_(ROLE, policies=needed_policies(execution_role_arn=ROLE.arn, **other))
    fitness = fit.check(STEPS, role, region=HOME, outputs=OUTPUTS)
    (answer,) = [a for a in fitness.checks if a.id == "may_run_jobs"]
    assert (fitness.verdict, answer.ok) == ("unfit", False)
    assert {"s3:GetObject", "s3:PutObject", "s3:ListBucket"} <= set(answer.detail.split(", "))


def test_a_boundary_makes_a_role_unfit() -> None:
    bound = with_(ROLE, policies=[policy("*")], boundary=policy("ec2:*"))
    assert fit.check(STEPS, bound, region=HOME).verdict == "unfit"


# Clusters


def cluster_answers(today: date | None = BEFORE_1_35_ENDS, **attributes: object) -> fit.Fitness:
    return fit.check(PODS, with_(CLUSTER, **attributes), region=HOME, today=today)


def test_a_cluster_in_support_with_machines_fits() -> None:
    fitness = cluster_answers()
    assert fitness.verdict == "fit"
    assert [id_ for id_, ok in answers(fitness).items() if ok is not True] == ["gpu"]


@pytest.mark.parametrize(
    ("version", "today", "supported", "not_ended"),
    [
        ("1.35", date(2027, 3, 26), True, True),
        ("1.35", date(2027, 3, 27), False, True),
        ("1.35", date(2028, 3, 27), False, False),
        ("1.21", date(2026, 11, 22), False, False),
        ("1.99", date(2026, 11, 22), None, None),
    ],
)
def test_a_version_stands_where_the_calendar_puts_it(
    version: str, today: date, supported: bool | None, not_ended: bool | None
) -> None:
    told = answers(cluster_answers(today, version=version))
    assert (told["version_supported"], told["version_not_ended"]) == (supported, not_ended)


@pytest.mark.parametrize(
    ("attributes", "check", "ok"),
    [
        ({"nodes_max": 0}, "has_nodes", False),
        ({"nodes_max": None}, "has_nodes", None),
        ({"nodes_max": None, "auto_mode": True}, "has_nodes", True),
        ({"active": False}, "active", False),
        ({"authentication": "CONFIG_MAP"}, "access_entries", False),
        ({"addons": ["coredns"]}, "pod_identity", False),
        ({"addons": [], "auto_mode": True}, "pod_identity", True),
        ({"endpoint_public": False}, "endpoint_reachable", False),
        ({"gpu": True}, "gpu", True),
        ({"gpu": False, "auto_mode": True}, "gpu", None),
    ],
)
def test_what_a_cluster_lacks_is_told_by_name(attributes: dict[str, object], check: str, ok: Any) -> None:
    assert answers(cluster_answers(**attributes))[check] is ok


def test_a_cluster_tells_its_support_and_its_machines() -> None:
    details = {a.id: a.detail for a in cluster_answers().checks if a.detail}
    assert details == {
        "version_supported": "1.35: standard support until 2027-03-27, extended until 2028-03-27",
        "version_not_ended": "1.35: standard support until 2027-03-27, extended until 2028-03-27",
        "has_nodes": "1 of at most 3 machines: m7i.large",
        "gpu": "1 of at most 3 machines: m7i.large",
    }


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("Created", "fit"),
        ("Started", "fit"),
        ("Stopped", "unfit"),
        ("CreateFailed", "unfit"),
        (None, "unknown"),
    ],
)
def test_a_tracking_server_must_run(status: str | None, verdict: str) -> None:
    server = Found(
        arn=f"arn:aws:sagemaker:{HOME}:{ACCOUNT}:mlflow-tracking-server/ml",
        account=ACCOUNT,
        region=HOME,
        kind="mlflow_tracking_server",
        name="ml",
        attributes={"status": status} if status else {},
    )
    assert fit.best(server, HOME).verdict == verdict


# What no component takes by itself


def subnets(**changes: object) -> list[dict[str, object]]:
    return [PRIVATE[0], PRIVATE[1] | changes]


@pytest.mark.parametrize(
    ("found", "verdict", "failed"),
    [
        (subnets(), "fit", []),
        (subnets(free=15), "unfit", ["two_zones", "way_out", "private_subnets"]),
        (subnets(zone="eu-central-1a"), "unfit", ["two_zones", "way_out", "private_subnets"]),
        (subnets(zone_id="use1-az3"), "unfit", ["two_zones", "way_out", "private_subnets"]),
        (subnets(way_out=""), "unfit", ["way_out", "private_subnets"]),
        (subnets(way_out="internet"), "fit", ["private_subnets"]),
        (subnets(way_out=None), "unknown", ["way_out", "private_subnets"]),
        ([], "unfit", ["two_zones", "way_out", "private_subnets"]),
        (None, "unknown", ["two_zones", "way_out", "private_subnets"]),
    ],
)
def test_a_network_carries_a_cluster_on_two_zones(found: Any, verdict: str, failed: list[str]) -> None:
    fitness = fit.best(with_(VPC, subnets=found), HOME)
    assert (fitness.verdict, [i for i, ok in answers(fitness).items() if ok is not True]) == (verdict, failed)


def test_every_kind_that_a_scan_finds_is_judged_by_something() -> None:
    by_component = {"bucket", "repository", "role", "cluster", "build_project"}
    by_component |= {"mlflow_tracking_server", "mlflow_app"}
    assert {row.kind for row in ROWS} - by_component == FOR_KIND.keys()


@pytest.mark.parametrize("kind", FOR_KIND)
def test_what_was_not_looked_at_is_unknown_never_fit(kind: str) -> None:
    nothing = Found(arn="arn:aws:none:::x", account=ACCOUNT, region="", kind=kind, name="x")
    told = fit.best(nothing, HOME)
    assert told.verdict == "unknown"


def test_what_no_component_could_use_is_unknown() -> None:
    queue = replace(BUCKET, arn="arn:aws:sqs:eu-central-1:111122223333:jobs", kind="sqs")
    assert fit.best(queue, HOME) == fit.Fitness(verdict="unknown", checks=())
