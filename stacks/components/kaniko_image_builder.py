"""Kaniko image builder: construct."""

from constructs import Construct

from provisioner.component import Outputs
from provisioner.components.kaniko_image_builder import SERVICE_ACCOUNT
from stacks.eks_access import pods_role
from stacks.site import Site


class KanikoImageBuilder(Construct):
    """A role for building pods. A pipeline's code may start a pod that has it: both live in one namespace."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        host = next(
            found
            for key in ("orchestrator", "step_operator")
            if "cluster_arn" in (found := site.scopes.get(key, {}))
        )
        shared = {key: host[key] for key in ("cluster_arn", "cluster_name", "namespace")}
        outputs = {**shared, "service_account": SERVICE_ACCOUNT}
        role = pods_role(self, f"{site.prefix}Role", site=site, role="builder", cluster=outputs)
        self.outputs: Outputs = {**outputs, "builder_role_arn": role.arn}
