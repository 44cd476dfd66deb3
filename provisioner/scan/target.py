"""An account to scan, and what is known of it before anything is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.errors import RefusedError
from provisioner.scan.row import State


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is known of cells before anything is asked there."""

    state: State
    note: str


@dataclass(frozen=True, kw_only=True)
class Target:
    """An account and the regions to look into; what is `told` of a region is not asked again.

    Told of "global", it holds for the whole account: nobody could get in. `lost` is the refusal where it is
    the credentials that are refused, which ends a scan if it befalls every account.
    """

    account: str
    regions: tuple[str, ...]
    told: Mapping[str, Told] = field(default_factory=dict)
    note: str = ""
    lost: RefusedError | None = None
