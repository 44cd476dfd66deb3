"""Who calls: access key to account and principal."""

from __future__ import annotations

import re

from moto.iam.models import get_account_id_from, iam_backends
from moto.sts.models import sts_backends

from provisioner.emulator.trust import Caller

# Test keys: the first answers as an expired session everywhere, the second is denied everything.
EXPIRED_KEY = "ASIAEXPIRED0000000000"
DENIED_KEY = "AKIADENIED00000000000"
_ACCOUNT_KEY = re.compile(r"AKIA(\d{12})[A-Z0-9]{4}")


def account_of(access_key: str) -> str:
    """`AKIA<account><4 more>` belongs to that account; other keys are known to IAM, or the default's."""
    named = _ACCOUNT_KEY.fullmatch(access_key)
    return named[1] if named else str(get_account_id_from(access_key))


def caller_of(access_key: str, account: str) -> Caller:
    """A role session, an IAM user, or the root-like principal `user/moto` of the account."""
    session = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
    if session:
        return Caller(account=account, principal=session.role_arn, session=session.arn)
    user = iam_backends[account]["aws"].get_user_from_access_key_id(access_key)
    arn = user.arn if user else f"arn:aws:iam::{account}:user/moto"
    return Caller(account=account, principal=arn, session=arn)
