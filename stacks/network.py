"""The network that machines go into: a VPC with subnets by zone id, or an existing one."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from aws_cdk import CfnMapping, CfnResource, CfnRule, Fn, Stack, Token
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from provisioner import zones
from provisioner.plan import Network as Shape
from stacks.documents import after, fragment, token, with_tags
from stacks.site import NetworkValues

# What scanners find here, and why it stays.
ACCEPTED = {
    "AwsSolutions-VPC7": "flow logs cost by the gigabyte; accounts that want them log every network",
    "no-public-address": "without gateways machines need addresses; security groups let in nothing, or SSH "
    "from where the user says",
}

# Every subnet has 2 to this power addresses: 2,048, of which every pod takes one.
_SUBNET_BITS = 11
_ANYWHERE = "0.0.0.0/0"
_NAME = "${AWS::StackName}"
_MAPPING = "Zones"
_IDS = "Ids"
R = TypeVar("R", bound=CfnResource)


def make(scope: Construct, shape: Shape) -> NetworkValues:
    """The network of a shape; of an existing one both values are parameters, which the console fills."""
    if shape.vpc == "new":
        return NewNetwork(scope, "network", shape=shape).values
    # Checked by CloudFormation before anything is made; the console would let subnets of any VPC through.
    vpcs = Token.as_list({"Fn::ValueOf": ["SubnetIds", "VpcId"]})
    rule = CfnRule(scope, "SubnetsOfTheVpc")
    rule.add_assertion(
        Fn.condition_each_member_equals(vpcs, token("${VpcId}")), "Every subnet must be in the VPC."
    )
    return NetworkValues(
        vpc_id=token("${VpcId}"),
        subnets=Token.as_list({"Ref": "SubnetIds"}),
        scope={"vpc_id": "${VpcId}", "vpc_name": "${VpcId}", "subnet_ids": "${SubnetIds}"},
    )


class NewNetwork(Construct):
    """A VPC with a public subnet in each zone; behind NAT gateways also a private one, where machines go.

    Without NAT gateways machines go into the public subnets and have public addresses: cheaper, and open to
    nobody, for no security group lets anything in. The default security group is used by nothing;
    CloudFormation has no means of taking its rules away.
    """

    def __init__(self, scope: Construct, id_: str, *, shape: Shape) -> None:
        super().__init__(scope, id_)
        self.shape = shape
        self._routes: list[ec2.CfnRoute] = []
        self._zones = CfnMapping(
            Stack.of(self), _MAPPING, mapping={region: {_IDS: ids} for region, ids in _known(shape.zones)}
        )
        self.vpc = self._named(
            ec2.CfnVPC(
                self,
                "Vpc",
                cidr_block=token("${VpcCidr}"),
                enable_dns_hostnames=True,
                enable_dns_support=True,
            ),
            "Vpc",
        )
        with_tags(self.vpc, {"Name": _NAME})
        public = [self._subnet("Public", n) for n in range(shape.zones)]
        out = self._table("Public", public)
        self._to_internet(out)
        tables, machines = [out], public
        if shape.nat_gateways:
            machines = [self._subnet("Private", n) for n in range(shape.zones)]
            private = self._behind_gateways(public, machines)
            tables += private
        self._bucket_endpoint(tables)
        self.values = NetworkValues(
            vpc_id=self.vpc.ref,
            subnets=[subnet.ref for subnet in machines],
            scope={"vpc_id": fragment(self.vpc), "vpc_name": _NAME},
            ready=tuple(self._routes),
        )

    def _subnet(self, kind: str, number: int) -> ec2.CfnSubnet:
        """Named by zone id, which means the same zone in every account; a zone's name does not."""
        public = kind == "Public"
        position = number if public else self.shape.zones + number
        blocks = Fn.cidr(self.vpc.attr_cidr_block, self._subnets(), str(_SUBNET_BITS))
        subnet = ec2.CfnSubnet(
            self,
            f"{kind}{number}",
            vpc_id=self.vpc.ref,
            cidr_block=Fn.select(position, blocks),
            availability_zone_id=Fn.select(number, Token.as_list(_zone_ids())),
            map_public_ip_on_launch=True if public and not self.shape.nat_gateways else None,
        )
        # Where EKS puts the load balancers of services.
        balancers = "kubernetes.io/role/elb" if public else "kubernetes.io/role/internal-elb"
        name = f"${{AWS::StackName}} {kind.lower()} {number + 1}"
        with_tags(subnet, {"Name": name, balancers: "1"})
        return self._named(subnet, f"{kind}Subnet{number + 1}")

    def _subnets(self) -> int:
        return self.shape.zones * (2 if self.shape.nat_gateways else 1)

    def _to_internet(self, table: ec2.CfnRouteTable) -> None:
        gateway = self._named(ec2.CfnInternetGateway(self, "Internet"), "InternetGateway")
        attached = self._named(
            ec2.CfnVPCGatewayAttachment(
                self, "Attachment", vpc_id=self.vpc.ref, internet_gateway_id=gateway.ref
            ),
            "InternetGatewayAttachment",
        )
        route = ec2.CfnRoute(
            self,
            "InternetRoute",
            route_table_id=table.ref,
            destination_cidr_block=_ANYWHERE,
            gateway_id=gateway.ref,
        )
        after(self._named(route, "PublicRoute"), attached)
        self._routes.append(route)
        self._internet = attached

    def _behind_gateways(
        self, public: Sequence[ec2.CfnSubnet], private: Sequence[ec2.CfnSubnet]
    ) -> list[ec2.CfnRouteTable]:
        """One gateway for all zones, or one in each: then a zone that fails takes no other along."""
        tables = []
        for n in range(self.shape.nat_gateways):
            address = self._named(ec2.CfnEIP(self, f"Address{n}", domain="vpc"), f"NatAddress{n + 1}")
            after(address, self._internet)
            gateway = ec2.CfnNatGateway(
                self, f"Nat{n}", subnet_id=public[n].ref, allocation_id=address.attr_allocation_id
            )
            self._named(gateway, f"NatGateway{n + 1}")
            behind = private if self.shape.nat_gateways == 1 else [private[n]]
            table = self._table(f"Private{n + 1}" if n else "Private", behind)
            route = ec2.CfnRoute(
                self,
                f"NatRoute{n}",
                route_table_id=table.ref,
                destination_cidr_block=_ANYWHERE,
                nat_gateway_id=gateway.ref,
            )
            self._routes.append(self._named(route, f"PrivateRoute{n + 1}"))
            tables.append(table)
        return tables

    def _table(self, kind: str, subnets: Sequence[ec2.CfnSubnet]) -> ec2.CfnRouteTable:
        table = self._named(ec2.CfnRouteTable(self, f"{kind}Table", vpc_id=self.vpc.ref), f"{kind}RouteTable")
        for subnet in subnets:
            id_ = f"{subnet.node.id}Association"
            association = ec2.CfnSubnetRouteTableAssociation(
                self, id_, route_table_id=table.ref, subnet_id=subnet.ref
            )
            self._named(association, f"{kind}{subnet.node.id[-1]}RouteTableAssociation")
        return table

    def _bucket_endpoint(self, tables: Sequence[ec2.CfnRouteTable]) -> None:
        """Free, and it keeps artifacts and image layers off the NAT gateway, which charges by gigabyte."""
        endpoint = ec2.CfnVPCEndpoint(
            self,
            "S3",
            vpc_id=self.vpc.ref,
            vpc_endpoint_type="Gateway",
            service_name=token("com.amazonaws.${AWS::Region}.s3"),
            route_table_ids=[table.ref for table in tables],
        )
        self._named(endpoint, "S3Endpoint")

    def _named(self, resource: R, logical_id: str) -> R:
        resource.override_logical_id(f"Network{logical_id}")
        return resource


def _known(wanted: int) -> Iterator[tuple[str, list[str]]]:
    """The regions that have enough zones; in another one a plan is refused before it comes to this."""
    for region, ids in zones.by_region().items():
        if len(ids) >= wanted:
            yield region, list(ids[:wanted])


def _zone_ids() -> Any:
    return {"Fn::FindInMap": [_MAPPING, {"Ref": "AWS::Region"}, _IDS]}
