"""The objects of one embedded Kubernetes, and what its API refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from itertools import count
from threading import RLock
from typing import Any
from uuid import uuid4

from provisioner.emulator import kubernetes_access as access
from provisioner.emulator import kubernetes_apply as fields
from provisioner.emulator import kubernetes_kinds as kinds
from provisioner.emulator.kubernetes_access import Attributes, Identity
from provisioner.emulator.kubernetes_kinds import Kind
from provisioner.emulator.trust import Caller

Object = dict[str, Any]
Key = tuple[Kind, str, str]
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
# Names of roles and bindings may be any path segment.
FREE_NAMES = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})
FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class StatusError(Exception):
    """How Kubernetes says no: a Status with a reason."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details

    def body(self) -> Object:
        """The Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **({"details": self.details} if self.details else {}),
            "code": self.code,
        }


def bad_request(message: str) -> StatusError:
    """What cannot be read."""
    return StatusError(400, "BadRequest", message)


def not_found(kind: Kind, name: str) -> StatusError:
    """No such object."""
    return StatusError(404, "NotFound", f'{kind.full_name} "{name}" not found', name=name, kind=kind.resource)


def unprocessable(kind: Kind, name: str, field: str, words: str) -> StatusError:
    """An object that the schema or a rule refuses."""
    message = f'{kind.kind}.{kind.group} "{name}" is invalid: {field}: {words}'
    if not kind.group:
        message = f'{kind.kind} "{name}" is invalid: {field}: {words}'
    causes = [{"reason": "FieldValueInvalid", "message": words, "field": field}]
    return StatusError(422, "Invalid", message, name=name, kind=kind.kind, causes=causes)


class State:
    """Everything that one cluster's API holds."""

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version
        self.identify: Callable[[Caller], Identity | None] = lambda caller: None
        self.lock = RLock()
        self._objects: dict[Key, Object] = {}
        self._owners: dict[Key, dict[str, set[fields.Path]]] = {}
        self._numbers = count(1)
        self._automatic = False
        for namespace in FIRST_NAMESPACES:
            self._store((kinds.NAMESPACES, "", namespace), _bare(kinds.NAMESPACES, namespace), "eks", {})

    # --- Auto Mode ---------------------------------------------------------------------------------

    def set_automatic(self, automatic: bool) -> None:
        """Auto Mode brings two kinds of objects, and its default node class."""
        self._automatic = automatic
        key = (kinds.NODE_CLASSES, "", "default")
        if automatic and key not in self._objects:
            self._store(key, {**_bare(kinds.NODE_CLASSES, "default"), "spec": {}}, "eks", {})

    def known(self) -> Iterator[Kind]:
        """The kinds that this cluster has."""
        return (kind for kind in kinds.KINDS if self._automatic or not kind.automatic)

    def kind(self, group: str, version: str, resource: str) -> Kind:
        """The kind at a place of the API; raises the 404 of the whole path."""
        found = kinds.BY_PATH.get((group, version, resource))
        if found is None or found not in self.known():
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        return found

    # --- access ------------------------------------------------------------------------------------

    def find(self, resource: str, namespace: str) -> Iterable[Mapping[str, Any]]:
        """The objects of a kind, for those who decide on access."""
        rows = list(self._objects.items())
        return [row for (kind, where, _), row in rows if kind.resource == resource and where == namespace]

    def check(self, who: Identity, asked: Attributes) -> None:
        """Raise 403 in Kubernetes' words."""
        if access.allows(who, asked, self.find):
            return
        name = f' "{asked.name}"' if asked.name else ""
        full = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
        where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        raise StatusError(
            403,
            "Forbidden",
            f'{full}{name} is forbidden: User "{who.user}" cannot {asked.verb} resource "{asked.resource}" '
            f'in API group "{asked.group}" {where}',
            name=asked.name,
            group=asked.group,
            kind=asked.resource,
        )

    def _check_escalation(self, who: Identity, kind: Kind, namespace: str, body: Object) -> None:
        """Nobody gives away what they do not hold by roles; access policies do not count.

        https://github.com/aws/containers-roadmap/issues/2682
        """
        if kind.group != kinds.RBAC or who.is_cluster_admin:
            return
        if "roleRef" in body:
            wanted = access.role_rules(body["roleRef"], namespace, self.find)
        else:
            wanted = access.parse_rules(body.get("rules") or [])
        lacking = access.missing(who, wanted, namespace, self.find)
        if lacking:
            name = body["metadata"]["name"]
            rules = ", ".join(
                f"{{APIGroups:{list(r.groups)}, Resources:{list(r.resources)}, Verbs:{list(r.verbs)}}}"
                for r in lacking
            )
            raise StatusError(
                403,
                "Forbidden",
                f'{kind.full_name} "{name}" is forbidden: user "{who.user}" (groups={list(who.groups)}) is '
                f"attempting to grant RBAC permissions not currently held:\n{rules}",
                name=name,
                group=kind.group,
                kind=kind.resource,
            )

    # --- reading -----------------------------------------------------------------------------------

    def get(self, key: Key) -> Object:
        """One object; raises NotFound."""
        if key not in self._objects:
            raise not_found(key[0], key[2])
        return deepcopy(self._objects[key])

    def exists(self, key: Key) -> bool:
        """Is there such an object?"""
        return key in self._objects

    def list(self, kind: Kind, namespace: str) -> Object:
        """All objects of a kind, of one namespace or (empty) of all."""
        rows = [
            deepcopy(row)
            for (other, where, _), row in sorted(self._objects.items(), key=lambda item: item[0][1:])
            if other is kind and namespace in ("", where)
        ]
        metadata = {"resourceVersion": str(next(self._numbers))}
        return {
            "kind": f"{kind.kind}List",
            "apiVersion": kind.api_version,
            "metadata": metadata,
            "items": rows,
        }

    # --- writing -----------------------------------------------------------------------------------

    def create(self, who: Identity, key: Key, body: Object, manager: str) -> Object:
        """POST: refused when it is there already."""
        kind, namespace, name = key
        self._check_body(key, body)
        if key in self._objects:
            words = f'{kind.full_name} "{name}" already exists'
            raise StatusError(409, "AlreadyExists", words, name=name, kind=kind.resource)
        self._check_escalation(who, kind, namespace, body)
        return self._store(key, body, manager, {})

    def replace(self, who: Identity, key: Key, body: Object, manager: str) -> Object:
        """PUT, and what a merge patch makes."""
        before = self.get(key)
        self._check_body(key, body)
        self._check_fixed(key, before, body)
        self._check_escalation(who, key[0], key[1], body)
        given = body["metadata"].get("resourceVersion")
        if given and given != before["metadata"]["resourceVersion"]:
            words = (
                f'Operation cannot be fulfilled on {key[0].full_name} "{key[2]}": the object has been '
                "modified; please apply your changes to the latest version and try again"
            )
            raise StatusError(409, "Conflict", words, name=key[2], kind=key[0].resource)
        return self._store(key, body, manager, self._owners[key])

    def apply(
        self, who: Identity, key: Key, body: Object, manager: str, *, force: bool
    ) -> tuple[Object, bool]:
        """Server-side apply: the object, and whether it is new."""
        self._check_body(key, body)
        before, owners = self._objects.get(key, {}), self._owners.get(key, {})
        clashes = fields.conflicts(before, owners, manager, body)
        if clashes and not force:
            raise _conflict(key, clashes)
        wanted = {path for path, _ in fields.leaves(body)}
        others = set[fields.Path]().union(*(paths for other, paths in owners.items() if other != manager))
        gone = owners.get(manager, set()) - wanted - others
        after = fields.applied(before or _bare(key[0], key[2], key[1]), gone, body)
        if before:
            self._check_fixed(key, before, after)
        self._check_escalation(who, key[0], key[1], after)
        lost = {path for _, path in clashes}
        left = {other: paths - lost for other, paths in owners.items() if other != manager}
        return self._store(key, after, manager, left, wanted), not before

    def delete(self, key: Key) -> Object:
        """The object goes; a namespace takes everything inside with it."""
        gone = self.get(key)
        if key[0] is kinds.NAMESPACES and key[2] in FIRST_NAMESPACES[:1] + FIRST_NAMESPACES[2:]:
            words = f'namespaces "{key[2]}" is forbidden: this namespace may not be deleted'
            raise StatusError(403, "Forbidden", words, name=key[2], kind="namespaces")
        inside = [k for k in self._objects if key[0] is kinds.NAMESPACES and k[1] == key[2]]
        for target in [*inside, key]:
            self._objects.pop(target)
            self._owners.pop(target)
        return gone

    def _store(
        self,
        key: Key,
        body: Object,
        manager: str,
        owners: dict[str, set[fields.Path]],
        owned: set[fields.Path] | None = None,
    ) -> Object:
        before = self._objects.get(key)
        body = deepcopy(body)
        changed = {
            path for path, value in fields.leaves(body) if before is None or fields.at(before, path) != value
        }
        mine = owned if owned is not None else owners.get(manager, set()) | changed
        self._owners[key] = {name: paths for name, paths in {**owners, manager: mine}.items() if paths}
        same = before is not None and not changed and not _lost(before, body)
        metadata = body.setdefault("metadata", {})
        metadata.update(
            uid=before["metadata"]["uid"] if before else str(uuid4()),
            creationTimestamp=before["metadata"]["creationTimestamp"] if before else _now(),
            managedFields=[_managed(key[0], name, paths) for name, paths in self._owners[key].items()],
            resourceVersion=before["metadata"]["resourceVersion"]
            if before and same
            else str(next(self._numbers)),
        )
        self._objects[key] = body
        self._follow(key, body)
        return deepcopy(body)

    def _follow(self, key: Key, body: Object) -> None:
        """What controllers do at once: a namespace is active and has its default service account."""
        if key[0] is not kinds.NAMESPACES:
            return
        body.setdefault("spec", {"finalizers": ["kubernetes"]})
        body.setdefault("status", {"phase": "Active"})
        body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = key[2]
        default = (kinds.SERVICE_ACCOUNTS, key[2], "default")
        if default not in self._objects:
            self._store(
                default, _bare(kinds.SERVICE_ACCOUNTS, "default", key[2]), "kube-controller-manager", {}
            )

    # --- what is refused ---------------------------------------------------------------------------

    def _check_body(self, key: Key, body: Object) -> None:
        kind, namespace, name = key
        said = (body.get("apiVersion"), body.get("kind"))
        if said != (kind.api_version, kind.kind):
            raise bad_request(
                f"the API version or kind in the data ({said[0]}, {said[1]}) does not match the expected "
                f"({kind.api_version}, {kind.kind})"
            )
        metadata = body.setdefault("metadata", {})
        if metadata.setdefault("name", name) != name:
            raise bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            )
        if kind.namespaced and metadata.setdefault("namespace", namespace) != namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if kind.resource not in FREE_NAMES and (len(name) > 253 or not NAME.fullmatch(name)):
            words = (
                f'Invalid value: "{name}": a lowercase RFC 1123 name must consist of lower case alphanumerics'
            )
            raise unprocessable(kind, name, "metadata.name", words)
        if kind.namespaced and not self.exists((kinds.NAMESPACES, "", namespace)):
            raise not_found(kinds.NAMESPACES, namespace)
        self._check_shape(kind, name, body)

    def _check_shape(self, kind: Kind, name: str, body: Object) -> None:
        for path in REQUIRED.get(kind.kind, ()):
            if fields.at(body, path) is None:
                raise unprocessable(kind, name, fields.shown(path)[1:], "Required value")

    def _check_fixed(self, key: Key, before: Object, after: Object) -> None:
        if "roleRef" in before and before["roleRef"] != after.get("roleRef"):
            raise unprocessable(key[0], key[2], "roleRef", "Invalid value: cannot change roleRef")


# Kind -> what it cannot be without.
REQUIRED: Mapping[str, tuple[fields.Path, ...]] = {
    "RoleBinding": (("roleRef", "kind"), ("roleRef", "name"), ("roleRef", "apiGroup")),
    "ClusterRoleBinding": (("roleRef", "kind"), ("roleRef", "name"), ("roleRef", "apiGroup")),
    "NodePool": (
        ("spec", "template", "spec", "nodeClassRef", "group"),
        ("spec", "template", "spec", "nodeClassRef", "kind"),
        ("spec", "template", "spec", "nodeClassRef", "name"),
        ("spec", "template", "spec", "requirements"),
    ),
}


def _bare(kind: Kind, name: str, namespace: str = "") -> Object:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name, **where}}


def _lost(before: Object, after: Object) -> bool:
    kept = {path for path, _ in fields.leaves(after)}
    return any(path not in kept for path, _ in fields.leaves(before))


def _managed(kind: Kind, manager: str, paths: set[fields.Path]) -> Object:
    return {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": kind.api_version,
        "time": _now(),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields.fields_v1(paths),
    }


def _conflict(key: Key, clashes: list[tuple[str, fields.Path]]) -> StatusError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}"',
            "field": fields.shown(path),
        }
        for manager, path in clashes
    ]
    many = f"{len(clashes)} conflict" + ("s" if len(clashes) > 1 else "")
    named = ", ".join(f'"{manager}": {fields.shown(path)}' for manager, path in clashes)
    words = f"Apply failed with {many}: conflicts with {named}"
    return StatusError(409, "Conflict", words, name=key[2], kind=key[0].resource, causes=causes)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
