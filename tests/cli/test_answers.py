"""Every verb's JSON answer has the promised keys; stdout is data alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner import cli as cli_package
from provisioner import spec as specs

NAME = "churn-dev"
MINIMAL = ("--preset", "minimal", "--name", NAME)
ESTIMATE = {
    "region", "currency", "hours_per_month", "price_book", "usage", "total", "unknown", "components",
    "resources",
}  # fmt: skip
PLAN = {
    "spec", "template", "parameters", "resources", "permissions", "cost", "findings", "link_blockers",
    "deploy_policy", "owner_policies",
}  # fmt: skip
LINK = {
    "url", "template_url", "template_sha256", "stack_name", "region", "parameters", "enrolment_id",
    "expires_at", "estimate",
}  # fmt: skip
STACK = {
    "name", "account", "region", "active", "status", "components", "client_files", "connector",
    "estimate", "template_sha256", "stack_id", "created_at", "registrations", "owner", "groups",
}  # fmt: skip
COMPONENT = {
    "name", "type", "flavor", "origin", "account", "region", "outputs", "config", "created_at",
}  # fmt: skip
STATUS = {
    "name", "cloudformation", "stack_id", "enrolment", "start_by", "registry", "registrations",
    "reason", "next",
}  # fmt: skip


# What these print themselves is JSON, CSV or their own words.
PRINT_THEMSELVES = {"__init__", "cost", "demo", "init", "options", "registry", "scan", "scan_answer", "serve"}


def test_text_goes_through_the_one_door_that_spells_out_what_steers_a_terminal() -> None:
    folder = Path(cli_package.__path__[0])
    modules = {path.stem: path.read_text() for path in folder.glob("*.py")}
    print_ = {name for name, text in modules.items() if "click.echo(" in text or "click.secho(" in text}
    assert print_ == PRINT_THEMSELVES


def test_plan(cli: Any) -> None:
    ran = cli("plan", *MINIMAL, "--json")
    value = ran.json
    assert (ran.code, ran.err, set(value)) == (0, "", PLAN)
    assert set(value["template"]) == {"sha256", "bytes", "shape"}
    assert {frozenset(row) for row in value["resources"]} == {
        frozenset({"logical_id", "type", "component", "action"})
    }
    permission = {"component", "role", "effect", "actions", "resources", "conditions", "words", "reason"}
    assert all(permission <= set(row) for row in value["permissions"])
    assert all({"id", "severity", "subject", "message", "fix"} <= set(row) for row in value["findings"])
    assert set(value["cost"]) >= ESTIMATE


def test_an_estimate(cli: Any) -> None:
    value = cli("plan", *MINIMAL, "--json").json["cost"]
    assert set(value["price_book"]) >= {"as_of", "sha256", "stale"}
    assert set(value["usage"]) == {"profile", "overrides"}
    assert set(value["total"]) == {"idle", "low", "typical", "high"}
    assert {type(amount) for amount in value["total"].values()} <= {int, float}
    assert all({"component", "idle", "low", "typical", "high"} <= set(row) for row in value["components"])
    row = {"logical_id", "type", "status", "reason", "idle", "low", "typical", "high", "lines"}
    assert all(row <= set(resource) for resource in value["resources"])
    line = {"usage", "quantity", "unit", "unit_usd", "monthly_usd", "source", "as_of"}
    assert all(line <= set(found) for resource in value["resources"] for found in resource["lines"])


def test_init_synth_and_cost(cli: Any) -> None:
    assert set(cli("init", "--preset", "minimal", "--json").json) == {
        "version", "name", "region", "components", "access", "data", "usage", "register", "tags",
    }  # fmt: skip
    assert set(cli("synth", "--json").json) == {"path", "sha256", "bytes", "parameters"}
    assert set(cli("cost", "estimate", "--json").json) >= ESTIMATE
    assert set(cli("cost", "estimate", f"{NAME}.template.json", "--json").json) >= ESTIMATE


def test_from_publish_to_destroy_every_verb_answers(cli: Any, world: Any) -> None:
    published = cli("publish", *MINIMAL, "--yes", "--json")
    assert (published.code, set(published.json)) == (
        0,
        {"template_url", "template_sha256", "bucket", "account", "region"},
    )
    link = cli("link", *MINIMAL, "--json")
    assert (link.code, set(link.json), set(link.json["estimate"]) >= ESTIMATE) == (0, LINK, True)
    assert set(cli("status", NAME, "--json").json) == STATUS
    world.cloud.stacks.create_from_url(
        name=NAME, template_url=link.json["template_url"], parameters=link.json["parameters"]
    )
    assert set(cli("wait", NAME, "--json").json) == STATUS
    finished = cli("finish", NAME, "--json").json
    assert (set(finished), finished["status"], finished["active"]) == (STACK, "registered", True)
    assert {frozenset(c) for c in finished["components"].values()} == {
        frozenset({"flavor", "origin", "outputs", "config"})
    }
    deployed = cli("deploy", *MINIMAL, "--yes", "--json")
    assert (deployed.code, set(deployed.json)) == (0, STACK)
    doctor = cli("doctor", NAME, "--json").json
    assert (set(doctor), {frozenset(c) for c in doctor["checks"]}) == (
        {"name", "checks"},
        {frozenset({"id", "subject", "ok", "message"})},
    )
    assert {c["id"]: c["ok"] for c in doctor["checks"]} == {
        "registered": True,
        "assume-role": True,
        "object": True,
        "image-login": True,
        "image-push": None,
    }
    assert set(cli("stack", "show", NAME, "--json").json) == STACK
    assert [set(s) for s in cli("stack", "list", "--json").json["stacks"]] == [STACK]
    assert cli("stack", "set", NAME, "--json").json["active"] is True
    components = cli("component", "list", "--json").json["components"]
    assert [set(c) for c in components] == [COMPONENT] * 3
    assert set(cli("component", "show", f"{NAME}.artifact_store", "--json").json) == COMPONENT
    scan = cli("scan", "--json").json
    assert set(scan) >= {"cells", "resources", "suggestions", "summary"}
    cell = {"account", "region", "service", "state", "count", "calls", "seconds", "note"}
    assert all(cell <= set(row) for row in scan["cells"])
    resource = {"arn", "account", "region", "kind", "name", "component_types", "fitness", "tags"}
    assert all(resource <= set(row) for row in scan["resources"])
    assert set(scan["summary"]) >= {"calls", "seconds", "resources", "not_seen"}
    destroyed = cli("destroy", NAME, "--yes", "--json").json
    assert set(destroyed) == {"name", "steps", "kept"}
    assert {frozenset(step) for step in destroyed["steps"]} == {frozenset({"action", "target", "words"})}


def test_the_pasted_command_and_what_follows(cli: Any, world: Any) -> None:
    command = world.click(world.link()).outputs["FinishCommand"]
    pasted = cli("finish", command, "--json").json
    assert (set(pasted), pasted["status"], pasted["active"]) == (STACK, "unverified", False)
    refused = cli("stack", "set", NAME, "--json")
    assert (refused.code, refused.error["message"], refused.error["hint"]) == (
        3,
        "churn-dev is unverified and cannot be active",
        "with credentials of account 123456789012: `stackwright finish churn-dev`",
    )
    assert cli("finish", NAME, "--json").json["status"] == "registered"
    again = cli("finish", command, "--json")
    assert (again.code, again.error["message"]) == (
        3,
        "this enrolment is registered: an address works once",
    )


def test_the_doctor_verifies_an_unverified_stack(cli: Any, world: Any) -> None:
    cli("finish", world.click(world.link()).outputs["FinishCommand"])
    ran = cli("doctor", NAME, "--json")
    assert (ran.code, world.held()) == (0, {NAME: "registered"})


def test_the_doctor_says_what_fails(cli: Any, world: Any) -> None:
    cli("deploy", *MINIMAL, "--yes")
    world.aws.deny("s3:PutObject")
    ran = cli("doctor", "--json")
    assert (ran.code, [c["id"] for c in ran.json["checks"] if c["ok"] is False]) == (3, ["object"])
    assert "1 of 5 failed." in ran.err


def test_a_doctor_who_may_not_assume_the_role_has_only_partly_looked(cli: Any, world: Any) -> None:
    access = {"trust": "principal", "principal": "arn:aws:iam::123456789012:role/server"}
    world.deploy(world.spec(access=access))
    world.finish()
    ran = cli("doctor", NAME, "--json")
    assert (ran.code, {c["id"]: c["message"] for c in ran.json["checks"]}) == (
        5,
        {
            "registered": "is registered",
            "assume-role": "this caller may not assume it; "
            "what follows was tried with the caller's own rights (trust oidc lets in only a token of its "
            "issuer, access_key only the stack's own key)",
            "object": "wrote, read and deleted an object (with the caller's own rights)",
            "image-login": "got a login token for images (with the caller's own rights)",
            "image-push": "not tested: it would leave an image behind",
        },
    )


def test_a_stack_deleted_in_the_console_is_noticed_by_status(cli: Any, world: Any) -> None:
    cli("deploy", *MINIMAL, "--yes")
    world.cloud.stacks.delete(NAME)
    world.aws.engine.settle()
    value = cli("status", NAME, "--json").json
    assert (value["cloudformation"], value["registry"], value["next"]) == (
        "DELETE_COMPLETE",
        "deleted",
        "the CloudFormation stack is gone: `stackwright stack delete churn-dev` forgets it",
    )
    assert cli("stack", "delete", NAME, "--yes", "--json").json == {"deleted": NAME}
    assert world.held() == {}


def test_registering_found_resources_answers_as_a_stack(cli: Any, world: Any) -> None:
    world.cloud.buckets.create_private("team-artifacts")
    ran = cli("register", "arn:aws:s3:::team-artifacts", "--stack", "shared", "--json")
    assert (ran.code, set(ran.json), set(ran.json["components"])) == (
        0,
        STACK,
        {"artifact_store", "orchestrator"},
    )
    alone = cli("register", "arn:aws:s3:::team-artifacts", "--json").json
    assert [set(c) for c in alone["components"]] == [COMPONENT]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("arn:aws:sqs:eu-central-1:123456789012:q",), 2,
         "'arn:aws:sqs:eu-central-1:123456789012:q' is no resource that a component could be"),
        (("arn:aws:s3:::nowhere",), 3,
         "there is no arn:aws:s3:::nowhere in account 123456789012, eu-central-1"),
    ],
)  # fmt: skip
def test_registering_what_is_not_there(
    cli: Any, aws: Any, arguments: tuple[str, ...], code: int, message: str
) -> None:
    ran = cli("register", *arguments, "--json")
    assert (ran.code, ran.error["message"]) == (code, message)


def test_registering_what_could_not_be_seen_says_so(cli: Any, aws: Any) -> None:
    aws.deny("s3:ListAllMyBuckets")
    ran = cli("register", "arn:aws:s3:::team-artifacts", "--json")
    assert (
        ran.code,
        ran.error["message"].startswith("I could not look for arn:aws:s3:::team-artifacts: "),
    ) == (
        3,
        True,
    )


def test_an_unfit_resource_is_registered_only_on_purpose(cli: Any, world: Any) -> None:
    ecr = world.cloud.session.client("ecr").raw
    made = ecr.create_repository(repositoryName="frozen", imageTagMutability="IMMUTABLE")["repository"]
    ran = cli("register", made["repositoryArn"], "--json")
    assert (ran.code, ran.error["message"].startswith("frozen is unfit as container_registry")) == (3, True)
    assert world.registry.components() == []
    assert cli("register", made["repositoryArn"], "--unfit").code == 0


def test_a_scan_that_could_not_see_everything_is_partly_done(cli: Any, aws: Any) -> None:
    aws.deny("ecr:DescribeRepositories")
    ran = cli("scan", "--json")
    assert (ran.code, {c["service"]: c["state"] for c in ran.json["cells"]}["ecr"]) == (5, "denied")
    assert cli("scan", "--fail-on", "never").code == 0


def test_the_scan_policy_is_one_document(cli: Any) -> None:
    policy = json.loads(cli("scan", "--policy").out)
    assert (policy["Version"], {s["Effect"] for s in policy["Statement"]}) == ("2012-10-17", {"Allow"})


def test_json_can_be_asked_for_by_the_environment(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWRIGHT_JSON", "1")
    assert set(cli("plan", *MINIMAL).json) == PLAN
    assert cli("plan").error["field"] == "file"


def test_an_option_can_be_given_by_the_environment(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKWRIGHT_PLAN_PRESET", "minimal")
    assert set(cli("plan", "--json").json["spec"]["components"]) == {
        "artifact_store",
        "container_registry",
        "orchestrator",
    }


def elsewhere(region: str, account: str = "123456789012") -> str:
    return (
        "churn-dev is in account 123456789012, region eu-central-1; "
        f"this would look in account {account}, region {region}"
    )


LOOKING = [("status", NAME), ("wait", NAME), ("finish", NAME), ("doctor", NAME), ("destroy", NAME, "--yes")]


@pytest.mark.parametrize("arguments", LOOKING, ids=lambda a: a[0])
def test_in_another_region_a_living_stack_is_not_taken_for_deleted(
    cli: Any, world: Any, arguments: tuple[str, ...]
) -> None:
    cli("deploy", *MINIMAL, "--yes")
    ran = cli(*arguments, "--region", "us-east-1", "--json")
    assert (ran.code, ran.error["message"], ran.error["hint"]) == (
        3,
        elsewhere("us-east-1"),
        "leave --region out, or say --region eu-central-1",
    )
    assert (world.held(), len([*world.cloud.stacks.all()])) == ({NAME: "registered"}, 1)


@pytest.mark.parametrize("arguments", [a for a in LOOKING if a[0] != "finish"], ids=lambda a: a[0])
def test_in_another_account_a_living_stack_is_not_taken_for_deleted(
    cli: Any, world: Any, other: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    cli("deploy", *MINIMAL, "--yes")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", world.aws.access_key(other.account))
    ran = cli(*arguments, "--json")
    assert (ran.code, ran.error["message"], ran.error["hint"]) == (
        3,
        elsewhere("eu-central-1", other.account),
        "use credentials of account 123456789012",
    )
    assert world.held() == {NAME: "registered"}


def test_the_doctor_does_not_call_a_deleted_stack_healthy(cli: Any, world: Any) -> None:
    cli("deploy", *MINIMAL, "--yes")
    world.cloud.stacks.delete(NAME)
    world.aws.engine.settle()
    cli("status", NAME)
    ran = cli("doctor", NAME, "--json")
    assert (ran.code, ran.error["message"]) == (3, "the CloudFormation stack of churn-dev is deleted")


@pytest.mark.parametrize("verb", ["finish", "doctor"])
def test_what_is_being_destroyed_is_neither_finished_nor_examined(cli: Any, world: Any, verb: str) -> None:
    cli("deploy", *MINIMAL, "--yes")
    world.registry.set_status(NAME, "deleting")
    ran = cli(verb, NAME, "--json")
    assert (ran.code, ran.error["message"], ran.error["hint"]) == (
        3,
        "churn-dev is being destroyed",
        "`stackwright destroy churn-dev` goes on",
    )
    assert cli("status", NAME, "--json").json["next"] == "`stackwright destroy churn-dev` goes on"


def test_a_stack_is_also_known_by_its_arn(cli: Any, world: Any) -> None:
    cli("deploy", *MINIMAL, "--yes")
    arn = world.registry.stack(NAME).stack_id
    assert [cli(verb, arn, "--json").json["name"] for verb in ("status", "wait", "finish")] == [NAME] * 3
    assert (cli("destroy", arn, "--yes", "--json").json["name"], world.held()) == (NAME, {})


def test_a_stack_of_found_resources_has_nothing_to_wait_for(cli: Any, world: Any) -> None:
    world.cloud.buckets.create_private("team-artifacts")
    cli("register", "arn:aws:s3:::team-artifacts", "--stack", "shared")
    ran = cli("wait", "shared", "--json")
    assert (ran.code, ran.error["message"]) == (
        3,
        "shared holds found resources and has no CloudFormation stack to wait for",
    )
    status = cli("status", "shared", "--json").json
    assert (status["cloudformation"], status["next"]) == (
        "absent",
        "`stackwright doctor shared` tries what it holds",
    )


def test_after_a_failed_proof_status_does_not_ask_to_finish(cli: Any, world: Any) -> None:
    world.click(world.link(), parameters={"TrustedPrincipal": "arn:aws:iam::123456789012:role/mallory"})
    assert cli("finish", NAME).code == 3
    assert cli("status", NAME, "--json").json["next"] == (
        "its proof failed: delete it in the console if it is not yours, or `stackwright destroy churn-dev`"
    )


def test_the_question_says_whether_a_stack_is_made_or_updated(
    cli: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provisioner.cli import deploy
    from provisioner.moment import stamp

    asked: list[str] = []
    monkeypatch.setattr(deploy, "confirm", lambda question, yes: asked.append(question.strip()))
    cli("deploy", *MINIMAL)
    cli("deploy", *MINIMAL)
    made = stamp(world.cloud.stacks.describe(NAME).created_at)
    where = "in account 123456789012, eu-central-1?"
    assert asked == [
        f"Create churn-dev {where}",
        f"Update the existing stack churn-dev made at {made} {where}",
    ]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("deploy", *MINIMAL, "--yes"), "`stackwright wait churn-dev`"),
        (("wait", NAME), "`stackwright wait churn-dev`"),
        (("destroy", NAME, "--yes"), "`stackwright destroy churn-dev` goes on"),
    ],
    ids=lambda a: a[0] if isinstance(a, tuple) else "",
)
def test_whoever_stops_watching_learns_that_cloudformation_goes_on(
    cli: Any, world: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], hint: str
) -> None:
    from provisioner import deploy

    if arguments[0] != "deploy":
        cli("deploy", *MINIMAL, "--yes")

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(deploy, "follow", interrupted)
    ran = cli(*arguments, "--json")
    assert (ran.code, ran.error["message"], ran.error["hint"]) == (
        4,
        "you stopped watching; CloudFormation goes on",
        hint,
    )


def test_nobody_waits_for_a_stack_that_was_deleted(cli: Any, world: Any) -> None:
    cli("deploy", *MINIMAL, "--yes")
    world.cloud.stacks.delete(NAME)
    world.aws.engine.settle()
    ran = cli("wait", NAME, "--json")
    assert (ran.code, ran.error["message"], world.held()) == (
        3,
        "the CloudFormation stack of churn-dev is deleted",
        {NAME: "deleted"},
    )


def test_nobody_waits_in_another_account_than_the_link_is_for(
    cli: Any, world: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.link(expected_account=world.account)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", world.aws.access_key(other.account))
    ran = cli("wait", NAME, "--json")
    assert (ran.code, ran.error["message"]) == (
        3,
        "churn-dev is expected in account 123456789012, these credentials are of 444455556666",
    )


@pytest.mark.parametrize("preset", specs.PRESETS)
def test_what_init_writes_plan_reads(cli: Any, preset: str) -> None:
    """A version without quotes would be a number, and an empty text is no ARN."""
    assert cli("init", "--preset", preset, "--region", "eu-central-1", "--name", "churn").code == 0
    wish = specs.preset(preset, name="churn", region="eu-central-1")
    assert specs.read(Path("stack.yaml").read_text()) == wish
    assert cli("plan", "--json").json["spec"] == wish.as_dict()
