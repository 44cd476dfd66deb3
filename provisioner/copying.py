"""Which resource takes which slot of a stack that is made after another one."""

from collections.abc import Mapping, Sequence

from provisioner import arn as arns
from provisioner.component import TYPES
from provisioner.components import find
from provisioner.errors import SpecError
from provisioner.export.stack import ExportedStack


def slots(source: ExportedStack, given: Sequence[str]) -> dict[str, str]:
    """Component type -> ARN for every slot of the source that stands for something in AWS; raises SpecError.

    An ARN fills every slot that it fits, unless TYPE=ARN says where it belongs or another ARN has the slot.
    """
    _check_reusable(source)
    named = dict(_named(text) for text in given if not text.startswith("arn:"))
    _check_named(source, named)
    loose = [text for text in given if text.startswith("arn:")]
    chosen = {type_: _one(source, type_, named, loose) for type_ in _open(source)}
    for text in loose:
        if text not in chosen.values():
            raise SpecError(
                f"{text} fits no slot of {source.name}",
                hint=f"its slots: {_slots_text(source)}",
                field="arn",
            )
    return chosen


def local(source: ExportedStack) -> list[str]:
    """The slots that are nothing in AWS, and stay what they are."""
    return [type_ for type_, part in source.parts.items() if part.flavor == "local"]


def _open(source: ExportedStack) -> list[str]:
    return [type_ for type_, part in source.parts.items() if part.flavor != "local"]


def _named(text: str) -> tuple[str, str]:
    type_, _, arn = text.partition("=")
    if type_ not in TYPES:
        raise SpecError(
            f"{text!r} is neither an ARN nor TYPE=ARN", hint=f"TYPE is one of {', '.join(TYPES)}", field="arn"
        )
    arns.parse(arn, field="arn")
    return type_, arn


def _check_reusable(source: ExportedStack) -> None:
    for type_ in _open(source):
        facts = find(type_, source.parts[type_].flavor)
        if facts is None or not facts.reusable:
            raise SpecError(
                f"{source.name} has {type_} {source.parts[type_].flavor}, which no ARN names",
                hint="`stackwright deploy --name NAME` with the other account's credentials builds one",
                field="name",
            )


def _check_named(source: ExportedStack, named: Mapping[str, str]) -> None:
    for type_, arn in named.items():
        if type_ not in _open(source):
            raise SpecError(
                f"{source.name} has no slot {type_} to fill",
                hint=f"its slots: {_slots_text(source)}",
                field="arn",
            )
        if not _fits(source, type_, arn):
            raise SpecError(
                f"{arn} is no {type_} {source.parts[type_].flavor}",
                hint="`stackwright scan` in the other account finds what fits",
                field="arn",
            )


def _one(source: ExportedStack, type_: str, named: Mapping[str, str], loose: Sequence[str]) -> str:
    if type_ in named:
        return named[type_]
    fitting = [text for text in dict.fromkeys(loose) if _fits(source, type_, text)]
    if len(fitting) == 1:
        return fitting[0]
    slot = f"{type_} {source.parts[type_].flavor}"
    if fitting:
        raise SpecError(
            f"{' and '.join(fitting)} both fit {slot}", hint=f"say which: {type_}=ARN", field="arn"
        )
    raise SpecError(
        f"nothing is named for {slot}",
        hint="`stackwright scan` in the other account finds what fits",
        field="arn",
    )


def _fits(source: ExportedStack, type_: str, arn: str) -> bool:
    facts = find(type_, source.parts[type_].flavor)
    return facts is not None and facts.fits_arn(arn)


def _slots_text(source: ExportedStack) -> str:
    return ", ".join(f"{type_} {source.parts[type_].flavor}" for type_ in _open(source))
