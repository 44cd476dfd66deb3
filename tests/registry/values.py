"""What the registry's tests keep in it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from provisioner import enrolments
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.enrolments import Enrolment, Publication
from provisioner.registry import RegisteredComponent, RegisteredStack, Registration, Registry

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ID = "0123456789abcdef0123456789abcdef"
STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/churn/1"
SERVER = "https://zenml.example.com"


def component(name: str = "churn.artifact_store", **changes: Any) -> RegisteredComponent:
    plain = RegisteredComponent(
        name=name,
        type=name.rpartition(".")[2],
        flavor="s3",
        origin="built",
        account="111122223333",
        region="eu-central-1",
        outputs={"bucket_name": "b", "bucket_arn": "arn:aws:s3:::b"},
        config={"path": "s3://b"},
        created_at=NOW,
    )
    return replace(plain, **changes)


def stack(name: str = "churn", *parts: RegisteredComponent, **changes: Any) -> RegisteredStack:
    plain = RegisteredStack(
        name=name,
        account="111122223333",
        region="eu-central-1",
        status="registered",
        components={part.type: part.name for part in parts},
        created_at=NOW,
        stack_id=STACK_ID,
        template_sha256="ab" * 32,
        connector={"type": "aws", "role_arn": "arn:aws:iam::111122223333:role/a"},
        estimate={"total": {"typical": 1.5}},
    )
    return replace(plain, **changes)


def enrolment(**changes: Any) -> Enrolment:
    spec = specs.preset("minimal", name="churn", region="eu-central-1")
    plain = enrolments.make(
        plan=plans.make(spec),
        template_sha256="ab" * 32,
        estimate={"total": {"typical": 1.5}},
        now=NOW,
        random_id=lambda: ID,
    )
    return replace(plain, **changes)


def registration(stack: str = "churn", server: str = SERVER, **changes: Any) -> Registration:
    plain = Registration(stack=stack, server=server, status="registering", updated_at=NOW)
    return replace(plain, **changes)


def publication(**changes: Any) -> Publication:
    plain = Publication(
        sha256="ab", region="eu-central-1", url="https://x", account="111122223333", published_at=NOW
    )
    return replace(plain, **changes)


def held(registry: Registry) -> tuple[list[RegisteredStack], list[RegisteredComponent], str]:
    return registry.stacks(), registry.components(), registry.active()
