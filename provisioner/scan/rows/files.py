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


# A file system that cannot be backed up or is being changed serves all the same.
_SERVING = ("AVAILABLE", "MISCONFIGURED", "UPDATING")


def _fsx(item: Item, place: Place) -> Found:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}
    return Found(
        arn=item["ResourceARN"],
        account=place.account,
        region=place.region,
        kind="fsx_file_system",
        name=tags.get("Name") or item["FileSystemId"],
        attributes={
            **({"available": item["Lifecycle"] in _SERVING} if "Lifecycle" in item else {}),
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
