"""What a component file fills in: options, promised outputs, statements, fitness checks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
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
Severity = Literal["error", "warning", "info"]
Value = str | int | bool | tuple[str, ...]
Outputs = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One key under `components.TYPE.options`; its default's type says what may stand there.

    true or false, a whole number from `minimum` to `maximum`, a text, or a list of at most `maximum` texts
    (0: any number). `shapes` says what becomes of it: a CloudFormation parameter of the same meaning (""),
    part of the template's structure ("value"), a parameter whose presence changes the structure ("presence"),
    or the network's ("network").
    """

    name: str
    default: Value
    doc: str
    minimum: int = 0
    maximum: int = 0
    choices: tuple[str | int, ...] = ()
    # Of the text, or of each text of a list; a console checks it too, so no lookaround.
    pattern: str = ""
    shapes: Literal["", "value", "presence", "network"] = ""
    # The structural option without which this one means nothing: `gpu_instance_type`, `compute=managed`.
    within: str = ""
    # `gpu: {instance_type: …}` spells the option gpu_instance_type of the group gpu.
    group: str = ""
    # What `init` writes where only the user can know; no link is made while it stands there.
    placeholder: str = ""
    # Whether it decides who gets in: a proof compares it, and the form shows it beside the trusted principal.
    guards: bool = False

    @property
    def key(self) -> str:
        """The option's name inside its group."""
        return self.name.removeprefix(f"{self.group}_") if self.group else self.name


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One Allow or Deny; its `sid` is unique in the catalogue and ties a template's statement to its words.

    `resources` and condition values may name promised outputs, `{artifact_store.bucket_arn}/*`, and the
    stack's own `{aws.partition}`, `{aws.region}`, `{aws.account}`. `role` is "access", "bucket" for a bucket
    policy, or the kind of role that the component's construct makes. `when` is what the shape must have:
    "kms", or a structural option of the component ("gpu_instance_type", "compute=auto").
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    words: str
    role: str = "access"
    when: str = ""
    effect: Literal["Allow", "Deny"] = "Allow"
    conditions: Mapping[str, Mapping[str, str | tuple[str, ...]]] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ManagedPolicy:
    """A policy of AWS's own that a service demands of a role, with what it allows in words."""

    name: str
    role: str
    words: str
    reason: str
    # As `Statement.when`.
    when: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """A fitness check: `test` answers yes, no, or None for "I could not look".

    `reason` says what holds when the answer is yes; `detail` what was seen: versions, names, what is missing.
    """

    id: str
    severity: Severity
    test: Callable[[Mapping[str, object]], bool | None]
    reason: str
    detail: Callable[[Mapping[str, object]], str] = lambda attributes: ""


@dataclass(frozen=True, kw_only=True)
class Component:
    """One component type in one flavor: the facts that the construct of the same name builds on.

    An empty `zenml_flavor` means that ZenML has no such flavor: the component lives in our registry only.
    """

    name: str
    type: ComponentType
    flavor: str
    words: str
    zenml_flavor: str
    # Why ZenML cannot use it though it knows the flavor: it is told to clients in another way.
    outside_zenml: str = ""
    resource_types: tuple[str, ...] = ()
    # Resource types that only some structures have, as `Option.within` says it.
    types_when: Mapping[str, str] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    # Outputs that only some structures have, as `Option.within` says it.
    outputs_when: Mapping[str, str] = field(default_factory=dict)
    # Outputs that no ARN tells: whoever builds the component chooses them.
    chosen_outputs: tuple[str, ...] = ()
    # What only the statements of its own roles may name; nobody else is promised it.
    private: tuple[str, ...] = ()
    # The promised values that the template makes even where the component is reused.
    made_outputs: tuple[str, ...] = ()
    needs: tuple[ComponentType, ...] = ()
    # What is built in this flavor shares one of these: kaniko runs on a cluster of the stack.
    beside: tuple[tuple[ComponentType, str], ...] = ()
    network: bool = False
    # The files of templates/manifests/ that a cluster of this stack must be given.
    manifests: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()
    # Only where AWS refuses anything narrower.
    managed: tuple[ManagedPolicy, ...] = ()
    arn_pattern: str = ""
    outputs_of: Callable[[Arn], Outputs] = lambda arn: {}
    # What an ARN tells of the structure that statements ask about.
    structure_of: Callable[[Arn], Mapping[str, Value]] = lambda arn: {}
    register_config: Callable[[Mapping[str, Outputs]], Mapping[str, str]] = lambda outputs: {}
    # What tools on the user's machine must be told, which ZenML cannot carry: path -> text.
    client_files: Callable[[Mapping[str, Outputs]], Mapping[str, str]] = lambda outputs: {}
    checks: tuple[Check, ...] = ()

    def structure(self, options: Mapping[str, Value]) -> dict[str, Value]:
        """The part of the options that changes the template: values, and which of the others are given."""
        given: dict[str, Value] = {}
        for option in self.options:
            wanted = options.get(option.name, option.default)
            if option.shapes == "value":
                given[option.name] = wanted
            elif option.shapes == "presence" and wanted:
                given[option.name] = True
        return given

    def parameters(self, structure: Mapping[str, Value]) -> list[Option]:
        """The options that are parameters of a template with this structure."""
        return [
            o
            for o in self.options
            if o.shapes in ("", "presence")
            and holds(o.within, structure)
            and (not o.shapes or structure.get(o.name))
        ]

    @property
    def reusable(self) -> bool:
        """Whether something that exists may take this slot, named by its ARN."""
        return bool(self.arn_pattern)

    def fits_arn(self, arn: str) -> bool:
        return bool(self.arn_pattern) and _compiled(self.arn_pattern).fullmatch(arn) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """ASCII, as CloudFormation's own regular expressions: a role called müller does not exist."""
    return re.compile(pattern, re.ASCII)


def holds(condition: str, structure: Mapping[str, Value]) -> bool:
    """Whether a structure has all that `Option.within` or `Statement.when` names, comma between."""
    return not condition or all(_has(part, structure) for part in condition.split(","))


def _has(condition: str, structure: Mapping[str, Value]) -> bool:
    name, _, wanted = condition.partition("=")
    return str(structure.get(name)) == wanted if wanted else bool(structure.get(name))


def flag(key: str) -> Callable[[Mapping[str, object]], bool | None]:
    """A check's test that reads one yes-or-no attribute; anything else is "I could not look"."""

    def test(attributes: Mapping[str, object]) -> bool | None:
        value = attributes.get(key)
        return value if isinstance(value, bool) else None

    return test


def flag_off(key: str) -> Callable[[Mapping[str, object]], bool | None]:
    """A check's test that an attribute is no; anything but yes or no is "I could not look"."""

    def test(attributes: Mapping[str, object]) -> bool | None:
        value = attributes.get(key)
        return not value if isinstance(value, bool) else None

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
