"""CloudFormation types of IAM for users, keys, providers and profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from provisioner.emulator.types_iam import attach

GONE = ("NoSuchEntity",)


class User(ResourceType):
    """AWS::IAM::User."""

    name = "AWS::IAM::User"
    allowed = words("Groups LoginProfile ManagedPolicyArns Path PermissionsBoundary Policies Tags UserName")
    beyond = words("Groups LoginProfile")
    create_only = words("Path UserName")
    name_property = "UserName"
    tagging = "stack"
    attribute_names = words("Arn")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        user = str(properties.get("UserName") or physical_name(site, 64))
        tags = tag_list(self.tags(site, properties))
        wanted = chosen(properties, "Path PermissionsBoundary")
        site.call("iam", "CreateUser", UserName=user, Tags=tags, **wanted)
        return user

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        wanted, had = _inline(new), _inline(old)
        for name in had.keys() - wanted.keys():
            site.call("iam", "DeleteUserPolicy", UserName=physical_id, PolicyName=name)
        for name, policy in wanted.items():
            site.call("iam", "PutUserPolicy", UserName=physical_id, PolicyName=name, PolicyDocument=policy)
        attach(site, "User", physical_id, new.get("ManagedPolicyArns", []), old.get("ManagedPolicyArns", []))
        if old:
            self._set_boundary(site, physical_id, new, old)
            self._retag(site, physical_id, new)

    def _set_boundary(self, site: Site, user: str, new: Properties, old: Properties) -> None:
        boundary = new.get("PermissionsBoundary")
        if boundary:
            site.call("iam", "PutUserPermissionsBoundary", UserName=user, PermissionsBoundary=boundary)
        elif old.get("PermissionsBoundary"):
            site.call("iam", "DeleteUserPermissionsBoundary", UserName=user)

    def _retag(self, site: Site, user: str, new: Properties) -> None:
        wanted = self.tags(site, new)
        had = site.call("iam", "ListUserTags", UserName=user)["Tags"]
        gone = [row["Key"] for row in had if row["Key"] not in wanted]
        if gone:
            site.call("iam", "UntagUser", UserName=user, TagKeys=gone)
        if wanted:
            site.call("iam", "TagUser", UserName=user, Tags=tag_list(wanted))

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Arn": site.call("iam", "GetUser", UserName=physical_id)["User"]["Arn"]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            attach(site, "User", physical_id, [], properties.get("ManagedPolicyArns", []))
            for name in _inline(properties):
                with Gone(*GONE):
                    site.call("iam", "DeleteUserPolicy", UserName=physical_id, PolicyName=name)
            site.call("iam", "DeleteUser", UserName=physical_id)


def _inline(properties: Properties) -> dict[str, str]:
    return {row["PolicyName"]: document(row["PolicyDocument"]) for row in properties.get("Policies", [])}


class AccessKey(ResourceType):
    """AWS::IAM::AccessKey; Ref answers the key's id, and the secret is told only once."""

    name = "AWS::IAM::AccessKey"
    allowed = words("Serial Status UserName")
    required = words("UserName")
    create_only = words("Serial UserName")
    attribute_names = words("Id SecretAccessKey")
    needs_iam_capability = True

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def create(self, site: Site, properties: Properties) -> str:
        made = site.call("iam", "CreateAccessKey", UserName=properties["UserName"])["AccessKey"]
        self._secrets[made["AccessKeyId"]] = made["SecretAccessKey"]
        return str(made["AccessKeyId"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        status = new.get("Status", "Active")
        if status != old.get("Status", "Active"):
            who = {"UserName": new["UserName"], "AccessKeyId": physical_id}
            site.call("iam", "UpdateAccessKey", Status=status, **who)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Id": physical_id, "SecretAccessKey": self._secrets[physical_id]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        self._secrets.pop(physical_id, None)
        with Gone(*GONE):
            who = {"UserName": properties["UserName"], "AccessKeyId": physical_id}
            site.call("iam", "DeleteAccessKey", **who)


class OidcProvider(ResourceType):
    """AWS::IAM::OIDCProvider; Ref answers the ARN."""

    name = "AWS::IAM::OIDCProvider"
    allowed = words("ClientIdList Tags ThumbprintList Url")
    create_only = words("Url")
    name_property = ""
    tagging = "stack"
    attribute_names = words("Arn")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        if "Url" not in properties:
            raise HandlerError("Url is a required property for the creation of an OIDC provider")
        made = site.call(
            "iam",
            "CreateOpenIDConnectProvider",
            Url=properties["Url"],
            ClientIDList=properties.get("ClientIdList", []),
            ThumbprintList=properties.get("ThumbprintList", []),
            Tags=tag_list(self.tags(site, properties)),
        )
        return str(made["OpenIDConnectProviderArn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old:
            return
        who = {"OpenIDConnectProviderArn": physical_id}
        wanted, had = new.get("ClientIdList", []), old.get("ClientIdList", [])
        for client in wanted:
            if client not in had:
                site.call("iam", "AddClientIDToOpenIDConnectProvider", ClientID=client, **who)
        for client in had:
            if client not in wanted:
                site.call("iam", "RemoveClientIDFromOpenIDConnectProvider", ClientID=client, **who)
        if changed("ThumbprintList", new, old):
            prints = new.get("ThumbprintList", [])
            site.call("iam", "UpdateOpenIDConnectProviderThumbprint", ThumbprintList=prints, **who)
        tags = tag_list(self.tags(site, new))
        if tags:
            site.call("iam", "TagOpenIDConnectProvider", Tags=tags, **who)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"Arn": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            site.call("iam", "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=physical_id)


class ServiceLinkedRole(ResourceType):
    """AWS::IAM::ServiceLinkedRole; Ref answers the role's name."""

    name = "AWS::IAM::ServiceLinkedRole"
    allowed = words("AWSServiceName CustomSuffix Description")
    create_only = words("AWSServiceName CustomSuffix")
    attribute_names = words("RoleName")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        if "AWSServiceName" not in properties:
            raise HandlerError("AWSServiceName is required")
        made = site.call("iam", "CreateServiceLinkedRole", **properties)
        return str(made["Role"]["RoleName"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and changed("Description", new, old):
            words_of_it = new.get("Description", "")
            site.call("iam", "UpdateRoleDescription", RoleName=physical_id, Description=words_of_it)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"RoleName": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        with Gone(*GONE):
            site.call("iam", "DeleteServiceLinkedRole", RoleName=physical_id)


class InstanceProfile(ResourceType):
    """AWS::IAM::InstanceProfile: exactly one role."""

    name = "AWS::IAM::InstanceProfile"
    allowed = words("InstanceProfileName Path Roles")
    required = words("Roles")
    create_only = words("InstanceProfileName Path")
    name_property = "InstanceProfileName"
    attribute_names = words("Arn")
    needs_iam_capability = True

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("InstanceProfileName") or physical_name(site, 128))
        site.call("iam", "CreateInstanceProfile", InstanceProfileName=name, **chosen(properties, "Path"))
        return name

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        profile = {"InstanceProfileName": physical_id}
        for role in old.get("Roles", []):
            if role not in new["Roles"]:
                with Gone(*GONE):
                    site.call("iam", "RemoveRoleFromInstanceProfile", RoleName=role, **profile)
        for role in new["Roles"]:
            if role not in old.get("Roles", []):
                site.call("iam", "AddRoleToInstanceProfile", RoleName=role, **profile)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        found = site.call("iam", "GetInstanceProfile", InstanceProfileName=physical_id)
        return {"Arn": found["InstanceProfile"]["Arn"]}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        profile = {"InstanceProfileName": physical_id}
        with Gone(*GONE):
            for role in properties.get("Roles", []):
                with Gone(*GONE):
                    site.call("iam", "RemoveRoleFromInstanceProfile", RoleName=role, **profile)
            site.call("iam", "DeleteInstanceProfile", **profile)


IDENTITY_TYPES = (
    User(),
    AccessKey(),
    OidcProvider(),
    ServiceLinkedRole(),
    InstanceProfile(),
)
