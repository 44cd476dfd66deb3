"""The directions of the house: who may import whom. A new module says here where it belongs."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("provisioner", "stacks", "cost_estimates")

# Every module, or the package it is in. The longest name counts.
LAYERS = {
    "core": (
        *("provisioner", "provisioner.access", "provisioner.arn", "provisioner.component"),
        *("provisioner.components", "provisioner.errors", "provisioner.explain"),
        *("provisioner.copying", "provisioner.difference", "provisioner.export"),
        *("provisioner.deploy_policy", "provisioner.deploy_rows", "provisioner.physical"),
        *(
            "provisioner.finish_address",
            "provisioner.fit",
            "provisioner.instances",
            "provisioner.kubernetes_versions",
        ),
        *("provisioner.guards", "provisioner.kubernetes", "provisioner.link", "provisioner.zones"),
        *("provisioner.callback", "provisioner.runtimes"),
        *("provisioner.package_data", "provisioner.permissions", "provisioner.plan", "provisioner.preflight"),
        "provisioner.printable",
        "provisioner.regions",
        *(
            "provisioner.connectors",
            "provisioner.moment",
            "provisioner.scan",
            "provisioner.sharing",
            "provisioner.spec",
        ),
        "provisioner.teardown",
        *("provisioner.template", "provisioner.zenml", "provisioner.zenml.capabilities"),
        *("provisioner.zenml.login", "provisioner.zenml.steps", "provisioner.zenml.wanted"),
    ),
    "estimator": ("cost_estimates",),
    "constructs": ("stacks",),
    "doors": (
        *("cost_estimates.assembly", "cost_estimates.price_list", "cost_estimates.refresh"),
        *("provisioner.aws", "provisioner.checkpoint", "provisioner.emulator", "provisioner.enrolments"),
        *("provisioner.migrations", "provisioner.registry", "provisioner.synth"),
        "provisioner.zenml.server",
    ),
    "engines": (
        "provisioner.zenml.engine",
        *(
            "provisioner.bootstrap",
            "provisioner.deploy",
            "provisioner.destroy",
            "provisioner.doctor",
            "provisioner.enrolling",
            "provisioner.finish",
        ),
        *("provisioner.found", "provisioner.proof", "provisioner.scan.engine"),
    ),
    "faces": (
        *("provisioner.charts", "provisioner.cli", "provisioner.cost_text"),
        *("provisioner.render", "provisioner.text", "provisioner.web"),
    ),
}
# Their children need not be named one by one; all others do.
WHOLE = (
    *("provisioner.aws", "provisioner.cli", "provisioner.components", "provisioner.emulator"),
    "provisioner.export",
    *("provisioner.migrations", "provisioner.preflight", "provisioner.registry", "provisioner.scan"),
    *("provisioner.web", "cost_estimates", "stacks"),
)

MAY_IMPORT = {
    "core": {"core"},
    "estimator": {"estimator"},
    "constructs": {"core", "constructs"},
    "doors": {"core"},  # and its own parts; the exceptions stand in DOORS_OF_DOORS
    "engines": {"core", "engines", "doors"},
    "faces": {"core", "estimator", "doors", "engines", "faces"},
}
DOORS_OF_DOORS = {
    "cost_estimates.assembly": "cost_estimates",
    "cost_estimates.price_list": "cost_estimates",
    "cost_estimates.refresh": "cost_estimates",
    "provisioner.registry": "provisioner.enrolments",
    "provisioner.synth": "stacks",
}
# What an engine may take from a door besides types: values that the door keeps, never the door itself.
VALUES_OF_DOORS = {
    "provisioner.enrolments": None,
    "provisioner.registry": {"RegisteredStack", "RegisteredComponent", "Registration", "with_status"},
}

OWNERS = {
    "alembic": ("provisioner.migrations", "provisioner.registry"),
    "aws_cdk": ("stacks",),
    "constructs": ("stacks",),
    # moto's own plumbing; the emulator never calls AWS by it.
    "botocore": ("provisioner.aws", "provisioner.emulator"),
    "click": ("provisioner.cli",),
    "fastapi": ("provisioner.web",),
    "starlette": ("provisioner.web",),
    "uvicorn": ("provisioner.web",),
    "cryptography": ("provisioner.emulator",),
    "httpx": ("provisioner.aws.caller", "provisioner.aws.kubernetes", "provisioner.zenml.server"),
    "jinja2": ("provisioner.render",),
    "keyring": ("provisioner.cli.zenml_login",),
    "moto": ("provisioner.emulator",),
    "platformdirs": ("provisioner.cli",),
    "regex": ("provisioner.emulator",),
    "rich": ("provisioner.cli",),
    "sqlalchemy": ("provisioner.migrations", "provisioner.registry"),
    "werkzeug": ("provisioner.emulator",),
    "yaml": PACKAGES,
}
INSIDE_FUNCTIONS = {"keyring", "httpx", "rich", "platformdirs", "stacks"}

# Values only: no clock, environment, file or network.
PURE = {
    *(
        "__future__",
        "base64",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "fnmatch",
        "ipaddress",
    ),
    *("functools", "hashlib", "itertools", "json", "math", "re", "textwrap", "typing", "urllib.parse"),
}
# Tables that ship with the package.
PACKAGE_DATA = {
    "provisioner.package_data": {"pathlib"},
    "cost_estimates.price_book": {"pathlib"},
}
READS_THE_WORLD = {"now", "today", "utcnow", "open", "print", "input"}


@dataclass(frozen=True)
class Import:
    """One imported module; `name` is what was taken from it, or empty."""

    module: str
    name: str
    in_function: bool
    for_types: bool
    line: int


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def layer(module: str) -> str:
    """The layer of a module, by the longest name that holds it; empty where nobody has said it."""
    named = {
        name: key
        for key, names in LAYERS.items()
        for name in names
        if module == name or (name in WHOLE and module.startswith(name + "."))
    }
    return named[max(named, key=len)] if named else ""


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def imports(module: str) -> tuple[Import, ...]:
    return (*_walk(tree(module), in_function=False, for_types=False),)


def _walk(node: ast.AST, *, in_function: bool, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typed = for_types or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, "", inside, typed, child.lineno)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: relative imports hide the direction"
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                found = (whole, "") if whole in MODULES else (str(child.module), alias.name)
                yield Import(*found, inside, typed, child.lineno)
        yield from _walk(child, in_function=inside, for_types=typed)


def within(module: str, owners: tuple[str, ...]) -> bool:
    return any(module == owner or module.startswith(owner + ".") for owner in owners)


def door(module: str) -> str:
    return next(name for name in LAYERS["doors"] if within(module, (name,)))


def ours(module: str) -> list[Import]:
    """The imports of our own modules that happen when the program runs."""
    return [i for i in imports(module) if not i.for_types and i.module.split(".")[0] in PACKAGES]


def foreign(module: str) -> list[Import]:
    standard = sys.stdlib_module_names
    return [
        i
        for i in imports(module)
        if i.module.split(".")[0] not in PACKAGES and i.module.split(".")[0] not in standard
    ]


def of_layer(*keys: str) -> list[str]:
    return [module for module in MODULES if layer(module) in keys]


def wrong(module: str, found: Import, why: str) -> str:
    return f"{module}:{found.line} imports {found.module} {found.name}: {why}"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_layer(module: str) -> None:
    assert layer(module), f"{module} is new: name its layer in LAYERS of tests/test_layers.py"


def test_no_layer_names_a_module_that_is_gone() -> None:
    assert [n for names in LAYERS.values() for n in names if n not in MODULES] == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_is_below_it(module: str) -> None:
    own = layer(module)
    bad = []
    for found in ours(module):
        target = layer(found.module)
        same_door = own == "doors" and target == "doors" and door(found.module) == door(module)
        allowed = next((to for name, to in DOORS_OF_DOORS.items() if within(module, (name,))), "-")
        if not (target in MAY_IMPORT[own] or same_door or within(found.module, (allowed,))):
            bad.append(wrong(module, found, f"{own} may import {sorted(MAY_IMPORT[own])} only"))
    assert bad == []


@pytest.mark.parametrize("module", of_layer("engines"))
def test_an_engine_takes_its_doors_as_arguments(module: str) -> None:
    bad = []
    for found in ours(module):
        if layer(found.module) == "doors":
            values = VALUES_OF_DOORS.get(found.module, set())
            if values is not None and found.name not in values:
                bad.append(wrong(module, found, "an engine creates no door; import it for types only"))
    assert bad == []


@pytest.mark.parametrize("module", MODULES)
def test_a_library_has_one_owner(module: str) -> None:
    bad = []
    for found in foreign(module):
        library = found.module.split(".")[0]
        owners = OWNERS.get(library, ())
        if not found.for_types and not within(module, owners):
            why = f"only {', '.join(owners)} may" if owners else "say who owns it in OWNERS of this test"
            bad.append(wrong(module, found, why))
    assert bad == []


@pytest.mark.parametrize("module", MODULES)
def test_slow_imports_stand_inside_functions(module: str) -> None:
    bad = [
        wrong(module, found, "import it inside the function that needs it")
        for found in (*foreign(module), *(i for i in ours(module) if layer(module) == "doors"))
        if found.module.split(".")[0] in INSIDE_FUNCTIONS and not (found.in_function or found.for_types)
    ]
    assert bad == []


def test_only_synth_imports_the_constructs() -> None:
    importers = {
        m for m in MODULES if layer(m) != "constructs" for i in ours(m) if within(i.module, ("stacks",))
    }
    assert importers == {"provisioner.synth"}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_zenml(module: str) -> None:
    assert [i for i in imports(module) if i.module.split(".")[0] == "zenml"] == []


@pytest.mark.parametrize("module", of_layer("core", "estimator"))
def test_the_core_imports_nothing_that_reads_the_world(module: str) -> None:
    allowed = PURE | PACKAGE_DATA.get(module, set())
    bad = [
        wrong(module, found, "the core reads no clock, environment, file or network")
        for found in imports(module)
        if found.module.split(".")[0] in sys.stdlib_module_names
        and not any(found.module == name or found.module.startswith(f"{name}.") for name in allowed)
        and f"{found.module}.{found.name}" not in allowed
    ]
    assert bad == []


@pytest.mark.parametrize("module", of_layer("core", "estimator"))
def test_the_core_is_told_the_time_and_handed_its_texts(module: str) -> None:
    called = {
        ast.unparse(node.func).split(".")[-1]: node.lineno
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
    }
    assert {name: line for name, line in called.items() if name in READS_THE_WORLD} == {}
