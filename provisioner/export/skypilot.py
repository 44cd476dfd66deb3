"""SkyPilot's configuration: the role, the security group and the network of its machines."""

from provisioner.export.format import Format
from provisioner.export.stack import ExportedStack

_PATH = "~/.sky/config.yaml"


def render(stack: ExportedStack) -> str:
    """The file that the component itself asks for, under whose it is."""
    return "".join(f"# {line}\n" for line in stack.head()) + stack.client_files[_PATH]


def _lacks(stack: ExportedStack) -> str:
    return "" if _PATH in stack.client_files else "orchestrator ec2, whose machines SkyPilot starts"


FORMAT = Format(
    name="skypilot",
    words="SkyPilot's configuration",
    render=render,
    use=f"cp {{file}} {_PATH}",
    lacks=_lacks,
)
