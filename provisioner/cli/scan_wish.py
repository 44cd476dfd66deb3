"""What the options of a scan may be, before anything is asked."""

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from provisioner import arn
from provisioner.errors import SpecError

if TYPE_CHECKING:
    from provisioner.cli.scanning import Wish
    from provisioner.scan.table import Row

ALL = "all"
# ASCII only: Python takes other scripts' digits, and ² for one as well.
_ACCOUNT = re.compile(r"[0-9]{12}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
_VIEW = re.compile(r"arn:aws[a-z-]*:resource-explorer-2:[a-z0-9-]+:[0-9]+:view/[\w/-]+", re.ASCII)


def check(asked: "Wish", rows: "Sequence[Row]") -> None:
    """Raises SpecError for what no option may be, and for options that mean nothing together."""
    named(rows, asked.services)
    if asked.details not in (ALL, "none") and not _NUMBER.fullmatch(asked.details):
        raise SpecError(
            f"--details is {asked.details!r}", hint="a number, all or none are allowed", field="details"
        )
    if not math.isfinite(asked.seconds_per_cell):
        raise SpecError(
            f"--cell-deadline is {asked.seconds_per_cell}", hint="a number of seconds", field="cell_deadline"
        )
    if ALL in asked.regions and len(asked.regions) > 1:
        raise SpecError("--region all stands alone", hint="drop the others", field="region")
    _check_accounts(asked)
    _check_index(asked)


def named(rows: "Sequence[Row]", services: Sequence[str]) -> "list[Row]":
    """The rows of these services, all without any; raises SpecError."""
    known = [row.service for row in rows]
    for service in services:
        if service not in known:
            raise SpecError(
                f"nothing is known of a service {service!r}", hint=", ".join(known), field="service"
            )
    return [row for row in rows if not services or row.service in services]


def _check_accounts(asked: "Wish") -> None:
    for field, ids in (("account", asked.accounts), ("skip_account", asked.skip_accounts)):
        for account in ids:
            if not _ACCOUNT.fullmatch(account):
                raise SpecError(f"{account!r} is no account id", hint="12 digits", field=field)
    for role in asked.role_arns:
        arn.parse(role, field="role_arn")
        if not _ROLE.fullmatch(role):
            raise SpecError(
                f"{role} is no role's ARN", hint="arn:aws:iam::111122223333:role/NAME", field="role_arn"
            )
    by_name = asked.organization or asked.accounts
    if asked.external_id and not (by_name or asked.role_arns):
        raise SpecError(
            "--external-id is for a role, and none is assumed",
            hint="add --organization, --account or --role-arn",
            field="external_id",
        )


def _check_index(asked: "Wish") -> None:
    for given, engine, field in (
        (asked.aggregator, "config", "aggregator"),
        (asked.view, "resource-explorer", "view"),
    ):
        if given and asked.engine != engine:
            raise SpecError(f"--{field} belongs to --engine {engine}", hint="add it", field=field)
    if asked.view:
        arn.parse(asked.view, field="view")
    if asked.view and not _VIEW.fullmatch(asked.view):
        raise SpecError(
            f"{asked.view} is no view's ARN",
            hint="arn:aws:resource-explorer-2:REGION:ACCOUNT:view/NAME/ID",
            field="view",
        )
