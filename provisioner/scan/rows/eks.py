"""EKS clusters with their version, nodes, access entries and add-ons."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.scan.row import Attributes, Detail, Followup, Found, Item, Place, Row, paged

# Instance families with NVIDIA GPUs; Trainium and Inferentia are no GPUs to CUDA.
_GPU = re.compile(r"(g\d|gr\d|p\d)[a-z0-9-]*\.")
_WORLD = ("0.0.0.0/0", "::/0")


def _cluster(name: str, place: Place) -> Found:
    # Clusters of other clouds that are only registered here are not listed unless asked for.
    return Found(
        arn=f"arn:{place.partition}:eks:{place.region}:{place.account}:cluster/{name}",
        account=place.account,
        region=place.region,
        kind="cluster",
        name=name,
    )


def _described(answer: Item) -> Attributes:
    cluster = answer["cluster"]
    network = cluster.get("resourcesVpcConfig", {})
    told: dict[str, object] = {
        "active": cluster.get("status") == "ACTIVE",
        "version": cluster.get("version"),
        "auto_mode": bool(cluster.get("computeConfig", {}).get("enabled")),
        "endpoint_public": network.get("endpointPublicAccess"),
        "endpoint_cidrs": network.get("publicAccessCidrs"),
        "endpoint_narrow": _narrow(network),
        "authentication": cluster.get("accessConfig", {}).get("authenticationMode"),
        "support": cluster.get("upgradePolicy", {}).get("supportType"),
        "secrets_encrypted": any(
            "secrets" in c.get("resources", ()) for c in cluster.get("encryptionConfig", ())
        ),
        "vpc": network.get("vpcId"),
        "subnets": network.get("subnetIds"),
    }
    return {key: value for key, value in told.items() if value is not None}


def _narrow(network: Item) -> bool | None:
    """Whether the endpoint is closed to the world; a cluster that does not say has it open."""
    if network.get("endpointPublicAccess") is False:
        return True
    cidrs = network.get("publicAccessCidrs")
    return None if cidrs is None else not any(cidr in _WORLD for cidr in cidrs)


def _named(found: Found) -> Mapping[str, str]:
    return {"clusterName": found.name}


def _groups(found: Found) -> Sequence[Mapping[str, str]]:
    names: Any = found.attributes.get("node_groups", ())
    return [{"clusterName": found.name, "nodegroupName": name} for name in names]


def _nodes(answers: Sequence[Item]) -> Attributes:
    groups = [answer["nodegroup"] for answer in answers]
    sizes = [group.get("scalingConfig", {}) for group in groups]
    return {
        "nodes_desired": sum(size.get("desiredSize", 0) for size in sizes),
        "nodes_max": sum(size.get("maxSize", 0) for size in sizes),
        "gpu": any(_has_gpu(group) for group in groups),
        "instance_types": sorted({t for group in groups for t in group.get("instanceTypes", ())}),
    }


def _has_gpu(group: Item) -> bool:
    types: list[Any] = group.get("instanceTypes", [])
    return "NVIDIA" in group.get("amiType", "") or any(_GPU.match(str(type_)) for type_ in types)


def _with_api(found: Found) -> Sequence[Mapping[str, str]]:
    """Access entries exist only where the cluster does not leave access to its config map alone."""
    return [] if found.attributes.get("authentication") in (None, "CONFIG_MAP") else [_named(found)]


ROW = Row(
    service="eks",
    kind="cluster",
    scope="regional",
    call="list_clusters",
    key="clusters",
    permission="eks:ListClusters",
    shape=_cluster,
    words="EKS clusters with version, endpoint, Auto Mode, node groups, access entries and add-ons",
    arguments=paged(100),
    details=(
        Detail(
            call="describe_cluster",
            permission="eks:DescribeCluster",
            arguments=lambda found: {"name": found.name},
            read=_described,
            of_all=True,
        ),
        Detail(
            call="list_nodegroups",
            permission="eks:ListNodegroups",
            arguments=_named,
            key="nodegroups",
            read=lambda answer: {"node_groups": sorted(answer["nodegroups"])},
        ),
        Detail(
            call="list_addons",
            permission="eks:ListAddons",
            arguments=_named,
            key="addons",
            read=lambda answer: {"addons": sorted(answer["addons"])},
        ),
    ),
    followups=(
        Followup(
            call="describe_nodegroup",
            permission="eks:DescribeNodegroup",
            arguments=_groups,
            read=_nodes,
        ),
        Followup(
            call="list_access_entries",
            permission="eks:ListAccessEntries",
            arguments=_with_api,
            key="accessEntries",
            read=lambda entries: {"access_entries": sorted(entries)},
        ),
    ),
    tagged_as="eks:cluster",
)
