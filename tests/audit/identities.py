"""Our own checks of who may do what: roles, trusts and policies."""

import json
import re
from collections.abc import Iterator
from functools import cache

from parliament import iam_definition

from tests.audit.checks import Check, Properties, Test, each, never
from tests.audit.trusts import BY_SERVICE, SOURCE
from tests.audit.world import Statement, World, texts


def _managed(pattern: str) -> Test:
    def test(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
        for arn in texts(properties.get("ManagedPolicyArns", [])):
            if re.search(pattern, arn):
                yield arn.rpartition("/")[2]

    return test


def _action_wildcards(statement: Statement) -> Iterator[str]:
    yield from (action for action in statement.actions if "*" in action or "?" in action)


@cache
def _actions_of_resources() -> set[str]:
    """The actions that can be narrowed to a resource, in lower case."""
    return {
        f"{service['prefix']}:{privilege['privilege']}".lower()
        for service in iam_definition
        for privilege in service["privileges"]
        if any(row["resource_type"] for row in privilege["resource_types"])
    }


def _needless_star(statement: Statement) -> Iterator[str]:
    if "*" in statement.resources and not statement.conditions:
        yield from (a for a in statement.actions if a.lower() in _actions_of_resources())


def _named(statement: Statement, *actions: str) -> bool:
    return any(a.lower() in actions or a in ("*", f"{actions[0].split(':')[0]}:*") for a in statement.actions)


def _all_roles(resource: str) -> bool:
    return resource == "*" or re.search(r":role/\*$", resource) is not None


def _passes_a_role(statement: Statement) -> Iterator[str]:
    if _named(statement, "iam:passrole"):
        yield from (f"passes {r}" for r in statement.resources if _all_roles(r))
        if "iam:passedtoservice" not in statement.keys:
            yield "names no service"


def _assumes_any(statement: Statement) -> Iterator[str]:
    if _named(statement, "sts:assumerole"):
        yield from (r for r in statement.resources if _all_roles(r))


_IAM_WRITES = (
    *("iam:createrole", "iam:putrolepolicy", "iam:attachrolepolicy", "iam:updateassumerolepolicy"),
    *("iam:createuser", "iam:putuserpolicy", "iam:attachuserpolicy", "iam:createaccesskey"),
    *("iam:createloginprofile", "iam:addusertogroup", "iam:putgrouppolicy", "iam:attachgrouppolicy"),
    *("iam:createpolicyversion", "iam:setdefaultpolicyversion", "iam:deleterolepermissionsboundary"),
)


def _writes_iam(statement: Statement) -> Iterator[str]:
    bound = statement.keys & {"iam:permissionsboundary", "iam:policyarn"}
    if _named(statement, *_IAM_WRITES) and not bound:
        yield "makes itself larger"


# Trusts, and the policies of resources


def _service_source(statement: Statement) -> Iterator[str]:
    """A service that sends its source is asked for it; one that does not has a row that says why."""
    for principal in statement.principals.get("Service", []):
        service = principal.replace(".${AWS::Region}", "")
        row = BY_SERVICE.get(service)
        if row is None:
            yield f"{service} has no row in tests/audit/trusts.py"
        elif row.keys and not statement.keys & {key.lower() for key in row.keys}:
            yield f"{service} is not asked for its source"
        elif not row.keys and statement.keys & {key.lower() for key in SOURCE}:
            yield f"{service} sends no source, so nothing could come of it"


def _everyone(statement: Statement) -> Iterator[str]:
    if "*" in [who for names in statement.principals.values() for who in names]:
        yield "trusts everyone"


def _bare_account(statement: Statement) -> Iterator[str]:
    """An account that is not the stack's own says an external id."""
    for who in statement.principals.get("AWS", []):
        if "${AWS::AccountId}" not in who and "sts:externalid" not in statement.keys:
            yield f"{who} without an external id"


def _open_federation(statement: Statement) -> Iterator[str]:
    if "Federated" in statement.principals:
        asked = json.dumps(statement.conditions)
        yield from (f"asks for no {claim}" for claim in ("aud", "sub") if f":{claim}" not in asked)


def _public_policy(statement: Statement) -> Iterator[str]:
    if not statement.conditions:
        yield from _everyone(statement)


def _uncapped(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    """A boundary is the user's choice; that it can be chosen is ours."""
    if world.given and "PermissionsBoundary" not in properties:
        yield "no PermissionsBoundary"


def _named_by_hand(logical_id: str, properties: Properties, world: World) -> Iterator[str]:
    yield from (key for key in _NAMES if key in properties)


_NAMES = ("RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName")
_ROLE = ("AWS::IAM::Role",)
_NAMED = (*_ROLE, "AWS::IAM::User", "AWS::IAM::InstanceProfile", "AWS::IAM::ManagedPolicy")
_USER = ("AWS::IAM::User", "AWS::IAM::Group")
_CARRIERS = (*_ROLE, *_USER, "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy", "AWS::IAM::UserPolicy")
_POLICIES = (
    *("AWS::S3::BucketPolicy", "AWS::KMS::Key", "AWS::SNS::TopicPolicy", "AWS::ECR::Repository"),
    *("AWS::SecretsManager::ResourcePolicy", "AWS::SQS::QueuePolicy", "AWS::Logs::ResourcePolicy"),
)
_LARGE = "FullAccess|Administrator|PowerUser"

CHECKS = (
    Check("no-user", "no IAM user or group", _USER, never),
    Check("no-key", "no access key", ("AWS::IAM::AccessKey",), never),
    Check("no-full-access", "no policy of AWS that allows a whole service", _CARRIERS, _managed(_LARGE)),
    Check("no-managed-policy", "no policy whose text AWS changes", _CARRIERS, _managed("")),
    Check("action-wildcard", "actions one by one", _CARRIERS, each("identity", _action_wildcards)),
    Check(
        "needless-star",
        "`*` where no resource can be named",
        _CARRIERS,
        each("identity", _needless_star),
    ),
    Check("pass-role", "iam:PassRole names role and service", _CARRIERS, each("identity", _passes_a_role)),
    Check("assume-role", "sts:AssumeRole names the roles", _CARRIERS, each("identity", _assumes_any)),
    Check("iam-write", "IAM writes stay inside a boundary", _CARRIERS, each("identity", _writes_iam)),
    Check("boundary", "a role can be capped", _ROLE, _uncapped),
    Check("trust-source", "a service is asked for whom it acts", _ROLE, each("trust", _service_source)),
    Check("trust-everyone", "nobody trusts everyone", _ROLE, each("trust", _everyone)),
    Check("trust-external-id", "another account says an external id", _ROLE, each("trust", _bare_account)),
    Check("trust-federation", "an issuer's audience and subject", _ROLE, each("trust", _open_federation)),
    Check("iam-name", "CloudFormation names identities", _NAMED, _named_by_hand),
    Check("public-policy", "no policy lets everyone in", _POLICIES, each("resource", _public_policy)),
    Check(
        "policy-source", "a service is asked for whom it acts", _POLICIES, each("resource", _service_source)
    ),
)
