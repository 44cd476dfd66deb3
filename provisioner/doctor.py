"""Engine: proves that a registered stack works, by using it through its own access role."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from provisioner.errors import RefusedError

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
) -> Iterator[Test]:
    """Tries what pipelines will do; `probe` is the key of an object that is written and removed again."""
    store = components.get("artifact_store")
    if store and store.flavor == "s3":
        bucket = store.outputs["bucket_name"]
        yield _tried(
            "object", bucket, lambda: buckets.probe(bucket, probe), "wrote, read and deleted an object"
        )
    registry = components.get("container_registry")
    if registry and registry.flavor == "ecr":
        uri = registry.outputs["repository_uri"]
        yield _tried("image-login", uri, lambda: images.login(), "got a login token for images")


def _tried(id_: str, subject: str, attempt: Callable[[], object], words: str) -> Test:
    try:
        attempt()
    except RefusedError as error:
        return Test(id=id_, subject=subject, ok=False, message=error.message)
    return Test(id=id_, subject=subject, ok=True, message=words)
