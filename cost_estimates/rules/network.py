"""Networks: gateways, addresses, endpoints, load balancers, flow logs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from cost_estimates.rules.rule import (
    PUBLIC_IP_HOUR,
    Charge,
    Charges,
    Meter,
    Rule,
    Situation,
    fixed,
    no_price,
    running,
)
from cost_estimates.template import Resource

NAT_HOUR = Meter("VPC", "nat-gateway-hour")
NAT_DATA = Meter("VPC", "nat-gateway-data-gb")
ENDPOINT_HOUR = Meter("VPC", "interface-endpoint-hour")
ENDPOINT_DATA = Meter("VPC", "interface-endpoint-data-gb")
FLOW_LOGS = Meter("CloudWatchLogs", "ingest-vended-gb")
FLOW_LOGS_TO_S3 = Meter("CloudWatchLogs", "deliver-to-s3-gb-tier1")
CLASSIC_HOUR = Meter("ELB", "clb-hour")
CLASSIC_DATA = Meter("ELB", "clb-data-gb")
# type of load balancer: hours, and what its capacity units are charged by
BALANCERS = {
    "application": (Meter("ELB", "alb-hour"), Meter("ELB", "alb-lcu-hour"), "alb_lcu_hours"),
    "network": (Meter("ELB", "nlb-hour"), Meter("ELB", "nlb-lcu-hour"), "nlb_lcu_hours"),
    "gateway": (Meter("ELB", "gwlb-hour"), Meter("ELB", "gwlb-lcu-hour"), "gwlb_lcu_hours"),
}
ASSUMED_ZONES = 2


def nat_gateway(gateway: Resource, situation: Situation) -> Charges:
    if gateway.read_text("AvailabilityMode", "zonal") == "regional":
        gateway.assume("the number of its zones", "not in the template", "one")
    return (running(NAT_HOUR), Charge(meter=NAT_DATA, per="nat_data_gb"))


def endpoint(endpoint: Resource, situation: Situation) -> Charges:
    kind = endpoint.read_text("VpcEndpointType", "Gateway")
    if kind == "Gateway":
        return ()
    if kind != "Interface":
        return (no_price(f"VPC endpoints of type {kind}"),)
    return (
        running(ENDPOINT_HOUR, count=_zones(endpoint)),
        Charge(meter=ENDPOINT_DATA, per="vpc_endpoint_data_gb"),
    )


def balancer(balancer: Resource, situation: Situation) -> Charges:
    kind = balancer.read_text("Type", "application")
    hour, unit, key = BALANCERS.get(kind, BALANCERS["application"])
    yield running(hour)
    yield Charge(meter=unit, per=key)
    if kind != "gateway":
        yield from _addresses(balancer)


def classic_balancer(balancer: Resource, situation: Situation) -> Charges:
    return (running(CLASSIC_HOUR), Charge(meter=CLASSIC_DATA, per="clb_data_gb"), *_addresses(balancer))


def flow_log(log: Resource, situation: Situation) -> Charges:
    goal = log.read_text("LogDestinationType", "cloud-watch-logs")
    if goal == "kinesis-data-firehose":
        return (no_price("flow logs sent to Firehose", used=True),)
    return (Charge(meter=FLOW_LOGS_TO_S3 if goal == "s3" else FLOW_LOGS, per="flow_logs_gb"),)


RULES: Mapping[str, Rule] = {
    "AWS::EC2::NatGateway": Rule(
        words="runs all month, and is charged for the data through it", charges=nat_gateway
    ),
    "AWS::EC2::EIP": Rule(
        words="public IPv4 addresses are charged whether in use or not",
        charges=fixed(running(PUBLIC_IP_HOUR)),
    ),
    "AWS::EC2::VPCEndpoint": Rule(
        words="runs all month in each of its zones, and is charged for the data through it",
        charges=endpoint,
        otherwise="gateway endpoints are free",
    ),
    "AWS::EC2::FlowLog": Rule(words="charged for the logs it delivers", charges=flow_log),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Rule(
        words="runs all month with its public addresses, and is charged for its capacity units",
        charges=balancer,
    ),
    "AWS::ElasticLoadBalancing::LoadBalancer": Rule(
        words="runs all month with its public addresses, and is charged for the data through it",
        charges=classic_balancer,
    ),
}


def _zones(endpoint: Resource) -> Decimal | int:
    """One network interface in each subnet; subnets handed in by parameter are taken as two."""
    if endpoint.is_known("SubnetIds"):
        return endpoint.count("SubnetIds") or 1
    endpoint.assume("SubnetIds", "open", f"{ASSUMED_ZONES} zones")
    return ASSUMED_ZONES


def _addresses(balancer: Resource) -> Charges:
    """A public address in each subnet, unless the balancer is internal or brings its own."""
    if balancer.read_text("Scheme", "internet-facing") != "internet-facing":
        return
    if balancer.read_text("IpAddressType", "ipv4") == "dualstack-without-public-ipv4":
        return
    own = sum(mapping.has("AllocationId") for mapping in balancer.parts("SubnetMappings"))
    count = balancer.count("Subnets") + balancer.count("SubnetMappings") - own
    if count > 0:
        yield running(PUBLIC_IP_HOUR, count=count)
