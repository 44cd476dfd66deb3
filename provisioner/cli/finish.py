"""`stackwright finish`."""

import click

from provisioner import finish_address
from provisioner.cli import stack_name, zenml_target
from provisioner.cli.options import (
    answer,
    aws_options,
    json_option,
    now,
    open_registry,
    random_id,
    story,
    yes_option,
)
from provisioner.cli.preparing import bootstrap_option, prepared


@click.command()
@click.argument("what")
@click.option(
    "--account", default="", help="Account that the stack is in, if it is another's.", show_envvar=True
)
@bootstrap_option
@zenml_target.zenml_options
@aws_options
@yes_option
@json_option
def command(
    what: str, account: str, bootstrap: bool | None, region: str, profile: str, yes: bool, as_json: bool
) -> None:
    """Register a completed CloudFormation stack, by its name or by the FinishCommand of its Outputs tab.

    By name, with credentials, the stack is proved and registered. By the pasted command no credentials are
    needed, and the stack stays `unverified` until somebody with credentials finishes it by name. From another
    account that works through the stack's own role, and --account must say which account is meant.

    The cluster of an eks stack is then given what pipelines need (namespace, service account, role), once it
    was printed and agreed to; with --bootstrap again, where the cluster was changed since.

    \b
    Example:
      stackwright finish churn-dev
      stackwright finish churn-dev --account 111122223333
      stackwright finish 'v=1&enrolment=...&stack=arn:aws:cloudformation:...'
    """
    from provisioner import finish
    from provisioner.cli.stack import as_answer, stack_text

    if finish_address.looks_like_one(what) or what.startswith("v="):
        registry = open_registry()
        address = finish_address.parse(what)
        opened = registry.enrolment(address.enrolment_id)
        registry.usable(opened.name if opened else "", str(address.stack))
        stack = finish.with_address(address, registry=registry, now=now())
        story(
            f"Kept as unverified. Next, with credentials of account {stack.account}: "
            f"`stackwright finish {stack.name}`."
        )
    else:
        from provisioner.cli.cloud import open_cloud_of

        cloud = open_cloud_of(stack_name.checked(what), region, profile, foreign=True)
        registry, what = cloud.registry, cloud.name_of(what)
        stack = finish.with_credentials(
            what,
            doors=cloud.for_proof(),
            registry=registry,
            now=now(),
            random_id=random_id,
            region=region,
            account=account,
        )
        stack = prepared(stack, cloud, yes=yes, wanted=bootstrap)
        zenml_target.registered(stack, registry, profile=profile)
    answer(as_answer(stack, registry), stack_text(stack, registry), as_json=as_json)
