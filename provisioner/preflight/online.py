"""Checks that ask AWS: the account, its quotas, and whether what the plan names is there."""

import json
from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from provisioner import arn
from provisioner.access import TAG_STACK
from provisioner.preflight import foreign
from provisioner.preflight.row import Case, Question, Row, Seen
from provisioner.spec import Wish

_IDENTITY: Question = ("identity",)
_LIVE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
# What ZenML starts without being told otherwise.
_JOB = "ml.m5.xlarge"


def _account(case: Case) -> str:
    return str(case.answers[_IDENTITY]["account"])


def _region(case: Case) -> Iterator[Seen]:
    region = case.plan.spec.region
    if case.answers["region", region] is False:
        yield Seen(subject=region, message="this account has not switched the region on")


def _other_account(case: Case) -> Iterator[Seen]:
    """A bucket's ARN tells no account; a trusted principal may be of any."""
    spec = case.plan.spec
    named = {f"components.{w.component.type}.reuse": w.reuse for w in spec.components if w.reuse}
    named |= {"data.kms_key": spec.kms_key, "network.vpc": spec.network.vpc if spec.network else ""}
    for path, text in named.items():
        account = arn.parse(text).account if text.startswith("arn:") else ""
        if account not in ("", "aws", _account(case)):
            yield Seen(
                subject=path, message=f"{text} is in account {account}, the caller in {_account(case)}"
            )


def _name_taken(case: Case) -> Iterator[Seen]:
    if case.live is not None:
        # A deployment has looked for the stack itself.
        return
    name = case.plan.spec.name
    status = case.answers["stack", name]
    if status and status not in _LIVE:
        yield Seen(
            subject="name",
            message=f"a stack {name} is there, in state {status}: it takes no update",
            fix=f"`stackwright status {name}` says why; delete it, or choose another name",
        )
    elif status:
        yield Seen(subject="name", message=f"a stack {name} is there: deploying updates it, a link cannot")


# Quotas: what the template makes, how many there may be, and how many there are.
_QUOTAS = {
    "vpc": ("AWS::EC2::VPC", ("quota", "vpc", "L-F678F1CE"), ("count", "vpcs"), "VPCs"),
    "eip": ("AWS::EC2::EIP", ("quota", "ec2", "L-0263D0A3"), ("addresses",), "Elastic IP addresses"),
    "eks": ("AWS::EKS::Cluster", ("quota", "eks", "L-1194D53C"), ("count", "clusters"), "EKS clusters"),
}


def _wanted(case: Case, type_: str) -> int:
    """How many more of a type the template makes than the stack has."""
    live = case.live or {}
    return sum(r["Type"] == type_ for key, r in case.template.resources.items() if key not in live)


def _quota_row(key: str) -> Row:
    type_, limit, used, words = _QUOTAS[key]

    def asks(case: Case) -> list[Question]:
        return [limit, used] if _wanted(case, type_) else []

    def look(case: Case) -> Iterator[Seen]:
        if not (wanted := _wanted(case, type_)):
            return
        allowed, there = case.answers[limit], case.answers[used]
        if allowed is not None and there + wanted > allowed:
            yield Seen(
                subject=type_,
                message=f"{there} {words} are there, {wanted} more are planned, {allowed:g} are allowed",
            )

    return Row(
        id=f"quota-{key}",
        severity="error",
        why="the creation fails half-way, and everything is rolled back",
        look=look,
        asks=asks,
        fix=f"ask for more at Service Quotas ({limit[1]} {limit[2]}), or remove what nobody uses",
    )


def _runs_jobs(case: Case) -> bool:
    return any(s.flavor == "sagemaker" for s in case.plan.shape.slots)


def _job_quotas(case: Case) -> list[Question]:
    kinds = ("training", "processing") if _runs_jobs(case) else ()
    return [("quota-named", "sagemaker", f"{_JOB} for {kind} job usage") for kind in kinds]


def _jobs(case: Case) -> Iterator[Seen]:
    for question in _job_quotas(case):
        if case.answers[question] == 0:
            yield Seen(subject="sagemaker", message=f"the quota {question[2]!r} is 0: no such job can run")


def _instance_types(case: Case) -> dict[str, str]:
    """EC2 machine types that the plan names, by the option that names them."""
    return {
        f"components.{w.component.type}.options.{name}": str(value)
        for w in case.plan.spec.components
        for name, value in w.options.items()
        if name.endswith("instance_type") and value
    }


def _offered(case: Case) -> Iterator[Seen]:
    for path, type_ in _instance_types(case).items():
        if case.answers["offered", type_] == []:
            yield Seen(subject=path, message=f"EC2 has no {type_} in {case.plan.spec.region}")


def _boundary(case: Case) -> Iterator[Seen]:
    boundary = case.plan.spec.access.boundary
    if boundary and case.answers["policy", boundary] is None:
        yield Seen(subject="access.boundary", message=f"{boundary} does not exist")


def _principal_asks(case: Case) -> list[Question]:
    principal = case.plan.spec.access.principal
    identity = case.answers.get(_IDENTITY)
    own = isinstance(identity, Mapping) and principal and arn.parse(principal).account == identity["account"]
    return [_kind_of(principal)] if own else []


def _kind_of(principal: str) -> Question:
    return ("user" if ":user/" in principal else "role", principal)


def _principal(case: Case) -> Iterator[Seen]:
    for question in _principal_asks(case):
        if case.answers[question] is None:
            yield Seen(subject="access.principal", message=f"{question[1]} does not exist")


def _oidc(case: Case) -> Iterator[Seen]:
    shape = case.plan.shape
    there = case.answers["oidc", shape.oidc_issuer] if shape.oidc_issuer else ""
    if shape.oidc_provider == "build" and there and not _is_own(case, shape.oidc_issuer):
        yield Seen(
            subject="access.oidc",
            message=f"the account has a provider for {shape.oidc_issuer} already",
            fix=f"set access.oidc.provider: {there}",
        )
    if shape.oidc_provider == "reuse" and not there:
        yield Seen(
            subject="access.oidc.provider",
            message=f"the account has no provider for {shape.oidc_issuer}",
            fix="leave access.oidc.provider out: the stack makes it",
        )


def _is_own(case: Case, issuer: str) -> bool:
    """Whether the stack has made the issuer's provider itself."""
    live = (case.live or {}).values()
    made = [r["Properties"].get("Url") for r in live if r["Type"] == "AWS::IAM::OIDCProvider"]
    return f"https://{issuer}" in made


# Reused things: the question that finds one, and what else must hold.
def _reused(case: Case, service: str) -> list[tuple[str, Wish]]:
    return [
        (f"components.{w.component.type}.reuse", w)
        for w in case.plan.spec.components
        if w.reuse and arn.parse(w.reuse).service == service
    ]


def _bucket(case: Case) -> Iterator[Seen]:
    region = case.plan.spec.region
    for path, wish in _reused(case, "s3"):
        found = case.answers[foreign.question(wish)]
        if found is None:
            yield Seen(subject=path, message=f"{wish.reuse} does not exist")
        elif found["region"] not in ("", region):
            yield Seen(subject=path, message=f"{wish.reuse} is in {found['region']}, the stack in {region}")


def _bucket_of_another(case: Case) -> Iterator[Seen]:
    for path, wish in _reused(case, "s3"):
        if foreign.is_of_another(case.answers[foreign.question(wish)]):
            yield Seen(
                subject=path,
                message=f"{wish.reuse} is another account's, or nobody lets this caller look at it",
            )


def _there(kind: str, service: str) -> Row:
    """A row for things that either are there or are not."""

    def wishes(case: Case) -> list[tuple[str, Wish]]:
        resource = {"tracker": "mlflow"}.get(kind, "")
        return [(p, w) for p, w in _reused(case, service) if resource in arn.parse(w.reuse).resource]

    def look(case: Case) -> Iterator[Seen]:
        for path, wish in wishes(case):
            if case.answers[kind, wish.reuse] is None:
                yield Seen(subject=path, message=f"{wish.reuse} does not exist")

    return Row(
        id=f"{kind}-missing",
        severity="error",
        why="the stack would be made, and its first run would fail",
        look=look,
        asks=lambda case: [(kind, w.reuse) for _, w in wishes(case)],
        fix="`stackwright scan` lists what is there",
    )


def _role_trust(case: Case) -> Iterator[Seen]:
    for path, wish in _reused(case, "iam"):
        role = case.answers["role", wish.reuse]
        trusted = json.dumps(role["AssumeRolePolicyDocument"]) if role else ""
        if role and "sagemaker.amazonaws.com" not in trusted:
            yield Seen(subject=path, message=f"{wish.reuse} does not trust sagemaker.amazonaws.com")


def _cluster_entries(case: Case) -> Iterator[Seen]:
    for path, wish in _reused(case, "eks"):
        cluster = case.answers["cluster", wish.reuse]
        mode = (cluster or {}).get("accessConfig", {}).get("authenticationMode", "")
        if cluster and mode == "CONFIG_MAP":
            yield Seen(subject=path, message=f"{cluster['name']} knows no access entries (mode {mode})")


def _cluster_state(case: Case) -> Iterator[Seen]:
    for path, wish in _reused(case, "eks"):
        cluster = case.answers["cluster", wish.reuse]
        if cluster and cluster.get("status") != "ACTIVE":
            yield Seen(subject=path, message=f"{cluster['name']} is {cluster.get('status')}, not ACTIVE")


def _key(case: Case) -> Iterator[Seen]:
    key = case.plan.spec.kms_key
    if not key:
        return
    found = case.answers["key", key]
    if found is None:
        yield Seen(subject="data.kms_key", message=f"{key} does not exist")
    elif (found["KeyState"], found.get("KeyUsage")) != ("Enabled", "ENCRYPT_DECRYPT"):
        yield Seen(
            subject="data.kms_key",
            message=f"the key is {found['KeyState']}, for {found.get('KeyUsage', 'nothing')}",
        )


def _subnet_question(case: Case) -> list[Question]:
    network = case.plan.spec.network
    return [("subnets", *network.subnets)] if network and network.subnets else []


def _subnets(case: Case) -> Iterator[Seen]:
    for question in _subnet_question(case):
        network, found = case.plan.spec.network, case.answers[question]
        vpc = network.vpc.rpartition("/")[2] if network else ""
        if found is None:
            yield Seen(subject="network.subnets", message="one of them does not exist")
            return
        strangers = [str(s["SubnetId"]) for s in found if s["VpcId"] != vpc]
        if strangers:
            yield Seen(subject="network.subnets", message=f"{', '.join(strangers)} are not in {vpc}")
        if len({s["AvailabilityZone"] for s in found}) < 2:
            yield Seen(subject="network.subnets", message="all are in one availability zone")


def _addresses_left(case: Case) -> Iterator[Seen]:
    for question in _subnet_question(case):
        for subnet in case.answers[question] or []:
            if subnet["AvailableIpAddressCount"] < 16:
                left = subnet["AvailableIpAddressCount"]
                yield Seen(subject=str(subnet["SubnetId"]), message=f"{left} addresses are left")


def _overlap(case: Case) -> Iterator[Seen]:
    cidr = _new_cidr(case)
    for vpc, other in case.answers["cidrs",] if cidr else []:
        if ip_network(cidr).overlaps(ip_network(other)):
            yield Seen(subject="network.cidr", message=f"{cidr} overlaps {vpc} ({other})")


def _new_cidr(case: Case) -> str:
    if _wanted(case, "AWS::EC2::VPC") == 0:
        return ""
    default = str(case.template.parameters.get("VpcCidr", {}).get("Default", ""))
    return case.plan.parameters.get("VpcCidr", default)


_LINKED = {
    "AWS::EKS::Cluster": "eks.amazonaws.com",
    "AWS::EKS::Nodegroup": "eks-nodegroup.amazonaws.com",
    "AWS::Batch::ComputeEnvironment": "batch.amazonaws.com",
}


def _linked_asks(case: Case) -> list[Question]:
    return [("linked-role", service) for type_, service in _LINKED.items() if _wanted(case, type_)]


def _linked(case: Case) -> Iterator[Seen]:
    for question in _linked_asks(case):
        if case.answers[question] is False:
            yield Seen(
                subject=question[1],
                message=f"{question[1]} has no role of its own here yet: AWS makes it on first use",
            )


def _topic_question(case: Case) -> list[Question]:
    budget = case.plan.spec.budget
    return [("topic", budget.notify)] if budget and budget.by == "sns" else []


def _topic(case: Case) -> Iterator[Seen]:
    for question in _topic_question(case):
        topic = case.answers[question]
        if topic is None:
            yield Seen(subject="budget.notify", message=f"{question[1]} does not exist")
        elif "budgets.amazonaws.com" not in topic.get("Policy", ""):
            yield Seen(
                subject="budget.notify",
                message="the topic's policy does not let budgets.amazonaws.com publish",
            )


def _cost_tag(case: Case) -> Iterator[Seen]:
    if case.plan.spec.budget and case.answers["cost-tag", TAG_STACK] is False:
        yield Seen(subject="budget", message=f"the tag {TAG_STACK} is not active for cost allocation")


# Without these no stack of ours is made.
_DEPLOYS = (
    *("cloudformation:CreateStack", "cloudformation:CreateChangeSet", "cloudformation:DescribeStacks"),
    *("iam:CreateRole", "iam:PutRolePolicy", "iam:TagRole"),
)


def _caller(case: Case) -> str:
    """The caller as IAM simulates it: a session's role, a user, or nobody."""
    identity = case.answers.get(_IDENTITY)
    text = identity["arn"] if isinstance(identity, Mapping) else ""
    found = arn.parse(text) if text else None
    if found and found.service == "sts" and found.resource.startswith("assumed-role/"):
        return f"arn:{found.partition}:iam::{found.account}:role/{found.resource.split('/')[1]}"
    return text if found and found.service == "iam" and ":root" not in text else ""


def _denied_asks(case: Case) -> list[Question]:
    caller = _caller(case)
    return [("denied", caller, *_DEPLOYS)] if caller else []


def _denied(case: Case) -> Iterator[Seen]:
    for question in _denied_asks(case):
        if denied := case.answers[question]:
            yield Seen(subject=question[1], message=f"IAM would deny {', '.join(denied)}")


ROWS = (
    Row(
        id="region-off",
        severity="error",
        why="every call into a region that is off is refused",
        look=_region,
        asks=lambda case: [("region", case.plan.spec.region)],
        fix="an administrator switches it on: AWS account page, Regions",
    ),
    Row(
        id="other-account",
        severity="error",
        why="a stack holds resources of one account",
        look=_other_account,
        asks=lambda case: [_IDENTITY],
        fix="use credentials of that account, or name something of this one",
    ),
    Row(
        id="name-taken",
        severity="warning",
        why="a second stack of one name is refused",
        look=_name_taken,
        asks=lambda case: [("stack", case.plan.spec.name)],
        fix="choose another name, or `stackwright deploy`",
    ),
    *(_quota_row(key) for key in _QUOTAS),
    Row(
        id="quota-jobs",
        severity="warning",
        why="new accounts often may run no job at all",
        look=_jobs,
        asks=_job_quotas,
        fix="ask for more at Service Quotas, Amazon SageMaker; it may take a day",
    ),
    Row(
        id="instance-not-offered",
        severity="error",
        why="the machines would never come",
        look=_offered,
        asks=lambda case: [("offered", type_) for type_ in sorted(set(_instance_types(case).values()))],
        fix="`stackwright prices show TYPE` lists the regions that have a price for it",
    ),
    Row(
        id="boundary-missing",
        severity="error",
        why="IAM refuses a role whose boundary is not there",
        look=_boundary,
        asks=lambda case: [("policy", b)] if (b := case.plan.spec.access.boundary) else [],
        fix="name a policy of this account",
    ),
    Row(
        id="principal-missing",
        severity="warning",
        why="nobody could use the stack",
        look=_principal,
        asks=_principal_asks,
        fix="make it, or name another",
    ),
    Row(
        id="provider-taken",
        severity="error",
        why="an account has one provider per issuer: the stack would roll back",
        look=_oidc,
        asks=lambda case: [("oidc", issuer)] if (issuer := case.plan.shape.oidc_issuer) else [],
    ),
    Row(
        id="bucket-missing",
        severity="error",
        why="the stack would be made, and its first run would fail",
        look=_bucket,
        asks=lambda case: [foreign.question(w) for w in foreign.buckets(case.plan)],
        fix="`stackwright scan` lists what is there",
    ),
    Row(
        id="bucket-of-another",
        severity="warning",
        why="the owner of a bucket must let another account's roles in, or the first run is denied",
        look=_bucket_of_another,
        asks=lambda case: [foreign.question(w) for w in foreign.buckets(case.plan)],
        fix="if so, its owner adds the policy that `stackwright plan --online` prints",
    ),
    _there("repository", "ecr"),
    _there("role", "iam"),
    _there("cluster", "eks"),
    _there("project", "codebuild"),
    _there("tracker", "sagemaker"),
    Row(
        id="role-trust",
        severity="error",
        why="SageMaker could not assume it, and no job would start",
        look=_role_trust,
        asks=lambda case: [("role", w.reuse) for _, w in _reused(case, "iam")],
        fix="let its trust policy name sagemaker.amazonaws.com, with aws:SourceAccount",
    ),
    Row(
        id="cluster-entries",
        severity="error",
        why="the stack lets its access role in by an access entry",
        look=_cluster_entries,
        asks=lambda case: [("cluster", w.reuse) for _, w in _reused(case, "eks")],
        fix="set the cluster's authentication mode to API_AND_CONFIG_MAP",
    ),
    Row(
        id="cluster-state",
        severity="error",
        why="a cluster that is not active takes no access entry",
        look=_cluster_state,
        asks=lambda case: [("cluster", w.reuse) for _, w in _reused(case, "eks")],
        fix="wait, or look at it in the EKS console",
    ),
    Row(
        id="key-unusable",
        severity="error",
        why="the bucket would be made, and nothing could be written into it",
        look=_key,
        asks=lambda case: [("key", key)] if (key := case.plan.spec.kms_key) else [],
        fix="name an enabled key for encryption and decryption",
    ),
    Row(
        id="subnets-unfit",
        severity="error",
        why="EKS needs subnets of one VPC in at least two zones",
        look=_subnets,
        asks=_subnet_question,
        fix="`stackwright scan` lists VPCs with their subnets",
    ),
    Row(
        id="subnets-full",
        severity="warning",
        why="a cluster wants six free addresses in each subnet, and every pod one more",
        look=_addresses_left,
        asks=_subnet_question,
        fix="choose larger subnets",
    ),
    Row(
        id="cidr-overlap",
        severity="info",
        why="networks that overlap can never be joined",
        look=_overlap,
        asks=lambda case: [("cidrs",)] if _new_cidr(case) else [],
        fix="set network.cidr to a range of its own, if they may be joined one day",
    ),
    Row(
        id="linked-role",
        severity="info",
        why="whoever deploys needs iam:CreateServiceLinkedRole the first time",
        look=_linked,
        asks=_linked_asks,
        fix="`stackwright synth --policy` has the right in it",
    ),
    Row(
        id="topic-unfit",
        severity="error",
        why="alerts would be lost",
        look=_topic,
        asks=_topic_question,
        fix="let the topic's policy allow sns:Publish to budgets.amazonaws.com",
    ),
    Row(
        id="budget-tag-off",
        severity="warning",
        why="the budget would stay at 0 for ever",
        look=_cost_tag,
        asks=lambda case: [("cost-tag", TAG_STACK)] if case.plan.spec.budget else [],
        fix="Billing console, Cost allocation tags, in the payer account",
    ),
    Row(
        id="deployer-denied",
        severity="error",
        why="the creation would fail at its first role",
        look=_denied,
        asks=_denied_asks,
        fix="`stackwright synth --policy` prints what whoever deploys needs",
    ),
)
