"""The quotas that decide whether SageMaker jobs can run at all; a new account has none of some machines."""

from provisioner.scan.row import Found, Item, Place, Row

# The machine of ZenML's SageMaker steps, unless a step asks for another.
MACHINE = "ml.m5.xlarge"
NAMES = tuple(f"{MACHINE} for {kind} job usage" for kind in ("processing", "training"))


def _quota(quota: Item, place: Place) -> Found | None:
    if quota["QuotaName"] not in NAMES:
        return None
    arn = f"arn:{place.partition}:servicequotas:{place.region}:{place.account}:sagemaker/{quota['QuotaCode']}"
    return Found(
        arn=quota.get("QuotaArn") or arn,
        account=place.account,
        region=place.region,
        kind="job_quota",
        name=quota["QuotaName"],
        attributes={"value": int(quota["Value"])},
    )


# SageMaker has some thousand quotas, and no document lists their codes: they are paged through, for
# suggestions alone, which are of no use where no job may run.
ROW = Row(
    service="sagemaker-quotas",
    client="service-quotas",
    kind="job_quota",
    scope="regional",
    call="list_service_quotas",
    key="Quotas",
    permission="servicequotas:ListServiceQuotas",
    shape=_quota,
    words=f"Quotas of SageMaker jobs on {MACHINE}; only with `--suggest` or by name",
    arguments={"ServiceCode": "sagemaker", "PaginationConfig": {"PageSize": 100}},
    for_suggestions=True,
)
