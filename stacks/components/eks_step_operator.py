"""EKS step operator: construct."""

from constructs import Construct

from provisioner.component import Outputs
from stacks.eks_access import EksAccess
from stacks.site import Site


class EksStepOperator(Construct):
    """Nothing of its own: it shares the orchestrator's cluster, namespace and service account."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        host = site.scopes["orchestrator"]
        self.outputs: Outputs = {k: host[k] for k in site.component.outputs if k in host}


class EksStepOperatorAccess(Construct):
    """Made for a cluster of its own that is reused; on the orchestrator's there is access already."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        if site.slot.action == "reuse":
            self.outputs: Outputs = EksAccess(self, "Access", site=site).outputs
        else:
            self.outputs = {"pods_role_arn": site.scopes["orchestrator"]["pods_role_arn"]}
