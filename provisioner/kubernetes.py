"""What a cluster must be given before pipelines run: manifests -> steps, and how a cluster differs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from urllib.parse import quote

import yaml

from provisioner.component import Outputs
from provisioner.components import find
from provisioner.errors import CheckError
from provisioner.package_data import templates

Method = Literal["PATCH", "DELETE"]
State = Literal["absent", "same", "differs", "leaving", "unknown"]
# Whoever applies is named in the objects, so that Kubernetes tells when somebody else changed the same field.
FIELD_MANAGER = "stackwright"

# Kind -> where its objects live in the API, and in words what one of them is for.
_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    "NodePool": "/apis/karpenter.sh/v1/nodepools",
}
_WORDS = {
    "Namespace": "namespace {namespace}: pipelines run in it; privileged pods, and pods that reach for the "
    "node's network or files, are refused there",
    "ServiceAccount": "service account {namespace}/{service_account}: pods of the stack run as it",
    "Role": "role {namespace}/{service_account}: may start, watch and delete jobs, list pods, read their "
    "logs and delete secrets (not read them), in this namespace only",
    "RoleBinding": "role binding {namespace}/{service_account}: gives that role to that service account",
    "NodePool": "node pool {gpu_node_pool}: at most {gpu_max_nodes} × {gpu_instance_type}, on demand, for "
    "pods that ask for nvidia.com/gpu; costs nothing without one, gone 5 minutes after the last",
}
# A manifest that only stacks with this output have; others must not have what it once made either.
_WITHIN = {"gpu_node_pool": "gpu_instance_type"}
_REMOVE = {"gpu_node_pool": "node pool {gpu_node_pool}: the stack has no GPU"}

# GPUs of an instance, by family and size; every other size of a listed family has one. Families with parts
# of a GPU are left out. AWS's instance type pages, 2026-11.
_GPUS: Mapping[str, Mapping[str, int]] = {
    "g4dn": {"12xlarge": 4, "metal": 8},
    "g5": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "g6": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "gr6": {},
    "g6e": {"12xlarge": 4, "24xlarge": 4, "48xlarge": 8},
    "p3": {"8xlarge": 4, "16xlarge": 8},
    "p3dn": {"24xlarge": 8},
    "p4d": {"24xlarge": 8},
    "p4de": {"24xlarge": 8},
    "p5": {"48xlarge": 8},
    "p5e": {"48xlarge": 8},
    "p5en": {"48xlarge": 8},
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request to the Kubernetes API: an object that must be so (PATCH), or must not be (DELETE)."""

    method: Method
    path: str
    kind: str
    body: Mapping[str, Any]
    words: str


@dataclass(frozen=True, kw_only=True)
class Target:
    """One cluster and what it must be given, in the order in which it is applied."""

    cluster: str
    steps: tuple[Step, ...]

    def of_kind(self, kind: str) -> list[Step]:
        return [step for step in self.steps if step.kind == kind]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a cluster has in place of a step's object; `paths` are the fields that differ."""

    step: Step
    state: State
    paths: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        verbs = {
            "absent": "make",
            "same": "keep",
            "differs": "change",
            "leaving": "wait for",
            "unknown": "make or change",
        }
        verb = "remove" if self.step.method == "DELETE" and self.state != "same" else verbs[self.state]
        changed = f" (now other: {', '.join(self.paths)})" if self.paths else ""
        if (self.step.method, self.state) == ("DELETE", "unknown"):
            verb = "remove, where there is one,"
        return f"{verb} {self.step.words}{changed}"


def needed(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.state != "same"]


def targets(components: Mapping[str, tuple[str, Outputs]]) -> list[Target]:
    """The clusters that a stack needs prepared; `components` maps type to flavor and outputs."""
    steps: dict[str, dict[str, Step]] = {}
    for type_, (flavor, outputs) in components.items():
        component = find(type_, flavor)
        if component and component.manifests:
            target = make_target(component.manifests, outputs)
            known = steps.setdefault(target.cluster, {})
            # Components that share a cluster want the same of it: each object once.
            known.update({s.path: s for s in target.steps if s.path not in known})
    return [Target(cluster=name, steps=_ordered(found.values())) for name, found in steps.items()]


def _ordered(steps: Iterable[Step]) -> tuple[Step, ...]:
    order = list(_PATHS)
    return tuple(sorted(steps, key=lambda step: order.index(step.kind)))


def needs_bootstrap(type_: str, flavor: str) -> bool:
    component = find(type_, flavor)
    return bool(component and component.manifests)


def make_target(manifests: Sequence[str], outputs: Outputs) -> Target:
    """The steps for one component's cluster; raises CheckError for an output that is missing."""
    for key in ("cluster_name", "namespace", "service_account"):
        if not outputs.get(key):
            raise CheckError(f"the stack has no output {key}", hint="deploy the stack again", field=key)
    _check_own(outputs["namespace"])
    values = _values(outputs)
    steps = (step for name in manifests for step in _steps(name, values))
    return Target(cluster=outputs["cluster_name"], steps=_ordered(steps))


def _check_own(namespace: str) -> None:
    """Whoever may edit kube-system owns the cluster, and default is everybody's."""
    if namespace == "default" or namespace.startswith("kube-"):
        raise CheckError(
            f"namespace {namespace} is Kubernetes' own: pipelines get none of its rights",
            hint="set components.orchestrator.options.namespace to one of the stack's own, and deploy again",
            field="namespace",
        )


def difference(wanted: Any, found: Any, path: str = "") -> list[str]:
    """The fields of ours that are otherwise there; what others added is none of our business."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return [
            p
            for key, value in wanted.items()
            for p in difference(value, found.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [p for i, (value, other) in pairs for p in difference(value, other, f"{path}[{i}]")]
    # An API server may answer "2" as 2: quantities and ports are either.
    return [] if str(wanted) == str(found) else [path]


def compare(step: Step, found: Mapping[str, Any] | None) -> Finding:
    """What is there (None: nothing) against what must be."""
    if step.method == "DELETE":
        return Finding(step=step, state="same" if found is None else "differs")
    if found is None:
        return Finding(step=step, state="absent")
    if found.get("metadata", {}).get("deletionTimestamp"):
        return Finding(step=step, state="leaving")
    paths = difference(step.body, found)
    return Finding(step=step, state="differs" if paths else "same", paths=tuple(paths))


def reviews(step: Step) -> list[dict[str, str]]:
    """The rights that a step needs, as the API is asked for them."""
    metadata = step.body["metadata"]
    of = {"group": step.body["apiVersion"].rpartition("/")[0], "resource": step.path.split("/")[-2]}
    where = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}
    verbs = ("delete",) if step.method == "DELETE" else ("create", "patch")
    return [{**of, **where, "verb": verb} for verb in verbs]


def gpus(instance_type: str) -> int | None:
    """GPUs of one such instance; None where nobody has written it down."""
    family, _, size = instance_type.partition(".")
    sizes = _GPUS.get(family)
    return None if sizes is None else sizes.get(size, 1)


def _values(outputs: Outputs) -> dict[str, str]:
    each = gpus(outputs.get("gpu_instance_type", ""))
    nodes = outputs.get("gpu_max_nodes", "")
    limit = {"gpu_limit": str(each * int(nodes))} if each and nodes else {}
    # A node pool belongs to the whole cluster, so its name carries what tells two stacks apart.
    return {**outputs, "gpu_node_pool": f"{outputs['namespace']}-gpu", **limit}


def _steps(manifest: str, values: Mapping[str, str]) -> list[Step]:
    wanted = manifest not in _WITHIN or bool(values.get(_WITHIN[manifest]))
    return [_step(manifest, body, values, wanted=wanted) for body in manifest_bodies(manifest)]


def _step(manifest: str, raw: Mapping[str, Any], values: Mapping[str, str], *, wanted: bool) -> Step:
    kind = raw["kind"]
    body = _filled(raw if wanted else _identity(raw), values)
    folder = _PATHS[kind].format_map({k: quote(v, safe="") for k, v in values.items()})
    return Step(
        method="PATCH" if wanted else "DELETE",
        path=f"{folder}/{quote(body['metadata']['name'], safe='')}",
        kind=kind,
        body=body,
        words=(_WORDS[kind] if wanted else _REMOVE[manifest]).format_map(values),
    )


def _identity(raw: Mapping[str, Any]) -> dict[str, Any]:
    keys = {k: v for k, v in raw["metadata"].items() if k in ("name", "namespace")}
    return {"apiVersion": raw["apiVersion"], "kind": raw["kind"], "metadata": keys}


@cache
def manifest_bodies(name: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of `templates/manifests/NAME.yaml`, their `<places>` not yet filled."""
    text = (templates() / "manifests" / f"{name}.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load_all(text))


_PLACE = re.compile(r"<([a-z_]+)>")
# The one value that may be unknown; its key is left out then.
_OPTIONAL = "<gpu_limit>"


def _filled(node: Any, values: Mapping[str, str]) -> Any:
    """The parsed manifest with its places filled: after parsing, so that no value can add a field."""
    if isinstance(node, Mapping):
        return {k: _filled(v, values) for k, v in node.items() if v != _OPTIONAL or _OPTIONAL[1:-1] in values}
    if isinstance(node, list):
        return [_filled(v, values) for v in node]
    return _PLACE.sub(lambda m: values[m[1]], node) if isinstance(node, str) else node
