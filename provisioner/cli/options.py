"""What verbs share: options, places on disk, time, and how an answer is printed."""

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisioner import printable, regions
from provisioner.errors import SpecError
from provisioner.sharing import MARKS, Seat, project

if TYPE_CHECKING:
    from provisioner.aws.session import Session
    from provisioner.deploy import Clock
    from provisioner.enrolments import QuickRegistry
    from provisioner.registry import Registry
    from provisioner.spec import Spec

Command = TypeVar("Command", bound=Callable[..., Any])
SPEC_FILE = "stack.yaml"


def spec_options(command: Command) -> Command:
    """Where the wish comes from: a file, or a preset; `--name` and `--region` win over both."""
    for option in (
        click.option("--region", default="", help="AWS region instead of the file's.", show_envvar=True),
        click.option("--name", default="", help="Stack name instead of the file's.", show_envvar=True),
        click.option("--preset", default="", help="Use a preset as it is, without a file.", show_envvar=True),
        click.option(
            "-f", "--file", "path", default=SPEC_FILE, show_default=True, help="The spec.", show_envvar=True
        ),
    ):
        command = option(command)
    return command


def aws_options(command: Command) -> Command:
    for option in (
        click.option("--region", default="", help="AWS region.", show_envvar=True),
        click.option("--profile", default="", help="AWS profile.", show_envvar=True),
    ):
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    # One name for all verbs: errors are asked for by the same variable, before any verb is known.
    flag = click.option(
        "--json",
        "as_json",
        cls=_Json,
        # Before the others: what is wrong with them is told in the form that is asked for.
        is_eager=True,
        callback=_remember_json,
        is_flag=True,
        envvar="STACKWRIGHT_JSON",
        help="Answer as JSON on stdout.",
        show_envvar=True,
    )
    return flag(command)


class _Json(click.Option):
    """An option with the environment variable that its name promises, STACKWRIGHT_VERB_JSON, besides."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        return super().resolve_envvar_value(ctx) or os.environ.get(f"{ctx.auto_envvar_prefix}_JSON")


def _remember_json(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    if isinstance(ctx.obj, dict):
        ctx.obj["as_json"] = value
    return value


def profile_option(command: Command) -> Command:
    return click.option("--profile", default="", help="AWS profile.", show_envvar=True)(command)


def yes_option(command: Command) -> Command:
    flag = click.option("-y", "--yes", is_flag=True, help="Do it without asking.", show_envvar=True)
    return flag(command)


def read_spec(*, path: str, preset: str, name: str, region: str) -> "Spec":
    """The wish; raises SpecError."""
    from provisioner import spec as specs

    if preset:
        return specs.preset(preset, name=name or default_name(), region=region or default_region())
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError(
            f"there is no {path} here",
            hint="`stackwright init` writes one, or use --preset " + "|".join(specs.PRESETS),
            field="file",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} cannot be read: {error}", field="file") from None
    return specs.with_overrides(specs.read(text), name=name, region=region)


def default_name() -> str:
    from provisioner import spec as specs

    return specs.legal_name(Path.cwd().name)


def default_region(profile: str = "") -> str:
    """AWS_REGION, AWS_DEFAULT_REGION, the profile's, else us-east-1."""
    found = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return found or _profile_region(profile) or "us-east-1"


def _profile_region(profile: str) -> str:
    from configparser import ConfigParser

    name = profile or os.environ.get("AWS_PROFILE", "default")
    config = ConfigParser()
    try:
        config.read(os.environ.get("AWS_CONFIG_FILE", Path.home() / ".aws" / "config"))
    except Exception:  # a broken file is for the AWS client to complain about
        return ""
    section = name if name == "default" else f"profile {name}"
    return config.get(section, "region", fallback="")


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where stackwright keeps things: the registry, and shapes it can make again."""

    registry: Path
    cache: Path


@cache
def places() -> Places:
    """Under STACKWRIGHT_HOME where it is set, else where the system keeps such things."""
    home = os.environ.get("STACKWRIGHT_HOME")
    if home:
        return Places(registry=Path(home) / "registry.db", cache=Path(home) / "cache")
    from platformdirs import user_cache_path, user_data_path

    return Places(
        registry=user_data_path("stackwright") / "registry.db", cache=user_cache_path("stackwright")
    )


def open_registry() -> "Registry":
    """The registry, from this user's seat; raises RefusedError where it cannot be used."""
    from provisioner.registry import Registry

    return Registry(registry_place(), seat=seat())


def open_quickly() -> "QuickRegistry | Registry":
    """The registry for links: plain sqlite3, unless it is elsewhere than in a file."""
    place = registry_place()
    if isinstance(place, str):
        return open_registry()
    from provisioner.enrolments import QuickRegistry

    return QuickRegistry(place)


def registry_place() -> Path | str:
    """A file, or the URL that STACKWRIGHT_REGISTRY gives, which may hold a password: show it to nobody."""
    given = os.environ.get("STACKWRIGHT_REGISTRY", "")
    if "://" in given and not given.startswith("sqlite:///"):
        return given
    if not given:
        return places().registry
    path = Path(given.removeprefix("sqlite:///"))
    if not os.path.isdir(path.parent):  # noqa: PTH112 - Path.is_dir raises where a folder may not be entered
        raise SpecError(
            f"STACKWRIGHT_REGISTRY: there is no folder {path.parent}",
            hint="a typing mistake would make an empty registry: make the folder, or mend the path",
            field="STACKWRIGHT_REGISTRY",
        )
    return path


def seat() -> Seat:
    """Who asks the registry, and from which project."""
    from socket import gethostname

    groups = os.environ.get("STACKWRIGHT_GROUPS", "").replace(",", " ").split()
    return Seat(user=_user(), groups=(*groups,), host=gethostname(), directory=_project())


def _user() -> str:
    from getpass import getuser

    try:
        return os.environ.get("STACKWRIGHT_USER") or getuser()
    except (KeyError, OSError):  # a number without a name, as in containers
        return str(os.getuid())


def _project() -> str:
    """The nearest folder upwards that is a project, else this one."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # somebody removed it
        return ""
    return project((str(p), frozenset(m for m in MARKS if (p / m).exists())) for p in (here, *here.parents))


def open_session(region: str, profile: str) -> "Session":
    """The session; raises SpecError for a region that does not exist, before anything is called."""
    known = regions.check(region or default_region(profile))
    from provisioner.aws.session import Session

    return Session(known, profile=profile)


def now() -> datetime:
    return datetime.now(UTC)


def random_id() -> str:
    """128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def clock() -> "Clock":
    from provisioner.deploy import Clock

    given = os.environ.get("STACKWRIGHT_POLL_SECONDS", "2")
    try:
        interval = float(given)
    except ValueError:
        raise SpecError(f"STACKWRIGHT_POLL_SECONDS is {given!r}, not a number of seconds") from None
    return Clock(now=now, sleep=time.sleep, random_id=random_id, interval=interval)


def answer(value: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Data on stdout: JSON for programs, text for people."""
    if as_json:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        print_text(text)


def print_text(text: str) -> None:
    """Text for people on stdout, whoever wrote parts of it."""
    click.echo(printable.lines(text))


def print_page(page: str, form: str) -> None:
    """A page on stdout; in Markdown, which terminals show too, nothing may steer one."""
    click.echo(page if form == "html" else printable.lines(page), nl=False)


def story(text: str, *, color: str | None = None) -> None:
    """Progress and next steps, on stderr."""
    click.secho(printable.lines(text), fg=color, err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Asks on a terminal; elsewhere only --yes goes on. Raises SpecError or click.Abort."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise SpecError("this needs a yes, and there is no terminal to ask on", hint="add --yes", field="yes")
    click.confirm(printable.lines(question), abort=True, err=True)
