"""Service quotas: AWS's defaults, what a test sets instead, and the Service Quotas API over both."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.responses import ActionResult, BaseResponse
from moto.servicequotas.resources.default_quotas.vpc import VPC_DEFAULT_QUOTAS

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One row of Service Quotas."""

    service: str
    code: str
    name: str
    value: float


# Defaults of a new account: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
TABLE = (
    Quota(service="ec2", code="L-0263D0A3", name="EC2-VPC Elastic IPs", value=5),
    Quota(
        service="ec2",
        code="L-1216C47A",
        name="Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        value=5,
    ),
    Quota(service="ec2", code="L-DB2E81BA", name="Running On-Demand G and VT instances", value=0),
    Quota(service="ec2", code="L-417A185B", name="Running On-Demand P instances", value=0),
    Quota(
        service="ec2",
        code="L-34B43A08",
        name="All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        value=5,
    ),
    Quota(service="ec2", code="L-3819A6DF", name="All G and VT Spot Instance Requests", value=0),
    Quota(service="ec2", code="L-7212CCBC", name="All P5, P4, P3, P2 Spot Instance Requests", value=0),
    Quota(service="eks", code="L-1194D53C", name="Clusters", value=100),
    Quota(service="eks", code="L-6D54EA21", name="Managed node groups per cluster", value=30),
)

# SageMaker counts each instance type for each use; a new account has none of the large ones.
ML_SIZES = {
    "t3": ("medium", "large", "xlarge", "2xlarge"),
    "m5": ("large", "xlarge", "2xlarge", "4xlarge", "12xlarge", "24xlarge"),
    "c5": ("xlarge", "2xlarge", "4xlarge", "9xlarge", "18xlarge"),
    "r5": ("large", "xlarge", "2xlarge", "4xlarge"),
    "m7i": ("large", "xlarge", "2xlarge", "4xlarge"),
}
ML_GPU_SIZES = {
    "g4dn": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "g5": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "24xlarge", "48xlarge"),
    "g6": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "24xlarge", "48xlarge"),
    "p3": ("2xlarge", "8xlarge", "16xlarge"),
    "p4d": ("24xlarge",),
    "p5": ("48xlarge",),
}
ML_USES = ("training job usage", "spot training job usage", "processing job usage", "endpoint usage")


def _of_sagemaker() -> Iterator[Quota]:
    for table, value in ((ML_SIZES, 4), (ML_GPU_SIZES, 0)):
        for family, sizes in table.items():
            for size in sizes:
                for use in ML_USES:
                    yield _of_machine(f"ml.{family}.{size} for {use}", value)


def _of_machine(name: str, value: float) -> Quota:
    # AWS publishes no list of these codes: clients find the row by its name, and these are made from it.
    code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
    return Quota(service="sagemaker", code=code, name=name, value=value)


@cache
def defaults() -> dict[tuple[str, str], Quota]:
    """AWS's defaults, by service and code."""
    return {(row.service, row.code): row for row in (*TABLE, *_of_vpc(), *_of_sagemaker())}


class QuotaBackend(BaseBackend):
    """What is set by hand in one account and region, by service and code."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.rows: dict[tuple[str, str], Quota] = {}


quota_backends = BackendDict(QuotaBackend, "service-quotas")


def known(account: str, region: str) -> dict[tuple[str, str], Quota]:
    """Every quota of the account in the region, by service and code."""
    return {**defaults(), **quota_backends[account][region].rows}


def limit(account: str, region: str, service: str, code: str) -> float:
    """The value in force; a quota nobody knows limits nothing."""
    row = known(account, region).get((service, code))
    return row.value if row else float("inf")


def set_limit(account: str, region: str, quota: Quota) -> None:
    """Put a quota in force from now on, in place of AWS's default."""
    backend = quota_backends[account][region]
    before = known(account, region).get((quota.service, quota.code))
    name = quota.name or (before.name if before else quota.code)
    backend.rows[quota.service, quota.code] = Quota(
        service=quota.service, code=quota.code, name=name, value=quota.value
    )


def _of_vpc() -> Iterator[Quota]:
    for row in VPC_DEFAULT_QUOTAS:
        code, name = str(row["QuotaCode"]), str(row["QuotaName"])
        yield Quota(service="vpc", code=code, name=name, value=float(str(row["Value"])))


class QuotaResponse(TaughtResponse, BaseResponse):
    """One request to Service Quotas."""

    error_protocol = "json"

    def __init__(self) -> None:
        super().__init__(service_name="service-quotas")
        self.automated_parameter_parsing = True

    def get_service_quota(self) -> ActionResult:
        """GetServiceQuota: the value in force."""
        rows = known(self.current_account, self.region)
        return ActionResult({"Quota": self._shown(self._asked(rows))})

    def get_aws_default_service_quota(self) -> ActionResult:
        """GetAWSDefaultServiceQuota."""
        return ActionResult({"Quota": self._shown(self._asked(defaults()))})

    def list_service_quotas(self) -> ActionResult:
        """ListServiceQuotas, in pages."""
        service, code = self._get_param("ServiceCode"), self._get_param("QuotaCode")
        found = [
            row
            for row in known(self.current_account, self.region).values()
            if row.service == service and code in (None, row.code)
        ]
        return self._page(found)

    def list_aws_default_service_quotas(self) -> ActionResult:
        """ListAWSDefaultServiceQuotas, in pages."""
        service = self._get_param("ServiceCode")
        return self._page([row for row in defaults().values() if row.service == service])

    def _asked(self, rows: dict[tuple[str, str], Quota]) -> Quota:
        row = rows.get((self._get_param("ServiceCode"), self._get_param("QuotaCode")))
        if row is None:
            raise AwsError(
                "NoSuchResourceException", "The request failed because the specified resource does not exist."
            )
        return row

    def _page(self, rows: list[Quota]) -> ActionResult:
        if not rows:
            raise AwsError(
                "NoSuchResourceException", "The request failed because the specified service does not exist."
            )
        start = int(base64.b64decode(self._get_param("NextToken") or "MA==") or 0)
        size = int(self._get_param("MaxResults") or 100)
        answer: dict[str, Any] = {"Quotas": [self._shown(row) for row in rows[start : start + size]]}
        if start + size < len(rows):
            answer["NextToken"] = base64.b64encode(str(start + size).encode()).decode()
        return ActionResult(answer)

    def _shown(self, row: Quota) -> dict[str, Any]:
        where = f"{self.region}:{self.current_account}"
        return {
            "ServiceCode": row.service,
            "QuotaCode": row.code,
            "QuotaName": row.name,
            "QuotaArn": f"arn:aws:servicequotas:{where}:{row.service}/{row.code}",
            "Value": row.value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }
