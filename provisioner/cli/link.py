"""`stackwright link` and `stackwright link verify`."""

import json
import os
from collections.abc import Mapping
from typing import Any

import click

from provisioner import enrolments, synth
from provisioner import link as links
from provisioner.cli.options import (
    answer,
    json_option,
    now,
    places,
    random_id,
    read_spec,
    spec_options,
    story,
)
from provisioner.cli.planning import Draft, draft
from provisioner.enrolments import Enrolment, find_publication, open_enrolment, stamp
from provisioner.errors import CHECK_SAID_NO, SpecError
from provisioner.link import Link


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
    url, readers = _template_url(template_url, drafted)
    enrolment = enrolments.make(
        plan=drafted.plan,
        template_sha256=drafted.template.sha256,
        estimate=drafted.cost,
        now=now(),
        random_id=random_id,
        expected_account=_account(account),
    )
    wanted = format_ == "url" or enrol or as_json
    parameters = dict(enrolment.parameters if wanted else drafted.plan.parameters)
    if finish_base:
        parameters["FinishBase"] = finish_base.rstrip("/")
    made = Link(region=enrolment.region, template_url=url, stack_name=enrolment.name, parameters=parameters)
    quick = links.quick_create(made)
    if wanted:
        open_enrolment(places().registry, enrolment)
    value = _answer(made, quick, drafted, enrolment if wanted else None)
    answer(value, _formatted(format_, value), as_json=as_json)
    _tell(readers, enrolment if wanted else None)


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


def _tell(readers: str, enrolment: Enrolment | None) -> None:
    story(f"The template can be read by {readers}.")
    story("The console asks for one tick: that CloudFormation may create IAM roles.")
    if enrolment:
        story(
            f"Create the stack by {stamp(enrolment.start_by)}, then: `stackwright finish {enrolment.name}`, "
            "or paste the FinishCommand of its Outputs tab."
        )


def _account(text: str) -> str:
    if text and not (len(text) == 12 and text.isdigit()):
        raise SpecError(f"account {text!r} is not 12 digits", field="account")
    return text


def _template_url(given: str, drafted: Draft) -> tuple[str, str]:
    """The template's address and who can read it: the option's, a vendor's, or the last publish's."""
    region, sha256 = drafted.plan.spec.region, drafted.template.sha256
    if given:
        return given, "whoever may read that object"
    base = os.environ.get("STACKWRIGHT_TEMPLATE_BASE", "").rstrip("/")
    if base:
        return f"{base}/{_manifest_key(base, sha256)}", f"whoever may read {base}"
    published = find_publication(places().registry, sha256=sha256, region=region)
    if published is None:
        raise SpecError(
            f"nobody knows where this template lies for {region}",
            hint="`stackwright publish`, or --template-url URL, or STACKWRIGHT_TEMPLATE_BASE=URL",
            field="template-url",
        )
    return published.url, f"principals of account {published.account} that may read its bucket"


def _manifest_key(base: str, sha256: str) -> str:
    """The template's key in a vendor's bucket; a shape that is not there is an error, not a dead link."""
    key = f"stackwright/{sha256}.json"
    templates = _parse_manifest(_read_manifest(base), base)
    if sha256 not in templates:
        raise SpecError(
            f"{base} holds no template for this combination",
            hint="use one of the presets as it is, or `stackwright publish` to a bucket of yours",
            field="template-base",
        )
    return str(templates[sha256].get("key", key))


def _parse_manifest(text: str, base: str) -> Mapping[str, Any]:
    try:
        templates: Mapping[str, Any] = json.loads(text)["templates"]
    except (ValueError, KeyError, TypeError):
        raise SpecError(
            f"what {base} answers is no manifest of templates",
            hint="`stackwright publish` writes one beside the templates",
            field="template-base",
        ) from None
    return templates


def _read_manifest(base: str) -> str:
    """STACKWRIGHT_TEMPLATE_MANIFEST where it names a file, else the one beside the templates."""
    local = os.environ.get("STACKWRIGHT_TEMPLATE_MANIFEST", "")
    try:
        if local:
            with open(local, encoding="utf-8") as file:  # noqa: PTH123 - one read on the path of `link`
                return file.read()
        from urllib.request import urlopen

        if not base.startswith("https://"):
            raise SpecError(f"{base} is not https", field="template-base")
        with urlopen(f"{base}/stackwright/manifest.json", timeout=5) as answer_:  # noqa: S310 - https only
            return str(answer_.read().decode())
    except OSError as error:
        raise SpecError(
            f"the manifest of {base} cannot be read: {error}",
            hint="save it and set STACKWRIGHT_TEMPLATE_MANIFEST=FILE",
            field="template-base",
        ) from None


@command.command()
@click.argument("url")
@click.option("--template", "template_file", default="", help="The template's text, if it is at hand.")
@json_option
def verify(url: str, template_file: str, as_json: bool) -> int:
    """Explain a link in words: who is trusted, what is created, where the template comes from.

    Exit code 3 where something about it is in doubt.

    \b
    Example:
      stackwright link verify 'https://eu-central-1.console.aws.amazon.com/cloudformation/home?...'
    """
    from provisioner import explain

    parsed = links.parse(url)
    found = explain.explain(parsed, template=_known_template(parsed, template_file))
    answer(found.as_dict(), found.text(), as_json=as_json)
    if found.doubts:
        story("This link is not what it seems.", color="red")
    return CHECK_SAID_NO if found.doubts else 0


def _known_template(link: Link, template_file: str) -> Any:
    """The template behind a link, by its hash: ours, cached, or handed in."""
    from pathlib import Path

    from provisioner import explain
    from provisioner import template as templates

    if template_file:
        try:
            return templates.parse(Path(template_file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SpecError(f"{template_file} is no template: {error}", field="template") from None
    sha256 = explain.hash_in(link.template_url)
    return synth.find_known(sha256, cache_dir=places().cache) if sha256 else None
