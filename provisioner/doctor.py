"""Engine: proves that a registered stack works, by using it through its own access role."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from provisioner.errors import RefusedError
from provisioner.proof import patiently

if TYPE_CHECKING:
    from provisioner.aws.buckets import Buckets
    from provisioner.aws.images import Images
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
