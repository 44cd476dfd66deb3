"""Engine: what a callback changes in the registry, once it is proved who called."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from provisioner import callback, finish, proof
from provisioner.callback import Callback, Caller, Question, Used
from provisioner.enrolments import PROVED, Enrolment
from provisioner.errors import CheckError

if TYPE_CHECKING:
    from provisioner.registry import RegisteredStack, Registry


class UnknownError(CheckError):
    """An enrolment that is not ours, whoever asks."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a callback; `message` ends as the stack's CallbackTicket."""

    stack: str
    status: str
    message: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Ledger(Protocol):
    """Where taken callbacks are kept, each purpose of an enrolment once."""

    def find(self, enrolment_id: str, purpose: str) -> Used | None:
        """What was taken for this purpose."""

    def keep(self, enrolment_id: str, purpose: str, used: Used, now: datetime) -> None:
        """From now on this is taken."""


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What a server knows and asks: its public host, a region's one STS, and who takes copies away later."""

    registry: "Registry"
    ledger: Ledger
    host: str
    endpoint: Callable[[str], str]
    ask: Callable[[Question], Caller]
    on_deleted: Callable[[str], None]


def take(body: bytes, enrolment_id: str, *, doors: Doors, now: datetime) -> Answer:
    """Proves a callback and does what it says; raises SpecError or CheckError where nothing has changed."""
    said = callback.parse(body)
    enrolment = doors.registry.enrolment(enrolment_id)
    if enrolment is None:
        raise UnknownError("this server opened no such enrolment", field="enrolment")
    _check_claim(said, enrolment)
    question = callback.question(
        said,
        enrolment_id=enrolment.id,
        region=enrolment.region,
        server=doors.host,
        endpoint=doors.endpoint(enrolment.region),
        now=now,
    )
    callback.check_caller(said, doors.ask(question))
    purpose = said.kind if said.kind != "Update" else f"Update {said.request_id}"
    taken = doors.ledger.find(enrolment.id, purpose)
    if taken and taken.digest != said.digest:
        raise CheckError(
            f"this enrolment's {said.kind} was called back already, with other contents",
            hint="a callback works once; `stackwright finish NAME` takes over what is there now",
            field="claim",
        )
    if taken:
        return Answer(**taken.answer)
    answer = _TAKES[said.kind](said, enrolment, doors, now)
    doors.ledger.keep(enrolment.id, purpose, Used(digest=said.digest, answer=answer.as_dict()), now)
    return answer


def _check_claim(said: Callback, enrolment: Enrolment) -> None:
    """What can be told without asking anybody."""
    if said.address.enrolment_id != enrolment.id:
        raise CheckError("the callback's address is of another enrolment", field="enrolment")
    if said.address.stack.region != enrolment.region:
        raise CheckError(
            f"the stack is in {said.address.stack.region}, the link was for {enrolment.region}", field="stack"
        )
    proof.check_expected_account(enrolment, said.account)
    if enrolment.stack_id and enrolment.stack_id != str(said.address.stack):
        raise CheckError("the enrolment was used by another stack", hint="make a new link", field="stack")


def _made(said: Callback, enrolment: Enrolment, doors: Doors, now: datetime) -> Answer:
    """Kept as unverified: the account is proved, and that the role in it is bound as promised is not."""
    known = _held(said, enrolment, doors)
    if known and known.status in PROVED:
        return Answer(
            stack=known.name, status=known.status, message=f"{known.name} is {known.status} already"
        )
    stack = finish.with_address(said.address, registry=doors.registry, now=now)
    return _unverified(stack)


def _changed(said: Callback, enrolment: Enrolment, doors: Doors, now: datetime) -> Answer:
    """What is proved stays as it is until its change is proved, too: a message alone takes nothing away."""
    known = _held(said, enrolment, doors)
    if known is None or known.status not in PROVED:
        return _made(said, enrolment, doors, now)
    held = {t: dict(c.outputs) for t, c in doors.registry.components_of(known).items()}
    told = {t: dict(values) for t, values in said.address.outputs.items()}
    same = {t: values for t, values in held.items() if values} == told
    if same and known.connector.get("role_arn") == said.address.role_arn:
        return Answer(stack=known.name, status=known.status, message=f"{known.name} is as it was")
    return Answer(
        stack=known.name,
        status=known.status,
        message=f"{known.name} has changed; its new values count once they are proved: "
        f"stackwright finish {known.name}",
    )


def _deleted(said: Callback, enrolment: Enrolment, doors: Doors, now: datetime) -> Answer:
    known = _held(said, enrolment, doors)
    if known is None and not enrolment.stack_id:
        # A stack that was never told of, perhaps of a stranger: the link stays what it is.
        return Answer(stack=enrolment.name, status=enrolment.status, message="nothing of it is registered")
    if known and known.status == "deleting":
        return Answer(stack=known.name, status=known.status, message=f"{known.name} is being destroyed")
    for used in doors.registry.enrolments_of(enrolment.name):
        if used.stack_id == str(said.address.stack) or used.id == enrolment.id:
            doors.registry.update_enrolment(replace(used, status="deleted"))
    if known is None:
        return Answer(stack=enrolment.name, status="deleted", message=f"{enrolment.name} is gone")
    doors.registry.set_status(known.name, "deleted")
    return Answer(stack=known.name, status="deleted", message=_told_others(known.name, doors, now))


def _told_others(name: str, doors: Doors, now: datetime) -> str:
    """CloudFormation waits for the answer, and must not wait for other servers: copies are only marked."""
    copies = doors.registry.registrations_of(name)
    for copy in copies:
        doors.registry.record_registration(replace(copy, status="removing", updated_at=now))
    if not copies:
        return f"{name} is marked as deleted"
    doors.on_deleted(name)
    return f"{name} is marked as deleted, its copies are being removed: stackwright status {name}"


_TAKES: Mapping[str, Callable[[Callback, Enrolment, Doors, datetime], Answer]] = {
    "Create": _made,
    "Update": _changed,
    "Delete": _deleted,
}


def _held(said: Callback, enrolment: Enrolment, doors: Doors) -> "RegisteredStack | None":
    """What is registered of the very stack that calls."""
    known = doors.registry.stack(enrolment.name)
    return known if known and known.stack_id == str(said.address.stack) else None


def _unverified(stack: "RegisteredStack") -> Answer:
    return Answer(
        stack=stack.name,
        status=stack.status,
        message=f"{stack.name} is kept as unverified until somebody with credentials of account "
        f"{stack.account} proves it: stackwright finish {stack.name}",
    )
