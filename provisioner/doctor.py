"""Engine: proves that a registered stack works, by using it through its own access role."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from provisioner import bootstrap, kubernetes
from provisioner.errors import RefusedError, StackwrightError
from provisioner.kubernetes import Target
from provisioner.proof import patiently

if TYPE_CHECKING:
    from provisioner.aws.buckets import Buckets
    from provisioner.aws.clusters import Cluster, Clusters
    from provisioner.aws.images import Images
    from provisioner.aws.kubernetes import Api
    from provisioner.registry import RegisteredComponent


@dataclass(frozen=True, kw_only=True)
class Test:
    """One thing tried; `ok` is None where it could not be tried."""

    id: str
    subject: str
    ok: bool | None
    message: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def examine(
    components: "Mapping[str, RegisteredComponent]",
    *,
    buckets: "Buckets",
    images: "Images",
    probe: str,
    pauses: Sequence[Callable[[], None]] = (),
) -> Iterator[Test]:
    """Tries what pipelines will do; `probe` is the key of an object that is written and removed again.

    `pauses` stand between two tries of what is denied: a new role's policies come into force late.
    """
    store = components.get("artifact_store")
    if store and store.flavor == "s3":
        bucket = store.outputs["bucket_name"]
        yield _tried(
            "object",
            bucket,
            lambda: patiently(lambda: buckets.probe(bucket, probe), pauses),
            "wrote, read and deleted an object",
        )
    registry = components.get("container_registry")
    if registry and registry.flavor == "ecr":
        uri = registry.outputs["repository_uri"]
        yield _tried(
            "image-login", uri, lambda: patiently(images.login, pauses), "got a login token for images"
        )
        yield Test(
            id="image-push", subject=uri, ok=None, message="not tested: it would leave an image behind"
        )
    for type_, component in components.items():
        if component.flavor == "sagemaker":
            role = component.outputs.get("execution_role_arn", type_)
            yield Test(id="sagemaker", subject=role, ok=None, message="not tested: a job costs money")


def _tried(id_: str, subject: str, attempt: Callable[[], object], words: str) -> Test:
    try:
        attempt()
    except RefusedError as error:
        return Test(id=id_, subject=subject, ok=False, message=error.message)
    return Test(id=id_, subject=subject, ok=True, message=words)


def examine_cluster(
    target: Target, *, clusters: "Clusters", open_api: "Callable[[Cluster], Api]"
) -> Iterator[Test]:
    """Tries what pipelines will ask of a cluster, and what their pods may do there; makes nothing."""
    name = target.cluster
    try:
        api = open_api(clusters.describe(name))
    except StackwrightError as error:
        yield Test(id="cluster", subject=name, ok=False, message=error.message)
        return
    yield _tried("cluster", name, lambda: api.allows(_JOBS[0]), "reached its Kubernetes API")
    for step in target.steps:
        if step.kind in _SEEN:
            yield _found(_SEEN[step.kind], step, api)
    for step in target.of_kind("Namespace"):
        yield _allowed("start-jobs", step.body["metadata"]["name"], api, _JOBS)
    for step in target.of_kind("RoleBinding"):
        for account in step.body["subjects"]:
            yield _allowed("run-pipelines", account["namespace"], api, _PIPELINES, account["name"])


# What the access role may read there; roles and bindings are seen by what they allow.
_SEEN = {"Namespace": "namespace", "ServiceAccount": "service-account"}
_JOBS: tuple[Mapping[str, str], ...] = (
    {"group": "batch", "resource": "jobs", "verb": "create"},
    {"group": "", "resource": "pods", "verb": "list"},
)
# What ZenML's orchestrator pod calls with its service account.
_PIPELINES = (
    *_JOBS,
    {"group": "batch", "resource": "jobs", "verb": "patch"},
    {"group": "", "resource": "pods", "subresource": "log", "verb": "get"},
)


def _found(id_: str, step: kubernetes.Step, api: "Api") -> Test:
    try:
        compared = kubernetes.compare(step, api.get(step.path))
    except RefusedError as error:
        return Test(id=id_, subject=step.path, ok=False, message=error.message)
    differs = f"has other {', '.join(compared.paths)}"
    said = {"same": "is there", "absent": "is not there", "leaving": "is being deleted", "differs": differs}
    return Test(id=id_, subject=step.path, ok=compared.state == "same", message=said[compared.state])


def _allowed(
    id_: str, namespace: str, api: "Api", rights: Sequence[Mapping[str, str]], account: str = ""
) -> Test:
    who = f"service account {account}" if account else "this caller"
    speaker = f"{namespace}:{account}" if account else ""
    try:
        missing = [
            f"{r['verb']} {r['resource']}"
            for r in rights
            if not api.allows({**r, "namespace": namespace}, as_account=speaker)
        ]
    except RefusedError as error:
        # Only who may speak as the service account can ask for it.
        ok = None if account and error.code == "Forbidden" else False
        return Test(id=id_, subject=namespace, ok=ok, message=error.message)
    message = f"{who} may not {', '.join(missing)}" if missing else f"{who} may"
    return Test(id=id_, subject=namespace, ok=not missing, message=message)


def drift(target: Target, doors: bootstrap.Doors, name: str) -> Test:
    """Whether a cluster still has what it was given, seen with the caller's own rights."""
    id_ = "bootstrap"
    try:
        outlook = bootstrap.look(target, doors)
    except StackwrightError as error:
        return Test(id=id_, subject=target.cluster, ok=None, message=error.message)
    if outlook.rights == "missing":
        message = "this caller may not see roles and node pools there"
        return Test(id=id_, subject=target.cluster, ok=None, message=message)
    if outlook.is_done:
        return Test(id=id_, subject=target.cluster, ok=True, message="has all that it was given")
    message = f"`stackwright finish {name} --bootstrap` would {'; '.join(outlook.words)}"
    return Test(id=id_, subject=target.cluster, ok=False, message=message)
