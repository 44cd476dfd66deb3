"""What a construct may use: its facts, its structure, its parameters, and what others promised."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import CfnParameter, CfnResource, RemovalPolicy

from provisioner.component import Component, Outputs, Statement, holds, pascal
from provisioner.plan import Shape, Slot


@dataclass(frozen=True, kw_only=True)
class NetworkValues:
    """A network as CloudFormation values: built or existing, nobody knows which it was."""

    vpc_id: str
    # The subnets that machines go into: private ones where the network has a NAT gateway.
    subnets: list[str]
    # What statements and outputs may name: the VPC's id, its Name tag where the template gives it one, else
    # the id again, and the ids of subnets that are parameters.
    scope: Outputs
    # What must stand before machines start: the routes that lead out.
    ready: tuple[CfnResource, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a construct stands; `scopes` holds the promised values of every component before it."""

    component: Component
    slot: Slot
    shape: Shape
    options: Mapping[str, CfnParameter]
    scopes: Mapping[str, Outputs]
    removal: RemovalPolicy
    network: NetworkValues | None = None

    @property
    def prefix(self) -> str:
        """How the component's logical ids begin."""
        return pascal(self.component.type)

    def option(self, name: str) -> Any:
        """A parameter as a CloudFormation value."""
        return {"Ref": self.options[name].node.id}

    def machines(self) -> NetworkValues:
        """The network of a component whose facts say that it needs one."""
        if self.network is None:
            raise ValueError(f"{self.component.name} needs a network, and the shape has none")
        return self.network

    def statements(self, role: str) -> list[Statement]:
        """What the component grants to one of its roles, as far as this structure has it."""
        return granted(self.component, self.shape, self.slot, role)

    def managed(self, role: str) -> list[str]:
        """ARNs of AWS's own policies for one of the component's roles, as far as this structure has it."""
        structure = self.shape.structure(self.slot)
        rows = [p for p in self.component.managed if p.role == role and holds(p.when, structure)]
        return [f"arn:${{AWS::Partition}}:iam::aws:policy/{p.name}" for p in rows]


def granted(component: Component, shape: Shape, slot: Slot, role: str) -> list[Statement]:
    structure = shape.structure(slot)
    return [s for s in component.statements if s.role == role and holds(s.when, structure)]
