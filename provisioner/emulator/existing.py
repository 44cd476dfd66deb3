"""Parameters that stand for something in the account: it must exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from provisioner.emulator import parameters
from provisioner.emulator.refusal import invalid
from provisioner.emulator.stack import Home

# Parameter type -> the EC2 call that finds it, and the call's argument.
LOOKUPS: Mapping[str, tuple[str, str]] = {
    "AWS::EC2::VPC::Id": ("DescribeVpcs", "VpcIds"),
    "AWS::EC2::Subnet::Id": ("DescribeSubnets", "SubnetIds"),
    "AWS::EC2::SecurityGroup::Id": ("DescribeSecurityGroups", "GroupIds"),
    "AWS::EC2::KeyPair::KeyName": ("DescribeKeyPairs", "KeyNames"),
}
FROM_STORE = "AWS::SSM::Parameter::Value<"


def missing(
    declared: parameters.Declarations, values: Mapping[str, str], home: Home, call: Callable[..., Any]
) -> str | None:
    """CloudFormation's words for the first parameter whose VPC, subnet … does not exist."""
    for name, kind, value in _looked_up(declared, values):
        operation, argument = LOOKUPS[kind]
        try:
            call(home.account, home.region, "ec2", operation, **{argument: [value]})
        except ClientError:
            return (
                f"Parameter validation failed: parameter value {value} for parameter name {name} does not "
                "exist. "
            )
    return None


def read_store(
    declared: parameters.Declarations, values: Mapping[str, str], home: Home, call: Callable[..., Any]
) -> dict[str, str]:
    """The values with SSM parameters replaced by what the parameter store holds."""
    stored = [name for name in values if str(declared[name]["Type"]).startswith(FROM_STORE)]
    return {**values, **{name: _read(values[name], home, call) for name in stored}}


def _read(name: str, home: Home, call: Callable[..., Any]) -> str:
    try:
        return str(call(home.account, home.region, "ssm", "GetParameter", Name=name)["Parameter"]["Value"])
    except ClientError:
        raise invalid(f"Unable to fetch parameters [{name}] from parameter store for this account.") from None


def told(
    rules: Any,
    declared: parameters.Declarations,
    values: Mapping[str, str],
    home: Home,
    call: Callable[..., Any],
) -> dict[str, Any]:
    """What each Fn::ValueOf of the rules says, as "Parameter.Attribute"; what is not there says nothing."""
    found: dict[str, Any] = {}
    for name, attribute in _value_ofs(rules):
        items = [(kind, value) for key, kind, value in _looked_up(declared, values) if key == name]
        said = [row for kind, value in items for row in _attribute(kind, value, attribute, home, call)]
        found[f"{name}.{attribute}"] = (
            said if str(declared[name]["Type"]).startswith("List<") else "".join(said)
        )
    return found


def _value_ofs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        if isinstance(pair := value.get("Fn::ValueOf"), list):
            yield str(pair[0]), str(pair[1])
        for item in value.values():
            yield from _value_ofs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _value_ofs(item)


def _attribute(kind: str, value: str, name: str, home: Home, call: Callable[..., Any]) -> list[str]:
    operation, argument = LOOKUPS[kind]
    try:
        answer = call(home.account, home.region, "ec2", operation, **{argument: [value]})
    except ClientError:
        return []
    rows = next(rows for rows in answer.values() if isinstance(rows, list))
    return [str(row[name]) for row in rows]


def _looked_up(
    declared: parameters.Declarations, values: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    for name, value in parameters.typed(declared, values).items():
        kind = str(declared[name]["Type"]).removeprefix("List<").removesuffix(">")
        if kind in LOOKUPS:
            for item in value if isinstance(value, list) else [value]:
                yield name, kind, item
