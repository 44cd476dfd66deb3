"""EC2 networking as AWS refuses it where moto forgives: dependencies, foreign zones, quotas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.ec2.responses import EC2Response

from provisioner.emulator import quotas
from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse
from provisioner.emulator.template import words

# Regions that every account has from the start; all others wait for an opt-in.
# https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
ALWAYS_ON = words(
    "ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 "
    "eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2"
)
GATEWAY_SERVICES = ("s3", "dynamodb")


def zone_name(region: str, zone_id: str) -> str:
    """The account's name of a zone id, e.g. `use1-az4`; raises what EC2 answers for a foreign one."""
    zones = RegionsAndZonesBackend.zones.get(region, [])
    for zone in zones:
        if zone.zone_id == zone_id:
            return str(zone.name)
    known = ", ".join(zone.zone_id for zone in zones)
    raise AwsError(
        "InvalidParameterValue",
        f"Value ({zone_id}) for parameter availabilityZoneId is invalid. Subnets can currently only be "
        f"created in the following availability zones: {known}.",
    )


def dependency(kind: str, name: str) -> AwsError:
    """The refusal to delete what something else stands on."""
    return AwsError("DependencyViolation", f"The {kind} '{name}' has dependencies and cannot be deleted.")


class StrictEc2Response(TaughtResponse, EC2Response):
    """One request to EC2."""

    error_protocol = "ec2"
    # Account -> regions that it switched on; set by the server.
    opted_in: Mapping[str, set[str]] = {}

    # --- what may be made --------------------------------------------------------------------------

    def create_vpc(self) -> ActionResult:
        """CreateVpc: within the quota."""
        self._check_quota("vpc", "L-F678F1CE", len(self.ec2_backend.vpcs), "VpcLimitExceeded", "VPCs")
        return super().create_vpc()

    def allocate_address(self) -> ActionResult:
        """AllocateAddress: within the quota."""
        taken = len(self.ec2_backend.addresses)
        self._check_quota("ec2", "L-0263D0A3", taken, "AddressLimitExceeded", "addresses")
        return super().allocate_address()

    def create_subnet(self) -> ActionResult:
        """CreateSubnet: in a zone of this region, by name or id."""
        by_id, by_name = self._get_param("AvailabilityZoneId"), self._get_param("AvailabilityZone")
        if by_id:
            self.params["AvailabilityZone"] = zone_name(self.region, by_id)
            self.params.pop("AvailabilityZoneId")
        elif by_name:
            self._check_zone(by_name)
        made = super().create_subnet()
        # moto takes the first subnet of a zone for the default one.
        subnet = made.result["Subnet"]  # type: ignore[index]  # moto types it as object
        subnet.default_for_az, subnet.map_public_ip_on_launch = False, False
        return made

    def create_nat_gateway(self) -> ActionResult:
        """CreateNatGateway: a public one needs an address."""
        public = self._get_param("ConnectivityType") != "private"
        if public and not self._get_param("AllocationId"):
            raise AwsError(
                "MissingParameter",
                "The request must include the AllocationId parameter. Add the required parameter and retry "
                "the request.",
            )
        return super().create_nat_gateway()

    def create_route(self) -> ActionResult:
        """CreateRoute: through an internet gateway of the same network only."""
        table = self.ec2_backend.get_route_table(self._get_param("RouteTableId"))
        gateway = self.ec2_backend.internet_gateways.get(self._get_param("GatewayId") or "")
        if gateway and (gateway.vpc is None or gateway.vpc.id != table.vpc_id):
            raise AwsError(
                "InvalidParameterValue",
                f"route table {table.id} and network gateway {gateway.id} belong to different networks",
            )
        return super().create_route()

    def associate_route_table(self) -> ActionResult:
        """AssociateRouteTable: one table per subnet, in one network."""
        table = self.ec2_backend.get_route_table(self._get_param("RouteTableId"))
        subnet_id = self._get_param("SubnetId")
        if subnet_id:
            subnet = self.ec2_backend.get_subnet(subnet_id)
            if subnet.vpc_id != table.vpc_id:
                raise AwsError(
                    "InvalidParameterValue",
                    f"Route table {table.id} and subnet {subnet_id} belong to different networks",
                )
            if any(subnet_id in row._associations.values() for row in self._tables(table.vpc_id)):
                raise AwsError(
                    "Resource.AlreadyAssociated",
                    f"the specified association for route table {table.id} conflicts with an existing "
                    "association",
                )
        return super().associate_route_table()

    def create_vpc_endpoint(self) -> ActionResult:
        """CreateVpcEndpoint: only services of this region; a gateway only to S3 and DynamoDB."""
        service = self._get_param("ServiceName") or ""
        ours = service.removeprefix(f"com.amazonaws.{self.region}.")
        self.params.setdefault("VpcEndpointType", "Gateway")
        gateway = self.params["VpcEndpointType"] == "Gateway"
        if ours == service or not ours:
            raise AwsError("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist")
        if gateway and ours not in GATEWAY_SERVICES:
            raise AwsError(
                "InvalidParameter",
                "Endpoint type (Gateway) does not match available service types ([Interface]) for "
                f"{service}.",
            )
        return super().create_vpc_endpoint()

    def modify_vpc_endpoint(self) -> ActionResult:
        """ModifyVpcEndpoint: the routes follow the endpoint's tables."""
        answer = super().modify_vpc_endpoint()
        endpoint = self.ec2_backend.vpc_end_points[self._get_param("VpcEndpointId")]
        self._drop_routes(endpoint)
        if endpoint.destination_prefix_list_id:
            for table in endpoint.route_table_ids:
                self.ec2_backend.create_route(
                    table,
                    None,
                    gateway_id=endpoint.id,
                    destination_prefix_list_id=endpoint.destination_prefix_list_id,
                )
        return answer

    # --- what may go -------------------------------------------------------------------------------

    def delete_vpc(self) -> ActionResult:
        """DeleteVpc: nothing may be left inside; its default network ACL goes with it."""
        vpc_id = self._get_param("VpcId")
        if any(self._inside(vpc_id)):
            raise dependency("vpc", vpc_id)
        answer = super().delete_vpc()
        acls = self.ec2_backend.network_acls
        for acl in [acl for acl in acls.values() if acl.vpc_id == vpc_id]:
            acls.pop(acl.id)
        return answer

    def delete_subnet(self) -> ActionResult:
        """DeleteSubnet: no network interface may be left; its route table forgets it."""
        subnet_id = self._get_param("SubnetId")
        subnet = self.ec2_backend.get_subnet(subnet_id)
        if any(eni.subnet.id == subnet_id for eni in self.ec2_backend.enis.values()):
            raise dependency("subnet", subnet_id)
        for table in self._tables(subnet.vpc_id):
            for key in [key for key, value in table._associations.items() if value == subnet_id]:
                table._associations.pop(key)
        return super().delete_subnet()

    def delete_security_group(self) -> ActionResult:
        """DeleteSecurityGroup: neither in use nor named by another group's rule, nor the default one."""
        group_id = self._get_param("GroupId")
        group = self.ec2_backend.get_security_group_from_id(group_id) if group_id else None
        if group and group.name == "default":
            raise AwsError(
                "CannotDelete",
                f'the specified group: "{group_id}" name: "default" cannot be deleted by a user',
            )
        if group and (self._is_worn(group_id) or self._is_named(group)):
            raise AwsError("DependencyViolation", f"resource {group_id} has a dependent object")
        return super().delete_security_group()

    def detach_internet_gateway(self) -> ActionResult:
        """DetachInternetGateway: no public address may be left in the network."""
        vpc_id = self._get_param("VpcId")
        if any(address.eni and address.eni.subnet.vpc_id == vpc_id for address in self.ec2_backend.addresses):
            raise AwsError(
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) "
                "before detaching the gateway.",
            )
        return super().detach_internet_gateway()

    def release_address(self) -> ActionResult:
        """ReleaseAddress: not while something wears it."""
        allocation = self._get_param("AllocationId")
        found = [row for row in self.ec2_backend.addresses if allocation and row.allocation_id == allocation]
        if found and found[0].association_id:
            raise AwsError("InvalidIPAddress.InUse", f"Address {found[0].public_ip} is in use.")
        return super().release_address()

    def delete_vpc_endpoints(self) -> ActionResult:
        """DeleteVpcEndpoints: their routes and interfaces go too; an unknown one is told in the answer."""
        unsuccessful = []
        for name in self._get_param("VpcEndpointIds", []):
            endpoint = self.ec2_backend.vpc_end_points.pop(name, None)
            if endpoint is None:
                words = f"The Vpc Endpoint Id '{name}' does not exist"
                error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": words}
                unsuccessful.append({"ResourceId": name, "Error": error})
                continue
            self._drop_routes(endpoint)
            for interface in endpoint.network_interface_ids:
                self.ec2_backend.enis.pop(interface, None)
        return ActionResult({"Unsuccessful": unsuccessful})

    def delete_nat_gateway(self) -> ActionResult:
        """DeleteNatGateway: its interface goes and its addresses are free again."""
        gateway = self.ec2_backend.nat_gateways.get(self._get_param("NatGatewayId"))
        if gateway is None:
            name = self._get_param("NatGatewayId")
            raise AwsError("NatGatewayNotFound", f"NatGateway {name} was not found")
        if gateway.state != "deleted":
            for address in self.ec2_backend.addresses:
                if address.eni is gateway._eni:
                    self.ec2_backend.disassociate_address(address=address.public_ip)
            self.ec2_backend.enis.pop(gateway._eni.id, None)
        return super().delete_nat_gateway()

    # --- what is told ------------------------------------------------------------------------------

    def describe_regions(self) -> ActionResult:
        """DescribeRegions: without AllRegions only those that the account may use."""
        wanted, everything = self._get_param("RegionNames", []), self._get_bool_param("AllRegions", False)
        ours = (row for row in RegionsAndZonesBackend.regions if not row.name.startswith(("cn-", "us-gov-")))
        rows = [
            {
                "RegionName": row.name,
                "Endpoint": row.endpoint,
                "OptInStatus": opt_in_status(row.name, self.opted_in.get(self.current_account, set())),
            }
            for row in ours
            if not wanted or row.name in wanted
        ]
        shown = [row for row in rows if everything or row["OptInStatus"] != "not-opted-in"]
        return ActionResult({"Regions": shown})

    # --- small things ------------------------------------------------------------------------------

    def _check_zone(self, name: str) -> None:
        known = [zone.name for zone in RegionsAndZonesBackend.zones.get(self.region, [])]
        if name not in known:
            raise AwsError(
                "InvalidParameterValue",
                f"Value ({name}) for parameter availabilityZone is invalid. Subnets can currently only be "
                f"created in the following availability zones: {', '.join(known)}.",
            )

    def _check_quota(self, service: str, code: str, taken: int, error: str, what: str) -> None:
        if taken >= quotas.limit(self.current_account, self.region, service, code):
            raise AwsError(error, f"The maximum number of {what} has been reached.")

    def _tables(self, vpc_id: str) -> list[Any]:
        return [row for row in self.ec2_backend.route_tables.values() if row.vpc_id == vpc_id]

    def _drop_routes(self, endpoint: Any) -> None:
        for table in self._tables(endpoint.vpc_id):
            routes = table._routes
            for key in [
                key for key, route in routes.items() if route.gateway and route.gateway.id == endpoint.id
            ]:
                routes.pop(key)

    def _inside(self, vpc_id: str) -> Iterator[Any]:
        ec2 = self.ec2_backend
        yield from (row for row in ec2.internet_gateways.values() if row.vpc and row.vpc.id == vpc_id)
        yield from (row for row in ec2.vpc_end_points.values() if row.vpc_id == vpc_id)
        yield from (row for row in ec2.groups.get(vpc_id, {}).values() if row.name != "default")
        yield from (row for row in ec2.enis.values() if row.subnet.vpc_id == vpc_id)

    def _is_worn(self, group_id: str) -> bool:
        return any(group.id == group_id for eni in self.ec2_backend.enis.values() for group in eni.group_set)

    def _is_named(self, group: Any) -> bool:
        others = (row for row in self.ec2_backend.groups.get(group.vpc_id, {}).values() if row is not group)
        rules = (rule for row in others for rule in [*row.ingress_rules, *row.egress_rules])
        return any((rule.source_group or {}).get("GroupId") == group.id for rule in rules)


def opt_in_status(region: str, opted_in: set[str]) -> str:
    """EC2's word for whether the account may use the region."""
    if region in ALWAYS_ON:
        return "opt-in-not-required"
    return "opted-in" if region in opted_in else "not-opted-in"
