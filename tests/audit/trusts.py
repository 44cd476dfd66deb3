"""Which AWS services say for whom they act: what a role or a policy that trusts them must ask.

A service that acts for anybody's resources is a confused deputy unless it is asked for the account or the
ARN. A service that sends neither could do nothing with a role that asks: its row says why nobody asks.
"""

from dataclasses import dataclass

_GUIDE = "https://docs.aws.amazon.com/"
SOURCE = ("aws:SourceAccount", "aws:SourceArn")


@dataclass(frozen=True, kw_only=True)
class Trust:
    """One service as a principal; any of the `keys`, which come with its calls, binds it."""

    service: str
    keys: tuple[str, ...]
    page: str
    why: str


TRUSTS = (
    Trust(
        service="sagemaker.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "sagemaker/latest/dg/security-confused-deputy-prevention.html",
        why="jobs, pipelines and endpoints are somebody's: the page asks for both keys",
    ),
    Trust(
        service="codebuild.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "codebuild/latest/userguide/cross-service-confused-deputy-prevention.html",
        why="a build belongs to a project, whose ARN comes with it",
    ),
    Trust(
        service="scheduler.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
        why="a schedule belongs to a group, whose ARN comes with it",
    ),
    Trust(
        service="ecs-tasks.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "AmazonECS/latest/developerguide/cross-service-confused-deputy-prevention.html",
        why="a task takes its roles for one account, whose number comes with it",
    ),
    Trust(
        service="eks.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "eks/latest/userguide/cross-service-confused-deputy-prevention.html",
        why="a cluster role serves one cluster, whose ARN comes with it",
    ),
    Trust(
        service="pods.eks.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "eks/latest/best-practices/identity-and-access-management.html",
        why="the page asks for the source; as aws:SourceArn it is the cluster, never the association",
    ),
    Trust(
        service="budgets.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "cost-management/latest/userguide/budgets-sns-policy.html",
        why="the page's topic policy asks for the account and the budget",
    ),
    Trust(
        service="vpc-flow-logs.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "vpc/latest/userguide/flow-logs-iam-role.html",
        why="the page's trust policy asks for the account and the flow log",
    ),
    Trust(
        service="delivery.logs.amazonaws.com",
        keys=SOURCE,
        page=_GUIDE + "AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html",
        why="every resource policy of the page asks for the account",
    ),
    Trust(
        service="logs.amazonaws.com",
        keys=("kms:EncryptionContext:aws:logs:arn",),
        page=_GUIDE + "AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
        why="to a key it sends the log group as encryption context, for which the page's key policy asks",
    ),
    Trust(
        service="ec2.amazonaws.com",
        keys=(),
        page=_GUIDE + "IAM/latest/UserGuide/id_roles_use_switch-role-ec2.html",
        why="a profile serves instances of its own account only, and no guide names a source that EC2 sends",
    ),
    Trust(
        service="lambda.amazonaws.com",
        keys=(),
        page=_GUIDE + "lambda/latest/dg/lambda-intro-execution-role.html",
        why="a function takes roles of its own account only, and no guide names a source that Lambda sends",
    ),
)
BY_SERVICE = {trust.service: trust for trust in TRUSTS}
