"""What is looked into first: our own, then what its name tells, last what other services keep."""

import pytest

from provisioner.scan.likely import likeliest
from provisioner.scan.row import Found

OURS = {"stackwright:stack": "churn"}


def bucket(name: str, tags: dict[str, str] | None = None) -> Found:
    return Found(
        arn=f"arn:aws:s3:::{name}", account="1", region="us-east-1", kind="bucket", name=name, tags=tags
    )


LISTED = [
    bucket("aws-glue-assets"),
    bucket("backups"),
    bucket("team-logs"),
    bucket("zenml-artifacts"),
    bucket("archive"),
    bucket("zzz", OURS),
]


@pytest.mark.parametrize(
    ("most", "names"),
    [
        (0, []),
        (1, ["zzz"]),
        (2, ["zenml-artifacts", "zzz"]),
        (3, ["zenml-artifacts", "archive", "zzz"]),
        (4, ["backups", "zenml-artifacts", "archive", "zzz"]),
        (9, [found.name for found in LISTED]),
    ],
)
def test_the_likeliest_stay_in_the_order_they_were_listed_in(most: int, names: list[str]) -> None:
    assert [found.name for found in likeliest(LISTED, most)] == names
