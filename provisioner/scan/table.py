"""What a scan looks at: every row, in the order in which reports list them."""

from provisioner.scan.policy import policy
from provisioner.scan.row import (
    GLOBAL,
    SEEN,
    AccountDetail,
    Attributes,
    Batch,
    Beside,
    Cell,
    Detail,
    Followup,
    Found,
    Item,
    Place,
    Reading,
    Row,
    Scope,
    State,
    only,
)
from provisioner.scan.rows import ecr, iam, s3

__all__ = [
    "GLOBAL",
    "ROWS",
    "SEEN",
    "AccountDetail",
    "Attributes",
    "Batch",
    "Beside",
    "Cell",
    "Detail",
    "Followup",
    "Found",
    "Item",
    "Place",
    "Reading",
    "Row",
    "Scope",
    "State",
    "only",
    "policy",
]

ROWS: tuple[Row, ...] = (s3.ROW, ecr.ROW, iam.ROW)
