"""`stackwright destroy`."""

import click

from provisioner import teardown
from provisioner.cli import zenml_target
from provisioner.cli.options import answer, aws_options, clock, confirm, json_option, now, story, yes_option
from provisioner.cli.stack_name import name_argument


@click.command()
@name_argument
@click.option("--keep-data", is_flag=True, help="Leave bucket and repository as they are.", show_envvar=True)
@click.option(
    "--even-if-used", is_flag=True, help="Although other registered stacks use its parts.", show_envvar=True
)
@zenml_target.ca_file_option
@aws_options
@yes_option
@json_option
def command(
    name: str, keep_data: bool, even_if_used: bool, region: str, profile: str, yes: bool, as_json: bool
) -> None:
    """Print what would go, ask, then delete exactly that. Run it again after an interruption.

    \b
    Example:
      stackwright destroy churn-dev
      stackwright destroy churn-dev --keep-data --yes
    """
    from provisioner import destroy
    from provisioner.cli.cloud import open_cloud_of
    from provisioner.cli.following import interruptible, shown

    cloud = open_cloud_of(name, region, profile)
    name = cloud.name_of(name)
    doors = cloud.for_destroy()
    found = destroy.look(name, doors=doors, account=cloud.account, region=cloud.session.region)
    cloud.registry.usable(name, found.stack_id)
    steps = teardown.plan(found, keep_data=keep_data, even_if_used=even_if_used)
    kept = [*(teardown.kept(found) if keep_data else []), *teardown.stays(found)]
    story(f"In account {cloud.account}, {cloud.session.region}:")
    first = zenml_target.words(name, cloud.registry)
    for number, line in enumerate([*first, *(step.words for step in steps)], 1):
        story(f"  {number}. {line}")
    for line in kept:
        story(f"  keep {line}")
    confirm("Do this?", yes=yes)
    zenml_target.unregistered(name, cloud.registry)
    found = destroy.begin(found, doors=doors, now=now())
    for step in teardown.plan(found, keep_data=keep_data, even_if_used=even_if_used):
        story(step.words)
        with interruptible(f"`stackwright destroy {name}` goes on"), shown(0) as on_event:
            destroy.apply(step, doors=doors, clock=clock(), on_event=on_event)
    value = {"name": name, "steps": [vars(s) for s in steps], "kept": kept}
    answer(value, f"{name} is gone" + (f"; kept: {', '.join(kept)}" if kept else ""), as_json=as_json)
