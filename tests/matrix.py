"""Presets × options as rows of choices in which every possible pair of choices stands together."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from provisioner import spec as specs
from provisioner.components import find, flavors

Row = Mapping[str, str]
Axes = Mapping[str, Sequence[str]]
# Whether choices may stand together, asked of rows that are not complete yet too.
Rule = Callable[[Row], bool]
Pair = frozenset[tuple[str, str]]

ISSUER = "token.actions.githubusercontent.com"
NONE = "none"
CIDRS = ["198.51.100.7/32"]

# What stands first in each is tried first; a new flavor of the catalogue is in its axis by itself.
AXES: Axes = {
    "preset": tuple(specs.PRESETS),
    "trust": ("account", "principal", "principal-noid", "oidc", "oidc-reuse", "access_key"),
    "builder": (NONE, *flavors("image_builder")),
    "steps": (NONE, *flavors("step_operator")),
    "network": (NONE, "new", "existing"),
    "nat": (NONE, "0", "1", "each"),
    "zones": (NONE, "2", "3"),
    "compute": (NONE, "auto", "managed"),
    "budget": (NONE, "email", "sns"),
    "tracker": (NONE, "serverless", "tracking_server"),
    "deployer": (NONE, *flavors("model_deployer")),
    "gpu": ("no", "yes"),
    "admin": ("no", "yes"),
    "kms": ("no", "yes"),
    "boundary": ("no", "yes"),
    "retention": specs.RETENTIONS,
}


def needs_network(preset: str, steps: str) -> bool:
    chosen = (find("orchestrator", specs.PRESETS[preset]["orchestrator"]), find("step_operator", steps))
    return any(component.network for component in chosen if component)


def has_host(type_: str, flavor: str, preset: str) -> bool:
    """Kaniko, and steps on EKS, are built on a cluster of the stack."""
    component = find(type_, flavor)
    orchestrator = ("orchestrator", specs.PRESETS[preset]["orchestrator"])
    return not component or not component.beside or orchestrator in component.beside


def zoned(preset: str) -> bool:
    """Whether its orchestrator lets the user say how many zones a new network has."""
    component = find("orchestrator", specs.PRESETS[preset]["orchestrator"])
    return bool(component and any(option.name == "zones" for option in component.options))


def of(*axes: str, test: Callable[..., bool]) -> Rule:
    """A rule about these axes, once all of them are chosen."""
    return lambda row: not set(axes) <= set(row) or test(*(row[axis] for axis in axes))


RULES: Sequence[Rule] = (
    of("preset", "steps", "network", test=lambda p, s, n: (n != NONE) == needs_network(p, s)),
    of("preset", "builder", test=lambda p, b: has_host("image_builder", b, p)),
    of("preset", "steps", test=lambda p, s: has_host("step_operator", s, p)),
    of("preset", "compute", test=lambda p, c: (c != NONE) == (p == "eks")),
    of("preset", "gpu", test=lambda p, g: p == "eks" or g == "no"),
    of("preset", "admin", test=lambda p, a: p == "eks" or a == "no"),
    of("preset", "network", "nat", test=lambda p, n, g: (g != NONE) == (p == "eks" and n == "new")),
    of("preset", "network", "zones", test=lambda p, n, z: (z != NONE) == (n == "new" and zoned(p))),
)
# About how many thousand bytes a choice adds: a template of more than 51,200 is refused at `plan`.
WEIGHTS: Mapping[str, Mapping[str, int]] = {
    "preset": {"minimal": 12, "sagemaker": 20, "eks": 28, "ec2": 28},
    "builder": {"codebuild": 6, "kaniko": 3},
    "steps": {"sagemaker": 8, "eks": 2, "batch": 12},
    "nat": {"1": 3, "each": 6},
    "zones": {"3": 2},
    "compute": {"managed": 6},
    "trust": {"oidc": 2, "access_key": 2},
    "budget": {"email": 2, "sns": 2},
    "tracker": {"serverless": 3, "tracking_server": 4},
    "deployer": {"sagemaker": 5},
    "gpu": {"yes": 3},
    "kms": {"yes": 2},
}
MOST = 46


def light(row: Row) -> bool:
    return sum(WEIGHTS.get(axis, {}).get(choice, 0) for axis, choice in row.items()) <= MOST


def pairwise(axes: Axes, rules: Sequence[Rule], given: Sequence[Row] = ()) -> list[Row]:
    """Rows in which every pair of choices that the rules let stand together does; `given` ones come first."""
    rows = list(given)
    done = {pair for row in rows for pair in pairs(row)}
    for pair in every_pair(axes):
        if pair not in done and (row := completed(dict(pair), axes, rules, done)):
            rows.append(row)
            done |= pairs(row)
    return rows


def every_pair(axes: Axes) -> Iterator[Pair]:
    for (one, choices), (other, others) in combinations(axes.items(), 2):
        for left in choices:
            for right in others:
                yield frozenset({(one, left), (other, right)})


def pairs(row: Row) -> set[Pair]:
    return {frozenset(two) for two in combinations(row.items(), 2)}


def holds(row: Row, rules: Sequence[Rule]) -> bool:
    """Whether no rule is broken by what is chosen so far."""
    return all(rule(row) for rule in rules)


def completed(row: Row, axes: Axes, rules: Sequence[Rule], done: Container[Pair] = ()) -> Row | None:
    """The row with all axes chosen, each so that most new pairs come with it; None where none is possible."""
    if not holds(row, rules):
        return None
    axis = next((axis for axis in axes if axis not in row), None)
    if axis is None:
        return {axis: row[axis] for axis in axes}

    def news(choice: str) -> int:
        return sum(frozenset({(axis, choice), other}) not in done for other in row.items())

    tried = ({**row, axis: choice} for choice in sorted(axes[axis], key=news, reverse=True))
    return next((found for more in tried if (found := completed(more, axes, rules, done))), None)


def as_shipped(preset: str) -> Row:
    """The row of a preset with nothing else chosen."""
    chosen = specs.PRESETS[preset]
    eks = preset == "eks"
    network = "new" if needs_network(preset, NONE) else NONE
    return {axis: choices[0] for axis, choices in AXES.items()} | {
        "preset": preset,
        "builder": chosen.get("image_builder", NONE),
        "steps": chosen.get("step_operator", NONE),
        "network": network,
        "nat": "1" if eks else NONE,
        "zones": "2" if network == "new" else NONE,
        "compute": "auto" if eks else NONE,
    }


ROWS: Sequence[Row] = pairwise(AXES, (*RULES, light), [as_shipped(preset) for preset in specs.PRESETS])


def title(row: Row) -> str:
    """What a row has that a bare stack has not."""
    return "-".join(
        [value if len(value) > 3 else f"{key}{value}" for key, value in row.items() if said(value)]
    )


def said(value: str) -> bool:
    return value not in (NONE, "no", "account", "retain")


def spec(row: Row, ground: Mapping[str, Any], *, name: str, region: str) -> dict[str, Any]:
    """A row as `stack.yaml` spells it; `ground` holds what the account has already."""
    wish: dict[str, Any] = {
        "version": 1,
        "name": name,
        "region": region,
        "components": components(row),
        "access": access(row, ground),
        "data": {"retention": row["retention"]},
    }
    if row["kms"] == "yes":
        wish["data"]["kms_key"] = ground["key"]
    if row["budget"] != NONE:
        wish["budget"] = {"monthly_usd": 50_000, "notify": ground[row["budget"]]}
    if row["network"] == "existing":
        wish["network"] = {"vpc": ground["vpc"], "subnets": ground["subnets"]}
    return wish


def components(row: Row) -> dict[str, Any]:
    preset = specs.PRESETS[row["preset"]]
    tracker = {"flavor": "mlflow", "options": {"server": row["tracker"]}}
    chosen = {
        "artifact_store": preset["artifact_store"],
        "container_registry": preset["container_registry"],
        "orchestrator": {"flavor": preset["orchestrator"], "options": options(row)},
        "step_operator": row["steps"],
        "image_builder": row["builder"],
        "experiment_tracker": NONE if row["tracker"] == NONE else tracker,
        "model_deployer": row["deployer"],
    }
    return {type_: flavor for type_, flavor in chosen.items() if flavor != NONE}


def options(row: Row) -> dict[str, Any]:
    """The options of the orchestrator."""
    cidrs = {"eks": {"public_access_cidrs": CIDRS}, "ec2": {"ssh_cidrs": CIDRS}}
    found: dict[str, Any] = dict(cidrs.get(row["preset"], {}))
    if row["zones"] != NONE:
        found["zones"] = int(row["zones"])
    if row["nat"] != NONE:
        found["nat_gateways"] = int(row["zones"] if row["nat"] == "each" else row["nat"])
    if row["compute"] != NONE:
        found["compute"] = row["compute"]
    if row["gpu"] == "yes":
        found["gpu"] = {"instance_type": "g5.xlarge", "max_nodes": 2}
    if row["admin"] == "yes":
        found["admin_principal"] = ADMIN
    return found


ACCOUNT = "123456789012"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/administrator"
SERVER = f"arn:aws:iam::{ACCOUNT}:role/server"


def access(row: Row, ground: Mapping[str, Any]) -> dict[str, Any]:
    oidc = {"issuer": f"https://{ISSUER}", "subject": "repo:team/churn:ref:refs/heads/main"}
    trusts: Mapping[str, dict[str, Any]] = {
        "principal": {"trust": "principal", "principal": SERVER},
        "principal-noid": {"trust": "principal", "principal": SERVER, "external_id": False},
        "oidc": {"trust": "oidc", "oidc": oidc},
        "oidc-reuse": {"trust": "oidc", "oidc": {**oidc, "provider": ground["provider"]}},
    }
    chosen = trusts.get(row["trust"], {"trust": row["trust"]})
    return {**chosen, **({"boundary": ground["boundary"]} if row["boundary"] == "yes" else {})}
