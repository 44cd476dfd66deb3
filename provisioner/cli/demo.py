"""`stackwright demo`: the whole flow on an embedded AWS, through the ordinary verbs."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import click

from provisioner.cli.options import story
from provisioner.errors import RefusedError

NAME = "churn-dev"
REGION = "eu-central-1"


@click.command()
@click.option(
    "--preset",
    # The others ask for an address that only the user knows.
    type=click.Choice(["minimal", "sagemaker"]),
    default="sagemaker",
    show_default=True,
    help="What to walk through.",
    show_envvar=True,
)
@click.option("--keep", is_flag=True, help="Leave the embedded AWS running, and say how to use it.")
@click.option("--event-delay", default=0.4, show_default=True, help="Seconds that each resource takes.")
def command(preset: str, keep: bool, event_delay: float) -> int:
    """Run everything on an embedded AWS: no account, no network, nothing left behind.

    \b
    Example:
      stackwright demo
      stackwright demo --keep
    """
    folder = Path(tempfile.mkdtemp(prefix="stackwright-demo-"))
    work = folder / NAME
    work.mkdir()
    process, endpoint = _start(event_delay, folder / "emulator.log")
    environment = _environment(endpoint, folder / "home")
    kept = False
    try:
        with _inside(work, environment):
            _walk(preset)
            _summary()
        kept = keep
    finally:
        # What nobody was told about is not left running.
        if not kept:
            _stop(process)
            _remove(folder)
    if kept:
        _tell_kept(process.pid, work, environment)
    return 0


def _walk(preset: str) -> None:
    """The nine steps; each is a command that works the same on a real account."""
    _step("1. A spec", "init", "--preset", preset, "--name", NAME, "--region", REGION)
    _step("2. The plan: what, who may, how much", "plan")
    _step("3. The template goes where a link can reach it", "publish", "--yes")
    _title("4. The link: one URL for somebody without a terminal")
    _show("link")
    url = _captured("link")
    click.echo(url)
    _step("", "link", "verify", url)
    _title("5. What the console does with it: exactly the link's own parameters")
    _open(url)
    _step("", "wait", NAME)
    _step("6. Finish: prove it, register it", "finish", NAME)
    _step("7. Switch to it", "stack", "set", NAME)
    _step("8. Does it work? As the stack's own role", "doctor", NAME)
    _step("9. Scan the account: it finds what was just built", "scan", "--region", REGION)


def _open(url: str) -> None:
    """Parses the link back and creates the stack with it, as the console would."""
    from provisioner import link as links
    from provisioner.cli.cloud import open_cloud

    link = links.parse(url)
    stack_id = open_cloud(link.region, "").stacks.create_from_url(
        name=link.stack_name, template_url=link.template_url, parameters=link.parameters
    )
    story(f"CreateStack {link.stack_name} with {len(link.parameters)} parameters: {stack_id}")


def _summary() -> None:
    _title("Done.")
    shown = json.loads(_captured("stack", "show", NAME, "--json"))
    components = ", ".join(f"{t} {c['flavor']}" for t, c in shown["components"].items())
    typical = shown["estimate"]["total"]["typical"]
    click.echo(f"{NAME} is {shown['status']}{' and active' if shown['active'] else ''}: {components}.")
    click.echo(
        f"Estimated ${typical:.2f} a month with {shown['estimate']['usage']['profile']} use in {REGION}."
    )
    click.echo("The link above points at the embedded AWS's bucket: make one of your own to click it.")
    click.echo("")
    click.echo("On a real account, with AWS credentials:")
    click.echo("  stackwright init && stackwright plan && stackwright deploy")
    click.echo("or, for somebody who only has a browser:")
    click.echo("  stackwright publish && stackwright link")


def _tell_kept(pid: int, work: Path, environment: Mapping[str, str]) -> None:
    """How to use what was left, and how to be rid of it."""
    folder = shlex.quote(str(work.parent))
    click.echo("")
    click.echo(f"The embedded AWS keeps running at {environment['AWS_ENDPOINT_URL']}. To use it:")
    for key, value in environment.items():
        click.echo(f"  export {key}={shlex.quote(value)}")
    click.echo(f"  cd {shlex.quote(str(work))}    # stack.yaml lies here")
    click.echo("To stop it and remove its folder, which stays until then:")
    click.echo(f"  kill {pid} && rm -r {folder}")


def _title(text: str) -> None:
    click.secho(f"\n{text}", bold=True, err=True)


def _step(title: str, *arguments: str) -> None:
    if title:
        _title(title)
    _show(*arguments)
    _run(arguments)


def _show(*arguments: str) -> None:
    shown = [a if len(a) < 60 else a[:57] + "…" for a in arguments]
    story("$ stackwright " + " ".join(shlex.quote(a) for a in shown), color="cyan")


def _captured(*arguments: str) -> str:
    """What a command answers; it is not shown."""
    out = StringIO()
    with redirect_stdout(out):
        _run(arguments)
    return out.getvalue().strip()


def _run(arguments: Sequence[str]) -> None:
    from provisioner.cli import run

    code = run(arguments)
    if code:
        raise RefusedError(f"`stackwright {arguments[0]}` ended with exit code {code}", hint="see above")


def _start(event_delay: float, log: Path) -> tuple[subprocess.Popen[str], str]:
    """The emulator as a process of its own, and its endpoint once it answers."""
    if find_spec("moto") is None:
        raise RefusedError("the embedded AWS is not installed", hint="pip install 'stackwright[demo]'")
    story("Starting an embedded AWS …")
    with log.open("w") as errors:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our module
            [sys.executable, "-m", "provisioner.emulator", "--event-delay", str(event_delay)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise RefusedError("the embedded AWS did not start", hint=log.read_text()[-500:])
    endpoint = str(json.loads(line)["endpoint"])
    story(f"It listens on {endpoint}; the same commands work on a real account.")
    return process, endpoint


def _stop(process: subprocess.Popen[str]) -> None:
    """Ends the emulator and sees it gone."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove(folder: Path) -> None:
    from shutil import rmtree

    rmtree(folder, ignore_errors=True)


def _environment(endpoint: str, home: Path) -> dict[str, str]:
    """All that differs from a real account: the endpoint, and credentials that only it accepts."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "STACKWRIGHT_HOME": str(home),
        "STACKWRIGHT_POLL_SECONDS": "0.2",
    }


@contextmanager
def _inside(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """The demo's own folder and environment; the user's come back afterwards."""
    from provisioner.cli.options import places

    before, cwd = dict(os.environ), Path.cwd()
    strangers = [k for k in before if k.startswith(("AWS_", "STACKWRIGHT_"))]
    for key in strangers:
        del os.environ[key]
    os.environ.update(environment)
    os.chdir(folder)
    places.cache_clear()
    try:
        yield
    finally:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(before)
        places.cache_clear()
