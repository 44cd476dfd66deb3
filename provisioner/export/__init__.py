"""A stack for people who do not use ZenML: one small file per format, and the table of them."""

from provisioner.errors import CheckError
from provisioner.export import environment, kubeconfig, metaflow, plain, sagemaker, skypilot, zenml
from provisioner.export.format import Format
from provisioner.export.stack import ExportedStack

FORMATS: tuple[Format, ...] = (
    environment.FORMAT,
    plain.JSON,
    plain.YAML,
    zenml.FORMAT,
    metaflow.FORMAT,
    skypilot.FORMAT,
    sagemaker.FORMAT,
    kubeconfig.FORMAT,
)
NAMES = tuple(f.name for f in FORMATS)


def find(name: str) -> Format:
    return next(f for f in FORMATS if f.name == name)


def check(stack: ExportedStack, format_: Format) -> None:
    """Raises CheckError where the stack cannot fill the format, naming those that it can."""
    lacking = format_.lacks(stack)
    if lacking:
        fitting = ", ".join(f.name for f in FORMATS if not f.lacks(stack))
        raise CheckError(
            f"{stack.name} cannot be exported for {format_.name}: it has no {lacking}",
            hint=f"what fits: {fitting}",
            field="format",
        )
