"""What EKS refuses, in its own words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from ipaddress import IPv4Network, ip_network
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.iam.models import Role, iam_backends
from moto.kms.models import kms_backends

from provisioner import kubernetes_versions
from provisioner.emulator import eks_facts as facts
from provisioner.emulator.eks_store import Cluster, Shown, now
from provisioner.emulator.refusal import AwsError
from provisioner.emulator.trust import names_service

CLUSTER_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
PRIVATE = [IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/(.+)")


def invalid_parameter(message: str) -> AwsError:
    """EKS's word for nearly everything that is wrong with a request."""
    return AwsError("InvalidParameterException", message)


def invalid_request(message: str) -> AwsError:
    """EKS's word for what does not fit the cluster's state."""
    return AwsError("InvalidRequestException", message)


def in_use(message: str) -> AwsError:
    """Something of that name is there, or something else stands on it."""
    return AwsError("ResourceInUseException", message, 409)


# --- clusters --------------------------------------------------------------------------------------


def cluster_name(name: str) -> None:
    """Refuse names that EKS cannot use."""
    if not CLUSTER_NAME.fullmatch(name):
        raise invalid_parameter(
            "The name must begin with a letter or digit and can have any of the following characters: the "
            "set of Unicode letters, digits, hyphens and underscores."
        )


def version(name: str) -> None:
    """Refuse versions that EKS does not run, or no longer."""
    standing, _ = kubernetes_versions.check(name, now().date()) if _is_version(name) else ("ended", None)
    if standing in ("ended", "unknown"):
        raise invalid_parameter("unsupported Kubernetes version")


def _is_version(name: str) -> bool:
    return bool(re.fullmatch(r"1\.\d+", name))


def version_step(before: str, after: str) -> None:
    """Refuse anything but the next minor version."""
    version(after)
    if facts.minor(after) != facts.minor(before) + 1:
        raise invalid_parameter(f"Unsupported Kubernetes minor version update from {before} to {after}")


def service_role(arn: str, service: str, actions: Iterable[str]) -> Role:
    """The role, if it is there and trusts the service for these actions."""
    found = ROLE_ARN.fullmatch(arn)
    roles = iam_backends[found[1]]["aws"].get_roles() if found else []
    role = next((row for row in roles if row.arn == arn), None)
    if role is None or not all(_trusts(role, service, action) for action in actions):
        raise invalid_parameter(
            f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is "
            f"not correct: {service} must be allowed {', '.join(actions)}"
        )
    return role


def node_role(arn: str) -> Role:
    """The role of nodes, if EC2 may be it."""
    found = ROLE_ARN.fullmatch(arn)
    roles = iam_backends[found[1]]["aws"].get_roles() if found else []
    role = next((row for row in roles if row.arn == arn), None)
    if role is None:
        raise invalid_parameter(f"The role with name {arn.rsplit('/', 1)[-1]} cannot be found.")
    if not _trusts(role, "ec2.amazonaws.com", "sts:AssumeRole"):
        raise invalid_parameter(
            "Following required service principals [ec2.amazonaws.com] were not found in the trust "
            f"relationships of nodeRole {arn}"
        )
    return role


def _trusts(role: Role, service: str, action: str) -> bool:
    return names_service(json.loads(role.assume_role_policy_document), service, action)


def network(account: str, region: str, name: str, given: Shown) -> str:
    """The VPC of a cluster's subnets, if EKS can use them."""
    subnets = _subnets(account, region, given.get("subnetIds", []))
    zones = {subnet.availability_zone_id for subnet in subnets}
    if len(subnets) < 2 or len(zones) < 2:
        raise invalid_parameter("Subnets specified must be in at least two different AZs")
    refused = sorted(zones & facts.REFUSED_ZONES)
    if refused:
        raise AwsError(
            "UnsupportedAvailabilityZoneException",
            f"Cannot create cluster '{name}' because EKS does not support creating control plane instances "
            f"in {refused[0]}, the targeted availability zone. Retry cluster creation using control plane "
            "subnets that span at least two availability zones that EKS supports.",
        )
    vpcs = {subnet.vpc_id for subnet in subnets}
    if len(vpcs) != 1:
        raise invalid_parameter("Subnets must belong to the same VPC")
    _security_groups(account, region, given.get("securityGroupIds", []))
    endpoint_access(given)
    return str(vpcs.pop())


def _subnets(account: str, region: str, ids: list[str]) -> list[Any]:
    ec2 = ec2_backends[account][region]
    known = {name: row for rows in ec2.subnets.values() for name, row in rows.items()}
    for name in ids:
        if name not in known:
            raise invalid_parameter(f"The subnet ID '{name}' does not exist")
    return [known[name] for name in ids]


def _security_groups(account: str, region: str, ids: list[str]) -> None:
    for name in ids:
        if ec2_backends[account][region].get_security_group_from_id(name) is None:
            raise invalid_parameter(f"The security group '{name}' does not exist")


def endpoint_access(given: Shown) -> None:
    """Somebody must be able to reach the API, and only real public networks may be named."""
    if not given.get("endpointPublicAccess", True) and not given.get("endpointPrivateAccess", False):
        raise invalid_parameter("Private and public endpoint access cannot be false")
    for text in given.get("publicAccessCidrs", []):
        try:
            cidr = ip_network(text)
        except ValueError:
            raise invalid_parameter(
                f"The following CIDRs are invalid in publicAccessCidrs: [{text}]"
            ) from None
        if isinstance(cidr, IPv4Network) and any(cidr.subnet_of(block) for block in PRIVATE):
            raise invalid_parameter(f"The following CIDRs are not allowed in publicAccessCidrs: [{text}]")


def automatic(given: Shown) -> None:
    """Auto Mode is on as a whole or not at all, and its pools need a role."""
    compute = given.get("computeConfig") or {}
    parts = (
        compute.get("enabled"),
        (given.get("kubernetesNetworkConfig") or {}).get("elasticLoadBalancing", {}).get("enabled"),
        (given.get("storageConfig") or {}).get("blockStorage", {}).get("enabled"),
    )
    if len({bool(part) for part in parts}) > 1:
        raise invalid_parameter(
            "For EKS Auto Mode, please ensure that all required configs, including computeConfig, "
            "kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled."
        )
    pools, role = compute.get("nodePools") or [], compute.get("nodeRoleArn")
    if pools and not role:
        raise invalid_parameter(
            "When Compute Config nodeRoleArn is null or empty, nodePool list cannot be populated."
        )
    if role and not pools:
        raise invalid_parameter(
            "When Compute Config nodeRoleArn is not null or empty, nodePool value(s) must be provided."
        )
    unknown = sorted(set(pools) - facts.BUILT_IN_POOLS)
    if unknown:
        raise invalid_parameter(f"Invalid nodePool value(s) provided: {', '.join(unknown)}")
    if role:
        node_role(role)


def automatic_cluster(given: Shown) -> None:
    """What a cluster with Auto Mode may not say."""
    if given.get("bootstrapSelfManagedAddons"):
        raise invalid_parameter("bootstrapSelfManagedAddons must be false when EKS Auto Mode is enabled.")
    if given.get("accessConfig", {}).get("authenticationMode", "CONFIG_MAP") == "CONFIG_MAP":
        raise invalid_parameter(
            "EKS Auto Mode requires the authentication mode to be one of [API, API_AND_CONFIG_MAP]."
        )


def service_cidr(given: Shown) -> None:
    """Services live in a private network of a sensible size."""
    text = given.get("serviceIpv4Cidr")
    if not text:
        return
    try:
        cidr = IPv4Network(text)
    except ValueError:
        raise invalid_parameter(f"CIDR {text} is not valid") from None
    if not any(cidr.subnet_of(block) for block in PRIVATE) or not 12 <= cidr.prefixlen <= 24:
        raise invalid_parameter(
            f"Invalid service CIDR {text}: it must be within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, "
            "and between /24 and /12"
        )


def encryption(account: str, region: str, given: list[Shown]) -> None:
    """Only secrets can be encrypted, with a key that is there."""
    for row in given:
        arn = row.get("provider", {}).get("keyArn", "")
        if row.get("resources") != ["secrets"]:
            raise invalid_parameter("Only secrets can be encrypted: resources must be [secrets]")
        key = arn.rsplit("/", 1)[-1]
        if f":kms:{region}:" not in arn or key not in kms_backends[account][region].keys:
            raise invalid_parameter(f"The keyArn in encryptionConfig provider is invalid: {arn}")


def logging(given: Shown) -> None:
    """Only the five logs of a control plane."""
    for row in given.get("clusterLogging", []):
        unknown = sorted(set(row.get("types", [])) - facts.LOG_TYPES)
        if unknown:
            raise invalid_parameter(f"Invalid log type(s) provided: {', '.join(unknown)}")


def mode_step(before: str, after: str) -> None:
    """Access entries can be switched on, never off again."""
    modes = facts.AUTHENTICATION_MODES
    if modes.index(after) < modes.index(before) or (before, after) == ("CONFIG_MAP", "API"):
        raise invalid_parameter(f"Unsupported authentication mode update from {before} to {after}")


# --- access entries --------------------------------------------------------------------------------


def takes_entries(cluster: Cluster) -> None:
    """Only clusters that ask the API for access have entries."""
    if cluster.shown["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        raise invalid_request(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform "
            "this operation."
        )


def principal(arn: str) -> None:
    """A role or a user that exists; never a session or a pattern."""
    found = re.fullmatch(r"arn:aws:iam::(\d{12}):(role|user)/(.+)", arn)
    if not found:
        raise invalid_parameter("The specified principalArn is invalid: invalid principal.")
    backend = iam_backends[found[1]]["aws"]
    rows = backend.get_roles() if found[2] == "role" else backend.users.values()
    if (found[2], found[3]) != ("user", "moto") and not any(row.arn == arn for row in rows):
        raise invalid_parameter("The specified principalArn is invalid: invalid principal.")


def groups(names: list[str]) -> None:
    """Kubernetes' own groups are out of reach."""
    for name in names:
        if re.match(r"(system|eks|aws|amazon|iam):", name):
            raise invalid_parameter(
                f"The kubernetes group name {name} is invalid, it cannot start with {name.split(':')[0]}:"
            )


def access_policy(arn: str, scope: Shown) -> None:
    """A policy of EKS, with a scope that says where."""
    name = arn.removeprefix(facts.POLICY_ARN)
    if name == arn or name not in facts.ACCESS_POLICIES:
        raise invalid_parameter(f"The policyArn {arn} is not valid: the policy does not exist.")
    if scope.get("type") not in ("cluster", "namespace"):
        raise invalid_parameter("The accessScope type must be one of [cluster, namespace].")
    if (scope["type"] == "namespace") != bool(scope.get("namespaces")):
        raise invalid_parameter(
            "Namespaces must be given when the accessScope type is namespace, and only then."
        )


# --- node groups -----------------------------------------------------------------------------------


def scaling(given: Shown) -> None:
    """minSize ≤ desiredSize ≤ maxSize, and room for at least one node."""
    least, most, wanted = given["minSize"], given["maxSize"], given["desiredSize"]
    if most < 1:
        raise invalid_parameter("maxSize must be greater than zero")
    if least > most:
        raise invalid_parameter(f"Minimum capacity {least} can't be greater than maximum size {most}")
    if wanted < least:
        raise invalid_parameter(f"desired capacity {wanted} can't be less than minimum size {least}")
    if wanted > most:
        raise invalid_parameter(f"desired capacity {wanted} can't be greater than max size {most}")


def nodegroup_subnets(account: str, region: str, cluster: Cluster, ids: list[str]) -> None:
    """Subnets of the cluster's VPC; public ones must hand out addresses, or no node ever joins."""
    vpc = cluster.shown["resourcesVpcConfig"]["vpcId"]
    ec2 = ec2_backends[account][region]
    for subnet in _subnets(account, region, ids):
        if subnet.vpc_id != vpc:
            raise invalid_parameter(f"Subnet {subnet.id} is not in VPC {vpc}")
        if _leads_out(ec2, subnet) and not subnet.map_public_ip_on_launch:
            raise invalid_parameter(
                f"One or more Amazon EC2 Subnets of [{subnet.id}] does not automatically assign public IP "
                "addresses to instances launched into it. If you want your instances to be assigned a public "
                "IP address, then you need to enable auto-assign public IP address for the subnet."
            )


def _leads_out(ec2: Any, subnet: Any) -> bool:
    tables = [row for row in ec2.route_tables.values() if row.vpc_id == subnet.vpc_id]
    own = [row for row in tables if subnet.id in row._associations.values()]
    main = [row for row in tables if row.main_association_id]
    routes = (route for table in (own or main) for route in table.routes)
    return any(str(route.gateway_id or "").startswith("igw-") for route in routes)


def image(kubernetes: str, ami_type: str, instance_types: list[str]) -> None:
    """An image that exists for the version and runs on the instances."""
    if ami_type not in facts.AMI_TYPES:
        raise invalid_parameter(f"The amiType {ami_type} is not valid")
    if ami_type.startswith("AL2_") and facts.minor(kubernetes) > facts.LAST_AL2_MINOR:
        raise invalid_parameter(
            f"Requested amiType {ami_type} is not supported for kubernetes version {kubernetes}"
        )
    unknown = sorted(set(instance_types) - set(INSTANCE_TYPES))
    if unknown:
        raise invalid_parameter(f"The following supplied instance types do not exist: [{', '.join(unknown)}]")
    for name in instance_types:
        if ami_type != "CUSTOM" and not _runs(ami_type, INSTANCE_TYPES[name]):
            raise invalid_parameter(f"[{name}] is not a valid instance type for requested amiType {ami_type}")


def _runs(ami_type: str, machine: Any) -> bool:
    wanted = "arm64" if "_ARM_64" in ami_type else "x86_64"
    if wanted not in machine["ProcessorInfo"]["SupportedArchitectures"]:
        return False
    makers = {row["Manufacturer"] for row in machine.get("GpuInfo", {}).get("Gpus", [])}
    needs_gpu = "NVIDIA" in ami_type or ami_type.endswith("_GPU")
    return not needs_gpu or "NVIDIA" in makers


def template_combination(given: Shown) -> None:
    """What a launch template says must not be said twice."""
    if "diskSize" in given:
        raise invalid_parameter("Disk size must be specified within the launch template.")
    if "remoteAccess" in given:
        raise invalid_parameter("Remote access configuration cannot be specified with a launch template.")


# --- add-ons ---------------------------------------------------------------------------------------


def addon(name: str, build: str | None, kubernetes: str) -> None:
    """An add-on that EKS has, in a build that fits the version."""
    if name not in facts.ADDONS:
        raise invalid_parameter(f"Addon {name} specified is not supported")
    if build and build not in ("latest", facts.addon_version(name, kubernetes)):
        raise invalid_parameter(
            f"Addon version specified is not supported: {name} has "
            f"{facts.addon_version(name, kubernetes)} for {kubernetes}, not {build}"
        )
