"""`stackwright link` and `stackwright link verify`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from provisioner import enrolments
from provisioner import link as links
from provisioner.cli import template_places
from provisioner.cli.options import (
    answer,
    json_option,
    now,
    open_quickly,
    profile_option,
    random_id,
    read_spec,
    spec_options,
    story,
)
from provisioner.cli.planning import Draft, draft
from provisioner.enrolments import Enrolment
from provisioner.errors import CHECK_SAID_NO, SpecError
from provisioner.link import Link
from provisioner.moment import stamp
from provisioner.template import Template
from provisioner.text import usd

if TYPE_CHECKING:
    from provisioner.explain import Promise


class _Verify(click.Group):
    """`link` is a verb of its own; only the word `verify` makes it another."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] != "verify":
            ctx.fail(f"unexpected argument {args[0]!r}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Verify, invoke_without_command=True)
@spec_options
@click.option("--template-url", default="", help="Where the template lies in S3.", show_envvar=True)
@click.option("--account", default="", help="The account that must use the link.", show_envvar=True)
@click.option("--finish-base", default="", help="https address of a stackwright server.", show_envvar=True)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["url", "markdown", "html"]),
    default="url",
    show_default=True,
    help="markdown and html are for pages, and open no enrolment.",
    show_envvar=True,
)
@click.option("--enrol", is_flag=True, help="Open an enrolment for markdown and html too.", show_envvar=True)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    path: str,
    preset: str,
    name: str,
    region: str,
    template_url: str,
    account: str,
    finish_base: str,
    format_: str,
    enrol: bool,
    as_json: bool,
) -> None:
    """Make a Deploy-to-AWS link, with its estimate. Calls nothing; writes one enrolment.

    \b
    Example:
      stackwright publish && stackwright link
      stackwright link verify 'https://eu-central-1.console.aws.amazon.com/cloudformation/home?...'
    """
    if ctx.invoked_subcommand:
        return
    drafted = draft(read_spec(path=path, preset=preset, name=name, region=region))
    drafted.check()
    url, readers = template_places.address(template_url, drafted)
    enrolment = enrolments.make(
        plan=drafted.plan,
        template_sha256=drafted.template.sha256,
        estimate=drafted.cost,
        now=now(),
        random_id=random_id,
        expected_account=_account(account),
    )
    if finish_base:
        # A promise like every other: `link verify` tells whether somebody changed it.
        base = {"FinishBase": finish_base.rstrip("/")}
        enrolment = replace(enrolment, parameters={**enrolment.parameters, **base})
    wanted = format_ == "url" or enrol or as_json
    parameters = {k: v for k, v in enrolment.parameters.items() if wanted or k not in enrolments.OWN}
    _check_values(parameters, drafted.template)
    made = Link(region=enrolment.region, template_url=url, stack_name=enrolment.name, parameters=parameters)
    quick = links.quick_create(made)
    if wanted:
        open_quickly().open_enrolment(enrolment)
    value = _answer(made, quick, drafted, enrolment if wanted else None)
    answer(value, _formatted(format_, value), as_json=as_json)
    _tell(made, readers, drafted, enrolment if wanted else None)


def _check_values(parameters: Mapping[str, str], template: Template) -> None:
    """Raises SpecError for values that CloudFormation would refuse, and for those that it would ask for."""
    links.check_parameters(parameters, template.parameters)
    for name, declared in template.parameters.items():
        if name not in parameters and "Default" not in declared:
            raise SpecError(
                f"without an enrolment the link has no {name}: whoever clicks would have to invent one, "
                "and no registry would know it",
                hint="add --enrol (one page, one use), or set `external_id: false` under `access`",
                field="enrol",
            )


def _answer(link: Link, url: str, drafted: Draft, enrolment: Enrolment | None) -> dict[str, Any]:
    """The `link` answer of the JSON contract."""
    return {
        "url": url,
        "template_url": link.template_url,
        "template_sha256": drafted.template.sha256,
        "stack_name": link.stack_name,
        "region": link.region,
        "parameters": dict(link.parameters),
        "enrolment_id": enrolment.id if enrolment else "",
        "expires_at": stamp(enrolment.start_by) if enrolment else "",
        "estimate": drafted.cost,
    }


def _formatted(format_: str, value: Mapping[str, Any]) -> str:
    if format_ == "url":
        return str(value["url"])
    from provisioner import render

    return render.page(f"link.{'md' if format_ == 'markdown' else 'html'}", link=value).rstrip("\n")


def _tell(link: Link, readers: str, drafted: Draft, enrolment: Enrolment | None) -> None:
    story(_cost(drafted.cost))
    story(f"The template can be read by {readers}.")
    if other_region := links.elsewhere(link.template_url, region=link.region):
        story(other_region)
    story("The console asks for one tick: that CloudFormation may create IAM roles.")
    if not enrolment:
        return
    ending = (
        "paste the FinishUrl of its Outputs tab into `stackwright finish '…'`"
        if link.parameters.get("FinishBase")
        else "paste the FinishCommand of its Outputs tab"
    )
    story(
        f"Create the stack by {stamp(enrolment.start_by)}, then: `stackwright finish {enrolment.name}`, "
        f"or {ending}."
    )
    if drafted.plan.shape.callback:
        story(f"It also tells {link.parameters['FinishBase']} by itself, and is kept as unverified.")
    if drafted.plan.shape.trust == "principal" and not enrolment.expected_account:
        story("Name the account that must use this link with --account: a stack elsewhere is then refused.")


def _cost(estimate: Mapping[str, Any]) -> str:
    total, unknown = estimate["total"], estimate["unknown"]
    return (
        f"Costs about {usd(total['typical'])} a month with {estimate['usage']['profile']} use, "
        f"{usd(total['idle'])} idle ({usd(total['low'])}–{usd(total['high'])}; "
        f"prices of {estimate['price_book']['as_of']}"
        + (", which are old" if estimate["price_book"]["stale"] else "")
        + (f"; {unknown} resources without a known price" if unknown else "")
        + ")."
    )


def _account(text: str) -> str:
    if text and not (len(text) == 12 and text.isascii() and text.isdigit()):
        raise SpecError(f"account {text!r} is not 12 digits", field="account")
    return text


@command.command()
@click.argument("url")
@click.option("--template", "template_file", default="", help="The template's text, if it is at hand.")
@click.option("--online", is_flag=True, help="Read the template from S3, as whoever is signed in.")
@profile_option
@json_option
def verify(url: str, template_file: str, online: bool, profile: str, as_json: bool) -> int:
    """Explain a link in words: who is trusted, what is created, where the template comes from.

    A template is known where it was published from here, stands in the manifest of
    STACKWRIGHT_TEMPLATE_BASE, is handed in, or is read with --online. A link made from here is compared with
    what was promised. Exit code 3 where something about it is in doubt.

    \b
    Example:
      stackwright link verify 'https://eu-central-1.console.aws.amazon.com/cloudformation/home?...'
    """
    from provisioner import explain

    parsed = links.parse(url)
    if template_file:
        source = template_places.at_hand(template_file)
    else:
        source = template_places.online(parsed, profile) if online else template_places.claimed(parsed)
    found = explain.explain(parsed, source=source, promise=_promise(parsed))
    answer(found.as_dict(), found.text(), as_json=as_json)
    if found.doubts:
        story("This link is not what it seems.", color="red")
    return CHECK_SAID_NO if found.doubts else 0


def _promise(link: Link) -> "Promise | None":
    """What this registry promised by the enrolment that the link carries."""
    from provisioner.explain import Promise

    found = open_quickly().enrolment(link.parameters.get("EnrolmentId", ""))
    if found is None:
        return None
    return Promise(
        name=found.name,
        region=found.region,
        template_sha256=found.template_sha256,
        parameters=found.parameters,
    )
