"""Who may do what in the embedded Kubernetes: EKS's access policies first, then roles and their bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from provisioner.emulator.kubernetes_kinds import RBAC

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")
ANY = ("*",)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a policy or a role lets be done."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One access policy of an entry; without namespaces it counts for the whole cluster."""

    policy: str
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who a request is by."""

    user: str
    groups: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()

    @property
    def is_cluster_admin(self) -> bool:
        """May it do everything, roles that it does not hold included?"""
        return any(row.policy == "AmazonEKSClusterAdminPolicy" and not row.namespaces for row in self.grants)


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """What is asked for."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


def service_account(text: str) -> Identity:
    """`system:serviceaccount:NAMESPACE:NAME` as an identity."""
    namespace = text.split(":")[2]
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Identity(user=text, groups=groups)


_WORK = (
    (
        "",
        "configmaps endpoints persistentvolumeclaims pods replicationcontrollers secrets serviceaccounts "
        "services",
    ),
    ("", "pods/attach pods/exec pods/portforward pods/proxy services/proxy"),
    ("apps", "daemonsets deployments replicasets statefulsets deployments/scale statefulsets/scale"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("batch", "cronjobs jobs"),
    ("networking.k8s.io", "ingresses networkpolicies"),
    ("policy", "poddisruptionbudgets"),
)
_SEEN = (
    ("", "bindings events limitranges namespaces resourcequotas pods/log pods/status namespaces/status"),
    ("discovery.k8s.io", "endpointslices"),
)


def _rules(rows: Iterable[tuple[str, str]], verbs: tuple[str, ...]) -> tuple[Rule, ...]:
    return tuple(Rule(groups=(group,), resources=tuple(text.split()), verbs=verbs) for group, text in rows)


EDIT = (
    *_rules(_WORK, READ + WRITE),
    *_rules(_SEEN, READ),
    *_rules([("", "serviceaccounts")], ("impersonate",)),
)
VIEW = _rules([(group, text.replace("secrets ", "")) for group, text in (*_WORK, *_SEEN)], READ)
ADMIN = (
    *EDIT,
    Rule(groups=(RBAC,), resources=("roles", "rolebindings"), verbs=READ + WRITE),
    Rule(groups=("authorization.k8s.io",), resources=("localsubjectaccessreviews",), verbs=("create",)),
)
EVERYTHING = (Rule(groups=ANY, resources=ANY, verbs=ANY),)
POLICIES: Mapping[str, tuple[Rule, ...]] = {
    "AmazonEKSClusterAdminPolicy": EVERYTHING,
    "AmazonEKSAdminPolicy": ADMIN,
    "AmazonEKSAdminViewPolicy": (Rule(groups=ANY, resources=ANY, verbs=READ),),
    "AmazonEKSEditPolicy": EDIT,
    "AmazonEKSViewPolicy": VIEW,
    "AmazonEKSAutoNodePolicy": (),
}
# Kubernetes' own roles, for bindings that name them.
CLUSTER_ROLES: Mapping[str, tuple[Rule, ...]] = {
    "cluster-admin": EVERYTHING,
    "admin": ADMIN,
    "edit": EDIT,
    "view": VIEW,
}
# Everybody who is known may ask what they may do.
OWN = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews")

Find = Callable[[str, str], Iterable[Mapping[str, Any]]]


def allows(who: Identity, asked: Attributes, find: Find) -> bool:
    """May they? `find(resource, namespace)` lists the roles and bindings that are there."""
    return (
        asked.resource in OWN
        or any(_matches(rule, asked) for rule in _granted(who, asked))
        or any(_matches(rule, asked) for rule in held(who, asked.namespace, find))
    )


def _granted(who: Identity, asked: Attributes) -> Iterator[Rule]:
    for grant in who.grants:
        inside = asked.namespace or (asked.name if asked.resource == "namespaces" else "")
        if not grant.namespaces or any(fnmatchcase(inside, pattern) for pattern in grant.namespaces):
            yield from POLICIES.get(grant.policy, ())


def held(who: Identity, namespace: str, find: Find) -> Iterator[Rule]:
    """What roles give, by their bindings: access policies are no part of it."""
    bindings = [*find("clusterrolebindings", ""), *(find("rolebindings", namespace) if namespace else ())]
    for binding in bindings:
        if any(_is(who, subject) for subject in binding.get("subjects") or []):
            yield from role_rules(binding["roleRef"], namespace, find)


def _is(who: Identity, subject: Mapping[str, Any]) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "ServiceAccount":
        return who.user == f"system:serviceaccount:{subject.get('namespace')}:{name}"
    return name == who.user if kind == "User" else kind == "Group" and name in who.groups


def role_rules(reference: Mapping[str, Any], namespace: str, find: Find) -> tuple[Rule, ...]:
    """The rules of the role that a binding names; none when it is not there."""
    wide = reference.get("kind") == "ClusterRole"
    rows = find("clusterroles", "") if wide else find("roles", namespace)
    for row in rows:
        if row["metadata"]["name"] == reference.get("name"):
            return parse_rules(row.get("rules") or [])
    return CLUSTER_ROLES.get(str(reference.get("name")), ()) if wide else ()


def parse_rules(rows: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules of a role as it is written."""
    return tuple(
        Rule(
            groups=tuple(row.get("apiGroups") or ()),
            resources=tuple(row.get("resources") or ()),
            verbs=tuple(row.get("verbs") or ()),
            names=tuple(row.get("resourceNames") or ()),
        )
        for row in rows
    )


def missing(who: Identity, wanted: Iterable[Rule], namespace: str, find: Find) -> list[Rule]:
    """The rules that somebody would give away without holding them."""
    own = list(held(who, namespace, find))
    return [rule for rule in wanted if not _covered(rule, own)]


def _covered(rule: Rule, own: list[Rule]) -> bool:
    return all(
        any(_matches(other, Attributes(verb=verb, group=group, resource=resource)) for other in own)
        for verb in rule.verbs
        for group in rule.groups
        for resource in rule.resources
    )


def _matches(rule: Rule, asked: Attributes) -> bool:
    return (
        _among(asked.verb, rule.verbs)
        and _among(asked.group, rule.groups)
        and _among(asked.resource, rule.resources)
        and (not rule.names or asked.name in rule.names)
    )


def _among(value: str, names: tuple[str, ...]) -> bool:
    return "*" in names or value in names
