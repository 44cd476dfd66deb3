"""EC2 networking: what a template makes, and what AWS would refuse."""

from __future__ import annotations

from typing import Any

import pytest

REGION = "eu-central-1"


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def get(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def row(kind: str, /, depends: str = "", **properties: Any) -> dict[str, Any]:
    more = {"DependsOn": depends} if depends else {}
    return {"Type": f"AWS::EC2::{kind}", "Properties": properties, **more}


NETWORK: dict[str, Any] = {
    "Net": row("VPC", CidrBlock="10.0.0.0/16", EnableDnsHostnames="true"),
    "Door": row("InternetGateway"),
    "Hinge": row("VPCGatewayAttachment", VpcId=ref("Net"), InternetGatewayId=ref("Door")),
    "Front": row(
        "Subnet",
        VpcId=ref("Net"),
        CidrBlock="10.0.0.0/24",
        AvailabilityZoneId="euc1-az2",
        MapPublicIpOnLaunch=True,
    ),
    "Back": row("Subnet", VpcId=ref("Net"), CidrBlock="10.0.1.0/24", AvailabilityZoneId="euc1-az3"),
    "FrontTable": row("RouteTable", VpcId=ref("Net")),
    "BackTable": row("RouteTable", VpcId=ref("Net")),
    "Out": row(
        "Route",
        depends="Hinge",
        RouteTableId=ref("FrontTable"),
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=ref("Door"),
    ),
    "FrontSeat": row("SubnetRouteTableAssociation", RouteTableId=ref("FrontTable"), SubnetId=ref("Front")),
    "BackSeat": row("SubnetRouteTableAssociation", RouteTableId=ref("BackTable"), SubnetId=ref("Back")),
    "Address": row("EIP", depends="Hinge", Domain="vpc"),
    "Nat": row(
        "NatGateway", depends="Hinge", AllocationId=get("Address", "AllocationId"), SubnetId=ref("Front")
    ),
    "Through": row(
        "Route", RouteTableId=ref("BackTable"), DestinationCidrBlock="0.0.0.0/0", NatGatewayId=ref("Nat")
    ),
    "Store": row(
        "VPCEndpoint",
        VpcId=ref("Net"),
        ServiceName={"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
        RouteTableIds=[ref("BackTable")],
    ),
    "Guard": row("SecurityGroup", GroupDescription="who may knock", VpcId=ref("Net")),
    "Friend": row(
        "SecurityGroup",
        GroupDescription="a friend",
        VpcId=ref("Net"),
        SecurityGroupIngress=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": "443", "CidrIp": "10.0.0.0/16"}
        ],
        SecurityGroupEgress=[{"IpProtocol": "-1", "CidrIp": "10.0.0.0/8", "Description": "inside only"}],
    ),
    "Knock": row(
        "SecurityGroupIngress",
        GroupId=get("Guard", "GroupId"),
        IpProtocol="tcp",
        FromPort=5000,
        ToPort=5000,
        SourceSecurityGroupId=ref("Friend"),
    ),
    "Answer": row(
        "SecurityGroupEgress",
        GroupId=ref("Friend"),
        IpProtocol="tcp",
        FromPort=5000,
        ToPort=5000,
        DestinationSecurityGroupId=ref("Guard"),
    ),
    "Shape": row("LaunchTemplate", LaunchTemplateData={"InstanceType": "t3.micro", "EbsOptimized": "true"}),
}


def whole(**outputs: Any) -> dict[str, Any]:
    return {"Resources": NETWORK, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}


def some(*names: str, **more: Any) -> dict[str, Any]:
    return {"Resources": {**{name: NETWORK[name] for name in names}, **more}}


def reason(stacks: Any, name: str) -> str:
    rows = [r for r in stacks.events(name) if r["ResourceStatus"].endswith("_FAILED")]
    return str(rows[0]["ResourceStatusReason"])


def test_a_network_is_what_its_template_says(stacks: Any, client: Any) -> None:
    stack_id = stacks.create("net", whole(Zone=get("Front", "AvailabilityZone")), Tags=[TEAM])
    ec2 = client("ec2")
    front = ec2.describe_subnets(SubnetIds=[stacks.physical_id("net", "Front")])["Subnets"][0]
    back = ec2.describe_subnets(SubnetIds=[stacks.physical_id("net", "Back")])["Subnets"][0]
    assert stacks.show("net")["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.outputs("net") == {"Zone": front["AvailabilityZone"]}
    assert (front["AvailabilityZoneId"], front["MapPublicIpOnLaunch"], front["DefaultForAz"]) == (
        "euc1-az2",
        True,
        False,
    )
    assert (back["AvailabilityZoneId"], back["MapPublicIpOnLaunch"]) == ("euc1-az3", False)
    (vpc,) = ec2.describe_vpcs(VpcIds=[stacks.physical_id("net", "Net")])["Vpcs"]
    assert {tag["Key"]: tag["Value"] for tag in vpc["Tags"]} == {
        "team": "a",
        "aws:cloudformation:stack-name": "net",
        "aws:cloudformation:stack-id": stack_id,
        "aws:cloudformation:logical-id": "Net",
    }
    asked = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsHostnames")
    assert asked["EnableDnsHostnames"] == {"Value": True}
    (nat,) = ec2.describe_nat_gateways(NatGatewayIds=[stacks.physical_id("net", "Nat")])["NatGateways"]
    assert nat["NatGatewayAddresses"][0]["PublicIp"] == stacks.physical_id("net", "Address")
    tables = ec2.describe_route_tables(RouteTableIds=[stacks.physical_id("net", "BackTable")])["RouteTables"]
    targets = {r.get("NatGatewayId") or r.get("GatewayId") for r in tables[0]["Routes"]}
    assert targets == {"local", nat["NatGatewayId"], stacks.physical_id("net", "Store")}


TEAM = {"Key": "team", "Value": "a"}


def test_rules_of_security_groups_are_set_and_taken_back(stacks: Any, client: Any) -> None:
    stacks.create("rules", whole())
    ec2, friend = client("ec2"), stacks.physical_id("rules", "Friend")

    def rules() -> tuple[Any, Any]:
        (group,) = ec2.describe_security_groups(GroupIds=[friend])["SecurityGroups"]
        return group["IpPermissions"], group["IpPermissionsEgress"]

    ingress, egress = rules()
    assert [(r["FromPort"], r["IpRanges"]) for r in ingress] == [(443, [{"CidrIp": "10.0.0.0/16"}])]
    assert {r["IpProtocol"] for r in egress} == {"-1", "tcp"}
    assert [r["IpRanges"] for r in egress if r["IpProtocol"] == "-1"] == [
        [{"CidrIp": "10.0.0.0/8", "Description": "inside only"}]
    ]
    changed = {**NETWORK, "Friend": row("SecurityGroup", GroupDescription="a friend", VpcId=ref("Net"))}
    assert stacks.update("rules", {"Resources": changed}) == "UPDATE_COMPLETE"
    ingress, egress = rules()
    assert ingress == []
    assert [r["IpRanges"] for r in egress if r["IpProtocol"] == "-1"] == [[{"CidrIp": "0.0.0.0/0"}]]


def test_references_have_the_form_of_aws(stacks: Any) -> None:
    stacks.create("ids", whole())
    vpc = stacks.physical_id("ids", "Net")
    assert stacks.physical_id("ids", "Hinge") == f"IGW|{vpc}"
    assert stacks.physical_id("ids", "Out") == f"{stacks.physical_id('ids', 'FrontTable')}|0.0.0.0/0"
    prefixes = {
        name: stacks.physical_id("ids", name).split("-")[0]
        for name in ("Door", "Front", "FrontSeat", "Nat", "Store", "Guard", "Knock", "Answer", "Shape")
    }
    assert prefixes == {
        "Door": "igw",
        "Front": "subnet",
        "FrontSeat": "rtbassoc",
        "Nat": "nat",
        "Store": "vpce",
        "Guard": "sg",
        "Knock": "sgr",
        "Answer": "sgr",
        "Shape": "lt",
    }


def test_a_deleted_network_leaves_nothing(stacks: Any, client: Any) -> None:
    ec2 = client("ec2")
    before = what_is(ec2)
    stacks.create("gone", whole())
    assert what_is(ec2) != before
    assert stacks.delete("gone") == "DELETE_COMPLETE"
    assert what_is(ec2) == before


def what_is(ec2: Any) -> dict[str, int]:
    alive = [{"Name": "state", "Values": ["available"]}]
    return {
        "vpcs": len(ec2.describe_vpcs()["Vpcs"]),
        "subnets": len(ec2.describe_subnets()["Subnets"]),
        "doors": len(ec2.describe_internet_gateways()["InternetGateways"]),
        "tables": len(ec2.describe_route_tables()["RouteTables"]),
        "addresses": len(ec2.describe_addresses()["Addresses"]),
        "gateways": len(ec2.describe_nat_gateways(Filters=alive)["NatGateways"]),
        "interfaces": len(ec2.describe_network_interfaces()["NetworkInterfaces"]),
        "groups": len(ec2.describe_security_groups()["SecurityGroups"]),
        "templates": len(ec2.describe_launch_templates()["LaunchTemplates"]),
    }


def test_an_update_retags_and_makes_a_new_template_version(stacks: Any, client: Any) -> None:
    stacks.create("again", whole())
    shape = row("LaunchTemplate", LaunchTemplateData={"InstanceType": "t3.large"})
    tagged = row("VPC", CidrBlock="10.0.0.0/16", Tags=[{"Key": "own", "Value": "yes"}])
    assert stacks.update("again", {"Resources": {**NETWORK, "Shape": shape, "Net": tagged}}) == (
        "UPDATE_COMPLETE"
    )
    ec2 = client("ec2")
    (found,) = ec2.describe_launch_templates()["LaunchTemplates"]
    assert (found["DefaultVersionNumber"], found["LatestVersionNumber"]) == (1, 2)
    (vpc,) = ec2.describe_vpcs(VpcIds=[stacks.physical_id("again", "Net")])["Vpcs"]
    assert {"Key": "own", "Value": "yes"} in vpc["Tags"]


def test_an_endpoint_follows_its_route_tables(stacks: Any, client: Any) -> None:
    stacks.create("move", whole())
    store = stacks.physical_id("move", "Store")
    moved = {**NETWORK["Store"]["Properties"], "RouteTableIds": [ref("FrontTable")]}
    assert stacks.update("move", {"Resources": {**NETWORK, "Store": row("VPCEndpoint", **moved)}}) == (
        "UPDATE_COMPLETE"
    )
    through = {
        table["RouteTableId"]
        for table in client("ec2").describe_route_tables()["RouteTables"]
        if store in {route.get("GatewayId") for route in table["Routes"]}
    }
    assert through == {stacks.physical_id("move", "FrontTable")}


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "call"),
    [
        (("Net", "Front"), "DeleteVpc"),
        (("Net", "Door", "Hinge"), "DeleteVpc"),
        (("Net", "Guard"), "DeleteVpc"),
        (("Net", "BackTable"), "DeleteVpc"),
        (("Net", "BackTable", "Store"), "DeleteVpc"),
    ],
)
def test_a_vpc_with_something_inside_is_not_deleted(
    stacks: Any, client: Any, refused: Any, inside: tuple[str, ...], call: str
) -> None:
    stacks.create("full", some(*inside))
    vpc = stacks.physical_id("full", "Net")
    code, message = refused(client("ec2").delete_vpc, VpcId=vpc)
    assert code == "DependencyViolation"
    assert message.endswith("has dependencies and cannot be deleted.")


def test_what_is_made_by_hand_keeps_the_stack_from_going(stacks: Any, client: Any) -> None:
    stacks.create("hand", some("Net"))
    vpc = stacks.physical_id("hand", "Net")
    client("ec2").create_security_group(GroupName="by-hand", Description="x", VpcId=vpc)
    assert stacks.delete("hand") == "DELETE_FAILED"
    assert "has dependencies and cannot be deleted" in reason(stacks, "hand")


def test_a_subnet_with_a_gateway_inside_is_not_deleted(stacks: Any, client: Any, refused: Any) -> None:
    stacks.create("busy", whole())
    ec2, front = client("ec2"), stacks.physical_id("busy", "Front")
    assert refused(ec2.delete_subnet, SubnetId=front)[0] == "DependencyViolation"


def test_a_door_with_public_addresses_behind_it_stays(stacks: Any, client: Any, refused: Any) -> None:
    stacks.create("open", whole())
    door, vpc = stacks.physical_id("open", "Door"), stacks.physical_id("open", "Net")
    ec2 = client("ec2")
    code, message = refused(ec2.detach_internet_gateway, InternetGatewayId=door, VpcId=vpc)
    assert code == "DependencyViolation"
    assert "mapped public address" in message
    assert refused(ec2.delete_internet_gateway, InternetGatewayId=door)[0] == "DependencyViolation"


def test_an_address_in_use_is_not_released(stacks: Any, client: Any, refused: Any) -> None:
    stacks.create("worn", whole())
    ec2 = client("ec2")
    allocation = ec2.describe_addresses()["Addresses"][0]["AllocationId"]
    assert refused(ec2.release_address, AllocationId=allocation)[0] == "InvalidIPAddress.InUse"


def test_a_group_that_another_names_is_not_deleted(stacks: Any, client: Any, refused: Any) -> None:
    stacks.create("named", whole())
    friend = stacks.physical_id("named", "Friend")
    code, message = refused(client("ec2").delete_security_group, GroupId=friend)
    assert (code, message) == ("DependencyViolation", f"resource {friend} has a dependent object")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (row("Subnet", VpcId=ref("Net"), CidrBlock="10.0.9.0/24", AvailabilityZoneId="use1-az1"), "use1-az1"),
        (
            row("Subnet", VpcId=ref("Net"), CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1a"),
            "us-east-1a",
        ),
        (row("Subnet", VpcId=ref("Net"), CidrBlock="192.168.0.0/24"), "192.168.0.0/24"),
        (row("Subnet", VpcId=ref("Net"), CidrBlock="10.0.0.0/25"), "conflicts with another subnet"),
        (row("Subnet", VpcId="vpc-00000000", CidrBlock="10.0.0.0/24"), "vpc-00000000"),
        (
            row("NatGateway", SubnetId=ref("Front"), AllocationId=get("Address", "AllocationId")),
            "has no Internet gateway attached",
        ),
        (row("NatGateway", SubnetId=ref("Front"), ConnectivityType="private", VpcId="x"), "VpcId"),
        (
            row(
                "Route",
                RouteTableId=ref("FrontTable"),
                DestinationCidrBlock="0.0.0.0/0",
                GatewayId=ref("Door"),
            ),
            "belong to different networks",
        ),
        (row("Route", RouteTableId=ref("FrontTable"), GatewayId=ref("Door")), "Exactly one of [Destination"),
        (row("VPCEndpoint", VpcId=ref("Net"), ServiceName="com.amazonaws.us-east-1.s3"), "does not exist"),
        (row("VPCEndpoint", VpcId=ref("Net"), ServiceName=f"com.amazonaws.{REGION}.sts"), "does not match"),
        (row("SecurityGroupIngress", GroupId=ref("Guard"), IpProtocol="-1"), "Exactly one of CidrIp"),
        (row("VPC"), "Either CIDR Block"),
        (row("VPC", CidrBlock="10.0.0.0/8"), "10.0.0.0/8"),
    ],
)
def test_what_cannot_work_is_refused(stacks: Any, extra: dict[str, Any], words: str) -> None:
    fixed = {**NETWORK["Address"]}
    fixed.pop("DependsOn")
    stacks.create("bad", some("Net", "Front", "FrontTable", "Door", "Guard", Address=fixed, Bad=extra))
    assert stacks.show("bad")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert words in reason(stacks, "bad")


def test_a_subnet_has_one_route_table(stacks: Any) -> None:
    second = row("SubnetRouteTableAssociation", RouteTableId=ref("BackTable"), SubnetId=ref("Front"))
    stacks.create("two", some("Net", "Front", "FrontTable", "BackTable", "FrontSeat", Second=second))
    assert "conflicts with an existing association" in reason(stacks, "two")


def test_the_sixth_address_and_the_sixth_network_are_refused(stacks: Any, aws: Any) -> None:
    addresses = {f"A{number}": row("EIP") for number in range(6)}
    stacks.create("many", {"Resources": addresses})
    assert "The maximum number of addresses has been reached." in reason(stacks, "many")
    # Every region begins with a default VPC, which counts.
    networks = {f"V{number}": row("VPC", CidrBlock="10.0.0.0/16") for number in range(5)}
    stacks.create("nets", {"Resources": networks})
    assert "The maximum number of VPCs has been reached." in reason(stacks, "nets")
    aws.set_quota("123456789012", REGION, "vpc", "L-F678F1CE", 6)
    stacks.create("more", {"Resources": networks})
    assert stacks.show("more")["StackStatus"] == "CREATE_COMPLETE"


# --- what the account may use ----------------------------------------------------------------------


def test_regions_say_whether_they_are_switched_on(aws: Any, client: Any) -> None:
    ec2 = client("ec2")

    def status(name: str) -> str:
        return str(ec2.describe_regions(RegionNames=[name], AllRegions=True)["Regions"][0]["OptInStatus"])

    assert (status("eu-central-1"), status("eu-south-1")) == ("opt-in-not-required", "not-opted-in")
    assert "eu-south-1" not in {r["RegionName"] for r in ec2.describe_regions()["Regions"]}
    aws.opt_in("123456789012", "eu-south-1")
    assert status("eu-south-1") == "opted-in"
    assert "eu-south-1" in {r["RegionName"] for r in ec2.describe_regions()["Regions"]}


def test_zones_have_ids(client: Any) -> None:
    zones = client("ec2").describe_availability_zones()["AvailabilityZones"]
    assert {zone["ZoneId"] for zone in zones} == {"euc1-az1", "euc1-az2", "euc1-az3"}


def test_instance_types_are_offered_by_zone(client: Any) -> None:
    offered = client("ec2").describe_instance_type_offerings(
        LocationType="availability-zone-id", Filters=[{"Name": "instance-type", "Values": ["m5.large"]}]
    )
    assert {r["Location"] for r in offered["InstanceTypeOfferings"]} == {"euc1-az1", "euc1-az2", "euc1-az3"}


def test_quotas_are_read_and_set(aws: Any, client: Any, refused: Any) -> None:
    quotas = client("service-quotas")
    asked = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 5
    aws.set_quota("123456789012", REGION, "vpc", "L-F678F1CE", 20)
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 20
    assert quotas.get_aws_default_service_quota(**asked)["Quota"]["Value"] == 5
    rows = quotas.list_service_quotas(ServiceCode="ec2")["Quotas"]
    assert {"L-0263D0A3": 5.0, "L-DB2E81BA": 0.0}.items() <= {
        r["QuotaCode"]: r["Value"] for r in rows
    }.items()
    assert refused(quotas.get_service_quota, ServiceCode="vpc", QuotaCode="L-0")[0] == (
        "NoSuchResourceException"
    )


def test_machine_learning_quotas_are_found_by_name_and_set(aws: Any, client: Any) -> None:
    quotas = client("service-quotas")

    def rows() -> dict[str, tuple[str, float]]:
        pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        return {r["QuotaName"]: (r["QuotaCode"], r["Value"]) for page in pages for r in page["Quotas"]}

    code, value = rows()["ml.g5.xlarge for training job usage"]
    assert (value, rows()["ml.m5.large for processing job usage"][1]) == (0, 4)
    aws.set_quota("123456789012", REGION, "sagemaker", code, 2)
    assert rows()["ml.g5.xlarge for training job usage"] == (code, 2)


def test_the_account_switches_regions_on_and_off(client: Any, refused: Any) -> None:
    account, ec2 = client("account"), client("ec2")

    def words(name: str) -> tuple[str, str]:
        (found,) = ec2.describe_regions(RegionNames=[name], AllRegions=True)["Regions"]
        return account.get_region_opt_status(RegionName=name)["RegionOptStatus"], found["OptInStatus"]

    assert words("eu-west-1") == ("ENABLED_BY_DEFAULT", "opt-in-not-required")
    assert words("eu-south-1") == ("DISABLED", "not-opted-in")
    account.enable_region(RegionName="eu-south-1")
    assert words("eu-south-1") == ("ENABLED", "opted-in")
    on = account.list_regions(RegionOptStatusContains=["ENABLED"])["Regions"]
    assert [r["RegionName"] for r in on] == ["eu-south-1"]
    account.disable_region(RegionName="eu-south-1")
    assert words("eu-south-1") == ("DISABLED", "not-opted-in")
    assert refused(account.disable_region, RegionName="eu-west-1")[0] == "ValidationException"
