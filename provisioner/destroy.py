"""Engine: looks at what there is of a stack, and applies a teardown plan step by step."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provisioner import arn, deploy, finish, proof, regions
from provisioner.deploy import Clock, OnEvent
from provisioner.errors import CheckError
from provisioner.plan import Shape, outputs_from_stack, shape_from
from provisioner.registry import with_status
from provisioner.teardown import Found, Holding, Step, Use
from provisioner.template import Template

if TYPE_CHECKING:
    from provisioner.aws.buckets import Buckets
    from provisioner.aws.cloudformation import Stacks, StackState
    from provisioner.aws.images import Images
    from provisioner.registry import RegisteredStack, Registry


@dataclass(frozen=True, kw_only=True)
class Doors:
    stacks: "Stacks"
    buckets: "Buckets"
    images: "Images"
    registry: "Registry"


def look(name: str, *, doors: Doors, account: str, region: str) -> Found:
    """What there is of a stack, in AWS and in the registry; raises CheckError where there is nothing."""
    known = doors.registry.stack(name)
    if known:
        proof.check_place(known, account=account, region=region)
    state = _state(name, known, doors)
    if state is None and known is None:
        raise CheckError(
            f"there is no stack {name!r}, here or in the registry", hint="`stackwright stack list`"
        )
    if known and known.status == "unverified" and state:
        _check_own(known, state, doors.registry)
    if state and not known:
        name = state.name if name == state.id else name
    shape = _shape(doors.stacks, state) if state else None
    made = Template(body=doors.stacks.template(state.id)).resources.values() if state and shape else ()
    built = _built_outputs(known, doors.registry) or _outputs(state, shape)
    return Found(
        name=name,
        stack_id=state.id if state else "",
        retention=shape.retention if shape else "retain",
        bucket=_bucket(doors.buckets, built.get("artifact_store", {})),
        repository=_repository(doors.images, built.get("container_registry", {})),
        registered=known is not None,
        protected=bool(state and state.protected),
        uses=_uses(name, known, built, doors.registry),
        tracks=any(r["Type"] in _TRACKERS for r in made),
        provider=_provider(made, account, region),
    )


_TRACKERS = ("AWS::SageMaker::MlflowApp", "AWS::SageMaker::MlflowTrackingServer")


def _provider(made: Iterable[Mapping[str, Any]], account: str, region: str) -> str:
    """The ARN of the provider that the stack made and leaves behind."""
    urls = (str(r["Properties"]["Url"]) for r in made if r["Type"] == "AWS::IAM::OIDCProvider")
    issuer = next(urls, "").removeprefix("https://")
    partition = regions.partition(region).name
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer}" if issuer else ""


def begin(found: Found, *, doors: Doors, now: datetime) -> Found:
    """Writes down what is going, so that an interrupted run still knows it. The plan's last step forgets."""
    known = doors.registry.stack(found.name)
    if known and known.status != "unverified":
        doors.registry.set_status(found.name, "deleting")
        return found
    # Only what CloudFormation itself says may be deleted later on.
    state = doors.stacks.describe(found.stack_id) if found.stack_id else None
    shape = _shape(doors.stacks, state) if state else None
    if state:
        _close(state.enrolment_id, state.id, doors.registry)
    if state is None or shape is None or not _outputs(state, shape):
        return found
    finish.register(
        doors.registry,
        name=found.name,
        status="deleting",
        state_id=state.id,
        role_arn=state.outputs["AccessRoleArn"],
        parameters={},
        shape=shape,
        outputs=outputs_from_stack(shape, state.outputs),
        template_sha256="",
        estimate={},
        enrolment=None,
        now=now,
    )
    return replace(found, registered=True)


def _close(enrolment_id: str, stack_id: str, registry: "Registry") -> None:
    """Nobody is asked to finish, or to open the link of, a stack that was taken away."""
    enrolment = registry.enrolment(enrolment_id) if enrolment_id else None
    if enrolment and enrolment.stack_id in ("", stack_id):
        registry.update_enrolment(with_status(enrolment, "deleted", stack_id=stack_id))


def apply(step: Step, *, doors: Doors, clock: Clock, on_event: OnEvent) -> None:
    """One step; what is gone already is done already."""
    actions: Mapping[str, Callable[[], None]] = {
        "empty_bucket": lambda: doors.buckets.empty(step.target),
        "delete_repository": lambda: doors.images.delete(step.target),
        "delete_stack": lambda: _delete_stack(step.target, doors.stacks, clock, on_event),
        "delete_bucket": lambda: _delete_bucket(step.target, doors.buckets),
        "unregister": lambda: _unregister(step.target, doors.registry),
    }
    actions[step.action]()


def _delete_stack(stack_id: str, stacks: "Stacks", clock: Clock, on_event: OnEvent) -> None:
    before = stacks.events(stack_id)
    stacks.delete(stack_id)
    deploy.follow(stacks, stack_id, clock=clock, on_event=on_event, after=before[-1].id if before else "")


def _delete_bucket(bucket: str, buckets: "Buckets") -> None:
    if buckets.exists(bucket):
        buckets.empty(bucket)
        buckets.delete(bucket)


def _unregister(name: str, registry: "Registry") -> None:
    known = registry.stack(name)
    if known:
        registry.unregister(known)


def _state(name: str, known: "RegisteredStack | None", doors: Doors) -> "StackState | None":
    """The live stack: by its id, by an enrolment (its user may have renamed it), or by name."""
    if known:
        state = doors.stacks.describe(known.stack_id) if known.stack_id else None
    else:
        opened = doors.registry.enrolments_of(name)
        state = doors.stacks.find(name=name, enrolment_ids=[e.id for e in opened])
        state = state or doors.stacks.describe(name)
    return None if state and state.verdict == "gone" else state


def _check_own(claimed: "RegisteredStack", state: "StackState", registry: "Registry") -> None:
    """An address is a claim: it must not lead `destroy` to another stack of the account."""
    enrolment = registry.enrolment(state.enrolment_id) if state.enrolment_id else None
    if enrolment is None or enrolment.name != claimed.name:
        raise CheckError(
            f"the finish address of {claimed.name} named stack {state.name}, which is not of its link",
            hint=f"`stackwright stack delete {claimed.name}` forgets the claim; nothing in AWS is touched",
        )


def _shape(stacks: "Stacks", state: "StackState") -> Shape | None:
    if state.verdict == "draft":
        return None
    template = Template(body=stacks.template(state.id))
    if not template.shape:
        raise CheckError(
            f"stack {state.name} was not made by stackwright", hint="delete it in the CloudFormation console"
        )
    return shape_from(template.shape)


def _outputs(state: "StackState | None", shape: Shape | None) -> dict[str, dict[str, str]]:
    """Promised values of what the stack built; a stack that never came up has none."""
    if state is None or shape is None or "AccessRoleArn" not in state.outputs:
        return {}
    values = outputs_from_stack(shape, state.outputs)
    return {s.type: values[s.type] for s in shape.slots if s.action == "build"}


def _built_outputs(known: "RegisteredStack | None", registry: "Registry") -> Mapping[str, Mapping[str, str]]:
    if known is None or known.status == "unverified":
        return {}
    return {t: c.outputs for t, c in registry.components_of(known).items() if c.origin == "built"}


def _uses(
    name: str,
    known: "RegisteredStack | None",
    built: Mapping[str, Mapping[str, str]],
    registry: "Registry",
) -> tuple[Use, ...]:
    """What other registered stacks need of what goes; things are the same where their ARNs are."""
    own = {arn for values in built.values() for arn in _arns(values)}
    role = known.connector.get("role_arn", "") if known and known.status != "unverified" else ""
    others = [s for s in registry.stacks() if s.name != name and s.status != "deleted"]
    components = [
        Use(stack=other.name, type=type_, value=component.name)
        for other in others
        for type_, component in registry.components_of(other).items()
        if own & _arns(component.outputs)
    ]
    access = [
        Use(stack=other.name, type="access", value=role)
        for other in others
        if role and other.connector.get("role_arn") == role
    ]
    return (*components, *access)


def _arns(outputs: Mapping[str, str]) -> set[str]:
    return {value for name, value in outputs.items() if name.endswith("_arn")}


def _bucket(buckets: "Buckets", outputs: Mapping[str, str]) -> Holding | None:
    name = outputs.get("bucket_name", "")
    try:
        return Holding(name=name, count=buckets.count(name)) if name and buckets.exists(name) else None
    except CheckError as error:
        raise CheckError(
            error.message, hint="use credentials of the stack's account that may see it", field="name"
        ) from error


def _repository(images: "Images", outputs: Mapping[str, str]) -> Holding | None:
    name = arn.parse(outputs["repository_arn"]).name if outputs.get("repository_arn") else ""
    return Holding(name=name, count=images.count(name)) if name and images.exists(name) else None
