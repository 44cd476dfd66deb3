"""A thousand stacks that call back at once, some twice and some to the wrong address: all are matched."""

import asyncio
import hashlib
import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from provisioner import enrolling, enrolments
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.callback import Caller, Question, sts_endpoint
from provisioner.enrolments import Enrolment
from provisioner.errors import CheckError
from provisioner.registry import Registry
from provisioner.registry.ledger import Ledger
from provisioner.web.app import make_app

MANY = 1_000
REGION = "eu-central-1"
HOST = "mlops.example.com"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SIGNED = ("x-stackwright-claim", "x-stackwright-enrolment", "x-stackwright-server")


def account(number: int) -> str:
    return f"{100_000_000_000 + number}"


def key(number: int) -> str:
    return f"ASIA{number:016d}"


def name(number: int) -> str:
    return f"stack-{number}"


def signature(access_key: str, values: tuple[str, ...]) -> str:
    """What stands for a signature here: nobody has it who does not hold the key."""
    return hashlib.sha256("|".join((f"secret of {access_key}", *values)).encode()).hexdigest()


def ask(question: Question) -> Caller:
    """An STS that knows every key, and refuses what was made out to somebody else."""
    query = dict(parse_qsl(urlsplit(question.url).query))
    access_key = query["X-Amz-Credential"].split("/")[0]
    values = tuple(question.headers[header] for header in SIGNED)
    if query["X-Amz-Signature"] != signature(access_key, values):
        raise CheckError("STS refuses its signature")
    number = int(access_key.removeprefix("ASIA"))
    role = f"{name(number)}-CallbackRole-AbCdEfGh1234/{name(number)}-CallbackFunction-AbCdEfGh1234"
    return Caller(account=account(number), arn=f"arn:aws:sts::{account(number)}:assumed-role/{role}")


@pytest.fixture(scope="module")
def plan() -> plans.Plan:
    return plans.make(specs.preset("minimal", name="stack", region=REGION))


def enrolment(plan: plans.Plan, number: int) -> Enrolment:
    made = enrolments.make(
        plan=plan, template_sha256="0" * 64, estimate={}, now=NOW, random_id=lambda: f"{number:032x}"
    )
    return replace(made, name=name(number))


def stack_id(number: int) -> str:
    uuid = f"00000000-0000-0000-0000-{number:012d}"
    return f"arn:aws:cloudformation:{REGION}:{account(number)}:stack/{name(number)}/{uuid}"


def body(number: int) -> bytes:
    """What the function of one stack says."""
    images = f"{name(number)}-images"
    values = {
        "v": "1",
        "enrolment": f"{number:032x}",
        "stack": stack_id(number),
        "access.role_arn": f"arn:aws:iam::{account(number)}:role/{name(number)}-AccessRole",
        "artifact_store.bucket_name": f"{name(number)}-data",
        "artifact_store.bucket_arn": f"arn:aws:s3:::{name(number)}-data",
        "container_registry.repository_arn": f"arn:aws:ecr:{REGION}:{account(number)}:repository/{images}",
        "container_registry.repository_uri": f"{account(number)}.dkr.ecr.{REGION}.amazonaws.com/{images}",
    }
    address = "&".join(f"{k}={v}" for k, v in values.items())
    said = {"request": "Create", "request_id": f"r-{number}", "stack": stack_id(number), "address": address}
    claim = json.dumps(said)
    digest = hashlib.sha256(claim.encode()).hexdigest()
    query = {
        "Action": "GetCallerIdentity",
        "Version": "2011-06-15",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key(number)}/20261122/{REGION}/sts/aws4_request",
        "X-Amz-Date": "20261122T120000Z",
        "X-Amz-Expires": "300",
        "X-Amz-Security-Token": "t" * 100,
        "X-Amz-SignedHeaders": ";".join(("host", *SIGNED)),
        "X-Amz-Signature": signature(key(number), (digest, f"{number:032x}", HOST)),
    }
    identity = f"{sts_endpoint(REGION)}/?{urlencode(query)}"
    return json.dumps({"version": 1, "claim": claim, "identity": identity}).encode()


def posted(registry: Registry, messages: list[tuple[int, bytes]]) -> list[tuple[int, int, str]]:
    """(enrolment, HTTP status, stack) of all messages, sent at once."""
    doors = enrolling.Doors(
        registry=registry,
        ledger=Ledger(registry.database),
        host=HOST,
        endpoint=sts_endpoint,
        ask=ask,
        on_deleted=lambda name: None,
    )
    app = make_app(take=lambda body, id_: enrolling.take(body, id_, doors=doors, now=NOW))

    async def post(client: httpx.AsyncClient, number: int, said: bytes) -> tuple[int, int, str]:
        answer = await client.post(f"/api/v1/enrolments/{number:032x}/callback", content=said)
        return number, answer.status_code, answer.json().get("stack", "")

    async def all_at_once() -> list[tuple[int, int, str]]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}", timeout=None) as client:
            return [*await asyncio.gather(*(post(client, n, said) for n, said in messages))]

    return asyncio.run(all_at_once())


def test_a_thousand_at_once_are_matched_without_a_mistake(home: Path, plan: plans.Plan) -> None:
    registry = Registry(home / "registry.db")
    for number in range(MANY):
        registry.open_enrolment(enrolment(plan, number))
    right = [(number, body(number)) for number in range(MANY)]
    wrong = [((number + 1) % MANY, body(number)) for number in range(0, MANY, 10)]
    messages: list[tuple[int, bytes]] = [*right, *right[::4], *wrong]
    random.Random(7).shuffle(messages)
    answers: list[Any] = posted(registry, messages)
    assert sorted(answers) == sorted(
        [*((n, 200, name(n)) for n, _ in (*right, *right[::4])), *((n, 403, "") for n, _ in wrong)]
    )
    held = {s.name: (s.account, s.stack_id, s.status) for s in registry.stacks()}
    assert held == {name(n): (account(n), stack_id(n), "unverified") for n in range(MANY)}
    stores = {c.name: c.outputs["bucket_name"] for c in registry.components() if c.type == "artifact_store"}
    assert stores == {f"{name(n)}.artifact_store": f"{name(n)}-data" for n in range(MANY)}
    closed = {e.id: (e.status, e.stack_id) for e in registry.enrolments()}
    assert closed == {f"{n:032x}": ("unverified", stack_id(n)) for n in range(MANY)}
