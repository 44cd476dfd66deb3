"""Engine: the outputs of a CloudFormation stack to a registered stack, and the proofs in between."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provisioner import arn, deploy, finish_address, kubernetes, proof
from provisioner.components import find, known_types
from provisioner.enrolments import PROVED, Enrolment, Status
from provisioner.errors import CheckError
from provisioner.finish_address import Address
from provisioner.plan import Shape, outputs_from_stack, promised, shape_from
from provisioner.proof import Doors
from provisioner.template import Template

if TYPE_CHECKING:
    from provisioner.aws.cloudformation import Stacks, StackState
    from provisioner.registry import RegisteredComponent, RegisteredStack, Registry, StackStatus


def with_credentials(
    name: str,
    *,
    doors: Doors,
    registry: "Registry",
    now: datetime,
    random_id: Callable[[], str],
    region: str = "",
    account: str = "",
) -> "RegisteredStack":
    """Registers the stack that an enrolment or a name means, after proving it; raises CheckError.

    `account` is the one that the user says the stack is in; only so may it be a stranger's.
    """
    _check_stays(name, registry)
    links = _links_of(name, registry, region)
    doors = _through_role_if_foreign(name, links, registry, doors, random_id, account)
    state, enrolment = _find_state(name, links, doors.stacks)
    _check_said(account, state)
    _check_complete(state)
    if enrolment is None and state.enrolment_id:
        enrolment = registry.enrolment(state.enrolment_id)
    template = Template(body=doors.stacks.template(state.id))
    shape = _shape(template, state)
    if enrolment is not None:
        _guard(enrolment, registry, lambda: proof.check_enrolment(enrolment, state, template, now))
    outputs = outputs_from_stack(shape, state.outputs)
    role_arn = state.outputs["AccessRoleArn"]

    def prove() -> None:
        finish_address.check_consistent(
            account=state.account,
            region=state.region,
            role_arn=role_arn,
            shape=shape,
            outputs=outputs,
            parameters=enrolment.parameters if enrolment else state.parameters,
        )
        claimed = registry.stack(enrolment.name if enrolment else name)
        proof.check_claims(claimed, state, role_arn, outputs, registry)
        proof.check_role(role_arn, shape, state, doors.roles)
        if shape.external_id and proof.is_trusted(doors.caller_arn, state):
            proof.prove_external_id(role_arn, state, doors, random_id)

    _guard(enrolment, registry, prove)
    return register(
        registry,
        name=enrolment.name if enrolment else state.name,
        status=_status(
            registry.stack(enrolment.name if enrolment else name), state, shape, outputs, registry
        ),
        state_id=state.id,
        role_arn=role_arn,
        parameters=state.parameters,
        secret_arn=state.outputs.get("AccessKeySecretArn", ""),
        shape=shape,
        outputs=outputs,
        template_sha256=template.sha256,
        estimate=enrolment.estimate if enrolment else {},
        enrolment=enrolment,
        now=now,
    )


def with_address(address: Address, *, registry: "Registry", now: datetime) -> "RegisteredStack":
    """Keeps what an address claims, as `unverified`: nothing in it is proved. Raises CheckError."""
    enrolment = registry.enrolment(address.enrolment_id)
    if enrolment is None:
        raise CheckError(
            "this registry opened no such enrolment",
            hint=f"with credentials of account {address.stack.account}: "
            f"`stackwright finish {address.stack.resource.split('/')[1]}`",
            field="enrolment",
        )
    proof.check_open(enrolment, str(address.stack), registry, now)
    if address.stack.region != enrolment.region:
        raise CheckError(
            f"the stack is in {address.stack.region}, the link was for {enrolment.region}", field="stack"
        )
    proof.check_expected_account(enrolment, address.stack.account)
    shape = shape_from(enrolment.shape)
    finish_address.check_complete(shape, address.outputs, _promised(shape))
    finish_address.check_consistent(
        account=address.stack.account,
        region=address.stack.region,
        role_arn=address.role_arn,
        shape=shape,
        outputs=address.outputs,
        parameters=enrolment.parameters,
    )
    return register(
        registry,
        name=enrolment.name,
        status="unverified",
        state_id=str(address.stack),
        role_arn=address.role_arn,
        parameters=enrolment.parameters,
        shape=shape,
        outputs=address.outputs,
        template_sha256=enrolment.template_sha256,
        estimate=enrolment.estimate,
        enrolment=enrolment,
        now=now,
    )


def _check_stays(name: str, registry: "Registry") -> None:
    known = registry.stack(name)
    if known and known.status == "deleting":
        raise CheckError(
            f"{name} is being destroyed", hint=f"`stackwright destroy {name}` goes on", field="name"
        )


def _links_of(name: str, registry: "Registry", region: str) -> list[Enrolment]:
    """The enrolments of a name that can still be finished, else all of them; newest first."""
    found = registry.enrolments_of(name, region)
    return [e for e in found if e.status in ("open", "unverified", *PROVED)] or found


def _through_role_if_foreign(
    name: str,
    links: list[Enrolment],
    registry: "Registry",
    doors: Doors,
    random_id: Callable[[], str],
    account: str,
) -> Doors:
    """A caller of another account sees the stack only through the access role, by its external id."""
    claimed = registry.stack(name)
    if claimed is None or not any(e.stack_id == claimed.stack_id for e in links):
        return doors
    if claimed.account == doors.caller_account:
        return doors
    external_id = claimed.connector.get("external_id", "")
    role_arn = claimed.connector["role_arn"]
    if not external_id:
        raise CheckError(
            f"the stack is in account {claimed.account}, these credentials are of {doors.caller_account}",
            hint=f"finish with credentials of account {claimed.account}",
        )
    _check_meant(claimed, links, account)
    credentials = proof.assume(role_arn, doors, f"stackwright-finish-{random_id()[:8]}", external_id)
    if credentials is None:
        raise CheckError(
            f"{role_arn} does not let this caller in",
            hint="finish as the trusted principal, or with credentials of the stack's own account",
        )
    _, stacks, roles = doors.as_session(credentials)
    return replace(doors, stacks=stacks, roles=doors.roles.reading_through(roles))


def _check_meant(claimed: "RegisteredStack", links: list[Enrolment], account: str) -> None:
    """Whoever saw a link can make its stack in an account of their own, with the trust it asks for.

    That stack passes every proof there is, so somebody has to say that the account is the right one.
    """
    expected = {e.expected_account for e in links if e.stack_id == claimed.stack_id}
    if claimed.status in PROVED or claimed.account in (account, *expected):
        return
    raise CheckError(
        f"the stack of {claimed.name} is in account {claimed.account}, and its link named none",
        hint="anybody who saw the link could make it there; only if it is the account that you mean: "
        f"`stackwright finish {claimed.name} --account {claimed.account}`",
        field="account",
    )


def _check_said(account: str, state: "StackState") -> None:
    if account and account != state.account:
        raise CheckError(
            f"stack {state.name} is in account {state.account}, not in {account}",
            hint="leave --account out, or use credentials of the account that you mean",
            field="account",
        )


def _find_state(name: str, links: list[Enrolment], stacks: "Stacks") -> "tuple[StackState, Enrolment | None]":
    """The stack that one of the links is bound to already, else one made from any of them.

    Only a name without a link means just any stack of this name: otherwise an edited link, stripped of its
    enrolment, would pass unchecked.
    """
    bound = next((e for e in links if e.stack_id), None)
    state = stacks.describe(bound.stack_id) if bound else None
    if bound and state and state.verdict != "gone":
        return state, bound
    by_id = {e.id: e for e in links}
    made = stacks.find(name=name, enrolment_ids=[*by_id]) if links else stacks.describe(name)
    if made:
        return made, by_id.get(made.enrolment_id)
    if state:
        return state, bound
    if links:
        raise CheckError(
            f"no stack of {name!r}'s link in {links[0].region} yet",
            hint=f"open the link, create the stack, then `stackwright wait {name}`",
        )
    raise CheckError(
        f"neither a link nor a stack is called {name!r}",
        hint="`stackwright link` or `stackwright deploy` makes one; check --region",
    )


class BusyError(CheckError):
    """CloudFormation still works on the stack: the same may be asked again."""


def _check_complete(state: "StackState") -> None:
    steps = {
        "busy": f"`stackwright wait {state.name}`",
        "draft": f"`stackwright deploy` goes on with it, or `stackwright destroy {state.name}`",
        "failed": f"`stackwright status {state.name}` says why; {deploy.remedy(state)}",
        "gone": "the stack was deleted: make a new link",
    }
    if state.verdict != "done":
        kind = BusyError if state.verdict == "busy" else CheckError
        raise kind(f"stack {state.name} is {state.status}", hint=steps[state.verdict], field="name")


def _shape(template: Template, state: "StackState") -> Shape:
    if not template.shape:
        raise CheckError(
            f"stack {state.name} was not made from a stackwright template",
            hint="`stackwright scan` finds what it holds, `stackwright register` takes it in",
        )
    return shape_from(template.shape)


def _guard(enrolment: Enrolment | None, registry: "Registry", check: Callable[[], None]) -> None:
    """A failed proof burns the enrolment and forgets what was kept unverified; lateness only expires it.

    One that is registered has nothing left to burn: the proof fails anew until its cause is mended.
    """
    try:
        check()
    except proof.ExpiredError:
        if enrolment is not None:
            registry.update_enrolment(replace(enrolment, status="expired"))
        raise
    except CheckError:
        if enrolment is not None and enrolment.status not in ("failed", *PROVED):
            claimed = registry.stack(enrolment.name)
            if claimed and claimed.status == "unverified":
                registry.unregister(claimed)
            registry.update_enrolment(replace(enrolment, status="failed"))
        raise


def register(
    registry: "Registry",
    *,
    name: str,
    status: "StackStatus",
    state_id: str,
    role_arn: str,
    parameters: Mapping[str, str],
    shape: Shape,
    outputs: Mapping[str, Mapping[str, str]],
    template_sha256: str,
    estimate: Mapping[str, Any],
    enrolment: Enrolment | None,
    now: datetime,
    secret_arn: str = "",
) -> "RegisteredStack":
    """One transaction: the stack, its components, and the enrolment's new status."""
    from provisioner.registry import RegisteredStack, with_status

    place = arn.parse(state_id)
    components = _components(name, shape, outputs, place.account, place.region, now)
    known = registry.stack(name)
    stack = RegisteredStack(
        name=name,
        account=place.account,
        region=place.region,
        status=status,
        components={c.type: c.name for c in components},
        created_at=known.created_at if known and known.stack_id == state_id else now,
        stack_id=state_id,
        template_sha256=template_sha256,
        connector=_connector(role_arn, shape.trust, parameters, secret_arn),
        estimate=estimate,
    )
    reached: dict[str, Status] = {s: s for s in PROVED}
    closed = enrolment and with_status(enrolment, reached.get(status, "unverified"), stack_id=state_id)
    stack = registry.register(stack, components, closed)
    _forget_dropped(stack, registry)
    if status == "registered" and not registry.active():
        registry.set_active(name)
    return stack


def _status(
    known: "RegisteredStack | None",
    state: "StackState",
    shape: Shape,
    outputs: Mapping[str, Mapping[str, str]],
    registry: "Registry",
) -> "StackStatus":
    """A cluster must be prepared before pipelines run; one that is prepared stays so while its values do."""
    waiting = [s.type for s in shape.slots if kubernetes.needs_bootstrap(s.type, s.flavor)]
    if not waiting:
        return "registered"
    if known is None or known.status != "registered" or known.stack_id != state.id:
        return "needs_bootstrap"
    held = registry.components_of(known)
    same = all(t in held and dict(held[t].outputs) == dict(outputs[t]) for t in waiting)
    return "registered" if same else "needs_bootstrap"


def _forget_dropped(stack: "RegisteredStack", registry: "Registry") -> None:
    """Components that an update took out of the stack, but for those that other stacks use."""
    mine = {f"{stack.name}.{type_}" for type_ in known_types()} - {*stack.components.values()}
    # Asked for by name: a registry may hold thousands.
    left = [name for name in sorted(mine) if registry.component(name)]
    used = {name for s in registry.stacks() for name in s.components.values()} if left else set()
    for name in left:
        if name not in used:
            registry.forget_component(name)


def _components(
    name: str,
    shape: Shape,
    outputs: Mapping[str, Mapping[str, str]],
    account: str,
    region: str,
    now: datetime,
) -> "list[RegisteredComponent]":
    from provisioner.registry import RegisteredComponent

    found = [(slot, find(slot.type, slot.flavor)) for slot in shape.slots]
    return [
        RegisteredComponent(
            name=f"{name}.{slot.type}",
            type=slot.type,
            flavor=slot.flavor,
            origin="built" if slot.action == "build" else "found",
            account=account,
            region=region,
            outputs=dict(outputs.get(slot.type, {})),
            config=dict(component.register_config(outputs)),
            created_at=now,
        )
        for slot, component in found
        if component is not None
    ]


def _connector(role_arn: str, trust: str, parameters: Mapping[str, str], secret_arn: str) -> dict[str, str]:
    """How to get credentials, and the key without which they open no object; a secret is named only."""
    connector = {"type": "aws", "auth_method": "iam-role", "role_arn": role_arn, "trust": trust}
    more = {
        "external_id": parameters.get("ExternalId", ""),
        "secret_arn": secret_arn,
        "data_key": parameters.get("DataKeyArn", ""),
    }
    return connector | {key: value for key, value in more.items() if value}


def _promised(shape: Shape) -> dict[str, set[str]]:
    return {s.type: set(promised(c, s)) for s in shape.slots if (c := find(s.type, s.flavor))}
