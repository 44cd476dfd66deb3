"""Door to EKS: where a cluster's API is, who may speak to it, and the token to speak with."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner import arn
from provisioner.aws.session import Client, guarded
from provisioner.errors import CheckError, RefusedError

# On an access entry: what of it the bootstrap lent to its own caller, so that any later run can take it back.
LENT = "stackwright:bootstrap"
_ADMIN = "AmazonEKSClusterAdminPolicy"
_CLUSTER_HEADER = "x-k8s-aws-id"
# EKS takes a token for 15 minutes whatever it says; AWS's own client asks for this.
_TOKEN_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where and how a cluster's API answers; `ca` is its certificate authority as PEM."""

    name: str
    arn: str
    status: str
    endpoint: str
    ca: str
    public: bool
    public_cidrs: tuple[str, ...]
    authentication: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A principal's access entry; `is_admin` where it administers the whole cluster."""

    arn: str
    is_admin: bool
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def lent(self) -> str:
        """ "entry" or "policy" where a bootstrap made it and has not taken it back, else empty."""
        return self.tags.get(LENT, "")


class Clusters:
    """The clusters of one account and region."""

    def __init__(self, eks: Client, iam: Client, sts: Client) -> None:
        self._eks = eks
        self._iam = iam
        self._sts = sts

    def describe(self, name: str) -> Cluster:
        """Raises RefusedError, or CheckError for a cluster that does not answer yet."""
        raw = self._eks.describe_cluster(name=name)["cluster"]
        if raw["status"] not in ("ACTIVE", "UPDATING") or not raw.get("endpoint"):
            raise CheckError(f"cluster {name} is {raw['status']}", hint="run the same command again later")
        network = raw.get("resourcesVpcConfig", {})
        return Cluster(
            name=name,
            arn=raw["arn"],
            status=raw["status"],
            endpoint=raw["endpoint"].rstrip("/"),
            ca=base64.b64decode(raw["certificateAuthority"]["data"]).decode(),
            public=bool(network.get("endpointPublicAccess", True)),
            public_cidrs=tuple(network.get("publicAccessCidrs", ())),
            authentication=raw.get("accessConfig", {}).get("authenticationMode", ""),
        )

    def principal(self, caller_arn: str) -> str:
        """What an access entry names: the role of a session with its path, or the user."""
        caller = arn.parse(caller_arn)
        kind, _, rest = caller.resource.partition("/")
        if kind == "user":
            return caller_arn
        if kind != "assumed-role":
            raise CheckError(
                f"{caller_arn} cannot be given access to a cluster",
                hint="use the credentials of a role or a user, not of the account's root",
            )
        name = rest.partition("/")[0]
        try:
            found: str = self._iam.get_role(RoleName=name)["Role"]["Arn"]
        except RefusedError:
            # Only a role with a path is called otherwise, and only IAM knows the path.
            return f"arn:{caller.partition}:iam::{caller.account}:role/{name}"
        return found

    def entry(self, cluster: str, principal: str) -> Entry | None:
        names = {"clusterName": cluster, "principalArn": principal}
        try:
            raw = self._eks.describe_access_entry(**names)["accessEntry"]
        except RefusedError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        pages = self._eks.pages("list_associated_access_policies", **names)
        policies = [p for page in pages for p in page["associatedAccessPolicies"]]
        return Entry(
            arn=raw["accessEntryArn"],
            is_admin=any(_is_admin(p) for p in policies),
            tags=dict(raw.get("tags", {})),
        )

    def enter(self, cluster: str, principal: str) -> None:
        """Makes a marked access entry, which grants nothing yet; one that is there stays as it is."""
        try:
            self._eks.create_access_entry(clusterName=cluster, principalArn=principal, tags={LENT: "entry"})
        except RefusedError as error:
            if error.code != "ResourceInUseException":
                raise

    def mark(self, entry: Entry) -> None:
        """Notes on somebody's own entry that the administration it is about to get is lent."""
        self._eks.tag_resource(resourceArn=entry.arn, tags={LENT: "policy"})

    def unmark(self, entry: Entry) -> None:
        self._eks.untag_resource(resourceArn=entry.arn, tagKeys=[LENT])

    def grant(self, cluster: str, principal: str) -> None:
        """Administration of the whole cluster; twice is the same as once."""
        self._eks.associate_access_policy(
            clusterName=cluster,
            principalArn=principal,
            policyArn=_policy_arn(principal),
            accessScope={"type": "cluster"},
        )

    def revoke(self, cluster: str, principal: str) -> None:
        self._gone_is_fine(
            lambda: self._eks.disassociate_access_policy(
                clusterName=cluster, principalArn=principal, policyArn=_policy_arn(principal)
            )
        )

    def remove(self, cluster: str, principal: str) -> None:
        """The access entry with all that it grants."""
        self._gone_is_fine(lambda: self._eks.delete_access_entry(clusterName=cluster, principalArn=principal))

    def token(self, cluster: str) -> str:
        """Proves to the cluster who the caller is; a secret while it lasts, so it is never kept or shown."""
        events = self._sts.raw.meta.events
        # Registering twice under one id changes nothing.
        events.register("provide-client-params.sts.GetCallerIdentity", _keep_cluster, unique_id="k8s-keep")
        events.register("before-sign.sts.GetCallerIdentity", _name_cluster, unique_id="k8s-name")
        url = guarded(
            lambda: self._sts.raw.generate_presigned_url(
                "get_caller_identity",
                Params={"ClusterName": cluster},
                ExpiresIn=_TOKEN_SECONDS,
                HttpMethod="GET",
            )
        )
        return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")

    def _gone_is_fine(self, call: Any) -> None:
        try:
            call()
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise


def _is_admin(policy: Mapping[str, Any]) -> bool:
    name = str(policy["policyArn"]).rpartition("/")[2]
    return (name, policy["accessScope"]["type"]) == (_ADMIN, "cluster")


def _policy_arn(principal: str) -> str:
    return f"arn:{arn.parse(principal).partition}:eks::aws:cluster-access-policy/{_ADMIN}"


def _keep_cluster(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """`ClusterName` is no parameter of STS: it becomes the signed header that ties a token to a cluster."""
    if "ClusterName" in params:
        context[_CLUSTER_HEADER] = params.pop("ClusterName")


def _name_cluster(request: Any, **_: Any) -> None:
    if _CLUSTER_HEADER in request.context:
        request.headers[_CLUSTER_HEADER] = request.context[_CLUSTER_HEADER]
