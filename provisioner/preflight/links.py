"""Checks of the link path: one file, no macros, no bootstrap, no custom names, short enough to click."""

from collections.abc import Callable, Iterator
from urllib.parse import quote

from provisioner.preflight.row import Case, Row, Seen
from provisioner.template import link_flaws

# CloudFormation quotas: a parameter's value.
_LONGEST_VALUE = 4_096
# RFC 9110, 4.1: what every server and proxy should take; many take no more.
_LONGEST_LINK = 8_000
_WHY_FLAWED = {
    "template-too-large": "the same file must do as a link, a CreateStack body and a StackSet",
    "transform": "macros need CAPABILITY_AUTO_EXPAND and run with the rights of whoever clicks",
    "bootstrap": "an account that the CDK never bootstrapped would refuse the template",
    "named-iam": "a name of one's own blocks a second stack, and needs CAPABILITY_NAMED_IAM",
    "policy-intrinsic": "CloudFormation refuses the template after the click",
    "not-one-file": "a link carries one template and nothing beside it",
}


def _flaw(id_: str) -> Callable[[Case], Iterator[Seen]]:
    def look(case: Case) -> Iterator[Seen]:
        found = (flaw for flaw in link_flaws(case.template) if flaw.id == id_)
        return (Seen(subject=flaw.subject, message=flaw.message, fix=flaw.fix) for flaw in found)

    return look


def _values(case: Case) -> Iterator[Seen]:
    for name, value in case.plan.parameters.items():
        if len(value.encode()) > _LONGEST_VALUE:
            yield Seen(subject=name, message=f"{len(value.encode()):,} bytes, allowed are {_LONGEST_VALUE:,}")


def _length(case: Case) -> Iterator[Seen]:
    pairs = case.plan.parameters.items()
    length = sum(len(f"&param_{name}={quote(value, safe='')}") for name, value in pairs)
    if length > _LONGEST_LINK:
        yield Seen(subject="link", message=f"the values take {length:,} characters of the link")


ROWS = (
    Row(
        id="template-large-for-cdk",
        severity="warning",
        why="the CDK CLI writes templates as YAML, a third longer, and has nowhere else to put them",
        look=_flaw("template-large-for-cdk"),
    ),
    *(Row(id=id_, severity="error", why=why, look=_flaw(id_)) for id_, why in _WHY_FLAWED.items()),
    Row(
        id="value-too-long",
        severity="error",
        why="CloudFormation refuses the value after the click",
        look=_values,
        fix="shorten it",
    ),
    Row(
        id="link-too-long",
        severity="warning",
        why="a mail client, a proxy or a browser may cut the link",
        look=_length,
        fix="`stackwright deploy` needs no link",
    ),
)
