"""Door for preflight: what only AWS can tell about an account, asked in parallel, each question once."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from provisioner import arn
from provisioner.aws.session import DENIED, Client, Session
from provisioner.errors import RefusedError
from provisioner.preflight.row import Question, Unanswered

# How services say that something is not there.
_ABSENT = (
    *("NoSuchEntity", "NoSuchBucket", "404", "NotFound", "ResourceNotFoundException", "ResourceNotFound"),
    *("RepositoryNotFoundException", "NotFoundException", "InvalidVpcID.NotFound", "NoSuchResourceException"),
    *("InvalidSubnetID.NotFound", "NotFoundError"),
)
_WORKERS = 12


class Answers:
    """One account and region; an answer is a value, None for "there is no such thing", or Unanswered."""

    def __init__(self, session: Session) -> None:
        self._session = session.impatient

    def ask(self, questions: Iterable[Question]) -> Mapping[Question, Any]:
        wanted = sorted(questions)
        with ThreadPoolExecutor(_WORKERS) as pool:
            return dict(zip(wanted, pool.map(self._answer, wanted), strict=True))

    def _answer(self, question: Question) -> Any:
        kind, *arguments = question
        try:
            return _KINDS[kind](self._session, *arguments)
        except RefusedError as error:
            if error.code in _ABSENT:
                return None
            denied = error.code in DENIED
            return Unanswered(reason=error.message if not denied else f"{error.message} ({error.hint})")


def _identity(session: Session) -> Mapping[str, str]:
    return session.identity()


def _region(session: Session, name: str) -> bool:
    """Whether the account has switched the region on."""
    found = session.client("ec2").describe_regions(RegionNames=[name], AllRegions=True)["Regions"]
    return bool(found) and found[0].get("OptInStatus", "opt-in-not-required") != "not-opted-in"


def _stack(session: Session, name: str) -> str:
    """A stack's status, or nothing."""
    try:
        stacks = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except RefusedError as error:
        if error.code == "ValidationError":
            return ""
        raise
    return str(stacks[0]["StackStatus"])


def _quota(session: Session, service: str, code: str) -> float:
    """A quota's value in this account, else AWS's default."""
    client = session.client("service-quotas")
    try:
        answer = client.get_service_quota(ServiceCode=service, QuotaCode=code)
    except RefusedError as error:
        if error.code not in _ABSENT:
            raise
        answer = client.get_aws_default_service_quota(ServiceCode=service, QuotaCode=code)
    return float(answer["Quota"]["Value"])


def _quota_named(session: Session, service: str, name: str) -> float | None:
    """SageMaker has thousands of quotas, whose codes no document lists."""
    for page in session.client("service-quotas").pages("list_service_quotas", ServiceCode=service):
        for quota in page["Quotas"]:
            if quota["QuotaName"] == name:
                return float(quota["Value"])
    return None


def _count(session: Session, what: str) -> int:
    service, call, key = _COUNTED[what]
    client = session.client(service)
    return sum(len(page[key]) for page in client.pages(call))


_COUNTED = {
    "vpcs": ("ec2", "describe_vpcs", "Vpcs"),
    "clusters": ("eks", "list_clusters", "clusters"),
}


def _addresses(session: Session) -> int:
    # Not paginated by AWS.
    return len(session.client("ec2").describe_addresses()["Addresses"])


def _cidrs(session: Session) -> list[tuple[str, str]]:
    """(id, range) of every VPC."""
    pages = session.client("ec2").pages("describe_vpcs")
    return [(str(v["VpcId"]), str(v["CidrBlock"])) for page in pages for v in page["Vpcs"]]


def _offered(session: Session, instance_type: str) -> list[str]:
    """The zone ids in which the type can be had."""
    pages = session.client("ec2").pages(
        "describe_instance_type_offerings",
        LocationType="availability-zone-id",
        Filters=[{"Name": "instance-type", "Values": [instance_type]}],
    )
    return [str(row["Location"]) for page in pages for row in page["InstanceTypeOfferings"]]


def _role(session: Session, role_arn: str) -> Mapping[str, Any]:
    name = arn.parse(role_arn).resource.rpartition("/")[2]
    role: Mapping[str, Any] = session.client("iam").get_role(RoleName=name)["Role"]
    return role


def _user(session: Session, user_arn: str) -> Mapping[str, Any]:
    name = arn.parse(user_arn).resource.rpartition("/")[2]
    user: Mapping[str, Any] = session.client("iam").get_user(UserName=name)["User"]
    return user


def _policy(session: Session, policy_arn: str) -> Mapping[str, Any]:
    policy: Mapping[str, Any] = session.client("iam").get_policy(PolicyArn=policy_arn)["Policy"]
    return policy


def _linked_role(session: Session, service: str) -> bool:
    """Whether the service's own role exists; its path is fixed."""
    path = f"/aws-service-role/{service}/"
    return any(page["Roles"] for page in session.client("iam").pages("list_roles", PathPrefix=path))


def _oidc(session: Session, issuer: str) -> str:
    """The ARN of the account's provider for an issuer, or nothing."""
    listed = session.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    found = (str(row["Arn"]) for row in listed)
    return next((a for a in found if a.partition(":oidc-provider/")[2] == issuer), "")


def _bucket(session: Session, name: str) -> Mapping[str, str]:
    """Where a bucket is; one that lets nobody look belongs to somebody else, as far as anybody can tell."""
    client = session.client("s3")
    try:
        answer = client.head_bucket(Bucket=name)
    except RefusedError as error:
        if error.code in DENIED:
            return {"region": "", "owner": "another"}
        raise
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return {
        "region": str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region", "")),
        "owner": "caller" if _owns(client, name, session.identity()["account"]) else "another",
    }


def _owns(client: Client, bucket: str, account: str) -> bool:
    """Whether a bucket that may be looked at is the account's."""
    try:
        client.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except RefusedError as error:
        if error.code in DENIED:
            return False
        raise
    return True


def _repository(session: Session, repository_arn: str) -> Mapping[str, Any]:
    place = arn.parse(repository_arn)
    answer = session.client("ecr").describe_repositories(
        registryId=place.account, repositoryNames=[place.name]
    )
    repository: Mapping[str, Any] = answer["repositories"][0]
    return repository


def _cluster(session: Session, cluster_arn: str) -> Mapping[str, Any]:
    cluster: Mapping[str, Any] = session.client("eks").describe_cluster(name=arn.parse(cluster_arn).name)[
        "cluster"
    ]
    return cluster


def _project(session: Session, project_arn: str) -> Mapping[str, Any] | None:
    found = session.client("codebuild").batch_get_projects(names=[arn.parse(project_arn).name])["projects"]
    return found[0] if found else None


def _tracker(session: Session, server_arn: str) -> Mapping[str, Any]:
    name = arn.parse(server_arn).name
    server: Mapping[str, Any] = session.client("sagemaker").describe_mlflow_tracking_server(
        TrackingServerName=name
    )
    return server


def _key(session: Session, key_arn: str) -> Mapping[str, Any]:
    key: Mapping[str, Any] = session.client("kms").describe_key(KeyId=key_arn)["KeyMetadata"]
    return key


def _topic(session: Session, topic_arn: str) -> Mapping[str, Any]:
    topic: Mapping[str, Any] = session.client("sns").get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    return topic


def _subnets(session: Session, *ids: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = session.client("ec2").describe_subnets(SubnetIds=list(ids))["Subnets"]
    return found


def _allowed(session: Session, role_arn: str, *actions: str) -> list[str]:
    """Those of the actions that the caller may not do, by IAM's own simulation: boundaries and SCPs count."""
    client = session.client("iam")
    results = [
        row
        for page in client.pages(
            "simulate_principal_policy", PolicySourceArn=role_arn, ActionNames=list(actions)
        )
        for row in page["EvaluationResults"]
    ]
    return [str(row["EvalActionName"]) for row in results if row["EvalDecision"] != "allowed"]


def _cost_tag(session: Session, key: str) -> bool:
    """Whether the tag is active for cost allocation; only the payer account may ask."""
    found = session.client("ce", "us-east-1").list_cost_allocation_tags(TagKeys=[key])["CostAllocationTags"]
    return bool(found) and found[0]["Status"] == "Active"


_KINDS: Mapping[str, Callable[..., Any]] = {
    "identity": _identity,
    "region": _region,
    "stack": _stack,
    "quota": _quota,
    "quota-named": _quota_named,
    "count": _count,
    "addresses": _addresses,
    "cidrs": _cidrs,
    "offered": _offered,
    "role": _role,
    "user": _user,
    "policy": _policy,
    "linked-role": _linked_role,
    "oidc": _oidc,
    "bucket": _bucket,
    "repository": _repository,
    "cluster": _cluster,
    "project": _project,
    "tracker": _tracker,
    "key": _key,
    "topic": _topic,
    "subnets": _subnets,
    "denied": _allowed,
    "cost-tag": _cost_tag,
}
KINDS = frozenset(_KINDS)
