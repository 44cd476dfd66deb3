"""What somebody may try to say to a server in a stack's name: each refused by name, and nothing kept."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from provisioner import enrolling
from provisioner.aws import caller
from provisioner.enrolments import Enrolment
from provisioner.errors import StackwrightError
from provisioner.registry import Registration
from provisioner.registry.ledger import Ledger
from stacks.enrol import index

NAME = "churn-dev"
ACCOUNT = "123456789012"
MALLORY = "444455556666"
REGION = "eu-central-1"
HOST = "mlops.example.com"
RANDOM = "AbCdEfGh1234"
NOTHING = "the callback proves nothing: "


@dataclass
class Function:
    """A callback function at work: its role's session, and what it says."""

    world: Any
    enrolment: Enrolment
    account: str = ACCOUNT
    stack: str = f"{NAME}/11111111-2222-3333-4444-555555555555"
    role: str = f"{NAME}-CallbackRole-{RANDOM}"
    session: str = f"{NAME}-CallbackFunction-{RANDOM}"
    region: str = REGION
    bucket: str = f"{NAME}-artifactstorebucket"
    host: str = HOST

    @property
    def stack_id(self) -> str:
        return f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{self.stack}"

    def address(self, **changed: str) -> str:
        name = f"{NAME}-images"
        values = {
            "v": "1",
            "enrolment": self.enrolment.id,
            "stack": self.stack_id,
            "access.role_arn": f"arn:aws:iam::{self.account}:role/{NAME}-AccessRole-{RANDOM}",
            "artifact_store.bucket_name": self.bucket,
            "artifact_store.bucket_arn": f"arn:aws:s3:::{self.bucket}",
            "container_registry.repository_arn": f"arn:aws:ecr:{REGION}:{self.account}:repository/{name}",
            "container_registry.repository_uri": f"{self.account}.dkr.ecr.{REGION}.amazonaws.com/{name}",
        }
        changes = {key.replace("__", "."): value for key, value in changed.items()}
        return "&".join(f"{key}={value}" for key, value in (values | changes).items())

    def claim(self, kind: str = "Create", *, request_id: str = "r-1", **changed: str) -> str:
        said = {"request": kind, "request_id": request_id, "stack": self.stack_id}
        return json.dumps(said | {"address": self.address(**changed)})

    def keys(self) -> Mapping[str, str]:
        """A session of the function's role."""
        world = self.world.as_account(self.account)
        root = {"AWS": f"arn:aws:iam::{self.account}:root"}
        trust = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        if self.role not in [r["RoleName"] for r in world.iam.list_roles()["Roles"]]:
            world.iam.create_role(RoleName=self.role, AssumeRolePolicyDocument=document)
        role_arn = f"arn:aws:iam::{self.account}:role/{self.role}"
        sts = world.cloud.session.client("sts").raw
        found: Mapping[str, str] = sts.assume_role(RoleArn=role_arn, RoleSessionName=self.session)[
            "Credentials"
        ]
        return found

    def sign(self, claim: str) -> str:
        keys = self.keys()
        names = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_REGION", self.region)
            patch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
            for variable, name in names.items():
                patch.setenv(variable, keys[name])
            return index.identity(self.host, self.enrolment.id, claim, "amazonaws.com")

    def says(self, claim: str = "", **changed: Any) -> bytes:
        text = claim or self.claim()
        body = {"version": 1, "claim": text, "identity": self.sign(text)}
        return json.dumps(body | changed).encode()


class Server:
    """The engine as `serve` drives it."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.gone: list[str] = []
        self.asked: list[str] = []

    def take(self, body: bytes, enrolment_id: str) -> Any:
        doors = enrolling.Doors(
            registry=self.world.registry,
            ledger=Ledger(self.world.registry.database),
            host=HOST,
            endpoint=lambda region: self.world.aws.endpoint,
            ask=self._ask,
            on_deleted=self.gone.append,
        )
        return enrolling.take(body, enrolment_id, doors=doors, now=self.world.now)

    def _ask(self, question: Any) -> Any:
        self.asked.append(question.url)
        return caller.ask(question)


@pytest.fixture
def enrolment(world: Any) -> Enrolment:
    return world.link()


@pytest.fixture
def function(world: Any, enrolment: Enrolment) -> Function:
    return Function(world=world, enrolment=enrolment)


@pytest.fixture
def server(world: Any) -> Server:
    return Server(world)


@pytest.fixture
def refused(server: Server, world: Any) -> Callable[..., str]:
    """The message of a refusal that changed nothing."""

    def ask(body: bytes, enrolment: Enrolment, *, status: str = "open") -> str:
        before = (world.held(), world.registry.components())
        with pytest.raises(StackwrightError) as caught:
            server.take(body, enrolment.id)
        assert (world.held(), world.registry.components()) == before
        assert world.registry.enrolment(enrolment.id).status == status
        return caught.value.message

    return ask


Refused = Callable[..., str]


def test_the_function_of_the_stack_is_heard(server: Server, function: Function, world: Any) -> None:
    answer = server.take(function.says(), function.enrolment.id)
    assert (answer.stack, answer.status) == (NAME, "unverified")
    assert (world.held(), world.statuses(), world.registry.active()) == (
        {NAME: "unverified"},
        ["unverified"],
        "",
    )


# Somebody else


def test_another_accounts_function_with_this_accounts_claim(function: Function, refused: Refused) -> None:
    claim = function.claim()
    function.account = MALLORY
    assert refused(function.says(claim), function.enrolment) == (
        f"{NOTHING}account {MALLORY} signed, and the stack is said to be in {ACCOUNT}"
    )


@pytest.mark.parametrize(
    "role",
    [
        "mallory",
        f"other-CallbackRole-{RANDOM}",
        f"{NAME}-AccessRole-{RANDOM}",
        f"{NAME}-CallbackRole-",
        f"{NAME}-x-CallbackRole-{RANDOM}",
        f"churn-CallbackRole-{RANDOM}",
    ],
)
def test_another_role_of_the_account(function: Function, refused: Refused, role: str) -> None:
    function.role = role
    message = f"{NOTHING}{role} signed, which is not the callback of stack {NAME}"
    assert refused(function.says(), function.enrolment) == message


def test_the_right_role_in_somebodys_own_session(function: Function, refused: Refused) -> None:
    function.session = "mallory"
    assert refused(function.says(), function.enrolment).endswith(f"not the callback of stack {NAME}")


def test_a_user_of_the_account(function: Function, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    user = {"AccessKeyId": f"AKIA{ACCOUNT}ROOT", "SecretAccessKey": "x", "SessionToken": "y" * 20}
    monkeypatch.setattr(Function, "keys", lambda self: user)
    assert refused(function.says(), function.enrolment) == f"{NOTHING}no role's session signed"


def test_an_account_that_the_link_did_not_expect(world: Any, server: Server, refused: Refused) -> None:
    enrolment = world.link(expected_account=MALLORY)
    message = refused(Function(world=world, enrolment=enrolment).says(), enrolment)
    assert message == f"the proof failed: the stack is in account {ACCOUNT}, expected {MALLORY}"
    assert server.asked == []


# Another enrolment, stack or region


def test_a_stolen_enrolment_id_does_not_take_a_stack_over(
    server: Server, function: Function, world: Any, refused: Refused
) -> None:
    server.take(function.says(), function.enrolment.id)
    thief = Function(world=world, enrolment=function.enrolment, account=MALLORY)
    assert refused(thief.says(), function.enrolment, status="unverified") == (
        "the enrolment was used by another stack"
    )
    deletion = thief.says(thief.claim("Delete"))
    assert refused(deletion, function.enrolment, status="unverified") == (
        "the enrolment was used by another stack"
    )


def test_a_strangers_deletion_does_not_close_an_open_link(
    server: Server, function: Function, world: Any
) -> None:
    thief = Function(world=world, enrolment=function.enrolment, account=MALLORY)
    answer = server.take(thief.says(thief.claim("Delete")), function.enrolment.id)
    assert (answer.status, answer.message) == ("open", "nothing of it is registered")
    assert server.take(function.says(), function.enrolment.id).status == "unverified"


def test_an_address_of_another_enrolment(function: Function, world: Any, refused: Refused) -> None:
    other = world.link(world.spec())
    assert refused(function.says(), other) == "the callback's address is of another enrolment"


def test_an_enrolment_that_nobody_opened_asks_nobody(server: Server, function: Function) -> None:
    with pytest.raises(enrolling.UnknownError) as caught:
        server.take(function.says(), "0" * 32)
    assert (caught.value.message, server.asked) == ("this server opened no such enrolment", [])


def test_a_signature_made_out_to_another_enrolment(function: Function, world: Any, refused: Refused) -> None:
    claim = function.claim()
    other = Function(world=world, enrolment=world.link(world.spec()))
    body = json.dumps({"version": 1, "claim": claim, "identity": other.sign(claim)}).encode()
    assert refused(body, function.enrolment) == (
        f"{NOTHING}STS refuses its signature (SignatureDoesNotMatch)"
    )


def test_a_stack_of_another_region(function: Function, refused: Refused) -> None:
    function.region = "us-east-1"
    assert refused(function.says(), function.enrolment) == (
        f"the stack is in us-east-1, the link was for {REGION}"
    )


def test_a_signature_of_another_region(function: Function, refused: Refused) -> None:
    claim = function.claim()
    function.region = "us-east-1"
    assert refused(function.says(claim), function.enrolment) == (
        f"{NOTHING}the signature is for us-east-1, the link was for {REGION}"
    )


def test_a_claim_of_one_stack_with_the_address_of_another(function: Function, refused: Refused) -> None:
    other = function.stack_id.replace("5555", "6666")
    assert refused(function.says(function.claim(stack=other)), function.enrolment) == (
        "the callback is of one stack and its address of another"
    )


# Other contents


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"access__role_arn": f"arn:aws:iam::{MALLORY}:role/mallory"},
            f"access.role_arn is of account {MALLORY}, expected {ACCOUNT}",
        ),
        (
            {"container_registry__repository_arn": f"arn:aws:ecr:{REGION}:{MALLORY}:repository/xy"},
            f"container_registry.repository_arn is of account {MALLORY}, expected {ACCOUNT}",
        ),
        (
            {"artifact_store__bucket_name": "mallorys"},
            "artifact_store.bucket_name is of value mallorys, expected churn-dev-artifactstorebucket",
        ),
        ({"artifact_store__more": "x"}, "the values of artifact_store are not the promised ones"),
        ({"image_builder__project_arn": "x"}, "image_builder is no component of this stack"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_tampered_outputs_that_do_not_fit_together(
    function: Function, refused: Refused, changed: dict[str, str], message: str
) -> None:
    assert refused(function.says(function.claim(**changed)), function.enrolment) == message


def test_outputs_tampered_with_on_the_way(function: Function, refused: Refused) -> None:
    said = json.loads(function.says())
    said["claim"] = said["claim"].replace("artifactstorebucket", "mallorysbucket")
    assert refused(json.dumps(said).encode(), function.enrolment) == (
        f"{NOTHING}STS refuses its signature (SignatureDoesNotMatch)"
    )


# Again, too late, elsewhere


def test_the_same_callback_again_has_the_same_answer_and_does_nothing(
    server: Server, function: Function, world: Any
) -> None:
    body = function.says()
    first = server.take(body, function.enrolment.id)
    copy = Registration(stack=NAME, server="https://z", status="registered", updated_at=world.now)
    world.registry.record_registration(copy)
    deletion = function.says(function.claim("Delete"))
    server.take(deletion, function.enrolment.id)
    assert world.held() == {NAME: "deleted"}
    assert server.take(deletion, function.enrolment.id).status == "deleted"
    assert server.take(body, function.enrolment.id) == first
    assert (world.held(), server.gone) == ({NAME: "deleted"}, [NAME])


def test_a_second_creation_with_other_contents(server: Server, function: Function, refused: Refused) -> None:
    server.take(function.says(), function.enrolment.id)
    other = function.says(function.claim(request_id="r-2"))
    assert refused(other, function.enrolment, status="unverified") == (
        "this enrolment's Create was called back already, with other contents"
    )


def test_an_update_counts_once_under_its_request(
    server: Server, function: Function, refused: Refused
) -> None:
    server.take(function.says(), function.enrolment.id)
    function.bucket = "another"
    assert server.take(function.says(function.claim("Update")), function.enrolment.id).status == "unverified"
    function.bucket = "a-third"
    assert refused(function.says(function.claim("Update")), function.enrolment, status="unverified") == (
        "this enrolment's Update was called back already, with other contents"
    )


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ({"minutes": 6}, f"{NOTHING}the signature is older than 5 minutes"),
        ({"minutes": -3}, f"{NOTHING}the signature is of the future"),
    ],
)
def test_a_signature_of_another_time(
    function: Function, refused: Refused, later: dict[str, int], message: str, world: Any
) -> None:
    body = function.says()
    world.later(**later)
    assert refused(body, function.enrolment) == message


def test_a_stack_that_calls_after_a_day(function: Function, refused: Refused, world: Any) -> None:
    late = replace(function.enrolment, opened_at=world.now - timedelta(hours=24, minutes=1))
    world.registry.update_enrolment(late)
    assert refused(function.says(), late, status="expired") == (
        "more than 24 hours have passed since the link was made"
    )


def test_a_signature_made_out_to_another_server(function: Function, refused: Refused) -> None:
    function.host = "mallory.example.com"
    assert refused(function.says(), function.enrolment) == (
        f"{NOTHING}STS refuses its signature (SignatureDoesNotMatch)"
    )


def test_keys_that_nobody_issued(
    function: Function, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = {"AccessKeyId": "ASIAFORGED0000000000", "SecretAccessKey": "x", "SessionToken": "y" * 20}
    monkeypatch.setattr(Function, "keys", lambda self: forged)
    assert refused(function.says(), function.enrolment) == (
        f"{NOTHING}STS refuses its signature (InvalidClientTokenId)"
    )


# At once, and killed in between


def test_of_two_stacks_that_call_at_once_one_is_the_links(
    server: Server, function: Function, world: Any
) -> None:
    other = Function(
        world=world, enrolment=function.enrolment, stack=f"{NAME}/{'2' * 8}-2222-2222-2222-{'2' * 12}"
    )
    bodies = [function.says(), other.says(other.claim(request_id="r-2"))]

    def outcome(body: bytes) -> str:
        try:
            return str(server.take(body, function.enrolment.id).status)
        except StackwrightError as error:
            return error.message

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(outcome, bodies))
    assert (len(ends), ends.count("unverified"), world.held()) == (2, 1, {NAME: "unverified"})
    assert set(ends) - {"unverified"} <= {
        "the enrolment was used by another stack",
        "this enrolment's Create was called back already, with other contents",
        f"a stack '{NAME}' is registered already (account {ACCOUNT}, {REGION})",
    }


def test_a_server_killed_before_it_noted_a_callback_takes_it_again(
    server: Server, function: Function, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise SystemExit

    body = function.says()
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Ledger, "keep", killed)
        server.take(body, function.enrolment.id)
    assert world.held() == {NAME: "unverified"}
    assert server.take(body, function.enrolment.id) == server.take(body, function.enrolment.id)
    assert (world.held(), world.statuses()) == ({NAME: "unverified"}, ["unverified"])


# What the registered values are worth


def test_a_proved_stack_is_not_changed_by_a_message(server: Server, world: Any) -> None:
    enrolment = world.link()
    state = world.click(enrolment)
    world.finish()
    before = (world.registry.stacks(), world.registry.components())
    function = Function(world=world, enrolment=enrolment, stack=state.id.split("stack/")[1])
    answer = server.take(function.says(function.claim("Update")), enrolment.id)
    assert answer.message == (
        f"{NAME} has changed; its new values count once they are proved: stackwright finish {NAME}"
    )
    assert (world.registry.stacks(), world.registry.components()) == before


def test_a_proved_stack_is_marked_when_it_is_deleted(server: Server, world: Any) -> None:
    enrolment = world.link()
    state = world.click(enrolment)
    world.finish()
    function = Function(world=world, enrolment=enrolment, stack=state.id.split("stack/")[1])
    answer = server.take(function.says(function.claim("Delete")), enrolment.id)
    assert (answer.message, server.gone) == (f"{NAME} is marked as deleted", [])
    assert (world.held(), world.statuses()) == ({NAME: "deleted"}, ["deleted"])


def test_a_deletion_under_a_newer_enrolment_of_the_same_stack_counts(server: Server, world: Any) -> None:
    """An update through `deploy` may have been killed before it was finished."""
    first = world.link()
    state = world.click(first)
    world.finish()
    function = Function(world=world, enrolment=world.link(), stack=state.id.split("stack/")[1])
    server.take(function.says(function.claim("Delete")), function.enrolment.id)
    assert (world.held(), world.statuses()) == ({NAME: "deleted"}, ["deleted", "deleted"])


def test_copies_elsewhere_are_marked_and_removed_later(
    server: Server, function: Function, world: Any
) -> None:
    server.take(function.says(), function.enrolment.id)
    copy = Registration(stack=NAME, server="https://z", status="registered", updated_at=world.now)
    world.registry.record_registration(copy)
    answer = server.take(function.says(function.claim("Delete")), function.enrolment.id)
    assert answer.message == (
        f"{NAME} is marked as deleted, its copies are being removed: stackwright status {NAME}"
    )
    assert (world.held(), server.gone) == ({NAME: "deleted"}, [NAME])
    assert world.registry.registrations() == [replace(copy, status="removing")]


def of(world: Any, enrolment: Enrolment, state: Any) -> tuple[Function, dict[str, str]]:
    """The function of a stack that was really made, and what it would tell of it."""
    names = ("ArtifactStoreBucketName", "ArtifactStoreBucketArn")
    names += ("ContainerRegistryRepositoryArn", "ContainerRegistryRepositoryUri")
    keys = ("artifact_store__bucket_name", "artifact_store__bucket_arn")
    keys += ("container_registry__repository_arn", "container_registry__repository_uri")
    told = dict(zip(keys, (state.outputs[name] for name in names), strict=True))
    function = Function(world=world, enrolment=enrolment, stack=state.id.split("stack/")[1])
    return function, {"access__role_arn": state.outputs["AccessRoleArn"], **told}


def test_a_link_edited_to_trust_somebody_else_calls_back_and_is_burned_by_its_proof(
    server: Server, world: Any, refusal: Callable[..., tuple[str, int]]
) -> None:
    mallory = {"TrustedPrincipal": f"arn:aws:iam::{ACCOUNT}:role/mallory"}
    enrolment = world.link()
    function, told = of(world, enrolment, world.click(enrolment, parameters=mallory))
    assert server.take(function.says(function.claim(**told)), enrolment.id).status == "unverified"
    assert refusal(world.finish) == (
        "the proof failed: somebody changed TrustedPrincipal on the way to the console",
        3,
    )
    assert (world.held(), world.statuses()) == ({}, ["failed"])


def test_a_role_that_asks_for_no_external_id_calls_back_and_is_burned_by_its_proof(
    server: Server, world: Any, refusal: Callable[..., tuple[str, int]]
) -> None:
    caller_arn = f"arn:aws:iam::{ACCOUNT}:user/moto"
    bound = {"trust": "principal", "principal": caller_arn, "external_id": True}
    enrolment = world.link(world.spec(access=bound))
    state = world.click(enrolment)
    role = state.outputs["AccessRoleArn"].split("/")[1]
    trust = world.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    del trust["Statement"][0]["Condition"]["StringEquals"]
    world.iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    function, told = of(world, enrolment, state)
    assert server.take(function.says(function.claim(**told)), enrolment.id).status == "unverified"
    assert refusal(world.finish)[0].startswith("the proof failed: the access role trusts somebody else")
    assert (world.held(), world.statuses()) == ({}, ["failed"])


def test_outputs_that_a_function_made_up_are_burned_by_their_proof(
    server: Server, world: Any, refusal: Callable[..., tuple[str, int]]
) -> None:
    enrolment = world.link()
    function, told = of(world, enrolment, world.click(enrolment))
    mine = {"artifact_store__bucket_name": "mallorys", "artifact_store__bucket_arn": "arn:aws:s3:::mallorys"}
    assert server.take(function.says(function.claim(**told | mine)), enrolment.id).status == "unverified"
    assert refusal(world.finish) == (
        "the proof failed: the finish address named other values than the stack's real outputs",
        3,
    )
    assert (world.held(), world.statuses()) == ({}, ["failed"])


def test_a_stack_started_too_late_calls_back_and_is_never_proved(
    server: Server, world: Any, refusal: Callable[..., tuple[str, int]]
) -> None:
    enrolment = replace(world.link(), opened_at=world.now - timedelta(hours=2))
    world.registry.update_enrolment(enrolment)
    function, told = of(world, enrolment, world.click(enrolment))
    assert server.take(function.says(function.claim(**told)), enrolment.id).status == "unverified"
    assert refusal(world.finish) == ("the stack was not created within 60 minutes of its link", 3)
    assert (world.held(), world.statuses()) == ({NAME: "unverified"}, ["expired"])
