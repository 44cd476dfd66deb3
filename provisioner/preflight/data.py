"""Checks of what a stack keeps: data, keys, tags."""

from collections.abc import Callable, Iterator

from provisioner import arn, regions
from provisioner.preflight.row import Case, Row, Seen
from provisioner.spec import PARAMETER_TAGS

_HOLDS_DATA = {"artifact_store": "bucket", "container_registry": "repository"}


def _kept(case: Case) -> Iterator[Seen]:
    slots = case.plan.shape.slots
    if any((s.type, s.action) == ("experiment_tracker", "build") for s in slots):
        yield Seen(
            subject="components.experiment_tracker",
            message="MLflow's runs and metrics are deleted with the stack, with MLflow taken out of it, and "
            "with a change of `server`; its files stay or go with the bucket",
            fix="export the runs first: mlflow-export-import copies them to another server",
        )
    built = [_HOLDS_DATA[s.type] for s in slots if s.action == "build" and s.type in _HOLDS_DATA]
    what = ", ".join(built)
    if not built:
        return
    if case.plan.spec.retention == "retain":
        message = f"Kept when the stack goes, until `destroy` empties it: {what}"
    else:
        message = f"Deleted with the stack; while something is in it, the deletion fails: {what}"
    yield Seen(subject="data.retention", message=message)


def _tags(case: Case) -> Iterator[Seen]:
    """CloudFormation gives templates back with `?` for every letter that is not ASCII.

    The proof compares what it gives back with what was handed in. https://github.com/aws/aws-cdk/issues/10523
    """
    for key, value in case.plan.stamped_tags.items():
        if not f"{key}{value}".isascii():
            yield Seen(
                subject=f"tags.{key}",
                message="a tag of your own is written into the template, which must be ASCII to be proved",
            )


def _key(wrong: Callable[[arn.Arn, str], str]) -> Callable[[Case], Iterator[Seen]]:
    def look(case: Case) -> Iterator[Seen]:
        key, region = case.plan.spec.kms_key, case.plan.spec.region
        if key and (message := wrong(arn.parse(key), region)):
            yield Seen(subject="data.kms_key", message=message)

    return look


def _elsewhere(key: arn.Arn, region: str) -> str:
    return f"the key is in {key.region}, the stack in {region}" if key.region != region else ""


def _other_partition(key: arn.Arn, region: str) -> str:
    same = key.partition == regions.partition(region).name
    return "" if same else f"the key is in partition {key.partition}"


def _connector(case: Case) -> Iterator[Seen]:
    if case.plan.spec.kms_key:
        yield Seen(
            subject="data.kms_key",
            message="ZenML's S3 connector narrows its sessions to S3, without rights on the key: "
            "every read and write is denied unless the connector carries a policy of its own",
        )


ROWS = (
    Row(id="data-kept", severity="info", why="nobody should lose data, or pay for it, unawares", look=_kept),
    Row(
        id="tag-not-ascii",
        severity="error",
        why="the template could not be proved after its creation",
        look=_tags,
        fix=f"use ASCII letters, or one of {', '.join(PARAMETER_TAGS)}: those are parameters",
    ),
    Row(
        id="key-region",
        severity="error",
        why="S3 and ECR take keys of their own region only",
        look=_key(_elsewhere),
        fix="name a key of the stack's region, or a replica of it there",
    ),
    Row(
        id="key-partition",
        severity="error",
        why="partitions share no keys",
        look=_key(_other_partition),
        fix="name a key of the stack's partition",
    ),
    Row(
        id="key-connector",
        severity="warning",
        why="ZenML 0.98 writes a session policy that knows no KMS (aws_service_connector.py)",
        look=_connector,
        fix="register the connector with a policy that adds kms:Decrypt and kms:GenerateDataKey",
    ),
)
