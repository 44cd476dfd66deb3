"""The one image repository of a stack: who logs in to ECR, who pulls, who pushes."""

from provisioner.component import Statement

PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH = (
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)


def login(sid: str, words: str, *, role: str = "access") -> Statement:
    """The right to ask ECR for a token."""
    return Statement(
        sid=sid,
        role=role,
        actions=("ecr:GetAuthorizationToken",),
        resources=("*",),
        words=words,
        reason="ecr:GetAuthorizationToken knows no resources; the token opens nothing by itself.",
    )


def pull(sid: str, words: str, *, role: str) -> Statement:
    """The right to pull images of the repository."""
    return _use(sid, words, role, PULL)


def push(sid: str, words: str, *, role: str = "access") -> Statement:
    """The right to pull and push images of the repository."""
    return _use(sid, words, role, PULL + PUSH)


def _use(sid: str, words: str, role: str, actions: tuple[str, ...]) -> Statement:
    return Statement(
        sid=sid,
        role=role,
        actions=actions,
        resources=("{container_registry.repository_arn}",),
        words=words,
    )
