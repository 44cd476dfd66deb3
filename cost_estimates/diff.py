"""What a change of a template does to its month: two estimates, resource by resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cost_estimates.model import NOTHING, Band, Estimate, ResourceCost

Kind = Literal["added", "removed", "changed", "same"]
ORDER: tuple[Kind, ...] = ("added", "removed", "changed", "same")


@dataclass(frozen=True, kw_only=True)
class ResourceDiff:
    """One logical id in both templates, or in one of them."""

    logical_id: str
    old: ResourceCost | None
    new: ResourceCost | None

    @property
    def kind(self) -> Kind:
        if self.old is None or self.new is None:
            return "added" if self.old is None else "removed"
        same = (self.old.type, self.old.status, self.old.band) == (
            self.new.type,
            self.new.status,
            self.new.band,
        )
        return "same" if same else "changed"

    @property
    def change(self) -> Band:
        return minus(self.new.band if self.new else NOTHING, self.old.band if self.old else NOTHING)

    def as_dict(self) -> dict[str, Any]:
        now = self.new or self.old
        return {
            "logical_id": self.logical_id,
            "type": now.type if now else "",
            "kind": self.kind,
            "old": _side(self.old),
            "new": _side(self.new),
            "change": self.change.as_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class CostDiff:
    """Two estimates of one region, usage and price book."""

    old: Estimate
    new: Estimate
    resources: tuple[ResourceDiff, ...]

    @property
    def change(self) -> Band:
        return minus(self.new.total, self.old.total)

    def as_dict(self) -> dict[str, Any]:
        kinds = [resource.kind for resource in self.resources]
        estimate = self.new.as_dict()
        return {
            **{key: estimate[key] for key in ("region", "currency", "price_book", "usage")},
            "old": {"total": self.old.total.as_dict(), "unknown": self.old.unknown},
            "new": {"total": self.new.total.as_dict(), "unknown": self.new.unknown},
            "change": self.change.as_dict(),
            "counts": {kind: kinds.count(kind) for kind in ORDER},
            "resources": [resource.as_dict() for resource in self.resources if resource.kind != "same"],
        }


def make(old: Estimate, new: Estimate) -> CostDiff:
    """What costs most to change stands first."""
    before = {resource.logical_id: resource for resource in old.resources}
    after = {resource.logical_id: resource for resource in new.resources}
    resources = (
        ResourceDiff(logical_id=name, old=before.get(name), new=after.get(name)) for name in before | after
    )
    return CostDiff(old=old, new=new, resources=tuple(sorted(resources, key=_weight)))


def minus(one: Band, other: Band) -> Band:
    return Band(
        idle=one.idle - other.idle,
        low=one.low - other.low,
        typical=one.typical - other.typical,
        high=one.high - other.high,
    )


def _weight(resource: ResourceDiff) -> tuple[Any, ...]:
    return (-abs(resource.change.typical), ORDER.index(resource.kind), resource.logical_id)


def _side(resource: ResourceCost | None) -> dict[str, Any] | None:
    if resource is None:
        return None
    return {
        "type": resource.type,
        "status": resource.status,
        "reason": resource.reason,
        **resource.band.as_dict(),
    }
