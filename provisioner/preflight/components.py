"""Checks of single components: values that only the user knows, and what a flavor means for its users."""

from collections.abc import Iterator
from ipaddress import ip_network

from provisioner import kubernetes_versions
from provisioner.preflight.row import Case, Row, Seen
from provisioner.spec import Wish


def _placeholders(case: Case) -> Iterator[Seen]:
    """Values that only the user can know."""
    for wish in case.plan.spec.components:
        for option in wish.component.options if not wish.reuse else ():
            given = wish.options[option.name]
            if option.placeholder and (not given or given in (option.placeholder, (option.placeholder,))):
                yield Seen(
                    subject=f"components.{wish.component.type}.options.{option.name}",
                    message=f"{option.doc} Nobody but you can know it.",
                    fix=f"write it instead of {option.placeholder}; no link is made before",
                )


def _host_bits(case: Case) -> Iterator[Seen]:
    """EKS and EC2 take the first address of a range only; no pattern can check that."""
    for wish in case.plan.spec.components:
        for name, value in wish.options.items() if not wish.reuse else ():
            for cidr in value if name.endswith("_cidrs") and isinstance(value, tuple) else ():
                whole = str(ip_network(cidr, strict=False)) if cidr[:1].isdigit() else cidr
                if whole != cidr:
                    yield Seen(
                        subject=f"components.{wish.component.type}.options.{name}",
                        message=f"{cidr} begins inside its own range",
                        fix=f"write {whole}, or {cidr.partition('/')[0]}/32 for the one address",
                    )


def _not_in_zenml(case: Case) -> Iterator[Seen]:
    for wish in case.plan.spec.components:
        if not wish.component.zenml_flavor:
            yield Seen(
                subject=f"components.{wish.component.type}",
                message=f"ZenML 0.98 has no {wish.component.flavor} {wish.component.type}: it lives in our "
                "registry only",
            )


def _outside_zenml(case: Case) -> Iterator[Seen]:
    for wish in case.plan.spec.components:
        if wish.component.outside_zenml:
            yield Seen(
                subject=f"components.{wish.component.type}",
                message=f"{wish.component.outside_zenml}: it stays outside the ZenML stack",
            )


def _always_on(case: Case) -> Iterator[Seen]:
    for wish in case.plan.spec.components:
        if wish.options.get("server") == "tracking_server":
            yield Seen(
                subject=f"components.{wish.component.type}",
                message=f"A {wish.options['size']} tracking server is charged for every hour of the month, "
                "used or not, until the stack goes; our price book does not know how much",
            )


def _unprivileged(case: Case) -> Iterator[Seen]:
    for wish in case.plan.spec.components:
        if wish.component.name == "codebuild_image_builder":
            yield Seen(
                subject=f"components.{wish.component.type}",
                message="ZenML asks CodeBuild for unprivileged builds, whatever the project says; AWS does "
                "not say clearly whether Docker runs in them",
            )


def _clusters(case: Case) -> list[Wish]:
    return [w for w in case.plan.spec.components if not w.reuse and "kubernetes_version" in w.options]


def _version(case: Case, *standings: str) -> Iterator[Seen]:
    for wish in _clusters(case):
        name = str(wish.options["kubernetes_version"])
        standing, version = kubernetes_versions.check(name, case.today)
        if standing in standings:
            yield Seen(
                subject=f"components.{wish.component.type}.options.kubernetes_version",
                message=f"Kubernetes {name} is {_STANDING[standing]}{_dates(version)}",
                fix=f"choose {kubernetes_versions.newest(case.today)}",
            )


def _dates(version: kubernetes_versions.Version | None) -> str:
    if version is None:
        return ""
    return f": standard until {version.standard_until}, extended until {version.extended_until}"


_STANDING = {
    "ended": "out of EKS's support",
    "extended": "in extended support, which costs six times the standard price",
    "ending": "near the end of its standard support",
    "unknown": "a version that we have no dates of",
}


def _public_nodes(case: Case) -> Iterator[Seen]:
    network = case.plan.shape.network
    asked = any("nat_gateways" in w.options for w in case.plan.spec.components)
    if network and network.vpc == "new" and not network.nat_gateways and asked:
        yield Seen(
            subject="network",
            message="Machines have public addresses, at 0.005 USD an hour each; nothing is let in",
        )


def _gpu_by_hand(case: Case) -> Iterator[Seen]:
    for wish in _clusters(case):
        if wish.options.get("gpu_instance_type") and wish.options.get("compute") == "managed":
            yield Seen(
                subject=f"components.{wish.component.type}.options.gpu",
                message="A managed group of GPU machines starts with none, and is scaled by hand",
            )


def _bootstrap(case: Case) -> Iterator[Seen]:
    for wish in case.plan.spec.components:
        if wish.component.manifests:
            yield Seen(
                subject=f"components.{wish.component.type}",
                message="After one click the cluster is not ready: its namespace, service account and role "
                "binding take a finish with credentials",
            )
            return


ROWS = (
    Row(
        id="value-needed",
        severity="warning",
        why="a wrong guess would open the stack to the internet, or to nobody",
        look=_placeholders,
        blocks=True,
    ),
    Row(
        id="range-begins-inside",
        severity="error",
        why="AWS refuses the range after everything before it has been made",
        look=_host_bits,
    ),
    Row(
        id="not-in-zenml",
        severity="info",
        why="a ZenML server would refuse to register it",
        look=_not_in_zenml,
    ),
    Row(
        id="outside-zenml",
        severity="info",
        why="a ZenML stack with it would fail at every step",
        look=_outside_zenml,
        fix="set MLFLOW_TRACKING_URI to the output ExperimentTrackerServerArn in the steps' environment, and "
        "install sagemaker-mlflow beside mlflow",
    ),
    Row(
        id="tracking-server-always-on",
        severity="warning",
        why="a forgotten tracking server costs more than everything else of an idle stack",
        look=_always_on,
        fix="server: serverless is charged by use; the prices of sizes are on AWS's SageMaker price page",
    ),
    Row(
        id="codebuild-unprivileged",
        severity="info",
        why="the first build would fail, and nothing before it",
        look=_unprivileged,
        fix="if a build cannot reach the Docker daemon, take image_builder: local",
    ),
    Row(
        id="kubernetes-ended",
        severity="error",
        why="EKS refuses to create such a cluster",
        look=lambda case: _version(case, "ended"),
    ),
    Row(
        id="kubernetes-extended",
        severity="warning",
        why="extended support costs 0.60 USD an hour instead of 0.10",
        look=lambda case: _version(case, "extended"),
    ),
    Row(
        id="kubernetes-ending",
        severity="info",
        why="EKS upgrades the cluster by itself when standard support ends",
        look=lambda case: _version(case, "ending", "unknown"),
    ),
    Row(
        id="public-nodes",
        severity="info",
        why="without a NAT gateway only machines with public addresses reach the internet",
        look=_public_nodes,
        fix="nat_gateways: 1 hides them, and costs about 33 USD a month",
    ),
    Row(
        id="gpu-by-hand",
        severity="warning",
        why="a pod that asks for a GPU would wait for ever",
        look=_gpu_by_hand,
        fix="compute: auto starts GPU machines for waiting pods",
    ),
    Row(
        id="needs-bootstrap",
        severity="info",
        why="CloudFormation cannot write into a cluster",
        look=_bootstrap,
        fix="`stackwright finish NAME` with credentials does it; who does not administer the cluster "
        "lends itself that right for as long as it takes",
    ),
)
