"""What every CloudFormation resource type can do, and what their handlers share.

Handlers go through the ordinary AWS APIs: every other client sees the resource with all its properties,
denied actions fail a stack as they do on AWS, and a new type needs no knowledge of moto.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from botocore.exceptions import ClientError

from provisioner.emulator.clients import error_code

Properties = Mapping[str, Any]
NOTHING: Properties = {}


class HandlerError(Exception):
    """A handler's reason why a resource could not be made, changed or deleted."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a resource stands: its account, region and stack, and how to call AWS there."""

    account: str
    region: str
    stack_name: str
    stack_id: str
    logical_id: str
    stack_tags: Mapping[str, str]
    endpoint_call: Callable[..., Any]
    partition: str = "aws"

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        """One AWS call in the stack's account and region."""
        return self.endpoint_call(self.account, self.region, service, operation, **parameters)

    def arn(self, service: str, resource: str) -> str:
        """A regional ARN in the stack's account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


class ResourceType:
    """What every row of the table can do; the defaults suit a type that holds nothing."""

    name: ClassVar[str]
    allowed: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()
    # A change of one of these makes a new physical resource.
    create_only: ClassVar[frozenset[str]] = frozenset()
    # The property with the physical name, when the user may choose it.
    name_property: ClassVar[str] = ""
    # Which tags of the stack reach the resource ("system" adds aws:cloudformation:*).
    tagging: ClassVar[Literal["none", "stack", "system"]] = "none"
    attribute_names: ClassVar[frozenset[str]] = frozenset()
    needs_iam_capability: ClassVar[bool] = False
    # Real properties that this emulator cannot apply: refused, never ignored.
    beyond: ClassVar[frozenset[str]] = frozenset()
    # A type of somebody's own, whose function knows its properties.
    any_property: ClassVar[bool] = False

    def create(self, site: Site, properties: Properties) -> str:
        """Make the resource and answer its physical id."""
        return physical_name(site, 128)

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        """Bring everything that `create` did not set from `old` to `new`."""

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        """What `Fn::GetAtt` answers."""
        return {}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        """Remove the resource; one that is gone already is removed."""

    def is_named(self, properties: Properties) -> bool:
        """Did the user choose the physical name?"""
        return bool(self.name_property) and self.name_property in properties

    def tags(self, site: Site, properties: Properties) -> dict[str, str]:
        """The resource's own tags over those of the stack."""
        own = {str(tag["Key"]): str(tag["Value"]) for tag in properties.get("Tags", [])}
        return {**(site.stack_tags if self.tagging != "none" else {}), **self.system(site), **own}

    def system(self, site: Site) -> dict[str, str]:
        """The aws:cloudformation:* tags, for types whose schema says cloudFormationSystemTags."""
        if self.tagging != "system":
            return {}
        return {
            "aws:cloudformation:stack-name": site.stack_name,
            "aws:cloudformation:stack-id": site.stack_id,
            "aws:cloudformation:logical-id": site.logical_id,
        }


def physical_name(site: Site, limit: int, *, lower: bool = False) -> str:
    """`stack-logicalid-random`, cut to the service's length limit as CloudFormation cuts it."""
    alphabet = string.ascii_letters + string.digits
    suffix = "".join(secrets.choice(alphabet) for _ in range(12))
    room = limit - len(suffix) - 2
    logical_id = site.logical_id[: max(room // 2, room - len(site.stack_name))]
    stack = site.stack_name[: room - len(logical_id)]
    name = f"{stack}-{logical_id}-{suffix}"
    return name.lower() if lower else name


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most APIs want them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def changed(name: str, new: Properties, old: Properties) -> bool:
    """Does the property differ between the two?"""
    return bool(new.get(name) != old.get(name))


def chosen(properties: Properties, names: str) -> dict[str, Any]:
    """Those of the named properties that the template gives."""
    return {name: properties[name] for name in names.split() if name in properties}


def api_form(value: Any) -> Any:
    """A template's value as the newer APIs spell it: `SubnetIds` is `subnetIds`."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: api_form(item) for key, item in value.items()}
    return [api_form(item) for item in value] if isinstance(value, list) else value


def api_chosen(properties: Properties, names: str) -> dict[str, Any]:
    """Those of the named properties that the template gives, as the newer APIs spell them."""
    found: dict[str, Any] = api_form(chosen(properties, names))
    return found


def document(value: Any) -> str:
    """A policy as the API wants it: JSON text."""
    return value if isinstance(value, str) else json.dumps(value)


class Gone:
    """Swallows the errors that say a thing is gone already."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, ClientError) and error_code(error) in self._codes


def check_properties(kind: ResourceType, properties: Properties) -> None:
    """Refuse unknown and missing top-level properties before anything is called."""
    unknown = sorted(set(properties) - kind.allowed)
    if unknown and not kind.any_property:
        raise HandlerError(f"Encountered unsupported property {unknown[0]}")
    beyond = sorted(kind.beyond & set(properties))
    if beyond:
        raise HandlerError(f"The emulator cannot apply property {beyond[0]} of {kind.name}")
    missing = sorted(kind.required - set(properties))
    if missing:
        raise HandlerError(
            "Properties validation failed for resource with message: "
            f"[#: required key [{missing[0]}] not found]"
        )
