"""The role that EventBridge Scheduler starts pipelines by, whether their own role is built or reused."""

from constructs import Construct

from provisioner.component import Outputs
from stacks.service_role import ServiceRole, this_account, trust
from stacks.site import Site

# ZenML names no schedule group, so its schedules are in the default one; a trust names groups, not schedules.
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
TRUST = trust(
    "SchedulerOfThisAccount",
    "scheduler.amazonaws.com",
    condition=this_account("scheduler", "schedule-group/default"),
)


class SageMakerScheduler(Construct):
    """Without it ZenML hands its own access role to the scheduler, which may not assume that."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.scheduler = ServiceRole(
            self,
            "Scheduler",
            logical_id=f"{site.prefix}SchedulerRole",
            trust=TRUST,
            words="Assumed by EventBridge Scheduler to start SageMaker pipelines",
            statements=site.statements("scheduler"),
            scopes=site.scopes,
        )
        self.outputs: Outputs = {"scheduler_role_arn": self.scheduler.arn}
