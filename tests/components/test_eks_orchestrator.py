"""The EKS orchestrator's facts: a cluster by its ARN, as ZenML wants it, and what a new one may be."""

import re
from typing import Any

import pytest

from provisioner import arn
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.components.eks_orchestrator import CIDR, COMPONENT
from provisioner.errors import SpecError

CLUSTER = "arn:aws:eks:us-east-1:111122223333:cluster/ml"
NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}


def spec(options: dict[str, Any]) -> specs.Spec:
    slot = {"flavor": "eks", "options": options}
    return specs.parse(
        {"version": 1, "name": "churn", "region": "us-east-1", "components": {**NEEDS, "orchestrator": slot}}
    )


def test_a_cluster_promises_its_name_and_where_pods_run() -> None:
    assert COMPONENT.outputs_of(arn.parse(CLUSTER)) == {
        "cluster_arn": CLUSTER,
        "cluster_name": "ml",
        "namespace": "zenml",
        "service_account": "zenml",
    }


def test_zenml_gets_namespace_and_service_account_for_pipeline_and_steps() -> None:
    outputs = {"orchestrator": {"namespace": "churn", "service_account": "zenml", "cluster_name": "ml"}}
    assert COMPONENT.register_config(outputs) == {
        "kubernetes_namespace": "churn",
        "service_account_name": "zenml",
        "step_pod_service_account_name": "zenml",
    }


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        (CLUSTER, True),
        ("arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/Ml_2-x", True),
        ("arn:aws:eks:us-east-1:111122223333:cluster/", False),
        ("arn:aws:eks:us-east-1:111122223333:cluster/-ml", False),
        ("arn:aws:eks:us-east-1:111122223333:nodegroup/ml/a/b", False),
        ("arn:aws:ecs:us-east-1:111122223333:cluster/ml", False),
    ],
)
def test_only_a_cluster_fits(text: str, fits: bool) -> None:
    assert COMPONENT.fits_arn(text) is fits


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("198.51.100.7/32", True),
        ("10.0.0.0/8", True),
        ("0.0.0.0/0", False),
        ("0.0.0.0/1", False),
        ("128.0.0.0/1", False),
        ("198.51.100.7", False),
        ("256.0.0.1/32", False),
        ("198.51.100.7/33", False),
        ("::/0", False),
    ],
)
def test_the_whole_internet_is_no_address(text: str, allowed: bool) -> None:
    assert (re.fullmatch(CIDR, text) is not None) is allowed


@pytest.mark.parametrize(
    ("gpu", "allowed"),
    [
        ("g5.xlarge", True),
        ("g4dn.12xlarge", True),
        ("g6e.48xlarge", True),
        ("gr6.4xlarge", True),
        ("p4de.24xlarge", True),
        ("p5en.48xlarge", True),
        ("p6-b200.48xlarge", True),
        ("g5g.xlarge", False),  # Graviton
        ("m6i.large", False),
        ("inf2.xlarge", False),
        ("ml.g5.xlarge", False),
    ],
)
def test_gpus_are_nvidias_beside_x86(gpu: str, allowed: bool) -> None:
    options = {"gpu": {"instance_type": gpu}}
    if allowed:
        assert spec(options).components[-1].options["gpu_instance_type"] == gpu
    else:
        with pytest.raises(SpecError) as refused:
            spec(options)
        assert refused.value.field == "components.orchestrator.options.gpu.instance_type"


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("m6i.large", True),
        ("m7i-flex.large", True),
        ("c5a.xlarge", True),
        ("m7g.large", False),
        ("t4g.small", False),
    ],
)
def test_machines_are_x86_as_zenmls_images(kind: str, allowed: bool) -> None:
    options = {"compute": "managed", "node": {"instance_type": kind}}
    if allowed:
        assert spec(options).components[-1].options["node_instance_type"] == kind
    else:
        with pytest.raises(SpecError):
            spec(options)


def test_node_groups_are_an_option_of_managed_compute_only() -> None:
    with pytest.raises(SpecError) as refused:
        spec({"node": {"instance_type": "m6i.large"}})
    assert "compute: managed" in refused.value.message


@pytest.mark.parametrize(("zones", "gateways"), [(2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 3)])
def test_a_network_has_no_gateway_or_one_or_one_in_each_zone(zones: int, gateways: int) -> None:
    network = plans.make(spec({"zones": zones, "nat_gateways": gateways})).shape.network
    assert network == plans.Network(vpc="new", zones=zones, nat_gateways=gateways)


@pytest.mark.parametrize(("zones", "gateways"), [(2, 3), (3, 2)])
def test_two_gateways_for_three_zones_are_refused_with_what_is_possible(zones: int, gateways: int) -> None:
    with pytest.raises(SpecError) as refused:
        spec({"zones": zones, "nat_gateways": gateways})
    assert refused.value.field == "components.orchestrator.options.nat_gateways"
    assert f"or {zones}: one for each" in refused.value.hint


# Fitness


def answers(**attributes: object) -> dict[str, bool | None]:
    return {check.id: check.test(attributes) for check in COMPONENT.checks}


def test_a_cluster_that_nobody_could_look_at_is_neither_fit_nor_unfit() -> None:
    assert set(answers().values()) == {None}


@pytest.mark.parametrize(
    ("id_", "attributes", "ok"),
    [
        ("access_entries", {"authentication": "API"}, True),
        ("access_entries", {"authentication": "API_AND_CONFIG_MAP"}, True),
        ("access_entries", {"authentication": "CONFIG_MAP"}, False),
        ("pod_identity", {"auto_mode": True}, True),
        ("pod_identity", {"auto_mode": False, "addons": ["eks-pod-identity-agent", "vpc-cni"]}, True),
        ("pod_identity", {"auto_mode": False, "addons": []}, False),
        ("pod_identity", {"auto_mode": False}, None),
        ("version_supported", {"version": "1.36"}, True),
        ("version_supported", {"version": "1.31"}, False),
        ("version_supported", {"version": "1.99"}, None),
        ("endpoint_narrow", {"endpoint_narrow": False}, False),
    ],
)
def test_a_cluster_is_judged_by_what_is_known(id_: str, attributes: Any, ok: bool | None) -> None:
    assert answers(**attributes)[id_] is ok
