"""The NAME that verbs take: a stack's name, or the ARN of its CloudFormation stack."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from provisioner.arn import STACK_NAME
from provisioner.errors import SpecError

Command = TypeVar("Command", bound=Callable[..., Any])
_STACK = re.compile(
    rf"{STACK_NAME}|arn:[a-z-]+:cloudformation:[a-z0-9-]+:[0-9]{{12}}:stack/{STACK_NAME}/[0-9A-Za-z-]+"
)


def name_argument(command: Command) -> Command:
    return click.argument("name", callback=lambda context, parameter, value: checked(value))(command)


def checked(name: str) -> str:
    """The name as it was given; raises SpecError. To CloudFormation an empty one means every stack."""
    if not _STACK.fullmatch(name):
        raise SpecError(
            f"{name!r} is no name of a stack",
            hint="letters, digits and hyphens, a letter first; `stackwright stack list` shows what there is",
            field="name",
        )
    return name
