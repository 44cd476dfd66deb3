"""Door to Cost Explorer: what a stack was billed, by its tag."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from provisioner.aws.session import DENIED, Client
from provisioner.errors import RefusedError

# Cost Explorer is one service for the whole account.
REGION = "us-east-1"
TAG = "stackwright:stack"
METRIC = "UnblendedCost"
_NO_DATA = ("DataUnavailableException",)

TagState = Literal["active", "inactive", "unseen", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Billed:
    """US dollars by service; `estimated` while AWS may still change them."""

    services: Mapping[str, Decimal]
    estimated: bool

    @property
    def total(self) -> Decimal:
        return sum(self.services.values(), start=Decimal(0))


class Costs:
    """The bill of one account. Every request costs 0.01 USD."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def by_service(self, stack: str, start: date, end: date) -> Billed | None:
        """What carries the stack's tag from `start` until before `end`; None where nothing is recorded."""
        services: dict[str, Decimal] = {}
        estimated = False
        question = {
            "TimePeriod": {"Start": start.isoformat(), "End": end.isoformat()},
            "Granularity": "MONTHLY",
            "Metrics": [METRIC],
            "Filter": {"Tags": {"Key": TAG, "Values": [stack], "MatchOptions": ["EQUALS"]}},
            "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
        }
        token: dict[str, str] = {}
        while True:
            try:
                page = self._client.get_cost_and_usage(**question, **token)
            except RefusedError as error:
                if error.code in _NO_DATA:
                    return None
                raise
            for month in page["ResultsByTime"]:
                estimated = estimated or bool(month.get("Estimated"))
                for group in month.get("Groups", []):
                    usd = Decimal(group["Metrics"][METRIC]["Amount"])
                    services[group["Keys"][0]] = services.get(group["Keys"][0], Decimal(0)) + usd
            if not page.get("NextPageToken"):
                return Billed(services=services, estimated=estimated) if services else None
            token = {"NextPageToken": page["NextPageToken"]}

    def tag_state(self) -> TagState:
        """Whether the payer has activated the tag; a member account may not look."""
        try:
            found = self._client.list_cost_allocation_tags(TagKeys=[TAG], Type="UserDefined")
        except RefusedError as error:
            if error.code in (*DENIED, "ValidationException"):
                return "unknown"
            raise
        tags = found.get("CostAllocationTags", [])
        if not tags:
            return "unseen"
        return "active" if tags[0]["Status"] == "Active" else "inactive"
