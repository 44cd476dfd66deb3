"""What somebody may try on the way from a link to a registered stack: each refused by name, nothing kept."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from provisioner import finish, proof, synth
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.aws.cloudformation import StackState
from provisioner.enrolments import Enrolment
from provisioner.errors import RefusedError
from provisioner.template import Template

NAME = "churn-dev"
ACCOUNT = "123456789012"
MALLORY = "444455556666"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/moto"
BOUND = {"trust": "principal", "principal": CALLER, "external_id": True}
UNPROVED = "the proof failed: "
Refusal = Callable[[Callable[[], object]], tuple[str, int]]


@pytest.fixture
def is_burned(world: Any, refusal: Refusal) -> Callable[[str], None]:
    """Finishing fails with this proof, keeps nothing, and the enrolment never works again."""

    def check(message: str) -> None:
        assert refusal(world.finish) == (UNPROVED + message, 3)
        assert (world.held(), world.registry.components(), world.registry.active()) == ({}, [], "")
        assert world.statuses() == ["failed"]
        assert refusal(world.finish) == ("this enrolment failed its proof and cannot be used again", 3)

    return check


Burned = Callable[[str], None]


# The link is edited on its way to the console.


@pytest.mark.parametrize(
    ("access", "changed"),
    [
        ({}, {"TrustedPrincipal": f"arn:aws:iam::{ACCOUNT}:role/mallory"}),
        (
            {"trust": "principal", "principal": f"arn:aws:iam::{ACCOUNT}:role/server"},
            {"TrustedPrincipal": f"arn:aws:iam::{MALLORY}:role/mallory"},
        ),
        (BOUND, {"ExternalId": "known-to-mallory-0123456789"}),
        ({"boundary": f"arn:aws:iam::{ACCOUNT}:policy/cap"}, {"PermissionsBoundaryArn": ""}),
        ({}, {"PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/cap"}),
    ],
)
def test_a_changed_trust_parameter(
    world: Any, is_burned: Burned, access: dict[str, Any], changed: dict[str, str]
) -> None:
    if "boundary" in access or "PermissionsBoundaryArn" in changed:
        world.iam.create_policy(
            PolicyName="cap",
            PolicyDocument='{"Version": "2012-10-17", "Statement": '
            '[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}',
        )
    world.click(world.link(world.spec(access=access)), parameters=changed)
    is_burned(f"somebody changed {next(iter(changed))} on the way to the console")


DATA = {"artifact_store": "s3", "container_registry": "ecr"}
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/admin"
CLUSTER = {
    "flavor": "eks",
    "options": {"public_access_cidrs": ["198.51.100.7/32", "203.0.113.0/24"], "admin_principal": ADMIN},
}
MACHINES = {"flavor": "ec2", "options": {"ssh_cidrs": ["198.51.100.7/32", "203.0.113.0/24"]}}
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/"
BUDGET = {"monthly_usd": 100, "notify": "ml@example.com"}


@pytest.mark.parametrize(
    ("wish", "changed"),
    [
        ({"orchestrator": CLUSTER}, {"OrchestratorAdminPrincipal": f"arn:aws:iam::{MALLORY}:role/mallory"}),
        ({"orchestrator": CLUSTER}, {"OrchestratorNamespace": "mallory"}),
        ({"orchestrator": CLUSTER}, {"OrchestratorPublicAccessCidrs": "198.51.100.7/32,192.0.2.0/24"}),
        ({"orchestrator": MACHINES}, {"OrchestratorSshCidrs": "192.0.2.0/24"}),
        ({"data": {"kms_key": KEY + "a"}}, {"DataKeyArn": KEY + "b"}),
        ({"budget": BUDGET}, {"BudgetNotify": "mallory@example.com"}),
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_changed_value_that_decides_who_gets_in(
    world: Any, wish: dict[str, Any], changed: dict[str, str], refusal: Refusal
) -> None:
    top = {k: v for k, v in wish.items() if k in ("data", "budget")}
    slots = {k: v for k, v in wish.items() if k not in top}
    enrolment = world.link(world.spec(components={**DATA, "orchestrator": "local", **slots}, **top))
    made = state_of(world, enrolment, changed)
    message = f"somebody changed {next(iter(changed))} on the way to the console"
    assert refusal(lambda: check(world, enrolment, made)) == (UNPROVED + message, 3)


def test_a_list_in_another_order_is_the_same_list(world: Any) -> None:
    for slot, key in ((CLUSTER, "OrchestratorPublicAccessCidrs"), (MACHINES, "OrchestratorSshCidrs")):
        enrolment = world.link(world.spec(components={**DATA, "orchestrator": slot}))
        check(world, enrolment, state_of(world, enrolment, {key: "203.0.113.0/24, 198.51.100.7/32"}))


def test_an_address_let_in_to_machines_burns_the_link(world: Any, is_burned: Burned) -> None:
    enrolment = world.link(world.spec(components={**DATA, "orchestrator": MACHINES}))
    world.click(enrolment, parameters={"OrchestratorSshCidrs": "192.0.2.0/24"})
    is_burned("somebody changed OrchestratorSshCidrs on the way to the console")


def state_of(world: Any, enrolment: Enrolment, changed: dict[str, str]) -> StackState:
    """A stack made of the link with other values; no cluster is built for it."""
    return StackState(
        id=f"arn:aws:cloudformation:{world.region}:{world.account}:stack/{NAME}/1",
        name=NAME,
        status="CREATE_COMPLETE",
        reason="",
        created_at=world.now,
        parameters={**enrolment.parameters, **changed},
        outputs={},
        tags={},
    )


def check(world: Any, enrolment: Enrolment, state: StackState) -> None:
    template = world.drafted(specs.parse(dict(enrolment.spec)))[1]
    proof.check_enrolment(enrolment, state, template, world.now)


def test_a_changed_enrolment_id_is_nobodys_stack(world: Any, refusal: Refusal) -> None:
    world.click(world.link(), parameters={"EnrolmentId": "f" * 32})
    assert refusal(world.finish) == ("no stack of 'churn-dev''s link in eu-central-1 yet", 3)
    assert (world.held(), world.statuses()) == ({}, ["open"])


def test_an_edited_template(world: Any, is_burned: Burned) -> None:
    _, template = world.drafted()
    body = json.loads(template.text)
    body["Resources"]["AccessRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = {
        "AWS": "*"
    }
    world.click(world.link(), template=Template(body=body))
    is_burned("the stack was made from another template than the link named")


def test_another_shape_of_ours_is_another_template_too(world: Any, is_burned: Burned) -> None:
    shape = replace(world.drafted()[0].shape, retention="delete")
    world.click(world.link(), template=synth.of_shape(shape, cache_dir=world.home))
    is_burned("the stack was made from another template than the link named")


def test_a_bucket_put_in_place_of_the_reused_one(world: Any, refusal: Refusal) -> None:
    for bucket in ("team-artifacts", "mallory-artifacts"):
        world.cloud.buckets.create_private(bucket)
    components = {
        "artifact_store": {"flavor": "s3", "reuse": "arn:aws:s3:::team-artifacts"},
        "container_registry": "ecr",
        "orchestrator": "local",
    }
    world.click(
        world.link(world.spec(components=components)),
        parameters={
            "ArtifactStoreBucketName": "mallory-artifacts",
            "ArtifactStoreBucketArn": "arn:aws:s3:::mallory-artifacts",
        },
    )
    assert refusal(world.finish) == (
        "artifact_store.bucket_name is of value mallory-artifacts, expected team-artifacts",
        3,
    )
    assert (world.held(), world.statuses()) == ({}, ["failed"])


def test_options_are_the_users_to_change(world: Any) -> None:
    world.click(world.link(), parameters={"ArtifactStoreNoncurrentDays": "3", "Team": "churn"})
    assert world.finish().status == "registered"


# The stack is made elsewhere.


def test_a_stack_in_another_account_than_expected(world: Any, other: Any, refusal: Refusal) -> None:
    other.click(world.link(expected_account=ACCOUNT))
    assert refusal(other.finish) == (
        UNPROVED + f"the stack is in account {MALLORY}, expected {ACCOUNT}",
        3,
    )
    assert (world.held(), world.statuses()) == ({}, ["failed"])


def test_a_stack_in_another_region_is_not_found_where_the_link_was_for(world: Any, refusal: Refusal) -> None:
    enrolment = world.link()
    elsewhere = replace(world, cloud=None, region="us-east-1")
    elsewhere.click(enrolment)
    assert refusal(world.finish) == ("no stack of 'churn-dev''s link in eu-central-1 yet", 3)
    assert refusal(elsewhere.finish) == (
        UNPROVED + "the stack is in us-east-1, the link was for eu-central-1",
        3,
    )
    assert world.held() == {}


def test_a_second_stack_from_the_same_link(world: Any, refusal: Refusal) -> None:
    enrolment = world.link()
    first = world.click(enrolment)
    second = world.click(enrolment, name="second")
    world.paste(first.outputs["FinishCommand"])
    assert refusal(lambda: world.paste(second.outputs["FinishCommand"])) == (
        "the enrolment was used by another stack",
        3,
    )
    assert world.finish().stack_id == first.id
    assert refusal(lambda: world.finish("second")) == (
        UNPROVED + "the enrolment was used by another stack",
        3,
    )
    assert (world.held(), world.statuses()) == ({NAME: "registered"}, ["registered"])


# The role is not what the link promised.


def trust(world: Any, role_arn: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrites the trust policy of a role, as an administrator of the account can."""
    name = role_arn.rpartition("/")[2]
    document = world.iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    change(document)
    world.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))


def widen(document: dict[str, Any]) -> None:
    document["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{MALLORY}:root"}


def add(document: dict[str, Any]) -> None:
    other = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MALLORY}:root"}}
    document["Statement"].append({**other, "Action": "sts:AssumeRole"})


def forget_external_id(document: dict[str, Any]) -> None:
    del document["Statement"][0]["Condition"]["StringEquals"]


def accept_any_external_id(document: dict[str, Any]) -> None:
    condition = document["Statement"][0]["Condition"]
    condition["StringLike"] = dict.fromkeys(condition.pop("StringEquals"), "*")


def ask_for_another_external_id(document: dict[str, Any]) -> None:
    document["Statement"][0]["Condition"]["StringEquals"] = {"sts:ExternalId": "another-0123456789abcdef"}


def unbind(document: dict[str, Any]) -> None:
    del document["Statement"][0]["Condition"]["ArnEquals"]


def deny_instead(document: dict[str, Any]) -> None:
    document["Statement"][0]["Effect"] = "Deny"


def let_sessions_be_tagged(document: dict[str, Any]) -> None:
    document["Statement"][0]["Action"] = ["sts:AssumeRole", "sts:TagSession"]


def let_in_by_saml(document: dict[str, Any]) -> None:
    document["Statement"][0]["Action"] = ["sts:AssumeRole", "sts:AssumeRoleWithSAML"]


@pytest.mark.parametrize(
    ("access", "change"),
    [
        ({}, deny_instead),
        ({}, let_sessions_be_tagged),
        ({}, let_in_by_saml),
        ({}, widen),
        ({}, add),
        ({"trust": "account", "principal": CALLER}, unbind),
        (BOUND, forget_external_id),
        (BOUND, accept_any_external_id),
        (BOUND, ask_for_another_external_id),
        (BOUND, unbind),
        (BOUND, add),
    ],
)
def test_a_trust_policy_changed_after_creation(
    world: Any, is_burned: Burned, access: dict[str, Any], change: Callable[[dict[str, Any]], None]
) -> None:
    state = world.click(world.link(world.spec(access=access)))
    trust(world, state.outputs["AccessRoleArn"], change)
    is_burned("the access role trusts somebody else than the link said")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (forget_external_id, "the role lets us in without an external id"),
        (accept_any_external_id, "the role lets us in with any external id"),
        (ask_for_another_external_id, "the role refuses the external id of this enrolment"),
    ],
)
def test_a_role_that_reads_well_but_behaves_otherwise(
    world: Any,
    is_burned: Burned,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[str, Any]], None],
    message: str,
) -> None:
    """Whoever answers GetRole may lie; AssumeRole cannot."""
    from provisioner import proof

    monkeypatch.setattr(proof, "check_role", lambda *_: None)
    state = world.click(world.link(world.spec(access=BOUND)))
    trust(world, state.outputs["AccessRoleArn"], change)
    is_burned(message)


def test_a_role_with_another_enrolments_tag(world: Any, is_burned: Burned) -> None:
    state = world.click(world.link())
    world.iam.tag_role(
        RoleName=state.outputs["AccessRoleArn"].rpartition("/")[2],
        Tags=[{"Key": "stackwright:enrolment", "Value": "f" * 32}],
    )
    is_burned("the access role carries another enrolment than the stack")


def test_a_registered_stack_whose_role_was_opened_later_fails_until_it_is_closed_again(
    world: Any, refusal: Refusal
) -> None:
    state = world.click(world.link())
    world.finish()
    role = state.outputs["AccessRoleArn"]
    trust(world, role, add)
    message = UNPROVED + "the access role trusts somebody else than the link said"
    assert [refusal(world.finish), refusal(world.finish)] == [(message, 3), (message, 3)]
    trust(world, role, lambda document: document["Statement"].pop())
    assert world.finish().status == "registered"


# The address is written by somebody else.


def test_an_address_works_once(world: Any, refusal: Refusal) -> None:
    command = world.click(world.link()).outputs["FinishCommand"]
    world.paste(command)
    world.finish()
    assert refusal(lambda: world.paste(command)) == (
        "this enrolment is registered: an address works once",
        3,
    )
    assert (world.held(), world.statuses()) == ({NAME: "registered"}, ["registered"])


def test_an_address_of_a_burned_enrolment(world: Any, refusal: Refusal) -> None:
    state = world.click(world.link(), parameters={"TrustedPrincipal": f"arn:aws:iam::{ACCOUNT}:role/mallory"})
    refusal(world.finish)
    assert refusal(lambda: world.paste(state.outputs["FinishCommand"])) == (
        "this enrolment is failed: an address works once",
        3,
    )


def test_a_stolen_enrolment_id_in_another_account(world: Any, other: Any, refusal: Refusal) -> None:
    command = other.click(world.link(expected_account=ACCOUNT)).outputs["FinishCommand"]
    assert refusal(lambda: world.paste(command)) == (
        UNPROVED + f"the stack is in account {MALLORY}, expected {ACCOUNT}",
        3,
    )
    assert (world.held(), world.statuses()) == ({}, ["open"])


def test_a_stolen_enrolment_id_without_an_expected_account_stays_an_unverified_claim(
    world: Any, other: Any, refusal: Refusal
) -> None:
    command = other.click(world.link()).outputs["FinishCommand"]
    assert world.paste(command).status == "unverified"
    assert refusal(world.finish) == (
        f"the stack is in account {MALLORY}, these credentials are of {ACCOUNT}",
        3,
    )
    assert world.registry.active() == ""


def test_a_stack_that_mallory_made_from_a_seen_link_in_his_own_account(
    world: Any, other: Any, refusal: Refusal
) -> None:
    """It is the true template with the true trust, so every proof through its role would hold."""
    command = other.click(world.link(world.spec(access=BOUND))).outputs["FinishCommand"]
    world.paste(command)
    assert refusal(world.finish) == (
        f"the stack of churn-dev is in account {MALLORY}, and its link named none",
        3,
    )
    assert refusal(lambda: world.finish(account="111122223333"))[1] == 3
    assert (world.held(), world.statuses()) == ({NAME: "unverified"}, ["unverified"])
    assert world.finish(account=MALLORY).account == MALLORY


def test_a_stack_in_the_expected_account_needs_no_more_words(world: Any, other: Any) -> None:
    command = other.click(world.link(world.spec(access=BOUND), expected_account=MALLORY)).outputs[
        "FinishCommand"
    ]
    world.paste(command)
    assert world.finish().status == "registered"


def test_an_account_that_is_said_must_be_the_stacks_own(world: Any, refusal: Refusal) -> None:
    world.click(world.link())
    assert refusal(lambda: world.finish(account=MALLORY)) == (
        f"stack churn-dev is in account {ACCOUNT}, not in {MALLORY}",
        3,
    )
    assert (world.held(), world.statuses()) == ({}, ["open"])


BUCKET, REPOSITORY = "artifact_store.bucket_name", "container_registry.repository_uri"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "access.role_arn=arn:aws:iam::123456789012",
            "access.role_arn=arn:aws:iam::444455556666",
            "access.role_arn is of account 444455556666, expected 123456789012",
        ),
        (
            "bucket_arn=arn:aws:s3:::",
            "bucket_arn=arn:aws:s3:::x",
            "artifact_store.bucket_name is of value {bucket}, expected x{bucket}",
        ),
        (
            "repository_arn=arn:aws:ecr:eu-central-1:123456789012",
            "repository_arn=arn:aws:ecr:eu-central-1:444455556666",
            "container_registry.repository_arn is of account 444455556666, expected 123456789012",
        ),
        (
            "repository_arn=arn:aws:ecr:eu-central-1",
            "repository_arn=arn:aws:ecr:us-east-1",
            "container_registry.repository_arn is of region us-east-1, expected eu-central-1",
        ),
        (
            "repository_uri=123456789012.dkr.ecr.eu-central-1.amazonaws.com",
            "repository_uri=registry.mallory.example",
            "container_registry.repository_uri is of value registry.mallory.example/{repository}, "
            "expected 123456789012.dkr.ecr.eu-central-1.amazonaws.com/{repository}",
        ),
        (
            "bucket_arn=arn:aws:s3:::",
            "bucket_arn=arn:aws:iam::123456789012:role/",
            "artifact_store.bucket_arn is no s3 of artifact_store",
        ),
        ("stack=arn:aws:cloudformation:eu-central-1", "stack=arn:aws:cloudformation:us-east-1",
         "the stack is in us-east-1, the link was for eu-central-1"),
        ("&artifact_store.bucket_arn", "&artifact_store.other",
         "the values of artifact_store are not the promised ones"),
        ("&artifact_store.bucket_arn", "&step_operator.execution_role_arn=x&artifact_store.bucket_arn",
         "step_operator is no component of this stack"),
    ],
)  # fmt: skip
def test_a_value_of_the_address_that_does_not_go_with_the_others(
    world: Any, refusal: Refusal, old: str, new: str, message: str
) -> None:
    state = world.click(world.link())
    command = state.outputs["FinishCommand"]
    assert old in command
    found, _ = refusal(lambda: world.paste(command.replace(old, new, 1)))
    names = {
        "bucket": state.outputs["ArtifactStoreBucketName"],
        "repository": state.outputs["ContainerRegistryRepositoryUri"].partition("/")[2],
    }
    assert found == message.format(**names)
    assert (world.held(), world.registry.components(), world.statuses()) == ({}, [], ["open"])


def test_a_consistent_lie_is_found_out_by_credentials(world: Any, refusal: Refusal) -> None:
    state = world.click(world.link())
    bucket = state.outputs["ArtifactStoreBucketName"]
    world.paste(state.outputs["FinishCommand"].replace(bucket, "mallory-artifacts"))
    assert world.held() == {NAME: "unverified"}
    assert refusal(world.finish) == (
        UNPROVED + "the finish address named other values than the stack's real outputs",
        3,
    )
    assert (world.held(), world.registry.components(), world.statuses()) == ({}, [], ["failed"])


def test_an_address_that_names_another_stack_of_the_account(world: Any, refusal: Refusal) -> None:
    victim = world.click(world.link(world.spec(name="production")))
    world.finish("production")
    enrolment = world.link()
    own = victim.outputs["FinishCommand"]
    world.paste(own.replace(victim.enrolment_id, enrolment.id))
    assert refusal(world.finish) == (
        UNPROVED + "somebody changed EnrolmentId on the way to the console",
        3,
    )
    assert (world.held(), world.statuses()) == ({"production": "registered"}, ["failed"])


def test_a_clock_that_is_a_little_off_is_no_attack(world: Any) -> None:
    world.now += timedelta(minutes=4)
    world.click(world.link())
    assert world.finish().status == "registered"


def test_every_preset_with_an_external_id_proves_itself(world: Any) -> None:
    for preset in ("minimal", "sagemaker"):
        spec = world.spec(preset, name=preset, access=BOUND)
        assert plans.make(spec).shape.external_id
        world.click(world.link(spec))
        assert world.finish(preset).status == "registered"


@pytest.mark.parametrize(
    ("caller", "trusted", "same"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/server/session", f"arn:aws:iam::{ACCOUNT}:role/server", True),
        (
            f"arn:aws:sts::{ACCOUNT}:assumed-role/server/s",
            f"arn:aws:iam::{ACCOUNT}:role/ml/server",
            True,
        ),
        (f"arn:aws:iam::{ACCOUNT}:user/team/ann", f"arn:aws:iam::{ACCOUNT}:user/team/ann", True),
        (f"arn:aws:sts::{MALLORY}:assumed-role/server/s", f"arn:aws:iam::{ACCOUNT}:role/server", False),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/servers/s", f"arn:aws:iam::{ACCOUNT}:role/server", False),
        (f"arn:aws:iam::{ACCOUNT}:user/server", f"arn:aws:iam::{ACCOUNT}:role/server", False),
        (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/server", False),
        (f"arn:aws:iam::{ACCOUNT}:user/moto", "", False),
    ],
)
def test_a_caller_who_could_prove_the_external_id_is_known_whatever_the_path(
    world: Any, caller: str, trusted: str, same: bool
) -> None:
    state = replace(world.deploy(), parameters={"TrustedPrincipal": trusted})
    assert proof.is_trusted(caller, state) is same


def test_a_role_whose_rights_come_later_than_its_trust_still_proves_itself(world: Any) -> None:
    """AssumeRole works some seconds before the role's own policies do."""
    world.click(world.link(world.spec(access=BOUND)))
    denied = [RefusedError("DescribeStacks was denied", code="AccessDenied")] * 2
    paused: list[int] = []
    doors = world.cloud.for_proof()

    class Late:
        """The session's stacks, twice denied."""

        def __init__(self, stacks: Any) -> None:
            self.stacks = stacks

        def describe(self, stack_id: str) -> Any:
            if denied:
                raise denied.pop()
            return self.stacks.describe(stack_id)

    def as_session(credentials: Any) -> Any:
        account, stacks, roles = doors.as_session(credentials)
        return account, Late(stacks), roles

    late = replace(doors, as_session=as_session, pauses=[lambda: paused.append(1)] * 3)
    stack = finish.with_credentials(
        NAME, doors=late, registry=world.registry, now=world.now, random_id=lambda: "e" * 32
    )
    assert (stack.status, paused) == ("registered", [1, 1])
