"""The command line: verbs are imported only when they are called."""

import errno
import gc
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from provisioner import __version__
from provisioner.errors import BUG, NOT_UNDERSTOOD, RefusedError, SpecError, StackwrightError

# What click itself takes for a yes in an environment variable.
_YES = ("1", "true", "t", "yes", "y", "on")
_FULL = (errno.ENOSPC, errno.EDQUOT)

# verb -> (module, what it does). Help lists them without importing one.
VERBS = {
    "init": ("init", "Write stack.yaml."),
    "plan": ("plan", "Show resources, permissions, cost and findings; calls nothing."),
    "synth": ("synth", "Write the CloudFormation template."),
    "publish": ("publish", "Put the template where links can reach it."),
    "link": ("link", "Make or explain a Deploy-to-AWS link."),
    "deploy": ("deploy", "Create or update the stack through the API and register it."),
    "status": ("status", "Say how a stack stands."),
    "wait": ("wait", "Wait for a stack that a link or a deployment started."),
    "finish": ("finish", "Register a completed CloudFormation stack."),
    "doctor": ("doctor", "Prove that a registered stack works."),
    "destroy": ("destroy", "Print what would go, then delete it."),
    "scan": ("scan", "Find what an account already has."),
    "register": ("register", "Take something found into the registry."),
    "stack": ("stack", "List, show, switch, share and forget registered stacks."),
    "component": ("component", "List, show and forget registered components."),
    "connector": ("connector", "List and show how stacks' credentials are obtained."),
    "registry": ("registry", "Where the registry is; export, import and copy it."),
    "zenml": ("zenml", "Log in to a ZenML server, and put stacks into it."),
    "serve": ("serve", "Serve the endpoint that stacks call back to."),
    "cost": ("cost", "Estimate, compare and check the cost of any CloudFormation template."),
    "prices": ("prices", "Show, count and refresh the prices that estimates are made from."),
    "demo": ("demo", "The whole flow on an embedded AWS; no account needed."),
}


class Verbs(click.Group):
    """A group that imports a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module = import_module(f"provisioner.cli.{VERBS[name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        name = args[0] if args else ""
        if name not in VERBS and not name.startswith("-"):
            close = get_close_matches(name, VERBS, n=1)
            ctx.fail(f"no verb {name!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)


@click.group(
    cls=Verbs,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "STACKWRIGHT",
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="stackwright")
def root() -> None:
    """A working, priced, least-privilege MLOps stack in any AWS account from one link.

    \b
    Example:
      stackwright demo                        # no AWS account needed
      stackwright init --preset sagemaker     # writes stack.yaml
      stackwright plan                        # resources, permissions, cost
      stackwright deploy                      # create it, register it
    """


def main() -> None:
    """The `stackwright` command."""
    # The default looks for garbage hundreds of times while modules load, and finds none.
    gc.set_threshold(50_000, 20, 20)
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; the exit code. Bugs raise."""
    # The verb's own --json says it; a command line that ends before that is known is read by its words.
    asked = {"as_json": "--json" in arguments or os.environ.get("STACKWRIGHT_JSON", "").lower() in _YES}
    try:
        return _main(arguments, asked)
    except StackwrightError as error:
        return _tell(error, asked["as_json"])
    except Exception as error:
        import traceback

        traceback.print_exc()
        click.echo("This is a bug in stackwright: please report it with the lines above.", err=True)
        if asked["as_json"]:
            bug = StackwrightError(
                f"{type(error).__name__}: {error}", hint="a bug: please report it with the lines on stderr"
            )
            _say_json(bug)
        return BUG


def _main(arguments: Sequence[str], asked: dict[str, bool]) -> int:
    """The exit code; raises StackwrightError for whatever is no bug."""
    try:
        result = root.main(list(arguments), prog_name="stackwright", standalone_mode=False, obj=asked)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("Stopped; nothing more was done.", err=True)
        return NOT_UNDERSTOOD
    except click.exceptions.NoArgsIsHelpError as group:
        if asked["as_json"]:
            raise SpecError(f"{_path(group)} needs a verb", hint=f"{_path(group)} --help") from None
        group.show()
        return NOT_UNDERSTOOD
    except click.ClickException as error:
        raise _from_click(error) from None
    except BrokenPipeError:
        # The reader of a pipe has seen enough.
        _close_stdout()
        return 0
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise RefusedError(f"cannot write: {error.strerror}", hint="make room, then run it again") from error


def _tell(error: StackwrightError, as_json: bool) -> int:
    """JSON on stdout where it was asked for, and always the story on stderr."""
    from provisioner import printable

    if as_json:
        _say_json(error)
    else:
        _flush_stdout()
    click.secho(printable.lines(f"Error: {error.message}"), fg="red", err=True)
    if error.hint:
        click.echo(printable.lines(f"  Next: {error.hint}"), err=True)
    return error.exit_code


def _say_json(error: StackwrightError) -> None:
    try:
        click.echo(json.dumps(error.as_dict(), indent=2))
    except OSError:
        _close_stdout()


def _flush_stdout() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        _close_stdout()


def _close_stdout() -> None:
    """Python must not complain at exit about what it could not write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _from_click(error: click.ClickException) -> StackwrightError:
    option = getattr(error, "param", None)
    field = getattr(option, "name", "") or ""
    return SpecError(error.format_message(), hint=f"{_path(error)} --help", field=field)


def _path(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context else "stackwright"
