"""VPCs and whether their subnets can carry an EKS cluster: zones, free addresses, a way out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from provisioner.scan.row import Beside, Found, Item, Lists, Place, Row, paged


def _vpc(item: Item, place: Place) -> Found | None:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}
    # A subnet shared by another account shows its VPC here too; that is the other account's to give.
    if item.get("OwnerId", place.account) != place.account:
        return None
    return Found(
        arn=f"arn:{place.partition}:ec2:{place.region}:{place.account}:vpc/{item['VpcId']}",
        account=place.account,
        region=place.region,
        kind="vpc",
        name=tags.get("Name") or item["VpcId"],
        attributes={
            "vpc_id": item["VpcId"],
            "cidr": item["CidrBlock"],
            "available": item.get("State") == "available",
            "default": bool(item.get("IsDefault")),
        },
        tags=tags,
    )


def _joined(found: Sequence[Found], lists: Lists) -> Sequence[Found]:
    return [replace(f, attributes={**f.attributes, **_subnets(f, lists)}) for f in found]


def _subnets(found: Found, lists: Lists) -> Mapping[str, object]:
    """The VPC's subnets; without their route tables nobody knows the way out."""
    if "Subnets" not in lists:
        return {}
    own = [
        s for s in lists["Subnets"] if s["VpcId"] == found.attributes["vpc_id"] and not s.get("OutpostArn")
    ]
    tables = lists.get("RouteTables")
    return {
        "subnets": [
            {
                "id": subnet["SubnetId"],
                "zone": subnet["AvailabilityZone"],
                "zone_id": subnet.get("AvailabilityZoneId", ""),
                "free": subnet["AvailableIpAddressCount"],
                "way_out": None if tables is None else _way_out(_table_of(subnet, tables)),
            }
            for subnet in own
        ]
    }


def _table_of(subnet: Item, tables: Iterable[Item]) -> Item:
    """The route table that holds for the subnet: its own, or else the VPC's main one."""
    of_vpc = [t for t in tables if t["VpcId"] == subnet["VpcId"]]
    links = [(t, a) for t in of_vpc for a in t.get("Associations", ())]
    own = [t for t, a in links if a.get("SubnetId") == subnet["SubnetId"]]
    main = [t for t, a in links if a.get("Main")]
    return (own or main or [{}])[0]


def _way_out(table: Item) -> str:
    """How the subnet reaches the internet: "internet", "nat", another "gateway", or "" for not at all."""
    for route in table.get("Routes", ()):
        if route.get("DestinationCidrBlock") != "0.0.0.0/0" or route.get("State") == "blackhole":
            continue
        if str(route.get("GatewayId", "")).startswith("igw-"):
            return "internet"
        return "nat" if route.get("NatGatewayId") else "gateway"
    return ""


VPCS = Row(
    service="ec2-vpcs",
    client="ec2",
    kind="vpc",
    scope="regional",
    call="describe_vpcs",
    key="Vpcs",
    permission="ec2:DescribeVpcs",
    shape=_vpc,
    words="VPCs with the zones, free addresses and routes of their subnets",
    arguments=paged(1000),
    beside=(
        Beside(
            key="Subnets", call="describe_subnets", permission="ec2:DescribeSubnets", arguments=paged(1000)
        ),
        Beside(
            key="RouteTables",
            call="describe_route_tables",
            permission="ec2:DescribeRouteTables",
            arguments=paged(100),
        ),
    ),
    join=_joined,
)
