"""CloudFormation types of EC2 networking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisioner.emulator.handler import (
    Gone,
    HandlerError,
    Properties,
    ResourceType,
    Site,
    changed,
    chosen,
    document,
    physical_name,
    tag_list,
)
from provisioner.emulator.template import words


class Tagged(ResourceType):
    """An EC2 resource that is tagged by its physical id."""

    tagging = "system"
    # EC2's name for the kind of resource, in tag specifications.
    kind: ClassVar[str]

    def specification(self, site: Site, properties: Properties) -> list[dict[str, Any]]:
        """The tags as create calls want them."""
        return [{"ResourceType": self.kind, "Tags": tag_list(self.tags(site, properties))}]

    def tag_target(self, site: Site, physical_id: str) -> str:
        """The id that carries the tags."""
        return physical_id

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old and self.name != "AWS::EC2::Subnet":
            return
        target, wanted = self.tag_target(site, physical_id), self.tags(site, new)
        rows = site.call("ec2", "DescribeTags", Filters=[{"Name": "resource-id", "Values": [target]}])["Tags"]
        gone = [{"Key": row["Key"]} for row in rows if row["Key"] not in wanted]
        if gone:
            site.call("ec2", "DeleteTags", Resources=[target], Tags=gone)
        site.call("ec2", "CreateTags", Resources=[target], Tags=tag_list(wanted))


class Vpc(Tagged):
    """AWS::EC2::VPC."""

    name = "AWS::EC2::VPC"
    allowed = words(
        "CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy Ipv4IpamPoolId Ipv4NetmaskLength Tags "
        "VpcEncryptionControl"
    )
    beyond = words("Ipv4IpamPoolId Ipv4NetmaskLength VpcEncryptionControl")
    create_only = words("CidrBlock Ipv4IpamPoolId Ipv4NetmaskLength VpcEncryptionControl")
    attribute_names = words(
        "VpcId CidrBlock CidrBlockAssociations DefaultNetworkAcl DefaultSecurityGroup Ipv6CidrBlocks"
    )
    kind = "vpc"

    def create(self, site: Site, properties: Properties) -> str:
        if "CidrBlock" not in properties:
            raise HandlerError("Either CIDR Block or IPAM Pool and IPv4 Netmask Length must be provided")
        made = site.call(
            "ec2",
            "CreateVpc",
            TagSpecifications=self.specification(site, properties),
            **chosen(properties, "CidrBlock InstanceTenancy"),
        )
        return str(made["Vpc"]["VpcId"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        for name, default in (("EnableDnsSupport", True), ("EnableDnsHostnames", False)):
            value = {name: {"Value": new.get(name, default)}}
            site.call("ec2", "ModifyVpcAttribute", VpcId=physical_id, **value)
        super().configure(site, physical_id, new, old)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        (vpc,) = site.call("ec2", "DescribeVpcs", VpcIds=[physical_id])["Vpcs"]
        inside = [{"Name": "vpc-id", "Values": [physical_id]}]
        groups = site.call("ec2", "DescribeSecurityGroups", Filters=inside)["SecurityGroups"]
        acls = site.call("ec2", "DescribeNetworkAcls", Filters=inside)["NetworkAcls"]
        return {
            "VpcId": physical_id,
            "CidrBlock": vpc["CidrBlock"],
            "CidrBlockAssociations": [row["AssociationId"] for row in vpc["CidrBlockAssociationSet"]],
            "DefaultNetworkAcl": next(row["NetworkAclId"] for row in acls if row["IsDefault"]),
            "DefaultSecurityGroup": next(row["GroupId"] for row in groups if row["GroupName"] == "default"),
            "Ipv6CidrBlocks": [],
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidVpcID.NotFound"):
            site.call("ec2", "DeleteVpc", VpcId=physical_id)


class Subnet(Tagged):
    """AWS::EC2::Subnet."""

    name = "AWS::EC2::Subnet"
    allowed = words(
        "AssignIpv6AddressOnCreation AvailabilityZone AvailabilityZoneId CidrBlock EnableDns64 "
        "EnableLniAtDeviceIndex Ipv4IpamPoolId Ipv4NetmaskLength Ipv6CidrBlock Ipv6IpamPoolId Ipv6Native "
        "Ipv6NetmaskLength MapPublicIpOnLaunch OutpostArn PrivateDnsNameOptionsOnLaunch Tags VpcId"
    )
    required = words("VpcId")
    beyond = words(
        "AssignIpv6AddressOnCreation EnableDns64 EnableLniAtDeviceIndex Ipv4IpamPoolId Ipv4NetmaskLength "
        "Ipv6CidrBlock Ipv6IpamPoolId Ipv6Native Ipv6NetmaskLength OutpostArn PrivateDnsNameOptionsOnLaunch"
    )
    create_only = words("AvailabilityZone AvailabilityZoneId CidrBlock VpcId")
    attribute_names = words(
        "SubnetId AvailabilityZone AvailabilityZoneId CidrBlock Ipv6CidrBlocks NetworkAclAssociationId VpcId"
    )
    kind = "subnet"

    def create(self, site: Site, properties: Properties) -> str:
        if "AvailabilityZone" in properties and "AvailabilityZoneId" in properties:
            raise HandlerError("AvailabilityZone and AvailabilityZoneId cannot both be specified.")
        made = site.call(
            "ec2",
            "CreateSubnet",
            TagSpecifications=self.specification(site, properties),
            **chosen(properties, "AvailabilityZone AvailabilityZoneId CidrBlock VpcId"),
        )
        return str(made["Subnet"]["SubnetId"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        public = {"Value": new.get("MapPublicIpOnLaunch", False)}
        site.call("ec2", "ModifySubnetAttribute", SubnetId=physical_id, MapPublicIpOnLaunch=public)
        super().configure(site, physical_id, new, old)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        (found,) = site.call("ec2", "DescribeSubnets", SubnetIds=[physical_id])["Subnets"]
        return {
            **{name: found[name] for name in self.attribute_names if name in found},
            "Ipv6CidrBlocks": [],
            "NetworkAclAssociationId": self._acl_association(site, physical_id),
        }

    def _acl_association(self, site: Site, subnet: str) -> str:
        by_subnet = [{"Name": "association.subnet-id", "Values": [subnet]}]
        acls = site.call("ec2", "DescribeNetworkAcls", Filters=by_subnet)["NetworkAcls"]
        rows = (row for acl in acls for row in acl["Associations"])
        return str(next(row["NetworkAclAssociationId"] for row in rows if row["SubnetId"] == subnet))

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidSubnetID.NotFound"):
            site.call("ec2", "DeleteSubnet", SubnetId=physical_id)


class InternetGateway(Tagged):
    """AWS::EC2::InternetGateway."""

    name = "AWS::EC2::InternetGateway"
    allowed = words("Tags")
    attribute_names = words("InternetGatewayId")
    kind = "internet-gateway"

    def create(self, site: Site, properties: Properties) -> str:
        made = site.call(
            "ec2", "CreateInternetGateway", TagSpecifications=self.specification(site, properties)
        )
        return str(made["InternetGateway"]["InternetGatewayId"])

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"InternetGatewayId": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidInternetGatewayID.NotFound"):
            site.call("ec2", "DeleteInternetGateway", InternetGatewayId=physical_id)


class VpcGatewayAttachment(ResourceType):
    """AWS::EC2::VPCGatewayAttachment."""

    name = "AWS::EC2::VPCGatewayAttachment"
    allowed = words("InternetGatewayId VpcId VpnGatewayId")
    required = words("VpcId")
    beyond = words("VpnGatewayId")
    create_only = words("InternetGatewayId VpcId")
    attribute_names = words("AttachmentType")

    def create(self, site: Site, properties: Properties) -> str:
        if "InternetGatewayId" not in properties:
            raise HandlerError("Either InternetGatewayId or VpnGatewayId must be provided")
        site.call("ec2", "AttachInternetGateway", **chosen(properties, "InternetGatewayId VpcId"))
        return f"IGW|{properties['VpcId']}"

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"AttachmentType": "IGW"}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("Gateway.NotAttached", "InvalidInternetGatewayID.NotFound"):
            site.call("ec2", "DetachInternetGateway", **chosen(properties, "InternetGatewayId VpcId"))


class RouteTable(Tagged):
    """AWS::EC2::RouteTable."""

    name = "AWS::EC2::RouteTable"
    allowed = words("Tags VpcId")
    required = words("VpcId")
    create_only = words("VpcId")
    attribute_names = words("RouteTableId")
    kind = "route-table"

    def create(self, site: Site, properties: Properties) -> str:
        tags = self.specification(site, properties)
        made = site.call("ec2", "CreateRouteTable", VpcId=properties["VpcId"], TagSpecifications=tags)
        return str(made["RouteTable"]["RouteTableId"])

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"RouteTableId": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidRouteTableID.NotFound"):
            site.call("ec2", "DeleteRouteTable", RouteTableId=physical_id)


DESTINATIONS = "DestinationCidrBlock DestinationIpv6CidrBlock DestinationPrefixListId"
TARGETS = (
    "CarrierGatewayId CoreNetworkArn EgressOnlyInternetGatewayId GatewayId InstanceId LocalGatewayId "
    "NatGatewayId NetworkInterfaceId OdbNetworkArn TransitGatewayId VpcEndpointId VpcPeeringConnectionId"
)


class Route(ResourceType):
    """AWS::EC2::Route."""

    name = "AWS::EC2::Route"
    allowed = words(f"RouteTableId {DESTINATIONS} {TARGETS}")
    required = words("RouteTableId")
    create_only = words(f"RouteTableId {DESTINATIONS}")
    attribute_names = words("CidrBlock")

    def create(self, site: Site, properties: Properties) -> str:
        if len(chosen(properties, DESTINATIONS)) != 1:
            raise HandlerError(f"Exactly one of [{', '.join(DESTINATIONS.split())}] must be specified")
        self._check_target(properties)
        site.call("ec2", "CreateRoute", **properties)
        return f"{properties['RouteTableId']}|{next(iter(chosen(properties, DESTINATIONS).values()))}"

    def _check_target(self, properties: Properties) -> None:
        if len(chosen(properties, TARGETS)) != 1:
            raise HandlerError(
                f"Exactly one of [{', '.join(TARGETS.split())}] must be specified and not empty"
            )

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and new != old:
            self._check_target(new)
            site.call("ec2", "ReplaceRoute", **new)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"CidrBlock": physical_id.split("|")[1]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidRoute.NotFound", "InvalidRouteTableID.NotFound"):
            site.call("ec2", "DeleteRoute", **chosen(properties, f"RouteTableId {DESTINATIONS}"))


class SubnetRouteTableAssociation(ResourceType):
    """AWS::EC2::SubnetRouteTableAssociation."""

    name = "AWS::EC2::SubnetRouteTableAssociation"
    allowed = words("RouteTableId SubnetId")
    required = allowed
    create_only = allowed
    attribute_names = words("Id")

    def create(self, site: Site, properties: Properties) -> str:
        return str(site.call("ec2", "AssociateRouteTable", **properties)["AssociationId"])

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Id": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidAssociationID.NotFound"):
            site.call("ec2", "DisassociateRouteTable", AssociationId=physical_id)


class Eip(Tagged):
    """AWS::EC2::EIP; Ref answers the address."""

    name = "AWS::EC2::EIP"
    allowed = words(
        "Address Domain InstanceId IpamPoolId NetworkBorderGroup PublicIpv4Pool Tags TransferAddress"
    )
    beyond = words("Address InstanceId IpamPoolId NetworkBorderGroup PublicIpv4Pool TransferAddress")
    attribute_names = words("AllocationId PublicIp")
    kind = "elastic-ip"

    def create(self, site: Site, properties: Properties) -> str:
        made = site.call(
            "ec2",
            "AllocateAddress",
            Domain=properties.get("Domain", "vpc"),
            TagSpecifications=self.specification(site, properties),
        )
        return str(made["PublicIp"])

    def tag_target(self, site: Site, physical_id: str) -> str:
        return self._allocation(site, physical_id)

    def _allocation(self, site: Site, address: str) -> str:
        (found,) = site.call("ec2", "DescribeAddresses", PublicIps=[address])["Addresses"]
        return str(found["AllocationId"])

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"AllocationId": self._allocation(site, physical_id), "PublicIp": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidAddress.NotFound"):
            site.call("ec2", "ReleaseAddress", AllocationId=self._allocation(site, physical_id))


class NatGateway(Tagged):
    """AWS::EC2::NatGateway."""

    name = "AWS::EC2::NatGateway"
    allowed = words(
        "AllocationId AvailabilityMode AvailabilityZoneAddresses ConnectivityType MaxDrainDurationSeconds "
        "PrivateIpAddress SecondaryAllocationIds SecondaryPrivateIpAddressCount SecondaryPrivateIpAddresses "
        "SubnetId Tags VpcId"
    )
    beyond = words(
        "AvailabilityMode AvailabilityZoneAddresses PrivateIpAddress SecondaryAllocationIds "
        "SecondaryPrivateIpAddressCount SecondaryPrivateIpAddresses VpcId"
    )
    create_only = words("AllocationId ConnectivityType SubnetId")
    attribute_names = words("EniId NatGatewayId")
    kind = "natgateway"

    def create(self, site: Site, properties: Properties) -> str:
        self._check_network(site, properties)
        made = site.call(
            "ec2",
            "CreateNatGateway",
            TagSpecifications=self.specification(site, properties),
            **chosen(properties, "AllocationId ConnectivityType SubnetId"),
        )
        return str(made["NatGateway"]["NatGatewayId"])

    def _check_network(self, site: Site, properties: Properties) -> None:
        # EC2 answers and fails later; CloudFormation waits and then says so.
        if properties.get("ConnectivityType") == "private":
            return
        (subnet,) = site.call("ec2", "DescribeSubnets", SubnetIds=[properties["SubnetId"]])["Subnets"]
        attached = [{"Name": "attachment.vpc-id", "Values": [subnet["VpcId"]]}]
        if not site.call("ec2", "DescribeInternetGateways", Filters=attached)["InternetGateways"]:
            raise HandlerError(
                "NatGateway is in state failed and hence failed to stabilize. Detailed failure message: "
                f"Network {subnet['VpcId']} has no Internet gateway attached"
            )

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        (found,) = site.call("ec2", "DescribeNatGateways", NatGatewayIds=[physical_id])["NatGateways"]
        return {
            "NatGatewayId": physical_id,
            "EniId": found["NatGatewayAddresses"][0]["NetworkInterfaceId"],
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("NatGatewayNotFound"):
            site.call("ec2", "DeleteNatGateway", NatGatewayId=physical_id)


class VpcEndpoint(Tagged):
    """AWS::EC2::VPCEndpoint: gateways and interfaces."""

    name = "AWS::EC2::VPCEndpoint"
    allowed = words(
        "DnsOptions IpAddressType PolicyDocument PrivateDnsEnabled ResourceConfigurationArn RouteTableIds "
        "SecurityGroupIds ServiceName ServiceNetworkArn ServiceRegion SubnetIds Tags VpcEndpointType VpcId"
    )
    required = words("VpcId")
    beyond = words("DnsOptions IpAddressType ResourceConfigurationArn ServiceNetworkArn ServiceRegion")
    create_only = words("ServiceName VpcEndpointType VpcId")
    attribute_names = words("CreationTimestamp DnsEntries Id NetworkInterfaceIds")
    kind = "vpc-endpoint"

    def create(self, site: Site, properties: Properties) -> str:
        policy = properties.get("PolicyDocument")
        made = site.call(
            "ec2",
            "CreateVpcEndpoint",
            TagSpecifications=self.specification(site, properties),
            **({"PolicyDocument": document(policy)} if policy else {}),
            **chosen(
                properties,
                "PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds VpcEndpointType "
                "VpcId",
            ),
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        changes: dict[str, Any] = {}
        if old and changed("PolicyDocument", new, old) and "PolicyDocument" in new:
            changes["PolicyDocument"] = document(new["PolicyDocument"])
        for name in ("RouteTableIds", "SubnetIds", "SecurityGroupIds"):
            added, removed = _difference(new.get(name, []), old.get(name, []))
            if old and added:
                changes[f"Add{name}"] = added
            if old and removed:
                changes[f"Remove{name}"] = removed
        if changes:
            site.call("ec2", "ModifyVpcEndpoint", VpcEndpointId=physical_id, **changes)
        super().configure(site, physical_id, new, old)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        (found,) = site.call("ec2", "DescribeVpcEndpoints", VpcEndpointIds=[physical_id])["VpcEndpoints"]
        entries = [f"{row.get('HostedZoneId', '')}:{row['DnsName']}" for row in found.get("DnsEntries", [])]
        return {
            "Id": physical_id,
            "CreationTimestamp": str(found.get("CreationTimestamp", "")),
            "DnsEntries": entries,
            "NetworkInterfaceIds": found.get("NetworkInterfaceIds", []),
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        site.call("ec2", "DeleteVpcEndpoints", VpcEndpointIds=[physical_id])


def _difference(wanted: list[str], had: list[str]) -> tuple[list[str], list[str]]:
    return [x for x in wanted if x not in had], [x for x in had if x not in wanted]


# A rule's other end: property -> the list of the API's permission, and the key in it.
PEERS: Mapping[str, tuple[str, str]] = {
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
    "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}
EVERYTHING_OUT = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


def permission(rule: Properties) -> dict[str, Any]:
    """A rule of a template as EC2 wants it."""
    peers = [name for name in PEERS if name in rule]
    if len(peers) != 1:
        raise HandlerError("Exactly one of CidrIp, CidrIpv6, a prefix list or a security group must be given")
    listed, key = PEERS[peers[0]]
    row = {key: rule[peers[0]], **chosen(rule, "Description")}
    return {**chosen(rule, "IpProtocol FromPort ToPort"), listed: [row]}


class SecurityGroup(Tagged):
    """AWS::EC2::SecurityGroup, always in a VPC."""

    name = "AWS::EC2::SecurityGroup"
    allowed = words("GroupDescription GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId")
    required = words("GroupDescription")
    create_only = words("GroupDescription GroupName VpcId")
    name_property = "GroupName"
    attribute_names = words("GroupId Id VpcId")
    kind = "security-group"

    def create(self, site: Site, properties: Properties) -> str:
        made = site.call(
            "ec2",
            "CreateSecurityGroup",
            GroupName=properties.get("GroupName") or physical_name(site, 255),
            Description=properties["GroupDescription"],
            TagSpecifications=self.specification(site, properties),
            **chosen(properties, "VpcId"),
        )
        return str(made["GroupId"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        self._set(site, physical_id, "Ingress", *self._rules("Ingress", new, old))
        self._set(site, physical_id, "Egress", *self._rules("Egress", new, old))
        super().configure(site, physical_id, new, old)

    def _rules(self, side: str, new: Properties, old: Properties) -> tuple[list[Any], list[Any]]:
        # Every group begins with one rule that lets everything out.
        default = [EVERYTHING_OUT] if side == "Egress" else []
        name = f"SecurityGroup{side}"
        return new.get(name) or default, (old.get(name) or default) if old else default

    def _set(self, site: Site, group: str, side: str, wanted: list[Any], had: list[Any]) -> None:
        for verb, rows, others in (("Revoke", had, wanted), ("Authorize", wanted, had)):
            rules = [permission(row) for row in rows if row not in others]
            if rules:
                site.call("ec2", f"{verb}SecurityGroup{side}", GroupId=group, IpPermissions=rules)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        (found,) = site.call("ec2", "DescribeSecurityGroups", GroupIds=[physical_id])["SecurityGroups"]
        return {"GroupId": physical_id, "Id": physical_id, "VpcId": found["VpcId"]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidGroup.NotFound"):
            site.call("ec2", "DeleteSecurityGroup", GroupId=physical_id)


class SecurityGroupRule(ResourceType):
    """What both rules that stand alone share; Ref answers the rule's id."""

    attribute_names = words("Id")
    side: ClassVar[str]

    def create(self, site: Site, properties: Properties) -> str:
        made = site.call(
            "ec2",
            f"AuthorizeSecurityGroup{self.side}",
            GroupId=properties["GroupId"],
            IpPermissions=[permission(properties)],
        )
        return str(made["SecurityGroupRules"][-1]["SecurityGroupRuleId"])

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Id": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidGroup.NotFound", "InvalidPermission.NotFound"):
            site.call(
                "ec2",
                f"RevokeSecurityGroup{self.side}",
                GroupId=properties["GroupId"],
                IpPermissions=[permission(properties)],
            )


class SecurityGroupIngress(SecurityGroupRule):
    """AWS::EC2::SecurityGroupIngress."""

    name = "AWS::EC2::SecurityGroupIngress"
    allowed = words(
        "CidrIp CidrIpv6 Description FromPort GroupId GroupName IpProtocol SourcePrefixListId "
        "SourceSecurityGroupId SourceSecurityGroupName SourceSecurityGroupOwnerId ToPort"
    )
    required = words("IpProtocol")
    beyond = words("GroupName SourceSecurityGroupName SourceSecurityGroupOwnerId")
    create_only = allowed
    side = "Ingress"


class SecurityGroupEgress(SecurityGroupRule):
    """AWS::EC2::SecurityGroupEgress."""

    name = "AWS::EC2::SecurityGroupEgress"
    allowed = words(
        "CidrIp CidrIpv6 Description DestinationPrefixListId DestinationSecurityGroupId FromPort GroupId "
        "IpProtocol ToPort"
    )
    required = words("GroupId IpProtocol")
    create_only = allowed
    side = "Egress"


class LaunchTemplate(ResourceType):
    """AWS::EC2::LaunchTemplate; an update makes a new version."""

    name = "AWS::EC2::LaunchTemplate"
    allowed = words("LaunchTemplateData LaunchTemplateName TagSpecifications VersionDescription")
    required = words("LaunchTemplateData")
    create_only = words("LaunchTemplateName TagSpecifications")
    name_property = "LaunchTemplateName"
    attribute_names = words("DefaultVersionNumber LatestVersionNumber LaunchTemplateId")

    def create(self, site: Site, properties: Properties) -> str:
        made = site.call(
            "ec2",
            "CreateLaunchTemplate",
            LaunchTemplateName=properties.get("LaunchTemplateName") or physical_name(site, 128),
            **chosen(properties, "LaunchTemplateData TagSpecifications VersionDescription"),
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and changed("LaunchTemplateData", new, old):
            site.call(
                "ec2",
                "CreateLaunchTemplateVersion",
                LaunchTemplateId=physical_id,
                **chosen(new, "LaunchTemplateData VersionDescription"),
            )

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        asked = site.call("ec2", "DescribeLaunchTemplates", LaunchTemplateIds=[physical_id])
        (found,) = asked["LaunchTemplates"]
        return {
            "LaunchTemplateId": physical_id,
            "DefaultVersionNumber": str(found["DefaultVersionNumber"]),
            "LatestVersionNumber": str(found["LatestVersionNumber"]),
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateName.NotFoundException"):
            site.call("ec2", "DeleteLaunchTemplate", LaunchTemplateId=physical_id)


EC2_TYPES = (
    Vpc(),
    Subnet(),
    InternetGateway(),
    VpcGatewayAttachment(),
    RouteTable(),
    Route(),
    SubnetRouteTableAssociation(),
    Eip(),
    NatGateway(),
    VpcEndpoint(),
    SecurityGroup(),
    SecurityGroupIngress(),
    SecurityGroupEgress(),
    LaunchTemplate(),
)
