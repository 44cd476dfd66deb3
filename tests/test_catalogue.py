"""Over the whole catalogue and every template: what makes the house safe to extend."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import cfnlint
import pytest
import yaml
from parliament import iam_definition

from cost_estimates.rules import FREE, RULES
from provisioner import access, callback, guards, permissions, regions, synth
from provisioner import arn as arns
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner import template as templates
from provisioner.component import Component, Statement, fill, holds, parameter_name, pascal, places
from provisioner.components import CATALOGUE, find, flavors
from provisioner.plan import NETWORK_TYPES, Plan, Shape, Slot
from provisioner.scan import table as scans
from provisioner.template import Template

ROOT = Path(__file__).parent.parent
BUILT = [c for c in CATALOGUE if c.resource_types]
REUSABLE = [c for c in CATALOGUE if c.reusable]
STATEMENTS = {
    s.sid: s
    for s in (*access.STATEMENTS, *callback.STATEMENTS, *(s for c in CATALOGUE for s in c.statements))
}
OWNERS = {s.sid: c for c in CATALOGUE for s in c.statements}
ACCESS_TYPES = {"AWS::IAM::Role", "AWS::IAM::RolePolicy"}
AWS_SCOPE = {"partition", "region", "account", "stack_id", "stack_name", "suffix"}
# They send neither aws:SourceAccount nor aws:SourceArn when they assume a role.
SENDS_NOTHING = {"ec2.amazonaws.com", "lambda.amazonaws.com"}
# What a stack that calls back has besides; every other is without code.
CALLBACK_TYPES = {callback.TYPE, "AWS::Lambda::Function", "AWS::Logs::LogGroup"}
CALLS_BACK = {"how": "callback", "server": "https://mlops.example.com"}
PRINCIPAL = "arn:aws:iam::111122223333:role/someone"

# Free, and many: they carry the stack's own tags only, for a template must stay small.
FREE_PARTS = {
    *("AWS::EC2::InternetGateway", "AWS::EC2::RouteTable", "AWS::EC2::Subnet", "AWS::EC2::VPC"),
    *("AWS::EC2::VPCEndpoint", "AWS::IAM::Role"),
    *("AWS::EKS::AccessEntry", "AWS::EKS::Addon", "AWS::EKS::PodIdentityAssociation"),
}

# One thing of each reusable component that a spec could name.
EXAMPLES = {
    "s3_artifact_store": "arn:aws:s3:::team-artifacts",
    "ecr_container_registry": "arn:aws:ecr:us-east-1:111122223333:repository/team/images",
    "sagemaker_orchestrator": "arn:aws:iam::111122223333:role/service-role/ml-exec",
    "sagemaker_step_operator": "arn:aws:iam::111122223333:role/ml-exec",
    "codebuild_image_builder": "arn:aws:codebuild:us-east-1:111122223333:project/team-images",
    "sagemaker_model_deployer": "arn:aws:iam::111122223333:role/ml-models",
    "eks_orchestrator": "arn:aws:eks:us-east-1:111122223333:cluster/ml",
    "eks_step_operator": "arn:aws:eks:us-east-1:111122223333:cluster/steps",
    "mlflow_experiment_tracker": "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-ABC123",
}
TRACKING_SERVER = {"flavor": "mlflow", "options": {"server": "tracking_server"}}
CIDRS = ["198.51.100.7/32"]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Every shape that ships, and shapes that none ships


def wish(components: Mapping[str, Any], **more: Any) -> Plan:
    base = {"version": 1, "name": "churn", "region": "us-east-1", "components": components}
    return plans.make(specs.parse(base | more))


def reusing(*names: str) -> dict[str, Any]:
    """The preset sagemaker, but with these components, reused instead of built."""
    named = {c.type: c for c in CATALOGUE if c.name in names}
    rest = {t: f for t, f in specs.PRESETS["sagemaker"].items() if t not in named}
    return {**rest, **{t: {"flavor": c.flavor, "reuse": EXAMPLES[c.name]} for t, c in named.items()}}


def eks(**options: Any) -> dict[str, Any]:
    """A cluster beside a bucket and a repository."""
    chosen = {"flavor": "eks", "options": {"public_access_cidrs": CIDRS, **options}}
    return {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": chosen}


def ec2(**options: Any) -> dict[str, Any]:
    """Machines beside a bucket and a repository."""
    chosen = {"flavor": "ec2", "options": {"ssh_cidrs": CIDRS, **options}}
    return {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": chosen}


ALL = ("s3_artifact_store", "ecr_container_registry", "sagemaker_orchestrator", "sagemaker_step_operator")
# One flavor of every type that a stack without a network can build.
LARGEST = {
    **specs.PRESETS["sagemaker"],
    "image_builder": "codebuild",
    "experiment_tracker": "mlflow",
    "model_deployer": "sagemaker",
}
GPU = {"instance_type": "g5.xlarge", "max_nodes": 2}
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]


def shipped_plans() -> Iterator[tuple[str, Plan]]:
    trusts = script("build_shapes").TRUSTS
    for name in synth.index().values():
        preset, trust, retention, _ = name.split(".")
        more = {"access": trusts[trust], "data": {"retention": retention}}
        base = specs.preset(preset, name="preset", region="us-east-1").as_dict()
        components = base["components"]
        assert isinstance(components, dict)
        for slot in components.values():
            for key in slot.get("options", {}).keys() & {"public_access_cidrs", "ssh_cidrs"}:
                slot["options"][key] = CIDRS
        yield name, wish(components, **more)


SHIPPED = dict(shipped_plans())
OTHERS = {
    "bucket alone": wish({"artifact_store": "s3"}),
    "steps alone": wish({"artifact_store": "s3", "container_registry": "ecr", "step_operator": "sagemaker"}),
    "bucket deleted": wish({"artifact_store": "s3"}, data={"retention": "delete"}),
    "everything": wish(LARGEST),
    "tracking server": wish({**specs.PRESETS["sagemaker"], "experiment_tracker": TRACKING_SERVER}),
    "batch": wish({"artifact_store": "s3", "container_registry": "ecr", "step_operator": "batch"}),
    "everything deleted": wish(LARGEST, data={"retention": "delete"}),
    **{f"reused {c.name}": wish(reusing(c.name)) for c in REUSABLE},
    "all reused": wish(reusing(*ALL)),
    "all reused, principal": wish(reusing(*ALL), access={"trust": "principal", "principal": PRINCIPAL}),
    "cluster without gateway": wish(eks(nat_gateways=0)),
    "cluster with everything": wish(
        eks(zones=3, nat_gateways=3, gpu=GPU, admin_principal=PRINCIPAL)
        | {"step_operator": "eks", "image_builder": "kaniko"}
    ),
    "cluster of node groups": wish(eks(compute="managed", gpu=GPU)),
    "machines in a VPC that exists": wish(
        ec2(), network={"vpc": "vpc-0123456789abcdef0", "subnets": SUBNETS}
    ),
    "machines beside a cluster": wish(
        ec2(zones=3) | {"step_operator": {"flavor": "eks", "reuse": EXAMPLES["eks_step_operator"]}}
    ),
    "cluster in a VPC that exists": wish(eks(), network={"vpc": "vpc-0123456789abcdef0", "subnets": SUBNETS}),
    "cluster reused by all": wish(
        reusing(*ALL[:2], "eks_orchestrator") | {"step_operator": "eks", "image_builder": "kaniko"}
    ),
    "callback": wish(specs.PRESETS["sagemaker"], register=CALLS_BACK),
    "cluster with a callback": wish(eks(), register=CALLS_BACK),
    "ten tags": wish(
        specs.PRESETS["sagemaker"],
        tags={"team": "churn", "cost-center": "4711", **{f"tag {n}": f"value {n}" for n in range(10)}},
    ),
}
PLANS = SHIPPED | OTHERS


@cache
def template(name: str) -> Template:
    shape, tags = PLANS[name].shape, PLANS[name].stamped_tags
    if name in SHIPPED:
        return templates.parse((ROOT / "provisioner" / "shapes" / name).read_text())
    return templates.stamped(synth.synthesize(shape), tags)


every_template = pytest.mark.parametrize("name", PLANS)
every_component = pytest.mark.parametrize("component", CATALOGUE, ids=lambda c: c.name)
every_statement = pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)


def components_of(shape: Shape) -> list[tuple[Component, str]]:
    return [(c, s.action) for s in shape.slots if (c := find(s.type, s.flavor))]


def statements_of(template: Template) -> list[dict[str, Any]]:
    """Every statement of a template, trust statements included."""
    return [s for r in template.resources.values() for _, s in permissions._statements("", r)]


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def walk(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from walk(child)


# Pieces


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("facts", "provisioner/components/{}.py"),
        ("construct", "stacks/components/{}.py"),
        ("test of the construct", "tests/stacks/test_{}.py"),
        ("snapshot", "tests/stacks/snapshots/{}.yaml"),
        ("test of the facts", "tests/components/test_{}.py"),
    ],
)
def test_every_component_has_every_piece_by_its_name(kind: str, pattern: str) -> None:
    needed = CATALOGUE if "facts" in kind else BUILT
    missing = [pattern.format(c.name) for c in needed if not (ROOT / pattern.format(c.name)).is_file()]
    assert missing == [], f"{kind} missing"


def test_every_construct_and_snapshot_is_of_a_component() -> None:
    files = [*(ROOT / "stacks" / "components").glob("*.py"), *(ROOT / "tests/stacks/snapshots").iterdir()]
    assert {p.stem for p in files} - {"__init__", "access"} == {c.name for c in BUILT}


def test_the_stack_knows_a_construct_for_every_component() -> None:
    from stacks.mlops_stack import CONSTRUCTS

    assert set(CONSTRUCTS) == {c.name for c in BUILT}


def test_a_component_is_named_after_its_flavor_and_type() -> None:
    assert [c.name for c in CATALOGUE] == [f"{c.flavor}_{c.type}" for c in CATALOGUE]
    assert len({c.name for c in CATALOGUE}) == len(CATALOGUE)


def test_the_catalogue_is_documented() -> None:
    text = "".join(p.read_text() for p in (ROOT / "docs").glob("*.md"))
    assert [c.words for c in CATALOGUE if c.words[1:] not in text] == []


@every_component
def test_options_have_words_and_defaults_within_their_limits(component: Component) -> None:
    for option in component.options:
        assert re.fullmatch("[a-z_]+", option.name) and option.doc.endswith(".")
        if option.choices:
            assert option.default in option.choices
        elif isinstance(option.default, int) and not isinstance(option.default, bool):
            assert option.minimum <= option.default <= option.maximum
        elif isinstance(option.default, str) and option.default:
            assert re.fullmatch(option.pattern, option.default)


@every_component
def test_checks_have_reasons_and_ids_of_their_own(component: Component) -> None:
    assert len({c.id for c in component.checks}) == len(component.checks)
    assert all(c.reason for c in component.checks)
    assert bool(component.checks) == component.reusable


def test_no_two_values_share_a_parameter() -> None:
    names = [
        parameter_name(type_, key)
        for type_ in dict.fromkeys(c.type for c in CATALOGUE)
        for key in {
            k for c in CATALOGUE if c.type == type_ for k in (*c.outputs, *(o.name for o in c.options))
        }
    ] + [pascal(tag) for tag in specs.PARAMETER_TAGS]
    assert len(set(names)) == len(names)


# Statements


def test_every_sid_is_unique_and_legal() -> None:
    sids = [s.sid for s in access.STATEMENTS] + [s.sid for c in CATALOGUE for s in c.statements]
    assert len(set(sids)) == len(sids)
    assert [sid for sid in sids if not re.fullmatch("[A-Za-z0-9]+", sid)] == []


@every_statement
def test_a_statement_has_words_and_no_action_wildcard(statement: Statement) -> None:
    assert statement.words
    if statement.effect == "Allow":
        assert [a for a in statement.actions if "*" in a or "?" in a] == []


@cache
def iam_actions() -> set[str]:
    return {f"{s['prefix']}:{p['privilege']}" for s in iam_definition for p in s["privileges"]}


@cache
def newer_actions() -> set[str]:
    """In small letters, as cfn-lint keeps them: its list is newer than parliament's."""
    path = Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json"
    services = json.loads(path.read_text())
    return {f"{name}:{action}" for name, service in services.items() for action in service["Actions"]}


@every_statement
def test_every_action_exists_in_iam(statement: Statement) -> None:
    actions = [a for a in statement.actions if not a.endswith(":*")]
    assert [a for a in actions if a not in iam_actions() and a.lower() not in newer_actions()] == []


def is_wide(resource: str) -> bool:
    """Wider than what the stack itself made: a wildcard that no promised value narrows."""
    return "*" in resource and not re.match(r"\{(?!aws\.)[a-z_.]+\}", resource)


@every_statement
def test_a_wide_resource_has_a_written_reason(statement: Statement) -> None:
    if any(is_wide(resource) for resource in statement.resources):
        assert statement.reason


@every_statement
def test_a_grant_uses_only_promised_outputs(statement: Statement) -> None:
    owner = OWNERS.get(statement.sid)
    for text in statement.resources:
        for scope, key in places(text):
            if scope == "aws":
                assert key in AWS_SCOPE
            elif scope == "data":
                assert statement.when == "kms" and key == "key_arn"
            elif scope == "access":
                assert owner is None and key == "role_arn"
            elif scope == "callback":
                assert statement in callback.STATEMENTS and key == "log_group_arn"
            elif scope == "data":
                assert statement.when == "kms" and key == "key_arn"
            elif owner and scope == owner.type:
                assert key in owner.outputs or key in owner.private
            else:
                beside = statement.when.partition(".")[0]
                assert owner and scope in (*owner.needs, beside)
                promised = [c.outputs for c in CATALOGUE if c.type == scope and c.resource_types]
                assert all(key in outputs for outputs in promised) and promised


def test_what_a_component_needs_exists() -> None:
    assert [(c.name, n) for c in CATALOGUE for n in c.needs if not flavors(n)] == []


@every_statement
def test_passing_a_role_names_the_service(statement: Statement) -> None:
    if "iam:PassRole" in statement.actions:
        assert statement.actions == ("iam:PassRole",)
        assert statement.conditions["StringEquals"]["iam:PassedToService"]


# Built and found


@pytest.mark.parametrize("component", REUSABLE, ids=lambda c: c.name)
def test_built_and_found_give_the_same_outputs(component: Component) -> None:
    example = EXAMPLES[component.name]
    found = component.outputs_of(arns.parse(example))
    assert component.fits_arn(example)
    beside = {*component.made_outputs, *component.outputs_when}
    assert found.keys() == component.outputs.keys() - beside
    assert all(found.values())
    assert example in found.values()


@pytest.mark.parametrize("component", REUSABLE, ids=lambda c: c.name)
def test_built_and_found_are_configured_alike(component: Component) -> None:
    outputs = {c.type: c.outputs_of(arns.parse(EXAMPLES[c.name])) for c in REUSABLE}
    outputs[component.type] = component.outputs_of(arns.parse(EXAMPLES[component.name]))
    built = {t: dict.fromkeys(values, "x") for t, values in outputs.items()}
    assert component.register_config(outputs).keys() == component.register_config(built).keys() != set()


# Data about resource types


def test_every_emitted_type_is_one_of_its_components() -> None:
    seen = set()
    for name, plan in PLANS.items():
        # What is reused may still be granted something: an entry to a cluster, a role for its pods.
        making = [c for c, action in components_of(plan.shape) if action == "build" or c.made_outputs]
        own = {t for c in making for t in c.resource_types}
        network = plan.shape.network
        own |= NETWORK_TYPES if network and network.vpc == "new" else set()
        own |= CALLBACK_TYPES if plan.shape.callback else set()
        assert template(name).types <= own | ACCESS_TYPES, name
        assert template(name).types >= ACCESS_TYPES, name
        seen |= template(name).types
    assert {t for c in CATALOGUE for t in c.resource_types} | NETWORK_TYPES <= seen


@pytest.mark.parametrize(
    "type_",
    sorted({t for c in CATALOGUE for t in c.resource_types} | ACCESS_TYPES | NETWORK_TYPES | CALLBACK_TYPES),
)
def test_every_type_is_priced_or_free_because(type_: str) -> None:
    assert type_ in RULES or FREE.get(type_)


def test_the_region_facts_are_fresh() -> None:
    facts = json.loads((ROOT / "provisioner" / "data" / "regions.json").read_text())
    assert facts["regions"] == script("build_region_facts").regions()
    assert facts.keys() == {"as_of", "source", "regions"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts["as_of"])
    assert facts["source"] == f"cfn-lint {version('cfn-lint')}"


def test_every_region_has_a_partition_that_links_know() -> None:
    assert {regions.partition(name).name for name in regions.names()} == set(regions.PARTITIONS)


def test_a_scan_finds_what_every_reusable_component_could_use() -> None:
    assert {arns.parse(e).service for e in EXAMPLES.values()} <= {row.api for row in scans.ROWS}
    assert set(EXAMPLES) == {c.name for c in REUSABLE}


# Templates


def test_the_shipped_shapes_are_fresh() -> None:
    folder = ROOT / "provisioner" / "shapes"
    assert script("build_shapes").rendered() == {p.name: p.read_text() for p in folder.iterdir()}


def test_every_shipped_shape_is_found_by_its_key() -> None:
    assert {plan.shape.key: name for name, plan in SHIPPED.items()} == synth.index()


@every_template
def test_a_template_says_its_own_shape(name: str) -> None:
    assert plans.shape_from(template(name).shape) == PLANS[name].shape


@every_template
def test_a_template_promises_every_output_built_or_reused(name: str) -> None:
    outputs = template(name).body["Outputs"]
    slots = PLANS[name].shape.slots
    promised = [(c, k) for s in slots if (c := find(s.type, s.flavor)) for k in plans.promised(c, s)]
    own = {"AccessRoleArn", "FinishCommand", "FinishUrl"}
    own |= {"CallbackTicket"} if PLANS[name].shape.callback else set()
    assert set(outputs) == own | {parameter_name(c.type, key) for c, key in promised}
    for address in ("FinishCommand", "FinishUrl"):
        text = outputs[address]["Value"]["Fn::Sub"]
        assert [f"{c.type}.{key}=" for c, key in promised if f"&{c.type}.{key}=" not in text] == []


@every_template
def test_a_finish_address_holds_url_safe_characters_only(name: str) -> None:
    text = template(name).body["Outputs"]["FinishUrl"]["Value"]["Fn::Sub"]
    assert re.fullmatch(
        r"\$\{FinishBase\}/finish\?[A-Za-z0-9._&=]+(\$\{[A-Za-z:.]+\}[A-Za-z0-9._&=]*)*", text
    )


@every_template
def test_nothing_that_a_shell_or_a_url_reads_gets_into_a_finish_address(name: str) -> None:
    it = template(name)
    text = json.dumps([it.body["Outputs"][key]["Value"] for key in ("FinishCommand", "FinishUrl")])
    used = {p for p in re.findall(r"\$\{(\w+)\}", text) if p in it.parameters}
    assert "EnrolmentId" in used
    for parameter in used:
        # CloudFormation looks whether the network is there.
        if it.parameters[parameter]["Type"] in ("Number", "AWS::EC2::VPC::Id"):
            continue
        pattern = it.parameters[parameter].get("AllowedPattern", "")
        choices = it.parameters[parameter].get("AllowedValues", [])
        assert pattern or choices
        assert [c for c in choices if not re.fullmatch(r"[\w./:-]+", c)] == []
        for value in PLANS[name].parameters.get(parameter, ""), "a" * 32:
            for character in "'\"`$;|&#%?<>(){} \\\n":
                assert not re.fullmatch(pattern, value + character, re.ASCII), parameter


@every_template
def test_a_template_grants_what_its_components_list_and_nothing_else(name: str) -> None:
    shape = PLANS[name].shape
    wanted = [s.sid for s in access.STATEMENTS]
    wanted += [s.sid for s in callback.STATEMENTS] if shape.callback else []
    for slot in shape.slots:
        component = find(slot.type, slot.flavor)
        assert component
        here = [s for s in component.statements if holds(s.when, shape.structure(slot))]
        wanted += [s.sid for s in here if s.role == "access" or makes_role(component, slot, s.role)]
    given = [s["Sid"] for s in statements_of(template(name)) if "Resource" in s]
    assert sorted(given) == sorted(wanted)


def makes_role(component: Component, slot: Slot, role: str) -> bool:
    """What shares somebody else's cluster shares its roles; what is reused gets those that it is promised."""
    promised = f"{role}_role_arn" in component.made_outputs
    if slot.action == "reuse":
        return promised
    return not (component.beside and promised)


@every_template
def test_every_statement_of_a_template_has_its_own_words(name: str) -> None:
    for permission in permissions.read(template(name)):
        assert permission.words != permissions._NOT_OURS
        assert permission.component != "other"


@every_template
def test_no_allowed_action_has_a_wildcard_and_every_wide_resource_a_reason(name: str) -> None:
    for statement in statements_of(template(name)):
        if statement["Effect"] == "Allow" and "Resource" in statement:
            assert [a for a in many(statement["Action"]) if "*" in a] == []
            wide = [r for r in map(permissions.text, many(statement["Resource"])) if is_wide_in_template(r)]
            assert not wide or STATEMENTS[statement["Sid"]].reason


def is_wide_in_template(resource: str) -> bool:
    return "*" in resource and not re.match(r"\$\{(?!AWS::)[A-Za-z.]+\}", resource)


@every_template
def test_every_role_passed_names_the_service_it_is_passed_to(name: str) -> None:
    for statement in statements_of(template(name)):
        if "iam:PassRole" in many(statement["Action"]):
            assert statement["Condition"]["StringEquals"]["iam:PassedToService"]


@every_template
def test_every_trust_names_its_account_or_principal(name: str) -> None:
    for resource in template(name).resources.values():
        for statement in (
            resource.get("Properties", {}).get("AssumeRolePolicyDocument", {}).get("Statement", [])
        ):
            service = "Service" in statement["Principal"]
            if statement["Principal"].get("Service") in SENDS_NOTHING:
                assert "Condition" not in statement
                continue
            condition = json.dumps(statement["Condition"])
            assert ("aws:SourceAccount" if service else "aws:PrincipalArn") in condition
            assert "*" not in json.dumps(statement["Principal"])


@every_template
def test_a_template_goes_through_a_link(name: str) -> None:
    it = template(name)
    assert [f for f in templates.link_flaws(it) if f.severity == "error"] == []
    sections = {"Conditions", "Description", "Metadata", "Outputs", "Parameters", "Resources"}
    assert set(it.body) - {"Mappings", "Rules"} == sections
    assert it.size == len(it.text.encode()) <= (38_000 if name in SHIPPED else 51_200)
    # The CDK CLI sends YAML; CreateStack takes 51,200 bytes of it.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    as_yaml = len(yaml.dump(it.body, Dumper=dumper, allow_unicode=True).encode())
    assert as_yaml <= 51_200 or it.size > templates.CDK_BYTES
    assert len(it.body["Description"].encode()) <= 1024


@every_template
def test_a_template_is_ascii_because_cloudformation_gives_other_letters_back_as_question_marks(
    name: str,
) -> None:
    assert "\\u" not in template(name).text


@every_template
def test_a_template_is_one_file_without_code_users_or_names(name: str) -> None:
    it = template(name)
    forbidden = ("Lambda", "CloudFormation::Stack", "CustomResource", "Custom::", "IAM::User", "AccessKey")
    own = CALLBACK_TYPES if PLANS[name].shape.callback else set()
    assert [t for t in it.types - own if any(word in t for word in forbidden)] == []
    assert [p for p in it.parameters if "Bootstrap" in p or "Asset" in p] == []
    keys = {key for node in walk(it.body) if isinstance(node, dict) for key in node}
    assert keys & {"Transform", "Fn::Transform", "Fn::ImportValue", "aws:asset:path"} == set()
    names = {"BucketName", "RepositoryName", "ManagedPolicyName", "UserName"}
    assert keys & names == set()
    assert "{{resolve:" not in it.text
    # A role's policy names the role; a role names nothing.
    assert [
        k for k, r in it.resources.items() if r["Type"] == "AWS::IAM::Role" and "RoleName" in r["Properties"]
    ] == []


@every_template
def test_a_policy_of_awss_own_is_attached_only_where_a_component_says_why(name: str) -> None:
    allowed = {
        p.name
        for slot in PLANS[name].shape.slots
        if (c := find(slot.type, slot.flavor))
        for p in c.managed
        if p.reason and holds(p.when, PLANS[name].shape.structure(slot))
    }
    roles = [r["Properties"] for r in template(name).resources.values() if r["Type"] == "AWS::IAM::Role"]
    attached = [permissions.text(arn) for role in roles for arn in role.get("ManagedPolicyArns", [])]
    assert {text.rpartition("/")[2] for text in attached} <= allowed
    assert [text for text in attached if "FullAccess" in text or "Administrator" in text] == []


@every_template
def test_what_holds_data_stays_or_goes_as_asked_and_keeps_its_policy(name: str) -> None:
    found = {
        (r.get("DeletionPolicy", "Delete"), r.get("UpdateReplacePolicy", "Delete"))
        for r in template(name).resources.values()
        if r["Type"].startswith(("AWS::S3::", "AWS::ECR::"))
    }
    kept = {"retain": ("RetainExceptOnCreate", "Retain"), "delete": ("Delete", "Delete")}
    assert found <= {kept[PLANS[name].shape.retention]}
    policies = [r["Type"] for r in template(name).resources.values() if "DeletionPolicy" in r]
    assert [t for t in policies if not t.startswith(("AWS::S3::", "AWS::ECR::"))] == []


@cache
def taggable(type_: str) -> bool:
    """Whether the CloudFormation schema of a type knows Tags; a type of one's own has none."""
    if type_.startswith("Custom::"):
        return False
    data = Path(cfnlint.__file__).parent / "data" / "schemas"
    name = json.loads((data / "providers" / "us-east-1.json").read_text())[type_]
    return "Tags" in json.loads((data / "resources" / f"{name}.json").read_text())["properties"]


@every_template
def test_every_taggable_resource_carries_the_tags(name: str) -> None:
    stamped = [{"Key": k, "Value": v} for k, v in PLANS[name].stamped_tags.items()]
    for logical_id, resource in template(name).resources.items():
        tags = resource["Properties"].get("Tags")
        if not taggable(resource["Type"]):
            assert tags is None, logical_id
            continue
        ours = [
            {"Key": "stackwright:stack", "Value": {"Ref": "AWS::StackName"}},
            {"Key": "stackwright:component", "Value": template(name).component_of(logical_id)},
        ]
        users = [
            optional_tag("stackwright:enrolment", "EnrolmentId"),
            optional_tag("team", "Team"),
            optional_tag("project", "Project"),
            optional_tag("environment", "Environment"),
            optional_tag("cost-center", "CostCenter"),
        ]
        # The access role is known by its enrolment.
        full = logical_id == "AccessRole" or resource["Type"] not in FREE_PARTS
        wanted = [*ours, *(users if full else []), *stamped]
        given = as_list(tags) if isinstance(tags, dict) else tags
        assert [t for t in given if not is_its_own(t)] == wanted, logical_id


def as_list(tags: dict[str, Any]) -> list[Any]:
    """Some types keep a map."""
    return [
        {"Fn::If": [v["Fn::If"][0], {"Key": k, "Value": v["Fn::If"][1]}, v["Fn::If"][2]]}
        if isinstance(v, dict) and "Fn::If" in v
        else {"Key": k, "Value": v}
        for k, v in tags.items()
    ]


def is_its_own(tag: dict[str, Any]) -> bool:
    """The console shows the one, Kubernetes reads the other."""
    return tag.get("Key") == "Name" or str(tag.get("Key")).startswith("kubernetes.io/")


def optional_tag(key: str, parameter: str) -> dict[str, Any]:
    tag = {"Key": key, "Value": {"Ref": parameter}}
    return {"Fn::If": [f"Has{parameter}", tag, {"Ref": "AWS::NoValue"}]}


@every_template
def test_every_role_can_be_capped_by_a_boundary(name: str) -> None:
    capped = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    roles = [r["Properties"] for r in template(name).resources.values() if r["Type"] == "AWS::IAM::Role"]
    assert roles and all(role["PermissionsBoundary"] == capped for role in roles)


@every_template
def test_the_console_form_shows_every_parameter_once_and_trust_first(name: str) -> None:
    it = template(name)
    form = it.body["Metadata"]["AWS::CloudFormation::Interface"]
    shown = [p for group in form["ParameterGroups"] for p in group["Parameters"]]
    assert sorted(shown) == sorted(it.parameters) == sorted(form["ParameterLabels"])
    assert shown[0] == "TrustedPrincipal"
    assert "anyone who passed this link on" in form["ParameterGroups"][0]["Label"]["default"]
    assert all(p["Description"] for p in it.parameters.values())
    assert not any("NoEcho" in p for p in it.parameters.values())


@every_template
def test_whatever_decides_who_gets_in_stands_in_the_group_with_the_warning(name: str) -> None:
    it = template(name)
    first = it.body["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"][0]
    assert sorted(first["Parameters"]) == sorted(set(guards.PARAMETERS) & set(it.parameters))


@pytest.mark.parametrize(
    ("namespace", "fits"),
    [
        *((name, True) for name in ("zenml", "a", "kubeflow", "k-means", "de-team", "dev", "x" * 59)),
        *((name, False) for name in ("kube-system", "kube-x", "kube", "default", "a-", "-a", "x" * 64)),
    ],
)
def test_no_console_makes_pods_of_a_namespace_of_kubernetes_itself(namespace: str, fits: bool) -> None:
    pattern = template("eks.account.retain.json").parameters["OrchestratorNamespace"]["AllowedPattern"]
    assert (re.fullmatch(pattern, namespace, re.ASCII) is not None) == fits


@every_template
def test_a_plan_fills_every_required_parameter_within_its_limits(name: str) -> None:
    given = PLANS[name].parameters
    known = template(name).parameters
    from_enrolment = {"EnrolmentId", "ExternalId"}
    assert set(given) <= set(known)
    assert {k for k, p in known.items() if "Default" not in p} - from_enrolment <= set(given)
    for key, value in given.items():
        rule = known[key]
        assert value in rule.get("AllowedValues", [value])
        assert int(rule.get("MinValue", 0)) <= int(value if "MinValue" in rule else 0)
        assert int(value if "MaxValue" in rule else 0) <= int(rule.get("MaxValue", 0))
        if "AllowedPattern" in rule and r"\p{" not in rule["AllowedPattern"]:
            assert re.fullmatch(rule["AllowedPattern"], value, re.ASCII)


def test_reused_components_leave_nothing_built_but_roles() -> None:
    assert {*template("all reused").resources} == {
        *("AccessRole", "AccessRoleSelf", "OrchestratorSchedulerRole"),
    }


def test_equal_specs_of_different_values_share_a_template() -> None:
    one = wish(specs.PRESETS["minimal"])
    other = wish(
        {"artifact_store": {"flavor": "s3", "options": {"noncurrent_days": 9}}, "container_registry": "ecr"}
        | {"orchestrator": "local"},
        tags={"team": "x"},
        usage="heavy",
        access={"principal": PRINCIPAL},
    )
    assert (one.shape.key, one.stamped_tags) == (other.shape.key, other.stamped_tags)


def test_every_shape_has_a_key_of_its_own() -> None:
    shapes = {plan.shape for plan in PLANS.values()}
    assert len({shape.key for shape in shapes}) == len(shapes)


def test_a_wide_statement_is_what_the_reader_thinks() -> None:
    texts = {"*": True, "arn:{aws.partition}:x:::y/*": True, "{artifact_store.bucket_arn}/*": False}
    assert {text: is_wide(text) for text in texts} == texts
    scope = {"artifact_store": {"bucket_arn": "B"}, "aws": {"partition": "aws"}}
    assert [fill(t, scope) for t in texts] == ["*", "arn:aws:x:::y/*", "B/*"]


# cfn-lint, as whoever reviews our templates runs it


def test_cfn_lint_finds_neither_error_nor_warning(tmp_path: Path) -> None:
    files = [ROOT / "provisioner" / "shapes" / name for name in SHIPPED]
    kinds = [name for name in OTHERS if name.startswith(("cluster", "machines", "callback"))]
    for name in ("all reused, principal", "reused s3_artifact_store", "ten tags", *kinds):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(template(name).text)
    halves = [files[start:stop] for start, stop in pairwise([0, len(files) // 2, len(files)])]
    lint = [Path(sys.executable).parent / "cfn-lint", "--include-checks", "W", "--format", "parseable"]
    running = [
        subprocess.Popen([*lint, *half], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for half in halves
    ]
    assert [run.communicate()[0] for run in running] == ["", ""]
    assert [run.returncode for run in running] == [0, 0]
