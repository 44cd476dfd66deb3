"""No scanner finds anything that is not explained at the construct that makes it."""

import json
from collections.abc import Callable, Iterable

import pytest

from provisioner import access
from provisioner.component import Statement, places
from provisioner.components import find
from provisioner.plan import Shape
from tests import test_catalogue as catalogue
from tests.audit import scanners
from tests.audit.conftest import Audit
from tests.audit.explained import accepted, by_statement, rule_of
from tests.audit.scanners import Finding
from tests.audit.trusts import BY_SERVICE, TRUSTS


def unexplained(audit: Audit, findings: Iterable[Finding]) -> list[str]:
    """Each finding once, with the construct that would have to explain it."""
    reasons = accepted()
    lines = set()
    for finding in findings:
        where = audit.construct(finding)
        explained = rule_of(finding) in reasons.get(where, {})
        if not explained and not by_statement(finding, audit.worlds[finding.template]):
            lines.add(f"{where} ACCEPTED lacks {finding.rule} ({finding.logical_id}: {finding.words})")
    return sorted(lines)


def test_every_component_is_audited_as_built(audit: Audit) -> None:
    built = {
        component.name
        for plan in audit.plans.values()
        for slot in plan.shape.slots
        if slot.action == "build" and (component := find(slot.type, slot.flavor))
    }
    assert built >= {component.name for component in catalogue.BUILT}


def test_every_way_in_and_every_extra_is_audited(audit: Audit) -> None:
    shapes = [plan.shape for plan in audit.plans.values()]
    assert {shape.trust for shape in shapes} == set(access.TRUSTS)
    assert {shape.kms for shape in shapes} == {False, True}
    assert {shape.budget for shape in shapes} == {"", "email", "sns"}
    assert {shape.oidc_provider for shape in shapes} == {"", "build", "reuse"}


def test_cfn_lint_finds_neither_error_nor_warning_and_its_hints_are_explained(audit: Audit) -> None:
    assert [finding for finding in audit.cfn_lint if not finding.rule.startswith("I")] == []
    assert unexplained(audit, audit.cfn_lint) == []


def test_what_checkov_finds_is_explained(audit: Audit) -> None:
    given, understood = audit.scanned
    assert understood >= given
    assert unexplained(audit, audit.checkov) == []


def test_what_cdk_nag_finds_is_explained(audit: Audit) -> None:
    assert {finding.rule for finding in audit.nag if "CdkNagValidationFailure" in finding.rule} == set()
    assert unexplained(audit, audit.nag) == []


def test_what_our_own_checks_find_is_explained(audit: Audit) -> None:
    assert unexplained(audit, audit.own) == []


def test_every_explanation_still_explains_something(audit: Audit) -> None:
    fired = {
        (audit.construct(finding), rule_of(finding))
        for finding in (*audit.cfn_lint, *audit.checkov, *audit.nag, *audit.own)
    }
    said = {(module, rule) for module, rules in accepted().items() for rule in rules}
    assert sorted(said - fired) == []


def test_every_explanation_says_why() -> None:
    reasons = [why for rules in accepted().values() for why in rules.values()]
    assert reasons and min(len(why.split()) for why in reasons) >= 5


# What the user may choose is asked of the shapes that chose it.
CHOSEN: dict[str, Callable[[Shape], bool]] = {
    "s3-own-key": lambda shape: shape.kms,
    "ecr-own-key": lambda shape: shape.kms,
    "log-own-key": lambda shape: shape.kms,
    "trust-external-id": lambda shape: shape.external_id,
    "no-user": lambda shape: shape.trust != "access_key",
    "no-key": lambda shape: shape.trust != "access_key",
    "no-public-address": lambda shape: shape.network is None or shape.network.nat_gateways > 0,
}


def always(shape: Shape) -> bool:
    return True


def test_at_least_95_of_100_own_checks_pass_in_every_template(audit: Audit) -> None:
    low = {}
    for name, results in audit.results.items():
        shape = audit.plans[name].shape
        passed = [not r.problem for r in results if CHOSEN.get(r.check, always)(shape)]
        if sum(passed) < 0.95 * len(passed):
            low[name] = f"{sum(passed)} of {len(passed)}"
    assert low == {}


# What may never be explained away


NEVER = {
    *("no-full-access", "action-wildcard", "needless-star", "pass-role", "assume-role", "trust-source"),
    *("trust-everyone", "trust-federation", "public-policy", "policy-source", "iam-name", "tagged"),
    *("s3-not-public", "s3-tls", "no-open-port", "secret-kept"),
}


def test_what_may_never_be_explained_away_is_nowhere(audit: Audit) -> None:
    assert [finding for finding in audit.own if finding.rule in NEVER] == []
    assert [rule for rules in accepted().values() for rule in rules if rule in NEVER] == []


def test_only_the_stack_that_was_asked_for_a_key_has_a_user(audit: Audit) -> None:
    with_user = {finding.template for finding in audit.own if finding.rule in ("no-user", "no-key")}
    asked = {name for name, plan in audit.plans.items() if plan.shape.trust == "access_key"}
    assert with_user == asked


# Trusts


def test_every_trust_has_its_page_and_its_reason() -> None:
    assert len(BY_SERVICE) == len(TRUSTS)
    for trust in TRUSTS:
        assert trust.page.startswith("https://docs.aws.amazon.com/")
        assert len(trust.why.split()) >= 5


def test_only_a_service_that_sends_nothing_is_not_asked_and_the_run_says_why(audit: Audit) -> None:
    services = {
        service
        for worlds in audit.worlds.values()
        for world in worlds
        for logical_id in world.resources
        for statement in world.statements(logical_id)
        for service in statement.principals.get("Service", [])
    }
    unasked = {s: BY_SERVICE[s].why for s in sorted(services) if not BY_SERVICE[s].keys}
    for service, why in unasked.items():
        print(f"{service} is not asked for whom it acts: {why}")
    assert set(unasked) <= {"ec2.amazonaws.com", "lambda.amazonaws.com"}


# parliament

# What promised values look like, by how their names end.
EXAMPLES = {
    "partition": "aws",
    "region": "us-east-1",
    "account": "111122223333",
    "suffix": "amazonaws.com",
    "queue_arn": "arn:aws:batch:us-east-1:111122223333:job-queue/jobs",
    "stack_id": "arn:aws:cloudformation:us-east-1:111122223333:stack/churn/1",
    "bucket_arn": "arn:aws:s3:::churn-artifacts",
    "repository_arn": "arn:aws:ecr:us-east-1:111122223333:repository/churn",
    "role_arn": "arn:aws:iam::111122223333:role/churn",
    "key_arn": "arn:aws:kms:us-east-1:111122223333:key/1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f",
    "cluster_arn": "arn:aws:eks:us-east-1:111122223333:cluster/churn",
    "profile_arn": "arn:aws:iam::111122223333:instance-profile/churn",
    "project_arn": "arn:aws:codebuild:us-east-1:111122223333:project/churn",
    "security_group_arn": "arn:aws:ec2:us-east-1:111122223333:security-group/sg-1",
    "security_group_id": "sg-1",
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": "subnet-0123456789abcdef0",
    # CloudFormation ends the ARN of a log group with what is in it.
    "group_arn": "arn:aws:logs:us-east-1:111122223333:log-group:churn:*",
    "server_arn": "arn:aws:sagemaker:us-east-1:111122223333:mlflow-tracking-server/churn",
    "app_arn": "arn:aws:sagemaker:us-east-1:111122223333:mlflow-app/app-1",
    "topic_arn": "arn:aws:sns:us-east-1:111122223333:churn",
    "secret_arn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:churn-1a2b3c",
    "name": "churn",
    "prefix": "churn",
}


def example(key: str) -> str:
    fitting = [end for end in EXAMPLES if key == end or key.endswith(f"_{end}")]
    assert fitting, f"add an example for {key} to EXAMPLES"
    return EXAMPLES[max(fitting, key=len)]


@pytest.mark.parametrize("statement", catalogue.STATEMENTS.values(), ids=catalogue.STATEMENTS)
def test_parliament_finds_nothing(statement: Statement) -> None:
    values: dict[str, dict[str, str]] = {}
    for scope, key in places(json.dumps([statement.resources, statement.conditions])):
        values.setdefault(scope, {})[key] = example(key)
    found = scanners.read_parliament(statement, values)
    assert [f for f in found if not f.startswith(OUTDATED.get(statement.sid, "-"))] == []


# AWS's own reference names a job definition and a queue; parliament's older list names a job.
OUTDATED = {"BatchSubmit": "RESOURCE_MISMATCH [{'action': 'batch:SubmitJob'"}
