"""CloudFormation types of IAM."""

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
    document,
    physical_name,
    tag_list,
)
from provisioner.emulator.template import words


class Role(ResourceType):
    """AWS::IAM::Role."""

    name = "AWS::IAM::Role"
    allowed = words(
        "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary "
        "Policies RoleName Tags"
    )
    required = words("AssumeRolePolicyDocument")
    create_only = words("Path RoleName")
    name_property = "RoleName"
    tagging = "stack"
    attribute_names = words("Arn RoleId")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        role = str(properties.get("RoleName") or physical_name(site, 64))
        optional = ("Description", "MaxSessionDuration", "Path", "PermissionsBoundary")
        site.call(
            "iam",
            "CreateRole",
            RoleName=role,
            AssumeRolePolicyDocument=document(properties["AssumeRolePolicyDocument"]),
            Tags=tag_list(self.tags(site, properties)),
            **{key: properties[key] for key in optional if key in properties},
        )
        return role

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old:
            self._update(site, physical_id, new, old)
        wanted, had = _inline(new), _inline(old)
        for name in had.keys() - wanted.keys():
            site.call("iam", "DeleteRolePolicy", RoleName=physical_id, PolicyName=name)
        for name, policy in wanted.items():
            site.call("iam", "PutRolePolicy", RoleName=physical_id, PolicyName=name, PolicyDocument=policy)
        attach(site, "Role", physical_id, new.get("ManagedPolicyArns", []), old.get("ManagedPolicyArns", []))

    def _update(self, site: Site, role: str, new: Properties, old: Properties) -> None:
        trust = document(new["AssumeRolePolicyDocument"])
        site.call("iam", "UpdateAssumeRolePolicy", RoleName=role, PolicyDocument=trust)
        site.call(
            "iam",
            "UpdateRole",
            RoleName=role,
            Description=new.get("Description", ""),
            MaxSessionDuration=new.get("MaxSessionDuration", 3600),
        )
        self._set_boundary(site, role, new, old)
        wanted = self.tags(site, new)
        gone = [tag["Key"] for tag in old.get("Tags", []) if tag["Key"] not in wanted]
        if gone:
            site.call("iam", "UntagRole", RoleName=role, TagKeys=gone)
        site.call("iam", "TagRole", RoleName=role, Tags=tag_list(wanted))

    def _set_boundary(self, site: Site, role: str, new: Properties, old: Properties) -> None:
        boundary = new.get("PermissionsBoundary")
        if boundary:
            site.call("iam", "PutRolePermissionsBoundary", RoleName=role, PermissionsBoundary=boundary)
        elif old.get("PermissionsBoundary"):
            site.call("iam", "DeleteRolePermissionsBoundary", RoleName=role)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        role = site.call("iam", "GetRole", RoleName=physical_id)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        # Only what the template gave is taken away; a policy added by hand makes DeleteRole fail, as on AWS.
        with Gone("NoSuchEntity"):
            attach(site, "Role", physical_id, [], properties.get("ManagedPolicyArns", []))
            for name in _inline(properties):
                with Gone("NoSuchEntity"):
                    site.call("iam", "DeleteRolePolicy", RoleName=physical_id, PolicyName=name)
            site.call("iam", "DeleteRole", RoleName=physical_id)


def _inline(properties: Properties) -> dict[str, str]:
    return {row["PolicyName"]: document(row["PolicyDocument"]) for row in properties.get("Policies", [])}


def attach(site: Site, kind: str, name: str, wanted: list[str], had: list[str]) -> None:
    """Bring the managed policies of a role, user or group from `had` to `wanted`."""
    who = {f"{kind}Name": name}
    for arn in had:
        if arn not in wanted:
            with Gone("NoSuchEntity"):
                site.call("iam", f"Detach{kind}Policy", PolicyArn=arn, **who)
    for arn in wanted:
        if arn not in had:
            site.call("iam", f"Attach{kind}Policy", PolicyArn=arn, **who)


# The property of IAM policies that lists holders -> the word in IAM's operation names.
HOLDERS: Mapping[str, str] = {"Roles": "Role", "Users": "User", "Groups": "Group"}


class Policy(ResourceType):
    """AWS::IAM::Policy: one inline policy on roles, users and groups."""

    name = "AWS::IAM::Policy"
    allowed = words("Groups PolicyDocument PolicyName Roles Users")
    required = words("PolicyDocument PolicyName")
    name_property = ""
    attribute_names = words("Id")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        if not any(properties.get(holders) for holders in HOLDERS):
            raise HandlerError("At least one of [Groups,Roles,Users] must be non-empty.")
        return physical_name(site, 64)

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        policy = document(new["PolicyDocument"])
        for property_name, kind in HOLDERS.items():
            for holder in new.get(property_name, []):
                self._put(site, kind, holder, str(new["PolicyName"]), policy)
            self._take(site, kind, old, set(new.get(property_name, [])), str(new["PolicyName"]))

    def _put(self, site: Site, kind: str, holder: str, name: str, policy: str) -> None:
        who = {f"{kind}Name": holder}
        site.call("iam", f"Put{kind}Policy", PolicyName=name, PolicyDocument=policy, **who)

    def _take(self, site: Site, kind: str, old: Properties, kept: set[str], name: str) -> None:
        renamed = old.get("PolicyName") != name
        for holder in old.get(f"{kind}s", []):
            if renamed or holder not in kept:
                with Gone("NoSuchEntity"):
                    who = {f"{kind}Name": holder}
                    site.call("iam", f"Delete{kind}Policy", PolicyName=old["PolicyName"], **who)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Id": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        for kind in HOLDERS.values():
            self._take(site, kind, properties, set(), "")


class InlinePolicy(ResourceType):
    """One inline policy on one role or user."""

    needs_iam_capability = True
    holder: ClassVar[str]

    def create(self, site: Site, properties: Properties) -> str:
        return f"{properties['PolicyName']}|{properties[self.holder + 'Name']}"

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        policy = document(new.get("PolicyDocument", {}))
        site.call("iam", f"Put{self.holder}Policy", **self._address(physical_id), PolicyDocument=policy)

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("NoSuchEntity"):
            site.call("iam", f"Delete{self.holder}Policy", **self._address(physical_id))

    def _address(self, physical_id: str) -> dict[str, str]:
        name, holder = physical_id.split("|")
        return {f"{self.holder}Name": holder, "PolicyName": name}


class RolePolicy(InlinePolicy):
    """AWS::IAM::RolePolicy."""

    name = "AWS::IAM::RolePolicy"
    allowed = words("PolicyDocument PolicyName RoleName")
    required = words("PolicyName RoleName")
    create_only = words("PolicyName RoleName")
    holder = "Role"


class UserPolicy(InlinePolicy):
    """AWS::IAM::UserPolicy."""

    name = "AWS::IAM::UserPolicy"
    allowed = words("PolicyDocument PolicyName UserName")
    required = words("PolicyName UserName")
    create_only = words("PolicyName UserName")
    holder = "User"


class ManagedPolicy(ResourceType):
    """AWS::IAM::ManagedPolicy; Ref answers the ARN."""

    name = "AWS::IAM::ManagedPolicy"
    allowed = words("Description Groups ManagedPolicyName Path PolicyDocument Roles Users")
    required = words("PolicyDocument")
    create_only = words("Description ManagedPolicyName Path")
    name_property = "ManagedPolicyName"
    attribute_names = words(
        "PolicyArn AttachmentCount CreateDate DefaultVersionId IsAttachable PermissionsBoundaryUsageCount "
        "PolicyId UpdateDate"
    )
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("ManagedPolicyName") or physical_name(site, 128))
        made = site.call(
            "iam",
            "CreatePolicy",
            PolicyName=name,
            PolicyDocument=document(properties["PolicyDocument"]),
            **{key: properties[key] for key in ("Description", "Path") if key in properties},
        )
        return str(made["Policy"]["Arn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and changed("PolicyDocument", new, old):
            self._new_version(site, physical_id, document(new["PolicyDocument"]))
        for property_name, kind in HOLDERS.items():
            wanted, had = new.get(property_name, []), old.get(property_name, [])
            for holder in set(wanted) | set(had):
                attach(
                    site,
                    kind,
                    holder,
                    [physical_id] if holder in wanted else [],
                    [physical_id] if holder in had else [],
                )

    def _new_version(self, site: Site, arn: str, policy: str) -> None:
        # A managed policy holds five versions; CloudFormation keeps only the default one.
        self._drop_versions(site, arn)
        old = site.call("iam", "GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        site.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=policy, SetAsDefault=True)
        site.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=old)

    def _drop_versions(self, site: Site, arn: str) -> None:
        for version in site.call("iam", "ListPolicyVersions", PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                site.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=version["VersionId"])

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = site.call("iam", "GetPolicy", PolicyArn=physical_id)["Policy"]
        values = {name: found.get(name) for name in self.attribute_names}
        return {
            **{name: v.isoformat() if hasattr(v, "isoformat") else v for name, v in values.items()},
            "PolicyArn": physical_id,
        }

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone("NoSuchEntity"):
            for property_name, kind in HOLDERS.items():
                for holder in properties.get(property_name, []):
                    attach(site, kind, holder, [], [physical_id])
            self._drop_versions(site, physical_id)
            site.call("iam", "DeletePolicy", PolicyArn=physical_id)
