"""CodeBuild projects."""

from collections.abc import Mapping, Sequence

from provisioner.scan.row import Attributes, Batch, Found, Item, Place, Row


def _project(name: str, place: Place) -> Found:
    return Found(
        arn=f"arn:{place.partition}:codebuild:{place.region}:{place.account}:project/{name}",
        account=place.account,
        region=place.region,
        kind="build_project",
        name=name,
    )


def _described(answer: Item, asked: Sequence[Found]) -> Mapping[str, Attributes]:
    arns = {found.name: found.arn for found in asked}
    return {arns[p["name"]]: _attributes(p) for p in answer["projects"] if p["name"] in arns}


def _attributes(project: Item) -> Attributes:
    environment = project["environment"]
    return {
        "builds_linux": environment["type"] in ("LINUX_CONTAINER", "LINUX_LAMBDA_CONTAINER", "LINUX_EC2"),
        "builds_x86": environment["type"] in ("LINUX_CONTAINER", "LINUX_GPU_CONTAINER"),
        "privileged": bool(environment.get("privilegedMode")),
        "private": project.get("projectVisibility", "PRIVATE") == "PRIVATE",
        "in_vpc": bool(project.get("vpcConfig", {}).get("vpcId")),
        "role": project.get("serviceRole", ""),
        "image": environment.get("image", ""),
    }


ROW = Row(
    service="codebuild",
    kind="build_project",
    scope="regional",
    call="list_projects",
    key="projects",
    permission="codebuild:ListProjects",
    shape=_project,
    words="CodeBuild projects with environment, role and visibility, a hundred per call",
    batches=(
        Batch(
            call="batch_get_projects",
            permission="codebuild:BatchGetProjects",
            arguments=lambda found: {"names": [f.name for f in found]},
            read=_described,
        ),
    ),
    tagged_as="codebuild:project",
)
