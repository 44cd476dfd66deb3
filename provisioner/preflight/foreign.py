"""What the owner of a reused bucket in another account must add, so that the stack's roles get in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from provisioner import arn, permissions, regions
from provisioner.component import parameter_name, pascal
from provisioner.physical import Ground
from provisioner.plan import Plan
from provisioner.preflight.row import Question, Unanswered
from provisioner.spec import Wish
from provisioner.template import Template

IDENTITY: Question = ("identity",)
# The bucket as components' statements and as templates name it.
_BUCKET = "{artifact_store.bucket_arn}"
_PARAMETER = f"${{{parameter_name('artifact_store', 'bucket_arn')}}}"
# (resource, actions) of a right, and the ARN or pattern of the role that has it.
_Right = tuple[tuple[str, tuple[str, ...]], str]


@dataclass(frozen=True, kw_only=True)
class OwnerPolicy:
    """Statements that `owner` adds to the policy of `resource`; empty where AWS does not tell the account."""

    component: str
    resource: str
    owner: str
    policy: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def buckets(plan: Plan) -> list[Wish]:
    """The reused buckets, whose ARNs tell no account."""
    return [w for w in plan.spec.components if w.reuse and arn.parse(w.reuse).service == "s3"]


def question(wish: Wish) -> Question:
    return ("bucket", arn.parse(wish.reuse).resource)


def policies(
    plan: Plan, template: Template, ask: Callable[[set[Question]], Mapping[Question, Any]]
) -> list[OwnerPolicy]:
    """One for each reused bucket that is not the caller's, as far as AWS tells."""
    wishes = buckets(plan)
    told = ask({IDENTITY, *map(question, wishes)}) if wishes else {}
    caller = told.get(IDENTITY)
    if caller is None or isinstance(caller, Unanswered):
        return []
    return [
        OwnerPolicy(
            component=wish.component.type,
            resource=wish.reuse,
            owner="",
            policy=bucket_policy(wish.reuse, plan, template, account=str(caller["account"])),
        )
        for wish in wishes
        if is_of_another(told[question(wish)])
    ]


def is_of_another(answer: Any) -> bool:
    return isinstance(answer, Mapping) and answer["owner"] == "another"


def bucket_policy(bucket: str, plan: Plan, template: Template, *, account: str) -> dict[str, Any]:
    """Exactly what the stack's roles are granted on the bucket, for those roles alone.

    The principal is the whole account, since a policy that names a role is refused before the role exists;
    the condition leaves only the stack's own names of it.
    """
    whose: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for right, role in (*_of_built(bucket, plan, template, account), *_of_reused(bucket, plan)):
        whose.setdefault(right, []).append(role)
    principal = f"arn:{arn.parse(bucket).partition}:iam::{account}:root"
    statements = [
        {
            "Sid": f"{pascal(plan.spec.name)}{number}",
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": list(actions),
            "Resource": resource,
            "Condition": {"ArnLike": {"aws:PrincipalArn": list(dict.fromkeys(roles))}},
        }
        for number, ((resource, actions), roles) in enumerate(whose.items(), 1)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _of_built(bucket: str, plan: Plan, template: Template, account: str) -> Iterator[_Right]:
    """What the template grants to the roles that it makes."""
    ground = Ground(
        template=template,
        name=plan.spec.name,
        region=plan.spec.region,
        partition=regions.partition(plan.spec.region).name,
        account=account,
        parameters=plan.parameters,
        formats={"iam:role": "arn:${Partition}:iam::${Account}:role/*"},
    )
    for row in permissions.read(template):
        if row.effect == "Allow" and template.resources[row.role]["Type"] == "AWS::IAM::Role":
            for resource in row.resources:
                if resource.startswith(_PARAMETER):
                    yield (resource.replace(_PARAMETER, bucket), row.actions), ground.arn(row.role)


def _of_reused(bucket: str, plan: Plan) -> Iterator[_Right]:
    """What a reused role needs of the bucket: its own policies are somebody else's."""
    for wish in plan.spec.components:
        if wish.reuse and arn.parse(wish.reuse).service == "iam":
            for statement in wish.component.statements:
                named = [r for r in statement.resources if r.startswith(_BUCKET)]
                for resource in named if statement.role not in ("access", "bucket") else ():
                    yield (resource.replace(_BUCKET, bucket), statement.actions), wish.reuse
