"""Who may see and use a registered stack, and which directory an active stack is for."""

from collections.abc import Iterable
from dataclasses import dataclass

from provisioner.errors import CheckError

EVERYBODY = "*"
# What makes a directory a project: the active stack is kept for the nearest one.
MARKS = ("stack.yaml", ".git")


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Who asks the registry, and from where; empty is whoever and wherever."""

    user: str = ""
    groups: tuple[str, ...] = ()
    host: str = ""
    directory: str = ""


def may_use(seat: Seat, *, owner: str, groups: Iterable[str]) -> bool:
    """The owner, the members of a group it is shared with, everybody where it is nobody's or everybody's."""
    given = {*groups}
    return owner in ("", seat.user) or EVERYBODY in given or not given.isdisjoint(seat.groups)


def check(seat: Seat, name: str, *, owner: str, groups: Iterable[str]) -> None:
    """Raises CheckError, in the words of every verb, for a stack that this seat may not use."""
    if may_use(seat, owner=owner, groups=groups):
        return
    raise CheckError(
        f"{name} is {owner}'s and not shared with {seat.user or 'nobody'}",
        hint=f"{owner} shares it by `stackwright stack share {name} --group NAME`;"
        " STACKWRIGHT_GROUPS names your groups",
        field="name",
    )


def project(directories: Iterable[tuple[str, frozenset[str]]]) -> str:
    """Of a directory and its parents, nearest first with what they hold: the project, else the first."""
    found = [*directories]
    marked = (path for path, held in found if not held.isdisjoint(MARKS))
    return next(marked, found[0][0] if found else "")
