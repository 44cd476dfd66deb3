"""The Account API's regions: which an account may use, and switching one on or off."""

from __future__ import annotations

from typing import Any, ClassVar

from moto.account.responses import AccountResponse
from moto.core.responses import ActionResult
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from provisioner.emulator.ec2 import ALWAYS_ON
from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse


class RegionsResponse(TaughtResponse, AccountResponse):
    """One request to the Account API."""

    error_protocol = "rest-json"
    # Account -> regions that it switched on; set by the server.
    opted_in: ClassVar[dict[str, set[str]]] = {}

    def list_regions(self) -> ActionResult:
        """ListRegions."""
        wanted = self._get_param("RegionOptStatusContains") or []
        rows = [{"RegionName": name, "RegionOptStatus": self._status(name)} for name in _names()]
        return ActionResult({"Regions": [r for r in rows if not wanted or r["RegionOptStatus"] in wanted]})

    def get_region_opt_status(self) -> ActionResult:
        """GetRegionOptStatus."""
        name = self._region()
        return ActionResult({"RegionName": name, "RegionOptStatus": self._status(name)})

    def enable_region(self) -> ActionResult:
        """EnableRegion: on at once."""
        self._mine().add(self._region())
        return ActionResult({})

    def disable_region(self) -> ActionResult:
        """DisableRegion: never one that every account has."""
        name = self._region()
        if name in ALWAYS_ON:
            raise AwsError("ValidationException", f"{name} is enabled by default and cannot be disabled.")
        self._mine().discard(name)
        return ActionResult({})

    def _region(self) -> str:
        name: Any = self._get_param("RegionName")
        if name not in _names():
            raise AwsError("ValidationException", f"Unknown region: {name}")
        return str(name)

    def _mine(self) -> set[str]:
        account = self._get_param("AccountId") or self.current_account
        return self.opted_in.setdefault(account, set())

    def _status(self, name: str) -> str:
        if name in ALWAYS_ON:
            return "ENABLED_BY_DEFAULT"
        return "ENABLED" if name in self._mine() else "DISABLED"


def _names() -> list[str]:
    rows = (row.name for row in RegionsAndZonesBackend.regions)
    return sorted({name for name in rows if not name.startswith(("cn-", "us-gov-"))})
