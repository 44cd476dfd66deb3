"""The quotas that decide whether jobs may run, and whether another cluster or network may be made."""

from collections.abc import Callable
from typing import Any

from provisioner.scan.row import Found, Item, Place, Row

# The machine of ZenML's SageMaker steps, unless a step asks for another.
MACHINE = "ml.m5.xlarge"
NAMES = tuple(f"{MACHINE} for {kind} job usage" for kind in ("processing", "training"))

# The cells that tell how much of a quota is used.
COUNTED_BY = ("eks", "ec2-vpcs")


def _jobs(quota: Item, place: Place) -> Found | None:
    return _quota(quota, place, "sagemaker", "job_quota") if quota["QuotaName"] in NAMES else None


def _quota(quota: Item, place: Place, service: str, kind: str, **more: object) -> Found:
    where = f"arn:{place.partition}:servicequotas:{place.region}:{place.account}"
    return Found(
        arn=quota.get("QuotaArn") or f"{where}:{service}/{quota['QuotaCode']}",
        account=place.account,
        region=place.region,
        kind=kind,
        name=quota["QuotaName"],
        attributes={"value": int(quota["Value"]), **more},
    )


def _of_code(code: str, service: str, kind: str, counted_by: str) -> Callable[[Any, Place], Found | None]:
    """The quota of this code; the scan's own cell `counted_by` says how much of it is used."""

    def shape(quota: Item, place: Place) -> Found | None:
        if quota["QuotaCode"] != code:
            return None
        return _quota(quota, place, service, kind, counted_by=counted_by)

    return shape


# SageMaker has some thousand quotas, and no document lists their codes: they are paged through, for
# suggestions alone, which are of no use where no job may run.
JOBS = Row(
    service="sagemaker-quotas",
    client="service-quotas",
    kind="job_quota",
    scope="regional",
    call="list_service_quotas",
    key="Quotas",
    permission="servicequotas:ListServiceQuotas",
    shape=_jobs,
    words=f"Quotas of SageMaker jobs on {MACHINE}; only with `--suggest` or by name",
    arguments={"ServiceCode": "sagemaker", "PaginationConfig": {"PageSize": 100}},
    for_suggestions=True,
)

CLUSTERS = Row(
    service="eks-quotas",
    client="service-quotas",
    kind="cluster_quota",
    scope="regional",
    call="list_service_quotas",
    key="Quotas",
    permission="servicequotas:ListServiceQuotas",
    shape=_of_code("L-1194D53C", "eks", "cluster_quota", "eks"),
    words="How many EKS clusters there may be, against those found; only with `--suggest` or by name",
    arguments={"ServiceCode": "eks", "PaginationConfig": {"PageSize": 100}},
    for_suggestions=True,
)

NETWORKS = Row(
    service="vpc-quotas",
    client="service-quotas",
    kind="vpc_quota",
    scope="regional",
    call="list_service_quotas",
    key="Quotas",
    permission="servicequotas:ListServiceQuotas",
    shape=_of_code("L-F678F1CE", "vpc", "vpc_quota", "ec2-vpcs"),
    words="How many VPCs there may be, against those found; only with `--suggest` or by name",
    arguments={"ServiceCode": "vpc", "PaginationConfig": {"PageSize": 100}},
    for_suggestions=True,
)

ROWS = (JOBS, CLUSTERS, NETWORKS)
