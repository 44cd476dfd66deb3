"""IAM roles that SageMaker may assume, with all that they are allowed; instance profiles for SkyPilot."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.scan import trust
from provisioner.scan.row import Attributes, Beside, Detail, Found, Item, Lists, Place, Row, paged

_SAGEMAKER = "sagemaker.amazonaws.com"
_EC2 = "ec2.amazonaws.com"
_SERVICE_LINKED = "/aws-service-role/"
# SkyPilot looks for this name and makes it, with full access, where it is missing.
_SKYPILOT = "skypilot-v1"


def _role(item: Item, place: Place) -> Found | None:
    document = trust.parse(item["AssumeRolePolicyDocument"])
    if item["Path"].startswith(_SERVICE_LINKED) or not trust.trusts(document, _SAGEMAKER):
        return None
    return Found(
        arn=item["Arn"],
        account=place.account,
        region=place.region,
        kind="role",
        name=item["RoleName"],
        attributes={
            "trusts_sagemaker": True,
            "guarded_trust": trust.guarded(document, _SAGEMAKER, place.account),
            "no_full_access": not any(map(_is_full_access, item["AttachedManagedPolicies"])),
            "inline": [trust.parse(p["PolicyDocument"]) for p in item.get("RolePolicyList", ())],
            "attached": [p["PolicyArn"] for p in item["AttachedManagedPolicies"]],
            "boundary": item.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        },
        tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", ())},
    )


def _is_full_access(policy: Item) -> bool:
    name = policy["PolicyName"]
    return bool(name.endswith("FullAccess") or name == "AdministratorAccess")


def _with_policies(found: Sequence[Found], lists: Lists) -> Sequence[Found]:
    """Each role with its policies' documents; one that the answer left out makes all of them unknown."""
    documents = {p["Arn"]: d for p in lists["Policies"] if (d := _in_force(p)) is not None}
    return [replace(f, attributes=_policies(f.attributes, documents)) for f in found]


def _in_force(policy: Item) -> object:
    return next(
        (trust.parse(v["Document"]) for v in policy["PolicyVersionList"] if v["IsDefaultVersion"]), None
    )


def _policies(attributes: Attributes, documents: Mapping[str, object]) -> Attributes:
    kept = {k: v for k, v in attributes.items() if k not in ("inline", "attached", "boundary")}
    attached: Any = attributes["attached"]
    inline: Any = attributes["inline"]
    boundary = str(attributes["boundary"])
    known = all(arn in documents for arn in [*attached, *([boundary] if boundary else [])])
    if known:
        kept["policies"] = [*inline, *(documents[arn] for arn in attached)]
        kept |= {"boundary": documents[boundary]} if boundary else {}
    return kept


ROLES = Row(
    service="iam",
    kind="role",
    scope="global",
    # One pass gives trust, policies and tags of all roles; ListRoles gives the trust, and needs calls a role.
    call="get_account_authorization_details",
    key="RoleDetailList",
    permission="iam:GetAccountAuthorizationDetails",
    shape=_role,
    words="roles that SageMaker may assume, with what their policies allow",
    beside=(Beside(key="Policies"),),
    join=_with_policies,
    # It cannot be asked for one role; an account has five pages of them at most.
    arguments={"Filter": ["Role", "LocalManagedPolicy", "AWSManagedPolicy"], **paged(1000)},
)


def _profile(item: Item, place: Place) -> Found | None:
    trusting = [r for r in item["Roles"] if trust.trusts(trust.parse(r["AssumeRolePolicyDocument"]), _EC2)]
    if item["Roles"] and not trusting and item["InstanceProfileName"] != _SKYPILOT:
        return None
    return Found(
        arn=item["Arn"],
        account=place.account,
        region=place.region,
        kind="instance_profile",
        name=item["InstanceProfileName"],
        attributes={
            "has_role": bool(item["Roles"]),
            "trusts_ec2": bool(trusting),
            "skypilot_name": item["InstanceProfileName"] == _SKYPILOT,
            "skypilot_role": any(r["RoleName"] == _SKYPILOT for r in item["Roles"]),
            "role_name": item["Roles"][0]["RoleName"] if item["Roles"] else "",
        },
    )


PROFILES = Row(
    service="iam-instance-profiles",
    client="iam",
    kind="instance_profile",
    scope="global",
    call="list_instance_profiles",
    key="InstanceProfiles",
    permission="iam:ListInstanceProfiles",
    shape=_profile,
    words="instance profiles whose role EC2 may assume, as SkyPilot needs one",
    arguments=paged(1000),
    # Only the one that SkyPilot would take is worth a call of its own.
    candidate=lambda found: found.attributes["skypilot_role"] is True,
    details=(
        Detail(
            call="list_attached_role_policies",
            permission="iam:ListAttachedRolePolicies",
            arguments=lambda found: {"RoleName": str(found.attributes["role_name"])},
            key="AttachedPolicies",
            read=lambda a: {"no_full_access": not any(map(_is_full_access, a["AttachedPolicies"]))},
        ),
    ),
)
