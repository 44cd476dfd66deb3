"""Rows of the AWS Price List: which are a price of the book, and which only look like one."""

import json
from decimal import Decimal
from typing import Any

import pytest

from cost_estimates import price_book
from cost_estimates.offers import PICKS, Offered, Picked, meters, name_column, pick
from cost_estimates.price_book import LADDERS
from cost_estimates.products import read_product

REGION = "eu-west-1"
BOOK = price_book.load()

M5 = {
    "usageType": "EU-BoxUsage:m5.large",
    "operation": "RunInstances",
    "Instance Type": "m5.large",
    "Operating System": "Linux",
    "Tenancy": "Shared",
    "Pre Installed S/W": "NA",
    "CapacityStatus": "Used",
    "License Model": "No License required",
    "MarketOption": "OnDemand",
}


def offered(
    usd: str = "0.107", *, begin: str = "0", unit: str = "Hrs", currency: str = "USD", **columns: str
) -> Offered:
    """A row as the CSV file has it, in the region's own place unless the columns say otherwise."""
    named = {"Location": "EU (Ireland)", "Location Type": "AWS Region", "Region Code": REGION} | columns
    return Offered(
        columns={name_column(name): value for name, value in named.items()},
        begin=begin,
        unit=unit,
        usd=usd,
        currency=currency,
        published="2026-05-08",
    )


def usage(name: str, usd: str, **more: Any) -> Offered:
    return offered(usd, **more, usageType=name)


def transfer(name: str, kind: str, usd: str, *, begin: str = "0", **columns: str) -> Offered:
    """A row of the data transfer offer, which has two places and no column for its own."""
    inward = kind == "AWS Inbound"
    here, there = ("To", "From") if inward else ("From", "To")
    named = {
        "usageType": f"EU-{name}",
        "Transfer Type": kind,
        f"{here} Location": "EU (Ireland)",
        f"{here} Location Type": "AWS Region",
        f"{here.lower()}RegionCode": REGION,
        f"{there} Location": "External",
        f"{there} Location Type": "Other",
    } | columns
    return Offered(
        columns={name_column(name): value for name, value in named.items()},
        begin=begin,
        unit="GB",
        usd=usd,
        currency="USD",
        published="2026-05-08",
    )


def prices(offer: str, *rows: Offered, region: str = REGION) -> dict[str, str]:
    """usage and machine -> usd, as picked."""
    picked = pick(offer, region, rows)
    return {" ".join(filter(None, (p.service, p.usage, p.instance_type))): p.usd for p in picked}


def test_a_price_is_picked_with_its_unit_and_date() -> None:
    assert list(pick("AmazonEC2", REGION, [offered(**M5)])) == [
        Picked(
            service="EC2",
            usage="ondemand-linux-shared-hour",
            unit="hour",
            region=REGION,
            instance_type="m5.large",
            usd="0.107",
            published="2026-05-08",
        )
    ]


@pytest.mark.parametrize(
    "trap",
    [
        {"CapacityStatus": "AllocatedCapacityReservation"},
        {"CapacityStatus": "UnusedCapacityReservation"},
        {"MarketOption": "CapacityBlock"},
        {"License Model": "Bring your own license", "Operating System": "Windows"},
        {"Operating System": "Windows"},
        {"Operating System": "RHEL"},
        {"Pre Installed S/W": "SQL Std"},
        {"Tenancy": "Dedicated"},
        {"Tenancy": "Host"},
        {"operation": "RunInstances:0004"},
        {"Location Type": "AWS Local Zone", "Region Code": "eu-west-1-dub-1"},
        {"Location Type": "AWS Local Zone"},
        {"Location Type": "AWS Wavelength Zone"},
        {"Region Code": "eu-west-2"},
        {"Location": "Any"},
        {"usageType": "EU-UnusedBox:m5.large"},
        {"usageType": "EU-SpotUsage:m5.large"},
    ],
    ids=lambda trap: " ".join(trap.values()),
)
def test_a_row_that_only_looks_like_on_demand_linux_is_no_price(trap: dict[str, str]) -> None:
    assert prices("AmazonEC2", offered(**(M5 | trap))) == {}


@pytest.mark.parametrize("usd", ["0.0000000000", "", "free", "NaN", "-1", "Inf"])
def test_nothing_and_no_number_are_no_price(usd: str) -> None:
    assert prices("AmazonEC2", offered(usd, **M5)) == {}


def test_prices_in_another_currency_are_not_taken() -> None:
    assert prices("AmazonEC2", offered("0.7", currency="CNY", **M5)) == {}


@pytest.mark.parametrize("prefix", ["", "EU-", "USE1-", "APS3-", "CAN1-", "UGW1-"])
def test_the_region_in_front_of_a_usage_type_is_cut_off(prefix: str) -> None:
    row = usage(f"{prefix}EBS:VolumeUsage.gp3", "0.088")
    assert prices("AmazonEC2", row) == {"EBS gp3-storage-gb-month": "0.088"}


def test_throughput_is_per_mebibyte_whatever_the_list_counts_in() -> None:
    name = "EU-EBS:VolumeP-Throughput.gp3"
    assert prices("AmazonEC2", usage(name, "40.9600000000", unit="GiBps-mo")) == {
        "EBS gp3-throughput-mibps-month": "0.04"
    }
    assert prices("AmazonEC2", usage(name, "0.0440", unit="MiBps-Mo")) == {
        "EBS gp3-throughput-mibps-month": "0.044"
    }


@pytest.mark.parametrize(
    "name", ["EBS:SnapshotUsageUnderBilling", "EBS:SnapshotArchiveStorage", "NatGateway-Prvd-Bytes"]
)
def test_names_that_begin_like_a_meter_are_others(name: str) -> None:
    assert prices("AmazonEC2", usage(f"EU-{name}", "0.05")) == {}


def test_extended_support_is_the_surcharge_of_its_own_row() -> None:
    rows = (
        usage("EU-AmazonEKS-Hours:perCluster", "0.10"),
        usage("EU-AmazonEKS-Hours:extendedSupport", "0.50"),
    )
    assert prices("AmazonEKS", *rows) == {
        "EKS cluster-hour-standard": "0.1",
        "EKS cluster-hour-extended-surcharge": "0.5",
    }


def test_the_fee_of_auto_mode_is_known_by_its_product_type() -> None:
    fee = offered(
        "0.01284",
        **{"usageType": "EU-EKS-Auto:m5", "EKS Product Type": "AutoMode", "Instance Type": "m5.large"},
    )
    other = offered(
        "0.02", **{"usageType": "EU-EKS-Hybrid", "EKS Product Type": "HybridNodes", "Instance Type": ""}
    )
    assert prices("AmazonEKS", fee, other) == {"EKS auto-mode-fee-hour m5.large": "0.01284"}


def test_sagemaker_has_a_price_per_component() -> None:
    rows = [
        offered(usd, usageType=f"EU-{name}", Component=component)
        for name, component, usd in [
            ("Train:ml.p4d.24xlarge", "Training", "25.251"),
            ("Cluster:ml.p4d.24xlarge", "Cluster", "25.910"),
            ("Studio:JupyterLab-ml.m5.large", "JupyterLab", "0.128"),
            ("Studio:KernelGateway-ml.m5.large", "Studio-Notebook", "0.129"),
            ("TrSpt:ml.m5.large", "Training", "0.04"),
            ("Train:ml.p5.48xlarge", "", "13.57"),
        ]
    ]
    assert prices("AmazonSageMaker", *rows) == {
        "SageMaker training-hour ml.p4d.24xlarge": "25.251",
        "SageMaker hyperpod-cluster-hour ml.p4d.24xlarge": "25.91",
        "SageMaker studio-jupyterlab-hour ml.m5.large": "0.128",
        "SageMaker studio-notebook-hour ml.m5.large": "0.129",
    }


def test_serverless_memory_is_named_in_megabytes() -> None:
    rows = [usage(f"EU-ServerlessInf:Mem-{gb}GB", f"0.0000{gb}", unit="seconds") for gb in (1, 6)]
    assert prices("AmazonSageMaker", *rows) == {
        "SageMaker serverless-inference-second 1024MB": "0.00001",
        "SageMaker serverless-inference-second 6144MB": "0.00006",
    }


def test_one_suffix_is_another_meter_in_another_offer() -> None:
    row = offered("0.03", **{"usageType": "EU-TimedStorage-ByteHrs", "Volume Type": "Standard"})
    assert [prices(offer, row) for offer in ("AmazonS3", "AmazonECR", "AmazonCloudWatch", "AWSEvents")] == [
        {"S3 standard-storage-gb-month-tier1": "0.03"},
        {"ECR storage-gb-month": "0.03"},
        {"CloudWatchLogs storage-gb-month": "0.03"},
        {"EventBridge archive-storage-gb-month": "0.03"},
    ]


def test_kms_names_the_region_in_full_and_hides_its_allowance_in_the_product() -> None:
    rows = [
        usage("eu-west-1-KMS-Keys", "1"),
        usage("eu-west-1-KMS-Requests", "0.0000000000", begin="0"),
        usage("eu-west-1-KMS-Requests", "0.0000030000", begin="20000"),
        usage("eu-west-1-KMS-Requests-Asymmetric", "0.000015"),
        usage("eu-west-1-KMS-Requests-GenerateDatakeyPair-RSA", "0.0012"),
    ]
    assert prices("awskms", *rows) == {
        "KMS key-month": "1",
        "KMS request": "0.000003",
        "KMS request-asymmetric-other": "0.000015",
    }


def test_tiers_are_told_by_where_they_begin_in_any_order() -> None:
    begins = {"153600": "0.05", "0": "0.09", "51200": "0.07", "10240": "0.085"}
    rows = [
        transfer("DataTransfer-Out-Bytes", "AWS Outbound", usd, begin=begin) for begin, usd in begins.items()
    ]
    assert prices("AWSDataTransfer", *rows) == {
        "DataTransfer internet-out-gb-tier4": "0.05",
        "DataTransfer internet-out-gb-tier1": "0.09",
        "DataTransfer internet-out-gb-tier3": "0.07",
        "DataTransfer internet-out-gb-tier2": "0.085",
    }


@pytest.mark.parametrize("begin", ["1", "100"])
def test_a_free_allowance_does_not_shift_the_tiers(begin: str) -> None:
    free = transfer("DataTransfer-Out-Bytes", "AWS Outbound", "0.00")
    paid = transfer("DataTransfer-Out-Bytes", "AWS Outbound", "0.09", begin=begin)
    assert prices("AWSDataTransfer", free, paid) == {"DataTransfer internet-out-gb-tier1": "0.09"}


@pytest.mark.parametrize("begin", ["250000", "Inf", "", "zero"])
def test_only_the_first_tier_is_the_price_of_a_meter_without_tiers(begin: str) -> None:
    row = usage("EU-CW:MetricMonitorUsage", "0.02", begin=begin)
    assert prices("AmazonCloudWatch", row) == {}


def test_transfer_of_another_region_is_not_of_this_one() -> None:
    local_zone = {"From Location Type": "AWS Local Zone"}
    rows = [
        transfer("DataTransfer-Out-Bytes", "AWS Outbound", "0.09", fromRegionCode="us-east-1"),
        transfer("DataTransfer-Out-Bytes", "AWS Outbound", "0.09", **local_zone),
        transfer("EU-USE1-AWS-Out-Bytes", "InterRegion Outbound", "0.02"),
    ]
    assert prices("AWSDataTransfer", *rows) == {}
    inside = transfer("DataTransfer-Regional-Bytes", "IntraRegion", "0.01")
    assert prices("AWSDataTransfer", inside) == {"DataTransfer intra-region-gb": "0.01"}


def test_what_is_free_on_purpose_is_a_price() -> None:
    row = transfer("DataTransfer-In-Bytes", "AWS Inbound", "0.0000000000")
    assert prices("AWSDataTransfer", row) == {"DataTransfer internet-in-gb": "0"}


def test_lambda_has_a_free_tier_for_any_place_beside_the_price() -> None:
    duration = {"usageType": "Lambda-GB-Second", "Group": "AWS-Lambda-Duration"}
    free = offered("0.0000000000", **duration, **{"Location": "Any", "Region Code": ""})
    not_free = offered("0.1", **duration, **{"Location": "Any", "Region Code": ""})
    assert prices("AWSLambda", free, not_free, offered("0.0000166667", **duration)) == {
        "Lambda gb-second-tier1": "0.0000166667"
    }


def test_a_dashboard_costs_the_same_everywhere() -> None:
    row = usage("DashboardsUsageHour", "3", **{"Location": "Any", "Region Code": ""})
    assert [(p.region, p.usage, p.usd) for p in pick("AmazonCloudWatch", REGION, [row])] == [
        ("aws-global", "dashboard-month", "3")
    ]


def test_a_load_balancer_is_known_by_its_family() -> None:
    rows = [
        usage("EU-LoadBalancerUsage", usd, **{"Product Family": family})
        for family, usd in [
            ("Load Balancer-Application", "0.0252"),
            ("Load Balancer", "0.028"),
            ("Other", "9"),
        ]
    ]
    reserved = usage("EU-ReservedLCUUsage", "0.008", **{"Product Family": "Load Balancer-Application"})
    assert prices("AWSELB", *rows, reserved) == {"ELB alb-hour": "0.0252", "ELB clb-hour": "0.028"}


def test_codebuild_minutes_by_system_and_size() -> None:
    rows = [
        usage(f"EU-Build-Min:{name}", "0.01", unit="minutes")
        for name in ("Linux:g1.small", "ARM:g1.large", "LinuxGPU:g1.large")
    ]
    assert list(prices("CodeBuild", *rows)) == [
        "CodeBuild build-minute-linux general1.small",
        "CodeBuild build-minute-linux arm1.large",
        "CodeBuild build-minute-linux gpu1.large",
    ]


def test_the_units_are_those_of_the_shipped_book() -> None:
    wrong = [
        (one.service, one.usage)
        for picks in PICKS.values()
        for one in picks
        for usage_ in [f"{one.usage}-tier1" if one.tiers else one.usage]
        if (held := BOOK.prices[one.service].get(usage_)) and held["unit"] != one.unit
    ]
    assert wrong == []


def test_tiers_begin_where_the_ladders_of_the_book_turn() -> None:
    ladders = {(one.service, one.usage): one.tiers for picks in PICKS.values() for one in picks if one.tiers}
    for meter, rungs in LADDERS.items():
        assert ladders[meter] == (0, *(end for _, end in rungs if end)), meter


# Their usage types stand in no source, or one number cannot say what depends on the destination.
NOT_REFRESHED = {
    *(("Budgets", usage_) for usage_ in BOOK.prices["Budgets"]),
    ("CodeBuild", "build-second-lambda"),
    ("DataTransfer", "inter-region-gb"),
    ("EKS", "auto-mode-fee-ratio-of-ec2-ondemand"),
    ("EKS", "cluster-hour-extended-total"),
    ("EventBridge", "pipes-request"),
    ("EventBridge", "scheduler-invocation-tier2"),
}


def test_every_meter_of_the_book_can_be_refreshed_or_is_named_here() -> None:
    held = {(service, usage_) for service, usages in BOOK.prices.items() for usage_ in usages}
    assert held - frozenset().union(*map(meters, PICKS)) == NOT_REFRESHED


PRODUCT = {
    "product": {
        "productFamily": "Storage",
        "attributes": {
            "usagetype": "AFS1-EBS:VolumeUsage.gp3",
            "locationType": "AWS Region",
            "location": "Africa (Cape Town)",
            "regionCode": "af-south-1",
            "volumeApiName": "gp3",
        },
        "sku": "XWCTMRRUJM7TGYST",
    },
    "publicationDate": "2024-07-05T01:34:54Z",
}
DIMENSION = {"unit": "GB-Mo", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "0.1047000000"}}
TERM = {
    "XWCTMRRUJM7TGYST.JRTCKXETXF": {"priceDimensions": {"XWCTMRRUJM7TGYST.JRTCKXETXF.6YS6EN2CT7": DIMENSION}}
}


@pytest.mark.parametrize("terms", [TERM, {"XWCTMRRUJM7TGYST": TERM}], ids=["query api", "bulk file"])
def test_the_terms_of_api_and_bulk_file_are_nested_differently(terms: Any) -> None:
    text = json.dumps(PRODUCT | {"terms": {"OnDemand": terms, "Reserved": {"X": {}}}})
    picked = list(pick("AmazonEC2", "af-south-1", read_product(text)))
    assert [(p.usage, p.usd, p.published) for p in picked] == [
        ("gp3-storage-gb-month", "0.1047", "2024-07-05")
    ]


def test_a_product_without_terms_offers_nothing() -> None:
    assert list(read_product(json.dumps(PRODUCT))) == []


def test_no_price_of_the_table_can_be_zero_by_accident() -> None:
    free = {(one.service, one.usage) for picks in PICKS.values() for one in picks if one.free}
    assert free == {("DataTransfer", "internet-in-gb")}
    assert Decimal(0) == min(Decimal(row[0]) for row in _prices("DataTransfer", "internet-in-gb"))


def _prices(service: str, usage_: str) -> list[list[str]]:
    return [row for types in BOOK.prices[service][usage_]["regions"].values() for row in types.values()]
