"""What a component file fills in: options, promised outputs, statements, fitness checks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from provisioner.arn import Arn

ComponentType = Literal[
    "artifact_store",
    "container_registry",
    "orchestrator",
    "step_operator",
    "image_builder",
    "experiment_tracker",
    "model_deployer",
]
TYPES: tuple[ComponentType, ...] = get_args(ComponentType)
RoleKind = Literal["access", "execution", "bucket"]
Severity = Literal["error", "warning", "info"]
Value = str | int | bool
Outputs = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One key under `components.TYPE.options`; becomes a CloudFormation parameter of the same meaning."""

    name: str
    default: int | bool
    doc: str
    minimum: int = 0
    maximum: int = 0


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One Allow or Deny; its `sid` is unique in the catalogue and ties a template's statement to its words.

    `resources` and condition values may name promised outputs, `{artifact_store.bucket_arn}/*`, and the
    stack's own `{aws.partition}`, `{aws.region}`, `{aws.account}`.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    words: str
    role: RoleKind = "access"
    effect: Literal["Allow", "Deny"] = "Allow"
    conditions: Mapping[str, Mapping[str, str | tuple[str, ...]]] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A fitness check: `test` answers yes, no, or None for "I could not look"."""

    id: str
    severity: Severity
    test: Callable[[Mapping[str, object]], bool | None]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component type in one flavor: the facts that the construct of the same name builds on."""

    name: str
    type: ComponentType
    flavor: str
    words: str
    zenml_flavor: str
    resource_types: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[ComponentType, ...] = ()
    statements: tuple[Statement, ...] = ()
    arn_pattern: str = ""
    outputs_of: Callable[[Arn], Outputs] = lambda arn: {}
    register_config: Callable[[Mapping[str, Outputs]], Mapping[str, str]] = lambda outputs: {}
    checks: tuple[Check, ...] = ()

    @property
    def reusable(self) -> bool:
        """Whether something that exists may take this slot, named by its ARN."""
        return bool(self.arn_pattern)

    def fits_arn(self, arn: str) -> bool:
        # ASCII, as CloudFormation's own regular expressions: a role called müller does not exist.
        return bool(self.arn_pattern) and re.fullmatch(self.arn_pattern, arn, re.ASCII) is not None


def flag(key: str) -> Callable[[Mapping[str, object]], bool | None]:
    """A check's test that reads one yes-or-no attribute; anything else is "I could not look"."""

    def test(attributes: Mapping[str, object]) -> bool | None:
        value = attributes.get(key)
        return value if isinstance(value, bool) else None

    return test


def pascal(name: str) -> str:
    """`artifact_store` -> `ArtifactStore`: how types and keys are spelt in a template."""
    return "".join(part.capitalize() for part in re.split(r"[_-]", name))


def parameter_name(type_: str, key: str) -> str:
    """The CloudFormation parameter or output that carries a component's option or promised value."""
    return pascal(type_) + pascal(key)


_PLACE = re.compile(r"\{([a-z_]+)\.([a-z_]+)\}")


def places(text: str) -> list[tuple[str, str]]:
    """The (scope, key) placeholders of a statement's text."""
    return _PLACE.findall(text)


def fill(text: str, values: Mapping[str, Outputs]) -> str:
    """A statement's text with its placeholders replaced; raises KeyError for a value nobody promised."""
    return _PLACE.sub(lambda match: values[match[1]][match[2]], text)
