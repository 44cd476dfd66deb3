"""An environment file that a POSIX shell and dotenv read alike."""

import re
from collections.abc import Iterator

from provisioner.errors import CheckError
from provisioner.export.format import Format
from provisioner.export.stack import ExportedStack

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")
# Some variables have a name that tools agree on: (component type, output) -> variable.
_KNOWN = {("experiment_tracker", "server_arn"): "MLFLOW_TRACKING_URI"}


def render(stack: ExportedStack) -> str:
    lines = [f"# {line}" for line in stack.head()]
    lines += [f"{name}={quoted(value, name)}" for name, value in variables(stack)]
    return "\n".join(lines) + "\n"


def variables(stack: ExportedStack) -> Iterator[tuple[str, str]]:
    """Variable and value; AWS's own two are what every client of AWS reads."""
    yield from (("AWS_REGION", stack.region), ("AWS_DEFAULT_REGION", stack.region))
    yield from (("STACK_NAME", stack.name), ("STACK_ACCOUNT", stack.account))
    yield from ((f"STACK_{key.upper()}", stack.access[key]) for key in _access_keys(stack))
    for type_, part in stack.parts.items():
        yield f"{type_.upper()}_FLAVOR", part.flavor
        for key, value in part.outputs.items():
            yield f"{type_}_{key}".upper(), value
            if known := _KNOWN.get((type_, key)):
                yield known, value


def _access_keys(stack: ExportedStack) -> list[str]:
    return [key for key in ("role_arn", "external_id", "secret_arn") if stack.access.get(key)]


def quoted(value: str, name: str = "value") -> str:
    """The value as both read it; raises CheckError where the two have no spelling in common."""
    if _PLAIN.fullmatch(value):
        return value
    # dotenv fills in ${NAME} wherever it stands, even between single quotes.
    if "${" not in value and "\0" not in value:
        if not set(value) & {"'", "\\"}:
            return f"'{value}'"
        if not set(value) & {"$", "`"}:
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
    raise CheckError(
        f"{name} is {value!r}, which shells and dotenv cannot both be told",
        hint="--format json carries any value",
        field="format",
    )


FORMAT = Format(
    name="env",
    words="environment file for shells and dotenv",
    render=render,
    use="set -a; . {file}; set +a",
)
