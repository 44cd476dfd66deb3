"""A registered stack as a value of its own: what is exported, and what is compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from provisioner.components import find
from provisioner.errors import SpecError

# How credentials are obtained, and where a secret lies, never the secret itself. Nothing else leaves.
ACCESS_KEYS = ("type", "auth_method", "trust", "role_arn", "external_id", "secret_arn", "data_key")
_TEXTS = ("name", "account", "region", "status", "template_sha256", "stack_id", "created_at")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One component of a stack."""

    flavor: str
    origin: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClusterPlace:
    """Where a cluster's API is; `ca` is its certificate authority as PEM."""

    name: str
    arn: str
    endpoint: str
    ca: str


@dataclass(frozen=True, kw_only=True)
class ExportedStack:
    """`parts` and `client_files` as the registry tells them; `clusters` are looked up by whoever exports."""

    name: str
    account: str
    region: str
    status: str = "registered"
    parts: Mapping[str, Part] = field(default_factory=dict)
    access: Mapping[str, str] = field(default_factory=dict)
    client_files: Mapping[str, str] = field(default_factory=dict)
    template_sha256: str = ""
    stack_id: str = ""
    created_at: str = ""
    clusters: tuple[ClusterPlace, ...] = ()

    @property
    def role_arn(self) -> str:
        """The role that clients assume; empty where the stack was found and has none."""
        return self.access.get("role_arn", "")

    @property
    def cluster_names(self) -> tuple[str, ...]:
        """The clusters that components run on, each once."""
        named = (part.outputs.get("cluster_name", "") for part in self.parts.values())
        return tuple(dict.fromkeys(name for name in named if name))

    def output(self, type_: str, key: str) -> str:
        """A promised value, or empty where the stack has none."""
        part = self.parts.get(type_)
        return part.outputs.get(key, "") if part else ""

    def with_clusters(self, clusters: tuple[ClusterPlace, ...]) -> "ExportedStack":
        return replace(self, clusters=clusters)

    def as_dict(self) -> dict[str, Any]:
        """The `stack` answer, without what is this machine's own."""
        return {
            "name": self.name,
            "account": self.account,
            "region": self.region,
            "status": self.status,
            "components": {type_: vars(part) for type_, part in self.parts.items()},
            "client_files": dict(self.client_files),
            "connector": dict(self.access),
            "template_sha256": self.template_sha256,
            "stack_id": self.stack_id,
            "created_at": self.created_at,
        }

    def head(self) -> list[str]:
        """Whose it is, for the top of a file."""
        lines = [f"stackwright stack {self.name}", f"account {self.account}, region {self.region}"]
        return [*lines, f"access role {self.role_arn or 'none: your own credentials'}"]


def parse(answer: Mapping[str, Any], *, source: str = "") -> ExportedStack:
    """The stack of a `stack` answer or of an exported file; raises SpecError that names the key."""
    texts: dict[str, Any] = {key: _text(answer, key, source) for key in _TEXTS}
    for key in ("name", "account", "region"):
        if not texts[key]:
            raise _not_ours(source, key)
    components = _mapping(answer, "components", source)
    access = _texts(_mapping(answer, "connector", source), "connector", source)
    return ExportedStack(
        **texts,
        parts={type_: _part(type_, raw, source) for type_, raw in components.items()},
        access={key: access[key] for key in ACCESS_KEYS if access.get(key)},
        client_files=_texts(_mapping(answer, "client_files", source), "client_files", source),
    )


def _part(type_: str, raw: Any, source: str) -> Part:
    if not isinstance(raw, Mapping):
        raise _not_ours(source, f"components.{type_}")
    facts = find(type_, str(raw.get("flavor", "")))
    if facts is None:
        raise _not_ours(source, f"components.{type_}.flavor")
    place = f"components.{type_}"
    outputs = _texts(_mapping(raw, "outputs", source), place, source)
    return Part(
        flavor=facts.flavor,
        origin=_text(raw, "origin", source),
        # Promised values only: what somebody wrote beside them is not ours to pass on.
        outputs={key: value for key, value in outputs.items() if key in facts.outputs},
        config=_texts(_mapping(raw, "config", source), place, source),
    )


def _mapping(raw: Mapping[str, Any], key: str, source: str) -> Mapping[str, Any]:
    found = raw.get(key, {})
    if not isinstance(found, Mapping):
        raise _not_ours(source, key)
    return found


def _texts(raw: Mapping[str, Any], key: str, source: str) -> dict[str, str]:
    if not all(isinstance(value, str) for value in raw.values()):
        raise _not_ours(source, key)
    return {str(k): v for k, v in raw.items()}


def _text(raw: Mapping[str, Any], key: str, source: str) -> str:
    found = raw.get(key, "")
    if not isinstance(found, str):
        raise _not_ours(source, key)
    return found


def _not_ours(source: str, key: str) -> SpecError:
    return SpecError(
        f"{source or 'this'} is no exported stack: {key} is not as `stack export` writes it",
        hint="`stackwright stack export NAME --format json -o FILE` writes one",
        field=key,
    )
