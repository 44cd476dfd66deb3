"""What the person who deploys a stack must be allowed: as IAM policies, read off the template.

Candidates are the permissions that CloudFormation's handlers ask for, cut to the properties used; ARNs are
the names that CloudFormation will give. *Setup* creates, updates and deletes the stack; *ongoing* finishes it
and looks after it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner import access, permissions
from provisioner.deploy_rows import BY_TYPE, ROWS, Row, candidates, handlers
from provisioner.permissions import Permission
from provisioner.physical import ANY, NAMED, Ground, is_named, pick
from provisioner.template import Template

# As IAM counts a managed policy: without white space; and how many a role may carry by default.
MAX_CHARACTERS = 6_144
MAX_PIECES = 10

_STACK = tuple(
    f"cloudformation:{name}"
    for name in (
        *("CreateStack", "UpdateStack", "DeleteStack", "ContinueUpdateRollback", "CancelUpdateStack"),
        *("CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "ListChangeSets"),
        *("DescribeStacks", "DescribeStackEvents", "DescribeStackResources", "ListStackResources"),
        *("GetTemplate", "TagResource"),
    )
)
_ANY_STACK = tuple(
    f"cloudformation:{name}"
    for name in ("DescribeStacks", "ListStacks", "GetTemplateSummary", "ValidateTemplate")
)
_LEND = ("eks:AssociateAccessPolicy", "eks:DisassociateAccessPolicy")
_ENTRIES = tuple(
    f"eks:{name}"
    for name in (
        *("DescribeAccessEntry", "ListAssociatedAccessPolicies", "DeleteAccessEntry"),
        *("TagResource", "UntagResource"),
    )
)
_CLUSTER_ADMIN = "arn:{}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_LOOK = ("cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents", "cloudformation:GetTemplate")
_EMPTY_BUCKET = ("s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion")
_EMPTY_REPOSITORY = ("ecr:DescribeRepositories", "ecr:ListImages", "ecr:DeleteRepository")
EXTRA_ACTIONS = {
    *(*_STACK, *_ANY_STACK, *_LOOK, *_EMPTY_BUCKET, *_EMPTY_REPOSITORY, *_LEND, *_ENTRIES),
    *("eks:DescribeCluster", "eks:CreateAccessEntry"),
    *("s3:GetObject", "sts:AssumeRole", "iam:PassRole", "iam:CreateServiceLinkedRole", "iam:GetRole"),
}
KINDS = sorted(
    {kind for row in ROWS for kind in (row.own, *row.others) if kind}
    | {row.kind for row in NAMED}
    | {"kms:key", "s3:object", "cloudformation:stack", "cloudformation:changeset"}
)

# What the key iam:PermissionsBoundary can hold back:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
_CAPPED = {
    *("iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy"),
    *("iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:CreateUser", "iam:PutUserPolicy"),
    *("iam:DeleteUserPolicy", "iam:AttachUserPolicy", "iam:DetachUserPolicy"),
    "iam:PutUserPermissionsBoundary",
}
_ATTACHES = {"iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:AttachUserPolicy", "iam:DetachUserPolicy"}
# Asked for while a thing is being made, perhaps before it has its tags: never bound to the stack's tag.
_WHILE_MADE = re.compile(
    r":(Describe|Get|List|CreateTags|AddTags|Modify(Vpc|Subnet)Attribute|Authorize|RevokeSecurityGroupEgress"
    r"|TagResource|EnableKeyRotation|PutKeyPolicy)"
)
_MAKES = ("Create", "Allocate", "Register")
_TAGS = re.compile(r":(CreateTags|DeleteTags|AddTags|TagResource|UntagResource|ListTags\w*)$")
_ACCESS_ROLE = "AccessRole"
_NO_ARN = "AWS knows no ARN for these actions"
_NO_NAME = "these get their ids from AWS, so nothing tells them apart before they exist"
_AUTO_MODE = "Auto Mode names the instance profiles of its nodes; the role in them is the stack's own"
_CLUSTER_PROFILES = "eks-*"

Condition = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One Allow statement to be; `reason` says why its resources are as wide as they are."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Condition
    reason: str = ""

    def statement(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": _one_or_many(self.actions),
            "Resource": _one_or_many(self.resources),
        }
        return made | ({"Condition": self.conditions} if self.conditions else {})


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One policy document that fits into a managed policy."""

    name: str
    document: Mapping[str, Any]

    @property
    def characters(self) -> int:
        return _length(self.document)

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "characters": self.characters, "document": dict(self.document)}


@dataclass(frozen=True, kw_only=True)
class RunTime:
    """What a role of the stack may do once it exists."""

    role: str
    component: str
    trusted: tuple[str, ...]
    managed: tuple[str, ...]
    document: Mapping[str, Any]
    words: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "component": self.component,
            "trusted": list(self.trusted),
            "managed": list(self.managed),
            "document": dict(self.document),
            "words": list(self.words),
        }


@dataclass(frozen=True, kw_only=True)
class DeployPolicy:
    """Two sets of policies for people, one for the stack's own roles, and what to know of them in words."""

    name: str
    region: str
    account: str
    setup: tuple[Piece, ...]
    ongoing: tuple[Piece, ...]
    run_time: tuple[RunTime, ...]
    # What setup amounts to, and what the policies do not know.
    capability: tuple[str, ...]
    # Where they fit.
    limits: tuple[str, ...]
    reasons: Mapping[str, str]

    @property
    def words(self) -> tuple[str, ...]:
        return (*self.capability, *self.limits)

    def as_dict(self) -> dict[str, Any]:
        """The answer of `synth --policy`."""
        return {
            "stack": {"name": self.name, "region": self.region, "account": self.account},
            "setup": [piece.as_dict() for piece in self.setup],
            "ongoing": [piece.as_dict() for piece in self.ongoing],
            "run_time": [role.as_dict() for role in self.run_time],
            "words": list(self.words),
            "reasons": dict(self.reasons),
        }


def make(
    template: Template,
    *,
    name: str,
    region: str,
    partition: str,
    account: str = "",
    parameters: Mapping[str, str] | None = None,
) -> DeployPolicy:
    """The policies for one template under one stack name; `words` name the types they know nothing of."""
    ground = Ground(
        template=template,
        name=name,
        region=region,
        partition=partition,
        account=account,
        parameters=parameters or {},
        formats=handlers().arns,
    )
    setup = _titled([*_of_the_stack(ground), *_of_the_resources(ground), *_of_the_data(ground)])
    ongoing = _titled(_of_the_look(ground))
    pieces = _cut(setup, f"{name}-setup")
    return DeployPolicy(
        name=name,
        region=region,
        account=account,
        setup=pieces,
        ongoing=_cut(ongoing, f"{name}-ongoing"),
        run_time=tuple(_run_time(ground)),
        capability=tuple(_capability(ground, pieces)),
        limits=tuple(_limits(ground)),
        reasons={grant.sid: grant.reason for grant in (*setup, *ongoing) if grant.reason},
    )


# CloudFormation itself


def _stack_arn(ground: Ground) -> str:
    return str(ground.value({"Ref": "AWS::StackId"}))


def _of_the_stack(ground: Ground) -> Iterator[Grant]:
    yield Grant(sid="Stack", actions=_STACK, resources=(_stack_arn(ground),), conditions={})
    yield Grant(
        sid="StackLists",
        actions=_ANY_STACK,
        resources=(ANY,),
        conditions={},
        reason="asked without a stack: before it exists, and to find one that was renamed in the console",
    )
    yield Grant(
        sid="Template",
        actions=("s3:GetObject",),
        resources=(_template_arn(ground),),
        conditions={},
        reason="where `publish` puts this very template; put in its place whatever address the link names",
    )


def _template_arn(ground: Ground) -> str:
    bucket = f"stackwright-{ground.account or ANY}-{ground.region}"
    return f"arn:{ground.partition}:s3:::{bucket}/stackwright/{ground.template.sha256}.json"


def _of_the_data(ground: Ground) -> Iterator[Grant]:
    """What `stackwright destroy` needs beyond deleting the stack: data that CloudFormation keeps."""
    if ground.of_type("AWS::S3::Bucket"):
        buckets = ground.arns("s3:bucket")
        yield Grant(
            sid="EmptyBucket",
            actions=_EMPTY_BUCKET,
            resources=(*buckets, *(f"{arn}/*" for arn in buckets)),
            conditions={},
            reason="`stackwright destroy` empties what the stack keeps; leave it out where nobody may",
        )
    if ground.of_type("AWS::ECR::Repository"):
        yield Grant(
            sid="EmptyRepository",
            actions=_EMPTY_REPOSITORY,
            resources=ground.arns("ecr:repository"),
            conditions={},
            reason="`stackwright destroy` deletes the images that the stack keeps; leave it out where nobody "
            "may",
        )


def _of_the_look(ground: Ground) -> Iterator[Grant]:
    yield Grant(sid="LookAtStack", actions=_LOOK, resources=(_stack_arn(ground),), conditions={})
    yield Grant(
        sid="FindStack",
        actions=("cloudformation:DescribeStacks",),
        resources=(ANY,),
        conditions={},
        reason="`finish` finds a stack that was renamed in the console by its enrolment",
    )
    if _ACCESS_ROLE in ground.template.resources:
        yield Grant(
            sid="AccessRole",
            actions=("sts:AssumeRole", "iam:GetRole"),
            resources=(ground.arn(_ACCESS_ROLE),),
            conditions={},
        )
    if any(type_.startswith("AWS::EKS::") for type_ in ground.template.types):
        yield from _of_the_bootstrap(ground)


def _of_the_bootstrap(ground: Ground) -> Iterator[Grant]:
    """What giving a cluster its namespace and role binding takes: administration, lent and taken back."""
    yield Grant(
        sid="Cluster",
        actions=("eks:DescribeCluster", "eks:CreateAccessEntry"),
        resources=ground.arns("eks:cluster"),
        conditions={},
    )
    entries = ground.arns("eks:access-entry")
    yield Grant(
        sid="ClusterEntries",
        actions=_ENTRIES,
        resources=entries,
        conditions={},
        reason="`finish` lends itself administration of the cluster and takes it back; "
        "leave it out where somebody else applies the manifests",
    )
    yield Grant(
        sid="ClusterAdministration",
        actions=_LEND,
        resources=entries,
        conditions={"ArnEquals": {"eks:policyArn": _CLUSTER_ADMIN.format(ground.partition)}},
    )


# The resources: one entry per action and kind, joined to statements afterwards


@dataclass(frozen=True, kw_only=True)
class _Entry:
    action: str
    resources: tuple[str, ...]
    conditions: str = "{}"
    kinds: tuple[str, ...] = ()
    reason: str = ""


def _of_the_resources(ground: Ground) -> list[Grant]:
    """One entry per action and condition, and one statement per set of resources and condition."""
    asked: dict[tuple[str, str], list[_Entry]] = {}
    for entry in (entry for row in _rows(ground) for entry in _entries(row, ground)):
        asked.setdefault((entry.action, entry.conditions), []).append(entry)
    joined: dict[tuple[tuple[str, ...], str], list[_Entry]] = {}
    for entry in map(_united, asked.values()):
        joined.setdefault((entry.resources, entry.conditions), []).append(entry)
    return [_grant(group) for group in joined.values()]


def _united(group: Sequence[_Entry]) -> _Entry:
    """One action under one condition, on everything that it is asked for."""
    return replace(
        group[0],
        resources=tuple(sorted({arn for entry in group for arn in entry.resources})),
        kinds=tuple(sorted({kind for entry in group for kind in entry.kinds})),
        reason=next((entry.reason for entry in group if entry.reason), ""),
    )


def _rows(ground: Ground) -> list[Row]:
    """The row of every type that the template makes, as far as there is one."""
    return [BY_TYPE[type_] for type_ in _types(ground) if type_ in BY_TYPE]


def _types(ground: Ground) -> list[str]:
    types = dict.fromkeys(str(r["Type"]) for r in ground.template.resources.values())
    return [type_ for type_ in types if ground.of_type(type_)]


def _grant(group: Sequence[_Entry]) -> Grant:
    kinds = sorted({kind for entry in group for kind in entry.kinds})
    return Grant(
        sid="".join(_pascal(kind) for kind in kinds[:2]) or "WithoutArn",
        actions=tuple(sorted({entry.action for entry in group})),
        resources=group[0].resources,
        conditions=json.loads(group[0].conditions),
        reason=next((entry.reason for entry in group if entry.reason), ""),
    )


def _pascal(kind: str) -> str:
    return "".join(part.capitalize() for part in re.split("[: -]", kind))


def _entries(row: Row, ground: Ground) -> Iterator[_Entry]:
    used = [ground.properties(logical_id) for logical_id in ground.of_type(row.type)]
    for action in _cut_to(row, used):
        if action == "iam:PassRole":
            yield from _passes(row, ground)
        elif action == "iam:CreateServiceLinkedRole":
            yield from _links(row, used, ground)
        elif action.startswith("kms:") and row.own != "kms:key":
            yield from _with_key(action, row, used, ground)
        else:
            yield from _acts(action, row, used, ground)


def _cut_to(row: Row, used: Sequence[Mapping[str, Any]]) -> list[str]:
    """The candidates that the properties in use ask for."""
    only = {action for actions in row.needs.values() for action in actions.split()}
    wanted = {
        action
        for path, actions in row.needs.items()
        if any(pick(properties, path) is not None for properties in used)
        for action in actions.split()
    }
    return [a for a in candidates(row.type) if a not in row.never and (a not in only or a in wanted)]


def _acts(action: str, row: Row, used: Sequence[Mapping[str, Any]], ground: Ground) -> Iterator[_Entry]:
    kinds = handlers().actions[action]
    if not kinds:
        yield _Entry(action=action, resources=(ANY,), reason=_NO_ARN)
        return
    acted_on = [k for k in (row.own, *row.others) if k in kinds and _is_used(k, row, used)]
    if _TAGS.search(action) and row.own in acted_on:
        acted_on = [row.own]
    by_conditions: dict[tuple[str, str], list[str]] = {}
    for kind in acted_on:
        by_conditions.setdefault(_conditions(action, kind, row, ground), []).append(kind)
    for (conditions, reason), group in by_conditions.items():
        arns = (arn for kind in group for arn in _arns(kind, row, ground))
        yield _Entry(
            action=action,
            resources=tuple(sorted(set(arns))),
            conditions=conditions,
            kinds=tuple(group),
            reason=reason,
        )


def _arns(kind: str, row: Row, ground: Ground) -> tuple[str, ...]:
    found = ground.arns(kind)
    if _is_of_auto_mode(kind, row):
        return tuple(arn.rpartition("/")[0] + f"/{_CLUSTER_PROFILES}" for arn in found[:1])
    if kind == "iam:role" and row.type == "AWS::IAM::ServiceLinkedRole":
        return tuple(arn for logical_id in ground.of_type(row.type) for arn in _linked(logical_id, ground))
    return found


def _conditions(action: str, kind: str, row: Row, ground: Ground) -> tuple[str, str]:
    """(conditions as JSON, the reason where a kind has no names)."""
    if action in _CAPPED:
        return json.dumps(_cap(action, ground), sort_keys=True), ""
    if is_named(kind):
        return "{}", _AUTO_MODE if _is_of_auto_mode(kind, row) else ""
    if _makes(action, row) or _WHILE_MADE.search(action) or not _is_tagged(kind, ground):
        return "{}", _NO_NAME
    return json.dumps({"StringEquals": {f"aws:ResourceTag/{access.TAG_STACK}": ground.name}}), ""


def _is_of_auto_mode(kind: str, row: Row) -> bool:
    return kind == "iam:instance-profile" and row.type == "AWS::EKS::Cluster"


def _is_used(kind: str, row: Row, used: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any resource of the type has to do with the kind."""
    return kind not in row.by or any(pick(properties, row.by[kind]) for properties in used)


def _makes(action: str, row: Row) -> bool:
    """Whether the action makes something new, beside or inside of what it names."""
    kinds = handlers().actions[action] or ()
    return action.startswith("ec2:RunInstances") or (
        row.own in kinds and action.partition(":")[2].startswith(_MAKES)
    )


def _is_tagged(kind: str, ground: Ground) -> bool:
    """Whether the template makes every resource of the kind that it touches, with the stack's tag on it."""
    types = [row.type for row in ROWS if row.own == kind]
    made = [ground.properties(logical_id) for type_ in types for logical_id in ground.of_type(type_)]
    own = {"Key": access.TAG_STACK, "Value": ground.name}
    return bool(made) and all(own in properties.get("Tags", []) for properties in made)


def _cap(action: str, ground: Ground) -> Condition:
    """With a boundary, no role is made or widened without it; only the template's policies are attached."""
    boundary = boundary_of(ground)
    keys: dict[str, Any] = {"iam:PermissionsBoundary": boundary} if boundary else {}
    if action in _ATTACHES:
        attached = {str(arn) for p in _principals(ground) for arn in p.get("ManagedPolicyArns", [])}
        keys["iam:PolicyARN"] = _one_or_many(tuple(sorted(attached)))
    return {"ArnEquals": keys} if keys else {}


def _principals(ground: Ground) -> list[Mapping[str, Any]]:
    return [
        ground.properties(logical_id)
        for type_ in ("AWS::IAM::Role", "AWS::IAM::User")
        for logical_id in ground.of_type(type_)
    ]


def boundary_of(ground: Ground) -> str:
    """The permissions boundary that every role of the template carries, or nothing."""
    found = {str(p.get("PermissionsBoundary", "")) for p in _principals(ground)}
    return found.pop() if len(found) == 1 else ""


def _with_key(action: str, row: Row, used: Sequence[Mapping[str, Any]], ground: Ground) -> Iterator[_Entry]:
    keys = {str(pick(p, row.keys)) for p in used if row.keys and pick(p, row.keys)}
    arns = tuple(sorted(key if key.startswith("arn:") else ground.arns("kms:key")[0] for key in keys))
    grants = {"Bool": {"kms:GrantIsForAWSResource": "true"}} if action == "kms:CreateGrant" else {}
    if arns:
        yield _Entry(action=action, resources=arns, conditions=json.dumps(grants), kinds=("kms:key",))


# Roles that are handed to services, and those that services make


def _passes(row: Row, ground: Ground) -> Iterator[_Entry]:
    for logical_id in ground.of_type(row.type):
        raw = ground.template.resources[logical_id].get("Properties", {})
        for role in sorted(_roles_in(raw, ground)):
            yield from _passed(role, ground)


def _passed(role: str, ground: Ground) -> Iterator[_Entry]:
    services = tuple(_services(role, ground))
    if services:
        yield _Entry(
            action="iam:PassRole",
            resources=(ground.arn(role),),
            conditions=json.dumps({"StringEquals": {"iam:PassedToService": _one_or_many(services)}}),
            kinds=("iam:pass-role",),
        )


def _roles_in(value: Any, ground: Ground) -> set[str]:
    """The roles of the template that a resource's properties name."""
    if isinstance(value, list):
        return {role for item in value for role in _roles_in(item, ground)}
    if not isinstance(value, dict):
        return set()
    named = value.get("Ref") or str(value.get("Fn::GetAtt", [""])[0])
    resource = ground.template.resources.get(str(named), {})
    own = {str(named)} if resource.get("Type") == "AWS::IAM::Role" else set()
    return own | {role for item in value.values() for role in _roles_in(item, ground)}


def _services(role: str, ground: Ground) -> list[str]:
    """The services that may assume a role of the template."""
    trust = ground.properties(role).get("AssumeRolePolicyDocument", {})
    principals = [s.get("Principal", {}) for s in _many(trust.get("Statement", []))]
    named = [p.get("Service", []) for p in principals if isinstance(p, Mapping)]
    return sorted({str(service) for services in named for service in _many(services)})


def _links(row: Row, used: Sequence[Mapping[str, Any]], ground: Ground) -> Iterator[_Entry]:
    services = [str(p["AWSServiceName"]) for p in used if "AWSServiceName" in p]
    for service in (*row.linked, *services):
        path = _linked_arn(service, ground)
        yield _Entry(
            action="iam:CreateServiceLinkedRole",
            resources=(path,),
            conditions=json.dumps({"StringEquals": {"iam:AWSServiceName": service}}),
            kinds=("iam:linked-role",),
        )
        if row.linked:
            # The service looks for its role before it asks for one.
            yield _Entry(action="iam:GetRole", resources=(path,), kinds=("iam:linked-role",))


def _linked(logical_id: str, ground: Ground) -> list[str]:
    service = ground.properties(logical_id).get("AWSServiceName")
    return [_linked_arn(str(service), ground)] if service else []


def _linked_arn(service: str, ground: Ground) -> str:
    account = ground.account or ANY
    return f"arn:{ground.partition}:iam::{account}:role/aws-service-role/{service}/*"


# What the roles of the stack may do


def _run_time(ground: Ground) -> Iterator[RunTime]:
    told = permissions.read(ground.template, parameters=ground.parameters)
    for role in dict.fromkeys(p.role for p in told):
        if ground.template.resources[role]["Type"] in ("AWS::IAM::Role", "AWS::IAM::User"):
            own = [p for p in told if p.role == role]
            granted = [p for p in own if p.actions and not _is_trust(p)]
            yield RunTime(
                role=role,
                component=ground.template.component_of(role),
                trusted=tuple(p.words for p in own if _is_trust(p)),
                managed=tuple(ground.text(r) for p in own if not p.actions for r in p.resources),
                document={"Version": "2012-10-17", "Statement": [_granted(p, ground) for p in granted]},
                words=tuple(dict.fromkeys(p.words for p in granted)),
            )


def _is_trust(permission: Permission) -> bool:
    return any(
        action.startswith("sts:AssumeRole") or action == "sts:TagSession" for action in permission.actions
    )


def _granted(permission: Permission, ground: Ground) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": permission.effect,
        "Action": _one_or_many(permission.actions),
        "Resource": _one_or_many(tuple(ground.text(r) for r in permission.resources)),
    }
    conditions = ground.value(dict(permission.conditions))
    return made | ({"Condition": conditions} if conditions else {})


# Words and pieces


def _capability(ground: Ground, pieces: Sequence[Piece]) -> Iterator[str]:
    boundary = boundary_of(ground)
    if _principals(ground) and boundary:
        yield f"setup can create roles, none of them stronger than {boundary}"
    elif _principals(ground):
        yield "setup can create roles: admin-equivalent; a permissions boundary (`access.boundary`) caps it"
    unknown = [type_ for type_ in _types(ground) if type_ not in BY_TYPE]
    if unknown:
        yield f"what {', '.join(unknown)} takes to make is unknown and missing here"
    if len(pieces) > MAX_PIECES:
        yield (
            f"setup has {len(pieces)} pieces, a role carries {MAX_PIECES} managed policies by default: "
            "ask AWS for more, or build fewer components in one stack"
        )


def _limits(ground: Ground) -> Iterator[str]:
    yield f"setup fits the stack name {ground.name!r} and this template only; another needs its own"
    if not ground.account:
        yield "no account is named: the ARNs hold in whichever account the policy is attached in"


def _titled(grants: Iterator[Grant] | Sequence[Grant]) -> list[Grant]:
    """The same statements, each under a Sid of its own."""
    seen: dict[str, int] = {}
    titled = []
    for grant in grants:
        seen[grant.sid] = seen.get(grant.sid, 0) + 1
        many = seen[grant.sid] > 1
        titled.append(replace(grant, sid=f"{grant.sid}{seen[grant.sid]}") if many else grant)
    return titled


def _cut(grants: Sequence[Grant], name: str) -> tuple[Piece, ...]:
    """The statements in pieces that IAM takes, in order."""
    documents: list[list[dict[str, Any]]] = [[]]
    for statement in (part.statement() for grant in grants for part in _halved(grant)):
        if documents[-1] and _length(_document([*documents[-1], statement])) > MAX_CHARACTERS:
            documents.append([])
        documents[-1].append(statement)
    return tuple(
        Piece(name=f"{name}-{number}", document=_document(statements))
        for number, statements in enumerate(documents, start=1)
    )


def _halved(grant: Grant) -> Iterator[Grant]:
    """A statement that alone is too long for a policy, by halves of its resources."""
    if _length(_document([grant.statement()])) <= MAX_CHARACTERS:
        yield grant
        return
    middle = len(grant.resources) // 2
    for end, arns in (("a", grant.resources[:middle]), ("b", grant.resources[middle:])):
        yield from _halved(replace(grant, sid=grant.sid + end, resources=arns))


def _document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _length(document: Mapping[str, Any]) -> int:
    return len("".join(json.dumps(document, separators=(",", ":")).split()))


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
