"""A kubeconfig whose tokens come from `aws eks get-token`: it holds no credential."""

import base64
from typing import Any

import yaml

from provisioner.export.format import Format
from provisioner.export.stack import ClusterPlace, ExportedStack


def render(stack: ExportedStack) -> str:
    places = stack.clusters
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": _context_name(stack, places[0]),
        "clusters": [{"name": c.arn, "cluster": _cluster(c)} for c in places],
        "users": [{"name": c.arn, "user": {"exec": _exec(stack, c)}} for c in places],
        "contexts": [
            {"name": _context_name(stack, c), "context": _context(stack, c)} for c in stack.clusters
        ],
    }
    comments = "".join(f"# {line}\n" for line in stack.head())
    return comments + yaml.safe_dump(value, sort_keys=False, width=110)


def _cluster(cluster: ClusterPlace) -> dict[str, str]:
    authority = base64.b64encode(cluster.ca.encode()).decode()
    return {"server": cluster.endpoint, "certificate-authority-data": authority}


def _exec(stack: ExportedStack, cluster: ClusterPlace) -> dict[str, Any]:
    arguments = ["--region", stack.region, "eks", "get-token", "--cluster-name", cluster.name]
    # get-token has no option for an external id: then the caller needs an access entry of its own.
    if stack.role_arn and not stack.access.get("external_id"):
        arguments += ["--role-arn", stack.role_arn]
    return {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": [*arguments, "--output", "json"],
        "interactiveMode": "Never",
    }


def _context(stack: ExportedStack, cluster: ClusterPlace) -> dict[str, str]:
    parts = [p.outputs for p in stack.parts.values() if p.outputs.get("cluster_name") == cluster.name]
    namespace = next((o["namespace"] for o in parts if o.get("namespace")), "")
    return {
        "cluster": cluster.arn,
        "user": cluster.arn,
        **({"namespace": namespace} if namespace else {}),
    }


def _context_name(stack: ExportedStack, cluster: ClusterPlace) -> str:
    return stack.name if len(stack.clusters) == 1 else f"{stack.name}-{cluster.name}"


FORMAT = Format(
    name="kubernetes",
    words="kubeconfig of the stack's cluster",
    render=render,
    use="export KUBECONFIG={file}",
    lacks=lambda stack: "" if stack.cluster_names else "Kubernetes cluster",
    clusters=True,
)
