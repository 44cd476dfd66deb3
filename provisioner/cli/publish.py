"""`stackwright publish`."""

import click

from provisioner import link as links
from provisioner.cli.options import (
    answer,
    confirm,
    json_option,
    now,
    open_quickly,
    open_session,
    profile_option,
    read_spec,
    spec_options,
    story,
    yes_option,
)
from provisioner.cli.planning import draft
from provisioner.enrolments import Publication
from provisioner.errors import CheckError


@click.command()
@spec_options
@click.option(
    "--bucket", default="", help="An existing bucket; default: stackwright-ACCOUNT-REGION.", show_envvar=True
)
@profile_option
@yes_option
@json_option
def command(
    path: str, preset: str, name: str, region: str, bucket: str, profile: str, yes: bool, as_json: bool
) -> None:
    """Put the template into S3 under its hash, where links can reach it. Again is the same.

    \b
    Example:
      stackwright publish --yes
    """
    from provisioner.aws.buckets import Buckets

    if bucket:
        links.check_bucket_name(bucket)
    drafted = draft(read_spec(path=path, preset=preset, name=name, region=region))
    drafted.check()
    spec = drafted.plan.spec
    session = open_session(spec.region, profile)
    account = session.identity()["account"]
    door = Buckets(session.client("s3"), account=account, region=spec.region)
    target = bucket or f"stackwright-{account}-{spec.region}"
    if not door.exists(target):
        _ask_to_create(target, named=bool(bucket), yes=yes)
    if not bucket:
        # Also when it exists: an interrupted run may have left it without its settings.
        door.create_private(target)
    key = door.publish(target, drafted.template, shape=drafted.plan.shape.as_dict())
    url = links.object_url(bucket=target, key=key, region=spec.region)
    links.check_template_url(url, region=spec.region)
    open_quickly().record_publication(
        Publication(
            sha256=drafted.template.sha256, region=spec.region, url=url, account=account, published_at=now()
        )
    )
    value = {
        "template_url": url,
        "template_sha256": drafted.template.sha256,
        "bucket": target,
        "account": account,
        "region": spec.region,
    }
    answer(value, url, as_json=as_json)
    story(f"Readable by principals of account {account} that may read {target}. Next: `stackwright link`.")


def _ask_to_create(target: str, *, named: bool, yes: bool) -> None:
    if named:
        raise CheckError(
            f"there is no bucket {target}", hint="create it, or leave --bucket out", field="bucket"
        )
    story(
        f"Templates go to a private, encrypted, versioned bucket of yours: {target}. It does not exist yet."
    )
    confirm("Create it?", yes=yes)
