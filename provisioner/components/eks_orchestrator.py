"""EKS orchestrator: facts."""

from collections.abc import Mapping

from provisioner import kubernetes_versions
from provisioner.component import Component, Option, Outputs, Statement
from provisioner.components import eks_cluster as cluster

_AUTO, _MANAGED = "compute=auto", "compute=managed"
_OCTET = r"(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])"
# No shorter prefix than /8: 0.0.0.0/0 would let the whole internet knock, and so would its two halves.
CIDR = rf"{_OCTET}(\.{_OCTET}){{3}}/([89]|[12]\d|3[0-2])"
# No Graviton, whose families have a g behind the number: ZenML's images are built for x86.
_X86 = r"[a-z]{1,4}\d{1,2}[a-fh-z]{0,4}(-flex)?\.[a-z0-9-]{2,12}"
_NVIDIA = r"(g|gr|p)\d[a-fh-z]{0,2}(-b\d{3})?\.[a-z0-9-]{2,12}"
_PRINCIPAL = r"arn:[a-z-]+:iam::\d{12}:(role|user)/[\w+=,.@/-]{1,512}"
_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 180, 365, 400, 545, 731, 1096, 1827, 3653)


def _register_config(outputs: Mapping[str, Outputs]) -> Outputs:
    cluster = outputs["orchestrator"]
    # Without a service account ZenML makes one and binds it to `edit`, which its access entry may not do.
    return {
        "kubernetes_namespace": cluster["namespace"],
        "service_account_name": cluster["service_account"],
        "step_pod_service_account_name": cluster["service_account"],
    }


COMPONENT = Component(
    name="eks_orchestrator",
    type="orchestrator",
    flavor="eks",
    words="EKS cluster that runs pipelines as pods; its control plane costs around the clock",
    zenml_flavor="kubernetes",
    resource_types=(
        *cluster.RESOURCE_TYPES,
        *("AWS::EKS::Addon", "AWS::EKS::Cluster", "AWS::EKS::Nodegroup"),
        *("AWS::EC2::LaunchTemplate", "AWS::Logs::LogGroup"),
    ),
    network=True,
    options=(
        Option(
            name="compute",
            default="auto",
            choices=("auto", "managed"),
            shapes="value",
            doc="auto: EKS starts machines for waiting pods and ends them after; "
            "managed: node groups, at least one machine around the clock.",
        ),
        Option(
            name="public_access_cidrs",
            default=(),
            guards=True,
            pattern=CIDR,
            placeholder="YOUR-ADDRESS/32",
            doc="The only addresses from which the cluster's API can be reached, /8 to /32: "
            "yours, and those of the ZenML server.",
        ),
        Option(
            name="kubernetes_version",
            default=kubernetes_versions.default(),
            pattern=r"1\.[3-9]\d",
            doc="Kubernetes version. At the end of its standard support EKS upgrades the cluster.",
        ),
        Option(
            name="namespace",
            default=cluster.NAMESPACE,
            pattern=cluster.OWN_NAMESPACE,
            guards=True,
            doc="Kubernetes namespace that pods run in, not kube-* or default.",
        ),
        Option(
            name="admin_principal",
            default="",
            pattern=_PRINCIPAL,
            shapes="presence",
            guards=True,
            doc="ARN of a role or user that administers the cluster; it must exist.",
        ),
        Option(
            name="log_days",
            default=30,
            choices=_LOG_DAYS,
            doc="Days that logs of the control plane are kept: API, audit, authenticator.",
        ),
        Option(
            name="deletion_protection",
            default=False,
            doc="Whether EKS refuses to delete the cluster until this is switched off again; "
            "a first deployment that fails then leaves it behind.",
        ),
        Option(
            name="zones",
            default=2,
            minimum=2,
            maximum=3,
            shapes="network",
            doc="Availability zones of a new VPC.",
        ),
        Option(
            name="nat_gateways",
            default=1,
            minimum=0,
            maximum=3,
            shapes="network",
            doc="0: machines have public addresses, which let nothing in; "
            "1: private machines behind one gateway; as many as zones: one gateway in each.",
        ),
        Option(
            name="gpu_instance_type",
            group="gpu",
            default="",
            pattern=_NVIDIA,
            shapes="presence",
            doc="Machine with NVIDIA GPUs for pods that ask for one: "
            "auto starts it for them, a managed group is scaled by hand.",
        ),
        Option(
            name="gpu_max_nodes",
            group="gpu",
            default=1,
            minimum=1,
            maximum=100,
            within="gpu_instance_type",
            doc="At most so many machines with GPUs.",
        ),
        Option(
            name="node_instance_type",
            group="node",
            default="m6i.large",
            pattern=_X86,
            within=_MANAGED,
            doc="Machine of the node group, x86.",
        ),
        Option(
            name="node_min",
            group="node",
            default=1,
            minimum=1,
            maximum=100,
            within=_MANAGED,
            doc="At least so many machines; Kubernetes' own pods need one.",
        ),
        Option(
            name="node_desired",
            group="node",
            default=1,
            minimum=1,
            maximum=100,
            within=_MANAGED,
            doc="Machines to start with; nothing in the stack changes their number by itself.",
        ),
        Option(
            name="node_max",
            group="node",
            default=3,
            minimum=1,
            maximum=100,
            within=_MANAGED,
            doc="At most so many machines.",
        ),
        Option(
            name="node_disk_gb",
            group="node",
            default=80,
            minimum=20,
            maximum=16384,
            within=_MANAGED,
            doc="Gigabytes of each machine's disk, for images and scratch files.",
        ),
    ),
    outputs={
        **cluster.OUTPUTS,
        "gpu_instance_type": "Machine of the GPU node pool that the bootstrap makes.",
        "gpu_max_nodes": "Most machines of that node pool.",
    },
    outputs_when=dict.fromkeys(("gpu_instance_type", "gpu_max_nodes"), f"{_AUTO},gpu_instance_type"),
    chosen_outputs=("namespace",),
    made_outputs=("pods_role_arn",),
    needs=("artifact_store", "container_registry"),
    manifests=(*cluster.MANIFESTS, "gpu_node_pool"),
    statements=(
        *cluster.statements("orchestrator"),
        Statement(
            sid="OrchestratorSecretsKey",
            role="cluster",
            when="kms",
            actions=("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"),
            resources=("{data.key_arn}",),
            words="the control plane may encrypt and decrypt Kubernetes secrets with the data key",
        ),
    ),
    managed=cluster.CLUSTER_POLICIES,
    arn_pattern=cluster.ARN_PATTERN,
    outputs_of=cluster.outputs_of,
    register_config=_register_config,
    checks=cluster.CHECKS,
)
