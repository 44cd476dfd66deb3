"""Door to IAM and STS: what a role trusts, and who may really assume it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.arn import parse
from provisioner.aws.session import DENIED, Client
from provisioner.errors import RefusedError


@dataclass(frozen=True, kw_only=True)
class RoleFacts:
    trust: Mapping[str, Any]
    tags: Mapping[str, str]


class Roles:
    """The roles of the caller's account, and AssumeRole from the caller."""

    def __init__(self, iam: Client, sts: Client) -> None:
        self._iam = iam
        self._sts = sts

    def reading_through(self, session: "Roles") -> "Roles":
        """Assumes as this caller, reads as that session."""
        return Roles(session._iam, self._sts)

    def read(self, role_arn: str) -> RoleFacts:
        """Trust policy and tags; raises RefusedError."""
        name = parse(role_arn).resource.rpartition("/")[2]
        role = self._iam.get_role(RoleName=name)["Role"]
        return RoleFacts(
            trust=role["AssumeRolePolicyDocument"],
            tags={t["Key"]: t["Value"] for t in role.get("Tags", [])},
        )

    def assume(self, role_arn: str, *, session_name: str, external_id: str = "") -> Mapping[str, str] | None:
        """Credentials in AWS's words, or None where the role refuses this caller."""
        extra = {"ExternalId": external_id} if external_id else {}
        try:
            answer = self._sts.assume_role(
                RoleArn=role_arn, RoleSessionName=session_name, DurationSeconds=900, **extra
            )
        except RefusedError as error:
            if error.code in DENIED:
                return None
            raise
        credentials: Mapping[str, str] = answer["Credentials"]
        return credentials
