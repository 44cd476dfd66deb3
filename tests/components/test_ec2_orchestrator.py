"""The EC2 orchestrator's facts: what ZenML and SkyPilot are told, and what may be asked for."""

from typing import Any

import pytest
import yaml

from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.components.ec2_orchestrator import COMPONENT
from provisioner.errors import SpecError

NEEDS = {"artifact_store": "s3", "container_registry": "ecr"}
OUTPUTS = {
    "instance_profile_name": "churn-OrchestratorVmProfile-AB12CD34EF56",
    "security_group_name": "skypilot_churn",
    "vpc_name": "churn",
    "region": "eu-central-1",
    "instance_type": "t3.xlarge",
    "use_spot": "true",
}


def spec(**options: Any) -> specs.Spec:
    slot = {"flavor": "ec2", "options": {"ssh_cidrs": ["198.51.100.7/32"], **options}}
    return specs.parse(
        {
            "version": 1,
            "name": "churn",
            "region": "eu-central-1",
            "components": {**NEEDS, "orchestrator": slot},
        }
    )


def test_zenml_starts_one_machine_per_pipeline_of_the_kind_that_was_chosen() -> None:
    assert COMPONENT.register_config({"orchestrator": OUTPUTS}) == {
        "region": "eu-central-1",
        "instance_type": "t3.xlarge",
        "use_spot": "true",
        "disable_step_based_settings": "true",
    }


def test_skypilot_is_told_which_profile_group_and_network_to_take() -> None:
    files = COMPONENT.client_files({"orchestrator": OUTPUTS})
    assert {path: yaml.safe_load(text) for path, text in files.items()} == {
        "~/.sky/config.yaml": {
            "aws": {
                "remote_identity": "churn-OrchestratorVmProfile-AB12CD34EF56",
                "security_group_name": "skypilot_churn",
                "vpc_name": "churn",
                "disk_encrypted": True,
                "labels": {"stackwright:stack": "churn", "stackwright:component": "orchestrator"},
            }
        }
    }


def test_of_an_existing_network_only_the_user_can_tell_the_name() -> None:
    existing = {**OUTPUTS, "vpc_name": "vpc-0123456789abcdef0"}
    (text,) = COMPONENT.client_files({"orchestrator": existing}).values()
    assert text.splitlines()[3:5] == [
        "  # Write the Name tag of vpc-0123456789abcdef0 here: SkyPilot knows no ids.",
        "  vpc_name: vpc-0123456789abcdef0",
    ]


def test_a_new_network_is_public_and_without_gateways() -> None:
    network = plans.make(spec()).shape.network
    assert network == plans.Network(vpc="new", zones=2, nat_gateways=0)
    wide = plans.make(spec(zones=3)).shape.network
    assert wide == plans.Network(vpc="new", zones=3, nat_gateways=0)


@pytest.mark.parametrize("cidrs", [["0.0.0.0/0"], ["0.0.0.0/1"], ["198.51.100.7"], ["::/0"], []])
def test_the_whole_internet_is_let_in_by_no_spelling(cidrs: list[str]) -> None:
    with pytest.raises(SpecError) as refused:
        spec(ssh_cidrs=cidrs)
    assert refused.value.field == "components.orchestrator.options.ssh_cidrs"


def test_a_fifth_address_is_refused_and_not_forgotten() -> None:
    four = [f"198.51.100.{n}/32" for n in range(4)]
    assert spec(ssh_cidrs=four).components[-1].options["ssh_cidrs"] == tuple(four)
    with pytest.raises(SpecError) as refused:
        spec(ssh_cidrs=[*four, "203.0.113.0/24"])
    assert (refused.value.message, refused.value.hint) == (
        "components.orchestrator.options.ssh_cidrs has 5 items",
        "at most 4",
    )


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("t3.xlarge", True),
        ("m7i-flex.large", True),
        ("g5.2xlarge", True),
        ("p5en.48xlarge", True),
        ("p6-b200.48xlarge", True),
        ("u7i-12tb.224xlarge", False),
        ("m7g.large", False),  # Graviton
        ("ml.m5.xlarge", False),
    ],
)
def test_machines_are_x86_as_zenmls_images(kind: str, allowed: bool) -> None:
    if allowed:
        assert spec(instance_type=kind).components[-1].options["instance_type"] == kind
    else:
        with pytest.raises(SpecError):
            spec(instance_type=kind)


def test_the_preset_asks_for_nothing_but_the_address() -> None:
    (asked,) = [o.name for o in COMPONENT.options if o.placeholder]
    assert asked == "ssh_cidrs"
    assert plans.make(specs.preset("ec2", name="churn", region="eu-central-1")).shape.network
