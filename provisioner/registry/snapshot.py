"""What a registry held at one moment, asked by the same words: for answers about many stacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provisioner.registry.values import RegisteredComponent, RegisteredStack, Registration
from provisioner.sharing import Seat


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Read in a handful of queries, however many stacks there are."""

    seat: Seat
    all_stacks: Sequence[RegisteredStack]
    by_name: Mapping[str, RegisteredComponent]
    all_registrations: Sequence[Registration]
    active_stack: str

    def stacks(self) -> list[RegisteredStack]:
        return [*self.all_stacks]

    def components_of(self, stack: RegisteredStack) -> dict[str, RegisteredComponent]:
        names = stack.components.items()
        return {type_: self.by_name[name] for type_, name in names if name in self.by_name}

    def registrations_of(self, stack: str) -> list[Registration]:
        return [r for r in self.all_registrations if r.stack == stack]

    def active(self) -> str:
        return self.active_stack
