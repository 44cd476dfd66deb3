"""Door to the registry: enrolments, stacks, components; in SQLite by default, in PostgreSQL by URL."""

from provisioner.registry.snapshot import Snapshot
from provisioner.registry.store import Registry
from provisioner.registry.values import (
    RegisteredComponent,
    RegisteredStack,
    Registration,
    RegistrationStatus,
    StackStatus,
    with_status,
)

__all__ = [
    "RegisteredComponent",
    "RegisteredStack",
    "Registration",
    "RegistrationStatus",
    "Registry",
    "Snapshot",
    "StackStatus",
    "with_status",
]
