"""Amazon Resource Names."""

import re
from dataclasses import dataclass

from provisioner.errors import SpecError

# What CloudFormation calls a stack; to it an empty name means every stack.
STACK_NAME = r"[A-Za-z][A-Za-z0-9-]{0,127}"
# What IAM allows in names: ASCII only, unlike Python's \w and \d.
_ASSUMED_ROLE = re.compile(r"assumed-role/([\w+=,.@-]+)/[\w+=,.@-]+", re.ASCII)
_ROLE_OR_USER = re.compile(r"(role|user)/[\w+=,.@/-]{1,512}", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Arn:
    """`arn:partition:service:region:account:resource`; region and account may be empty."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def name(self) -> str:
        """What stands behind the first slash, or the whole resource: a role's name keeps its path."""
        return self.resource.partition("/")[2] or self.resource


def parse(text: str, *, field: str = "") -> Arn:
    """An ARN from its text; raises SpecError."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not all((parts[1], parts[2], parts[5])):
        raise SpecError(
            f"{text!r} is not an ARN", hint="arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE", field=field
        )
    return Arn(partition=parts[1], service=parts[2], region=parts[3], account=parts[4], resource=parts[5])


def principal(text: str, *, field: str = "") -> Arn:
    """The IAM role or user that `aws:PrincipalArn` will show for a caller; raises SpecError.

    An assumed-role session becomes its role. IAM Identity Center roles live under a path that a session's
    ARN does not show, so those must be given as the role's own ARN.
    """
    arn = parse(text, field=field)
    if "*" in text or "?" in text:
        raise SpecError(
            "a wildcard is no principal", hint="name one role or user by its full ARN", field=field
        )
    session = _ASSUMED_ROLE.fullmatch(arn.resource) if arn.service == "sts" else None
    if session and session[1].startswith("AWSReservedSSO_"):
        raise SpecError(
            "an IAM Identity Center session does not show its role's path",
            hint=f"give the role's own ARN: aws iam get-role --role-name {session[1]} --query Role.Arn",
            field=field,
        )
    if session:
        arn = Arn(
            partition=arn.partition,
            service="iam",
            region="",
            account=arn.account,
            resource=f"role/{session[1]}",
        )
    named = _ROLE_OR_USER.fullmatch(arn.resource) and _ACCOUNT.fullmatch(arn.account)
    if arn.service != "iam" or arn.region or not named:
        raise SpecError(
            f"{text!r} is not a role or user", hint="arn:aws:iam::111122223333:role/NAME", field=field
        )
    return arn
