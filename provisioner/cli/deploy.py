"""`stackwright deploy`."""

import click

from provisioner import text
from provisioner.cli.options import (
    answer,
    clock,
    confirm,
    json_option,
    now,
    profile_option,
    random_id,
    read_spec,
    spec_options,
    story,
    yes_option,
)
from provisioner.cli.planning import draft


@click.command()
@spec_options
@profile_option
@yes_option
@json_option
def command(path: str, preset: str, name: str, region: str, profile: str, yes: bool, as_json: bool) -> None:
    """Create or update the stack, wait for it, register it. Run it again after an interruption.

    \b
    Example:
      stackwright deploy --yes
    """
    from provisioner import deploy, finish
    from provisioner.cli.cloud import open_cloud
    from provisioner.cli.following import shown
    from provisioner.cli.stack import as_answer, stack_text

    drafted = draft(read_spec(path=path, preset=preset, name=name, region=region))
    drafted.check()
    spec = drafted.plan.spec
    cloud = open_cloud(spec.region, profile)
    account = cloud.account
    story(text.plan(drafted.as_dict()))
    confirm(f"\nCreate or update {spec.name} in account {account}, {spec.region}?", yes=yes)
    with shown(len(drafted.template.resources)) as on_event:
        deploy.run(
            drafted.plan,
            drafted.template,
            stacks=cloud.stacks,
            registry=cloud.registry,
            account=account,
            estimate=drafted.cost,
            clock=clock(),
            on_event=on_event,
        )
    stack = finish.with_credentials(
        spec.name,
        doors=cloud.for_proof(),
        registry=cloud.registry,
        now=now(),
        random_id=random_id,
        region=spec.region,
    )
    answer(as_answer(stack, cloud.registry), stack_text(stack, cloud.registry), as_json=as_json)
