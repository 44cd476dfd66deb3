"""Fitness of what no component takes by itself: networks, profiles, file systems, queues, secrets, stacks."""

from collections.abc import Mapping
from typing import Any

from provisioner.component import Check, flag

Facts = Mapping[str, object]
# EKS wants six free addresses in each of its subnets, and advises sixteen.
# https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
_ADDRESSES = 16
# Zones where EKS puts no control plane; same page.
_REFUSED = ("use1-az3", "usw1-az2", "cac1-az3")


def _same_region(thing: str) -> Check:
    return Check(
        id="same_region",
        severity="error",
        test=flag("same_region"),
        reason=f"the {thing} is in the stack's region",
    )


def _is(id_: str, key: str, reason: str, severity: Any = "error") -> Check:
    return Check(id=id_, severity=severity, test=flag(key), reason=reason)


def in_service(reason: str, *good: str) -> Check:
    """Whether the service names one of these states."""

    def test(facts: Facts) -> bool | None:
        status = facts.get("status")
        return status in good if isinstance(status, str) else None

    return Check(
        id="in_service",
        severity="error",
        test=test,
        reason=reason,
        detail=lambda facts: str(facts.get("status", "")),
    )


# Networks


def usable_subnets(facts: Facts) -> list[Mapping[str, Any]] | None:
    """The subnets that EKS would take: enough addresses, and not in a zone that it refuses."""
    subnets: Any = facts.get("subnets")
    if not isinstance(subnets, list):
        return None
    return [s for s in subnets if s["free"] >= _ADDRESSES and s["zone_id"] not in _REFUSED]


def _two_zones(facts: Facts) -> bool | None:
    usable = usable_subnets(facts)
    return None if usable is None else len({s["zone"] for s in usable}) >= 2


def _ways_out(facts: Facts) -> bool | None:
    """Whether two zones have a subnet that reaches the internet; one untold way leaves it open."""
    usable = usable_subnets(facts)
    if usable is None or any(s["way_out"] is None for s in usable):
        return None
    return len({s["zone"] for s in usable if s["way_out"]}) >= 2


def _private(facts: Facts) -> bool | None:
    usable = usable_subnets(facts)
    if usable is None or any(s["way_out"] is None for s in usable):
        return None
    return len({s["zone"] for s in usable if s["way_out"] not in ("", "internet")}) >= 2


def _subnets(facts: Facts) -> str:
    usable = usable_subnets(facts)
    if usable is None:
        return ""
    return (
        ", ".join(f"{s['id']} in {s['zone']} with {s['free']} free" for s in usable) or "no subnet that fits"
    )


def _names_skypilot(facts: Facts) -> bool | None:
    return facts.get("skypilot_name") is True and facts.get("skypilot_role") is True


def _some_left(facts: Facts) -> bool | None:
    value = facts.get("value")
    return value > 0 if isinstance(value, int | float) else None


def _one_left(facts: Facts) -> bool | None:
    """Whether the quota allows one more; nobody could count where its things were not seen."""
    value, used = facts.get("value"), facts.get("used")
    if not isinstance(value, int) or (value > 0 and not isinstance(used, int)):
        return None
    return isinstance(used, int) and used < value


def _used(facts: Facts) -> str:
    value, used = facts.get("value"), facts.get("used")
    return (
        f"{value} at most, and nobody could count those there are" if used is None else f"{used} of {value}"
    )


def _one_more(thing: str) -> tuple[Check, ...]:
    return (
        Check(
            id="quota_left",
            severity="error",
            test=_one_left,
            reason=f"the account may have another {thing} there",
            detail=_used,
        ),
    )


VPC = (
    _same_region("network"),
    _is("available", "available", "the network is ready"),
    Check(
        id="two_zones",
        severity="error",
        test=_two_zones,
        reason=f"two zones have a subnet with {_ADDRESSES} free addresses that EKS takes",
        detail=_subnets,
    ),
    Check(
        id="way_out",
        severity="error",
        test=_ways_out,
        reason="subnets in two zones reach the internet, by a NAT or an internet gateway",
    ),
    Check(
        id="private_subnets",
        severity="warning",
        test=_private,
        reason="those subnets are private: machines in them have no address of their own outside",
    ),
)

FOR_KIND: Mapping[str, tuple[Check, ...]] = {
    "vpc": VPC,
    "instance_profile": (
        _is("has_role", "has_role", "the profile carries a role"),
        _is("trusts_ec2", "trusts_ec2", "EC2 may assume its role"),
        Check(
            id="skypilot_name",
            severity="info",
            test=_names_skypilot,
            reason="profile and role are called skypilot-v1; any other must be named in ~/.sky/config.yaml",
        ),
        _is(
            "no_full_access",
            "no_full_access",
            "no *FullAccess or AdministratorAccess policy is attached",
            "warning",
        ),
    ),
    "efs_file_system": (
        _same_region("file system"),
        _is("available", "available", "the file system is available"),
        _is("mounted", "mounted", "it has a mount target, so machines of its network reach it"),
        _is("encrypted", "encrypted", "files are encrypted at rest", "warning"),
    ),
    "fsx_file_system": (
        _same_region("file system"),
        _is("available", "available", "the file system is available"),
        _is("lustre", "lustre", "it is Lustre, which SageMaker jobs can mount"),
    ),
    "job_queue": (
        _same_region("queue"),
        _is("enabled", "enabled", "the queue takes jobs"),
        _is("valid", "valid", "its configuration is valid"),
    ),
    "state_machine": (
        _same_region("state machine"),
        _is("standard", "standard", "it is a standard one: an express one ends after five minutes"),
    ),
    "app_service": (
        _same_region("service"),
        _is("running", "running", "the service is running"),
        Check(
            id="offered",
            severity="warning",
            test=lambda facts: False,
            reason="AWS still takes new customers for it; App Runner has not since 2026-04-30",
        ),
    ),
    "secret": (
        _same_region("secret"),
        _is("kept", "kept", "it is not marked for deletion"),
        _is("own_key", "own_key", "it is encrypted with a key of yours", "info"),
        _is("rotated", "rotated", "it is rotated", "info"),
    ),
    "stack": (
        _same_region("stack"),
        _is("complete", "complete", "the stack is complete"),
        _is("keyless", "keyless", "no output names an access key", "warning"),
    ),
    "domain": (
        _same_region("domain"),
        in_service("the domain is in service", "InService"),
    ),
    "model_package_group": (
        _same_region("group"),
        in_service("the group is complete", "Completed"),
    ),
    "endpoint": (
        _same_region("endpoint"),
        in_service("the endpoint is in service", "InService", "Updating", "SystemUpdating"),
    ),
    "pipeline": (_same_region("pipeline"),),
    "job_quota": (
        Check(
            id="quota",
            severity="error",
            test=_some_left,
            reason="jobs on such a machine may run",
            detail=lambda facts: f"{facts.get('value')} at a time; those that run now are not counted",
        ),
    ),
    "cluster_quota": _one_more("cluster"),
    "vpc_quota": _one_more("network"),
}
