"""Findings over a plan and its template, before anything is called."""

from datetime import date
from typing import Any

import pytest

from provisioner import plan as plans
from provisioner import preflight, regions, synth
from provisioner import spec as specs
from provisioner.plan import Plan
from provisioner.preflight import Finding
from provisioner.template import Template

TODAY = date(2026, 3, 1)
ROLE = "arn:aws:iam::111122223333:role/ml"
BUCKET = "arn:aws:s3:::team-artifacts"
REPOSITORY = "arn:aws:ecr:eu-central-1:111122223333:repository/team"
PRICED = {"unknown": 0, "region": "eu-central-1", "price_book": {"as_of": "2026-03-01", "stale": False}}
TRUST = Finding(
    id="trust",
    severity="info",
    subject="access.trust",
    message="The access role may be assumed by any principal of the account that the stack is created in "
    "that has sts:AssumeRole on this role",
    fix="name one with access.principal",
)
ROLES = Finding(
    id="creates-roles",
    severity="info",
    subject="access.boundary",
    message="Whoever deploys this can create roles: admin-equivalent without a permissions boundary",
    fix="access.boundary caps every role of the stack",
)
KEPT = Finding(
    id="data-kept",
    severity="info",
    subject="data.retention",
    message="Kept when the stack goes, until `destroy` empties it: bucket, repository",
)


def plan(components: Any = None, **more: Any) -> Plan:
    base = {
        "version": 1,
        "name": "churn",
        "region": "eu-central-1",
        "components": components or specs.PRESETS["minimal"],
    }
    return plans.make(specs.parse(base | more))


def check(plan: Plan, template: Template | None = None, **estimate: Any) -> list[Finding]:
    shipped = synth._shipped("minimal.account.retain.json")
    return preflight.check(plan, template or shipped, PRICED | estimate, today=TODAY)


def new(plan: Plan, template: Template | None = None, **estimate: Any) -> list[Finding]:
    """The findings beside those that every plan has."""
    return [f for f in check(plan, template, **estimate) if f not in (TRUST, ROLES, KEPT)]


def test_a_plain_plan_has_three_things_to_know() -> None:
    assert check(plan()) == [TRUST, ROLES, KEPT]
    assert preflight.link_blockers(check(plan())) == []


def test_a_finding_is_an_answer_for_programs() -> None:
    assert KEPT.as_dict() == {
        "id": "data-kept",
        "severity": "info",
        "subject": "data.retention",
        "message": KEPT.message,
        "fix": "",
    }


def test_a_named_principal_and_a_boundary_leave_nothing_to_do() -> None:
    access = {"trust": "principal", "principal": ROLE, "boundary": "arn:aws:iam::aws:policy/Cap"}
    assert check(plan(access=access)) == [
        Finding(
            id="trust",
            severity="info",
            subject="access.trust",
            message=f"The access role may be assumed by {ROLE}, and nobody else; "
            "it must send the external id of this enrolment",
        ),
        KEPT,
    ]


def test_data_that_goes_with_the_stack_is_said() -> None:
    (found,) = new(plan(data={"retention": "delete"}))
    assert (found.id, found.message) == (
        "data-kept",
        "Deleted with the stack; while something is in it, the deletion fails: bucket, repository",
    )


@pytest.mark.parametrize(
    ("components", "found"),
    [
        (
            {"container_registry": {"flavor": "ecr", "reuse": REPOSITORY.replace("eu-c", "us-c")}},
            Finding(
                id="reuse-region",
                severity="error",
                subject="components.container_registry.reuse",
                message="arn:aws:ecr:us-central-1:111122223333:repository/team is in us-central-1, "
                "the stack in eu-central-1",
                fix="set region: us-central-1, or build a new one",
            ),
        ),
        (
            {"artifact_store": {"flavor": "s3", "reuse": "arn:aws-cn:s3:::team"}},
            Finding(
                id="reuse-partition",
                severity="error",
                subject="components.artifact_store.reuse",
                message="arn:aws-cn:s3:::team is in partition aws-cn",
                fix="a stack in eu-central-1 can reuse only its own partition's resources",
            ),
        ),
        (
            {
                "artifact_store": "s3",
                "container_registry": "ecr",
                "orchestrator": {"flavor": "sagemaker", "reuse": ROLE},
            },
            Finding(
                id="reuse-role",
                severity="warning",
                subject="components.orchestrator.reuse",
                message="a reused role is not changed: it may lack rights on what this stack builds",
                fix="`stackwright scan` says what the role trusts; compare its policies with the plan's",
            ),
        ),
        (
            {
                "artifact_store": {"flavor": "s3", "reuse": BUCKET},
                "container_registry": {"flavor": "ecr", "reuse": REPOSITORY},
                "orchestrator": {"flavor": "sagemaker", "reuse": ROLE.replace("1111", "9999")},
            },
            Finding(
                id="reuse-accounts",
                severity="error",
                subject="components",
                message="what is reused is in several accounts: 111122223333, 999922223333",
                fix="a stack holds resources of one account",
            ),
        ),
    ],
)  # fmt: skip
def test_what_is_reused_must_go_with_the_stack(components: dict[str, Any], found: Finding) -> None:
    assert new(plan(components)) == [found]


def test_only_what_the_plan_builds_is_said_to_be_kept() -> None:
    kept = [f.message for f in check(plan({"artifact_store": "s3"})) if f.id == "data-kept"]
    assert kept == ["Kept when the stack goes, until `destroy` empties it: bucket"]
    reused = {"artifact_store": {"flavor": "s3", "reuse": BUCKET}}
    assert [f.id for f in check(plan(reused)) if f.id == "data-kept"] == []


def test_a_tag_that_cloudformation_would_give_back_changed_is_refused() -> None:
    assert new(plan(tags={"team": "Zürich", "owner": "anna"})) == []
    assert new(plan(tags={"Größe": "XL"})) == [
        Finding(
            id="tag-not-ascii",
            severity="error",
            subject="tags.Größe",
            message="a tag of your own is written into the template, which must be ASCII to be proved",
            fix="use ASCII letters, or one of team, project, environment, cost-center: those are parameters",
        )
    ]


def test_what_goes_together_may_be_reused_together() -> None:
    components = {
        "artifact_store": {"flavor": "s3", "reuse": BUCKET},
        "container_registry": {"flavor": "ecr", "reuse": REPOSITORY},
        "orchestrator": {"flavor": "sagemaker", "reuse": ROLE},
        "step_operator": {"flavor": "sagemaker", "reuse": ROLE},
    }
    assert new(plan(components)) == []


@pytest.mark.parametrize(
    ("access", "id_", "message"),
    [
        (
            {"principal": "arn:aws-cn:iam::111122223333:role/ml"},
            "principal-partition",
            "arn:aws-cn:iam::111122223333:role/ml is in partition aws-cn",
        ),
        (
            {"boundary": "arn:aws-us-gov:iam::111122223333:policy/cap"},
            "boundary-partition",
            "arn:aws-us-gov:iam::111122223333:policy/cap is in partition aws-us-gov",
        ),
    ],
)
def test_whoever_is_named_is_of_the_stacks_partition(access: dict[str, str], id_: str, message: str) -> None:
    found = check(plan(access=access))[0]
    assert (found.id, found.severity, found.message) == (id_, "error", message)
    assert found.fix == "a stack in eu-central-1 knows only what is in its own partition"


def test_a_type_that_the_region_lacks_blocks_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "missing_types", lambda region: frozenset({"AWS::ECR::Repository", "Other"}))
    findings = check(plan())
    assert findings[0] == Finding(
        id="type-missing",
        severity="error",
        subject="AWS::ECR::Repository",
        message="CloudFormation has no such type in eu-central-1",
        fix="choose another region or flavor",
    )
    assert preflight.link_blockers(findings) == [
        "AWS::ECR::Repository: CloudFormation has no such type in eu-central-1"
    ]


SERVER = {"flavor": "mlflow", "options": {"server": "tracking_server"}}


@pytest.mark.parametrize(
    ("region", "components", "type_", "fix"),
    [
        (
            "eu-central-2",
            {"artifact_store": "s3", "experiment_tracker": "mlflow"},
            "AWS::SageMaker::MlflowApp",
            "set components.experiment_tracker.options.server: tracking_server or set region: eu-central-1",
        ),
        (
            "ca-west-1",
            {"artifact_store": "s3", "container_registry": "ecr", "image_builder": "codebuild"},
            "AWS::CodeBuild::Project",
            "set components.image_builder: local or set region: ca-central-1",
        ),
        (
            "ap-southeast-6",
            {"artifact_store": "s3", "experiment_tracker": SERVER},
            "AWS::SageMaker::MlflowTrackingServer",
            "set region: ap-east-1",
        ),
    ],
)
def test_what_the_region_lacks_is_told_with_the_nearest_choice(
    region: str, components: Any, type_: str, fix: str
) -> None:
    wished = plan(components, region=region)
    (found,) = [f for f in check(wished, synth.synthesize(wished.shape)) if f.severity == "error"]
    assert (found.id, found.subject, found.fix) == ("type-missing", type_, fix)


def test_a_tracking_server_is_said_to_cost_every_hour_and_to_stay_outside_zenml() -> None:
    found = {f.id: f for f in check(plan({"artifact_store": "s3", "experiment_tracker": SERVER}))}
    assert found["tracking-server-always-on"].severity == "warning"
    assert found["tracking-server-always-on"].message.startswith(
        "A Small tracking server is charged for every hour of the month, used or not"
    )
    assert "MLFLOW_TRACKING_URI" in found["outside-zenml"].fix
    assert "sagemaker-mlflow" in found["outside-zenml"].fix
    serverless = check(plan({"artifact_store": "s3", "experiment_tracker": "mlflow"}))
    assert "tracking-server-always-on" not in {f.id for f in serverless}


def test_codebuild_is_said_to_be_unproved_without_privileges() -> None:
    found = {f.id: f for f in check(plan({**specs.PRESETS["minimal"], "image_builder": "codebuild"}))}
    assert found["codebuild-unprivileged"].severity == "info"
    assert found["codebuild-unprivileged"].fix.endswith("image_builder: local")


def test_a_region_that_nobody_lists_is_a_warning() -> None:
    (found,) = new(plan(region="me-south-1"))
    assert (found.id, found.severity, found.subject) == ("region-unknown", "warning", "me-south-1")


def test_a_flaw_of_the_template_blocks_the_link() -> None:
    flawed = Template(body={"Resources": {}, "Transform": "AWS::Serverless-2016-10-31"})
    (found,) = new(plan(), flawed)
    assert (found.id, found.severity, found.subject) == ("transform", "error", "Transform")
    assert preflight.link_blockers([found]) == [
        "Transform: a macro needs CAPABILITY_AUTO_EXPAND, which StackSets refuse"
    ]


def test_what_has_no_price_is_said_and_not_counted_as_nothing() -> None:
    assert new(plan(), unknown=2) == [
        Finding(
            id="cost-unknown",
            severity="warning",
            subject="cost",
            message="2 resources have no known price in eu-central-1",
            fix="the total is the sum of the rest",
        )
    ]


def test_old_prices_are_said() -> None:
    (found,) = new(plan(), price_book={"as_of": "2025-01-01", "stale": True})
    assert (found.id, found.severity) == ("prices-stale", "warning")
    assert found.message == "The price book is of 2025-01-01, older than 180 days"


def test_the_gravest_finding_comes_first() -> None:
    components = {"artifact_store": {"flavor": "s3", "reuse": "arn:aws-cn:s3:::team"}}
    order = [f.severity for f in check(plan(components), unknown=1)]
    assert order == ["error", "warning", "info", "info"]
