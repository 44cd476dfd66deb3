"""The read-only IAM policy of a scan, generated from its rows."""

from collections.abc import Iterable

from provisioner.scan.row import Row


def policy(rows: Iterable[Row]) -> dict[str, object]:
    """The read-only IAM policy that scanning these rows needs."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "StackwrightScan",
                "Effect": "Allow",
                "Action": sorted({action for row in rows for action in row.permissions}),
                # A scan looks for what nobody has named yet.
                "Resource": "*",
            }
        ],
    }
