"""`stackwright doctor`."""

import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from provisioner.cli import zenml_target
from provisioner.cli.options import answer, aws_options, json_option, now, random_id, story, yes_option
from provisioner.cli.preparing import bootstrap_option, prepared
from provisioner.cli.stack_name import checked
from provisioner.errors import CHECK_SAID_NO, PARTLY_DONE, CheckError

if TYPE_CHECKING:
    from provisioner.doctor import Test

# Only a role of this age may still be unknown to part of AWS; an older one that refuses means it.
_NEW = timedelta(minutes=5)


@click.command()
@click.argument("name", required=False)
@bootstrap_option
@aws_options
@yes_option
@json_option
def command(
    name: str | None, bootstrap: bool | None, region: str, profile: str, yes: bool, as_json: bool
) -> int:
    """Prove that a registered stack works: assume its role, write, read and delete an object, log in to ECR.

    An unverified stack is proved and registered first, as `finish` does, and an eks cluster is prepared
    if you agree. Without a name: the active stack.

    \b
    Example:
      stackwright doctor churn-dev
    """
    from provisioner import doctor, finish, proof
    from provisioner.bootstrap import targets_of
    from provisioner.cli.cloud import open_cloud_of
    from provisioner.cli.options import open_registry
    from provisioner.cli.stack import find
    from provisioner.doctor import Test

    registry = open_registry()
    wanted = registry.active() if name is None else checked(name)
    if not wanted:
        raise CheckError("no stack is active", hint="`stackwright stack list`, then name one", field="name")
    stack = find(registry, wanted)
    if stack.status == "deleted":
        raise CheckError(
            f"the CloudFormation stack of {stack.name} is deleted",
            hint=f"`stackwright stack delete {stack.name}` forgets it",
            field="name",
        )
    cloud = open_cloud_of(stack.name, region, profile)
    if stack.stack_id:
        stack = finish.with_credentials(
            stack.name, doors=cloud.for_proof(), registry=registry, now=now(), random_id=random_id
        )
    if stack.status == "needs_bootstrap" and (yes or sys.stdin.isatty()):
        stack = prepared(stack, cloud, yes=yes, wanted=bootstrap)
        zenml_target.registered(stack, registry, profile=profile)
    is_new = now() - stack.created_at < _NEW
    doors = cloud.for_proof() if is_new else replace(cloud.for_proof(), pauses=())
    tests = [Test(id="registered", subject=stack.name, ok=True, message=f"is {stack.status}")]
    used, own = cloud, ""
    role_arn = stack.connector.get("role_arn", "")
    if role_arn:
        session = f"stackwright-doctor-{random_id()[:8]}"
        credentials = proof.assume(role_arn, doors, session, stack.connector.get("external_id", ""))
        used = cloud.through(credentials) if credentials else cloud
        own = "" if credentials else " (with the caller's own rights)"
        tests.append(_assumed(role_arn, credentials is not None, stack.connector.get("secret_arn", "")))
    examined = doctor.examine(
        registry.components_of(stack),
        buckets=used.buckets,
        images=used.images,
        probe=f"stackwright/doctor-{random_id()}",
        pauses=doors.pauses,
    )
    tests += [_said(t, own) for t in examined]
    for target in targets_of(registry.components_of(stack)):
        found = doctor.examine_cluster(target, clusters=used.clusters, open_api=used.open_api)
        tests += [_said(t, own) for t in found]
        tests.append(doctor.drift(target, cloud.for_bootstrap(), stack.name))
    marks = {True: "ok", False: "FAILED", None: "untried"}
    text = "\n".join(f"{marks[t.ok]:<8}{t.id:<14}{t.subject}: {t.message}" for t in tests)
    answer({"name": stack.name, "checks": [t.as_dict() for t in tests]}, text, as_json=as_json)
    failed = [t for t in tests if t.ok is False]
    if failed:
        story(f"{len(failed)} of {len(tests)} failed.", color="red")
    return CHECK_SAID_NO if failed else PARTLY_DONE if own else 0


def _said(test: "Test", own: str) -> "Test":
    return replace(test, message=test.message + own) if test.ok is not None else test


def _assumed(role_arn: str, done: bool, secret_arn: str) -> "Test":
    from provisioner.doctor import Test

    denied = (
        "this caller may not assume it; what follows was tried with the caller's own rights "
        "(trust oidc lets in only a token of its issuer, access_key only the stack's own key"
        + (f", which lies in {secret_arn})" if secret_arn else ")")
    )
    return Test(id="assume-role", subject=role_arn, ok=done or None, message="assumed" if done else denied)
