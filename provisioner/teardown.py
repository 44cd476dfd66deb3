"""What destroying a stack will remove, empty or keep, in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from provisioner import arn
from provisioner.errors import CheckError

Action = Literal["empty_bucket", "delete_repository", "delete_stack", "delete_bucket", "unregister"]
# Component types whose resources stay with --keep-data.
_DATA = ("artifact_store", "container_registry")


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A bucket or repository that the stack built, and how much is in it."""

    name: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Use:
    """Something of this stack that another registered stack needs."""

    stack: str
    type: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there is of a stack; None and empty where it is gone."""

    name: str
    stack_id: str = ""
    retention: str = "retain"
    bucket: Holding | None = None
    repository: Holding | None = None
    registered: bool = False
    protected: bool = False
    uses: tuple[Use, ...] = ()
    # MLflow's runs go with the stack; the account's OpenID Connect provider does not.
    tracks: bool = False
    provider: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    action: Action
    target: str
    words: str


def plan(found: Found, *, keep_data: bool = False, even_if_used: bool = False) -> list[Step]:
    """The steps, in an order that an interrupted run can take up again. Raises CheckError.

    The registry forgets last: until then it knows what is still to be removed.
    """
    if found.protected:
        raise CheckError(
            f"stack {_stack_name(found)} is protected against deletion",
            hint="switch off its termination protection: aws cloudformation update-termination-protection "
            f"--no-enable-termination-protection --stack-name {_stack_name(found)}",
            field="name",
        )
    _check_unused(found, keep_data, even_if_used)
    if keep_data and found.retention == "delete" and (found.bucket or found.repository):
        raise CheckError(
            "the stack was made with data.retention: delete and cannot leave its data behind",
            hint="set data.retention: retain, `stackwright deploy`, then destroy with --keep-data",
            field="keep-data",
        )
    return [*_steps(found, keep_data)]


def _check_unused(found: Found, keep_data: bool, even_if_used: bool) -> None:
    uses = [use for use in found.uses if not (keep_data and use.type in _DATA)]
    if uses and not even_if_used:
        raise CheckError(
            f"other registered stacks use what {found.name} built: "
            + "; ".join(f"{use.stack} its {use.type} {use.value}" for use in uses),
            hint="move or forget them first (`stackwright stack delete NAME`), "
            "or --even-if-used breaks them on purpose",
            field="even-if-used",
        )


def stays(found: Found) -> list[str]:
    """What stays behind in any case, in words."""
    words = f"provider {found.provider} (others of the account may sign in by it)"
    return [words] if found.provider else []


def kept(found: Found) -> list[str]:
    """What stays behind with --keep-data, in words."""
    bucket = [f"bucket {found.bucket.name} ({found.bucket.count} objects)"] if found.bucket else []
    images = (
        f"repository {found.repository.name} ({found.repository.count} images)" if found.repository else ""
    )
    return bucket + ([images] if images else [])


def _steps(found: Found, keep_data: bool) -> Iterator[Step]:
    bucket, repository = (None, None) if keep_data else (found.bucket, found.repository)
    # A refused deletion of the stack must find the data as it was. Only a stack that takes its data along
    # can be deleted no sooner than they are.
    if found.retention == "delete":
        yield from _data_steps(bucket, repository)
    if found.stack_id:
        lost = ", and MLflow with its runs and metrics, for good" if found.tracks else ""
        words = f"delete CloudFormation stack {_stack_name(found)} with its roles{lost}"
        yield Step(action="delete_stack", target=found.stack_id, words=words)
    if found.retention != "delete":
        yield from _data_steps(bucket, repository)
    if bucket:
        yield Step(action="delete_bucket", target=bucket.name, words=f"delete bucket {bucket.name}")
    if found.registered:
        yield Step(action="unregister", target=found.name, words=f"forget {found.name} in the registry")


def _data_steps(bucket: Holding | None, repository: Holding | None) -> Iterator[Step]:
    if bucket and bucket.count:
        words = f"delete {bucket.count} objects and old versions from bucket {bucket.name}, for good"
        yield Step(action="empty_bucket", target=bucket.name, words=words)
    if repository:
        words = f"delete repository {repository.name} with {repository.count} images, for good"
        yield Step(action="delete_repository", target=repository.name, words=words)


def _stack_name(found: Found) -> str:
    """As the console shows it: its user may have renamed it."""
    return arn.parse(found.stack_id).resource.split("/")[1]
