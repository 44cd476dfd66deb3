"""The stack itself as JSON and as YAML: for programs of one's own, and for `stack diff`."""

import json

import yaml

from provisioner.export.format import Format
from provisioner.export.stack import ExportedStack


def as_json(stack: ExportedStack) -> str:
    return json.dumps(stack.as_dict(), indent=2, ensure_ascii=False) + "\n"


def as_yaml(stack: ExportedStack) -> str:
    return yaml.safe_dump(stack.as_dict(), sort_keys=False, allow_unicode=True, width=110)


JSON = Format(
    name="json",
    words="the stack with every value, as JSON",
    render=as_json,
    use="stackwright stack diff {name} {file}",
)
YAML = Format(
    name="yaml",
    words="the stack with every value, as YAML",
    render=as_yaml,
    use="stackwright stack diff {name} {file}",
)
