"""How a stack's events are shown while they happen: a bar on a terminal, a line each elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from provisioner import printable
from provisioner.cli.options import story
from provisioner.errors import RefusedError

if TYPE_CHECKING:
    from provisioner.aws.cloudformation import Event

_COLORS = {"COMPLETE": "green", "FAILED": "red", "PROGRESS": None, "SKIPPED": "yellow"}


@contextmanager
def shown(resources: int) -> Iterator[Callable[["Event"], None]]:
    """A callback for events; `resources` is how many are expected to complete."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<60}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("waiting for CloudFormation", total=resources)
        done: set[str] = set()

        def on_event(event: "Event") -> None:
            if event.type != "AWS::CloudFormation::Stack" and event.status.endswith(
                ("_COMPLETE", "_SKIPPED")
            ):
                done.add(event.logical_id)
            text = f"{event.status.lower().replace('_', ' ')} {event.logical_id}"
            progress.update(task, description=text[:60], completed=len(done))
            if event.status.endswith("_FAILED"):
                failed = printable.line(f"{event.status} {event.logical_id}: {event.reason}")
                progress.console.print(failed, style="red", markup=False)

        yield on_event


@contextmanager
def interruptible(next_step: str) -> Iterator[None]:
    """Whoever stops watching learns that CloudFormation does not stop; raises RefusedError."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        raise RefusedError("you stopped watching; CloudFormation goes on", hint=next_step) from None


def _line(event: "Event") -> None:
    if event.reason == "Resource creation Initiated":
        return  # CloudFormation tells the same start twice
    reason = f"  {event.reason}" if event.status.endswith("_FAILED") else ""
    color = _COLORS.get(event.status.rpartition("_")[2])
    moment = event.at.strftime("%H:%M:%S")
    story(printable.line(f"  {moment}  {event.status:<38} {event.logical_id}{reason}"), color=color)
