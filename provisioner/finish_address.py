"""The finish address: what a stack's Outputs tab says about itself, for whoever has no credentials."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from provisioner import arn
from provisioner.arn import Arn
from provisioner.component import parameter_name
from provisioner.components import find
from provisioner.errors import CheckError, SpecError
from provisioner.plan import Shape, Slot

_HINT = "copy the whole FinishCommand from the Outputs tab of the CloudFormation stack"


@dataclass(frozen=True, kw_only=True)
class Address:
    """Claims, not facts: anyone can write an address."""

    enrolment_id: str
    stack: Arn
    role_arn: str
    outputs: Mapping[str, Mapping[str, str]]


def looks_like_one(text: str) -> bool:
    """Also a broken one, so that the part that is wrong is named: no stack's name holds a `=`."""
    return "v=" in text and ("&" in text or "enrolment=" in text)


def parse(text: str) -> Address:
    """An address from a command, an https address or its bare query; raises SpecError."""
    query = (
        re.sub(r"^(stackwright\s+finish\s+)?", "", text.strip(), flags=re.ASCII)
        .strip("'\"")
        .rpartition("?")[2]
    )
    values: dict[str, str] = {}
    for pair in query.split("&"):
        key, found, value = pair.partition("=")
        if not found or key in values:
            raise SpecError(f"{pair[:40]!r} is no part of a finish address", hint=_HINT, field="address")
        # Only percent signs are decoded: a plus in a role's name is a plus.
        values[key] = unquote(value)
        if not values[key].isprintable():
            raise SpecError(f"{key[:40]!r} holds what is no text", hint=_HINT, field="address")
    if values.get("v") != "1":
        raise SpecError(f"unknown version {values.get('v')!r} of finish address", hint=_HINT, field="v")
    for key, pattern in _REQUIRED.items():
        if not re.fullmatch(pattern, values.get(key, ""), re.ASCII):
            raise SpecError(f"{key} is missing or malformed", hint=_HINT, field=key)
    return Address(
        enrolment_id=values["enrolment"],
        stack=arn.parse(values["stack"], field="stack"),
        role_arn=values["access.role_arn"],
        outputs=_outputs(values),
    )


_REQUIRED = {
    "enrolment": r"[0-9a-f]{32}",
    "stack": r"arn:[a-z-]+:cloudformation:[a-z0-9-]+:\d{12}:stack/[A-Za-z][A-Za-z0-9-]{0,127}/[0-9a-f-]{36}",
    "access.role_arn": r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+",
}


def check_consistent(
    *,
    account: str,
    region: str,
    role_arn: str,
    shape: Shape,
    outputs: Mapping[str, Mapping[str, str]],
    parameters: Mapping[str, str],
) -> None:
    """One account, one region, values of one thing, reused components as asked for.

    Raises CheckError that names the value.
    """
    _same("access.role_arn", arn.parse(role_arn).account, account, "account")
    for slot in shape.slots:
        given = outputs.get(slot.type, {})
        component = find(slot.type, slot.flavor)
        for name, value in given.items():
            if slot.action == "reuse" and component and name not in component.made_outputs:
                wanted = parameters.get(parameter_name(slot.type, name), "")
                _same(f"{slot.type}.{name}", value, wanted, "value")
        _check_values(slot, given, account, region)


def _check_values(slot: Slot, given: Mapping[str, str], account: str, region: str) -> None:
    """The ARN is the slot's kind of thing, of this account and region; the other values follow from it."""
    component = find(slot.type, slot.flavor)
    if component is None or not given:
        return
    # The ARN by which such a component is reused is the first that it promises.
    name = next((n for n in component.outputs if n in given and n.endswith("_arn")), "")
    if not name or not component.reusable:
        return
    field = f"{slot.type}.{name}"
    if not component.fits_arn(given[name]):
        raise SpecError(f"{field} is no {slot.flavor} of {slot.type}", hint=_HINT, field=field)
    found = arn.parse(given[name], field=field)
    _same(field, found.account or account, account, "account")
    _same(field, found.region or region, region, "region")
    follow = {k: v for k, v in component.outputs_of(found).items() if k not in component.chosen_outputs}
    for other, value in follow.items():
        _same(f"{slot.type}.{other}", given.get(other, ""), value, "value")


def check_complete(
    shape: Shape, outputs: Mapping[str, Mapping[str, str]], promised: Mapping[str, set[str]]
) -> None:
    """Exactly the promised values, no more and no less; raises SpecError."""
    for slot in shape.slots:
        if set(outputs.get(slot.type, {})) != promised[slot.type]:
            raise SpecError(
                f"the values of {slot.type} are not the promised ones", hint=_HINT, field=slot.type
            )
    extra = set(outputs) - {s.type for s in shape.slots}
    if extra:
        raise SpecError(f"{min(extra)} is no component of this stack", hint=_HINT, field=min(extra))


def _same(field: str, found: str, wanted: str, what: str) -> None:
    if found != wanted:
        raise CheckError(
            f"{field} is of {what} {found or 'nothing'}, expected {wanted or 'nothing'}",
            hint="somebody changed the address, or copied it from two stacks",
            field=field,
        )


def _outputs(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for key in values.keys() - {"v", *_REQUIRED}:
        promised = re.fullmatch(r"([a-z_]+)\.([a-z_]+)", key, re.ASCII)
        if not promised or promised[1] == "access":
            raise SpecError(f"{key[:40]!r} is no part of a finish address", hint=_HINT, field="address")
        found.setdefault(promised[1], {})[promised[2]] = values[key]
    return found
