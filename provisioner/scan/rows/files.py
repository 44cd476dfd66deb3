"""Shared file systems: EFS and FSx."""

from provisioner.scan.row import Found, Item, Place, Row, paged


def _efs(item: Item, place: Place) -> Found:
    return Found(
        arn=item["FileSystemArn"],
        account=place.account,
        region=place.region,
        kind="efs_file_system",
        name=item.get("Name") or item["FileSystemId"],
        attributes={
            "available": item["LifeCycleState"] == "available",
            "encrypted": bool(item.get("Encrypted")),
            "mounted": item.get("NumberOfMountTargets", 0) > 0,
        },
        tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", ())},
    )


EFS = Row(
    service="efs",
    kind="efs_file_system",
    scope="regional",
    call="describe_file_systems",
    key="FileSystems",
    permission="elasticfilesystem:DescribeFileSystems",
    shape=_efs,
    words="EFS file systems: encrypted, and reachable by a mount target",
    arguments=paged(1000),
)


def _fsx(item: Item, place: Place) -> Found:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}
    return Found(
        arn=item["ResourceARN"],
        account=place.account,
        region=place.region,
        kind="fsx_file_system",
        name=tags.get("Name") or item["FileSystemId"],
        attributes={
            # A file system that is only mislaid a volume still serves the others.
            "available": item.get("Lifecycle") in ("AVAILABLE", "MISCONFIGURED", "UPDATING"),
            "lustre": item["FileSystemType"] == "LUSTRE",
            "type": item["FileSystemType"],
            "vpc": item.get("VpcId", ""),
        },
        tags=tags,
    )


FSX = Row(
    service="fsx",
    kind="fsx_file_system",
    scope="regional",
    call="describe_file_systems",
    key="FileSystems",
    permission="fsx:DescribeFileSystems",
    shape=_fsx,
    words="FSx file systems and their type",
    arguments=paged(100),
)
