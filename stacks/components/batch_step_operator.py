"""AWS Batch step operator: construct."""

from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from provisioner.component import Outputs
from stacks.documents import fragment, token
from stacks.service_role import ServiceRole, this_account, trust
from stacks.site import Site

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
TRUST = trust("TasksOfThisAccount", "ecs-tasks.amazonaws.com", condition=this_account("ecs", "*"))


class BatchStepOperator(Construct):
    """A queue on Fargate, which keeps no machines, and the two roles that job definitions name.

    Batch's own service-linked role makes the tasks, so the stack has no role for that.
    """

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.job = self._role(site, "job", "Assumed by the code of Batch jobs")
        self.execution = self._role(site, "execution", "Assumed by Fargate to start Batch jobs")
        self.environment = self._environment(site)
        self.queue = batch.CfnJobQueue(
            self,
            "Queue",
            priority=1,
            compute_environment_order=[
                batch.CfnJobQueue.ComputeEnvironmentOrderProperty(
                    compute_environment=token(fragment(self.environment, "ComputeEnvironmentArn")), order=1
                )
            ],
        )
        self.queue.override_logical_id("StepOperatorQueue")
        self.outputs: Outputs = {
            "queue_arn": fragment(self.queue, "JobQueueArn"),
            "job_role_arn": self.job.arn,
            "execution_role_arn": self.execution.arn,
        }

    def _role(self, site: Site, kind: str, words: str) -> ServiceRole:
        return ServiceRole(
            self,
            kind.capitalize(),
            logical_id=f"StepOperator{kind.capitalize()}Role",
            trust=TRUST,
            words=words,
            statements=site.statements(kind),
            scopes=site.scopes,
        )

    def _environment(self, site: Site) -> batch.CfnComputeEnvironment:
        network = site.machines()
        # Nothing is let in; everything may go out, which AWS's default rule says already.
        group = ec2.CfnSecurityGroup(
            self, "Group", group_description="Batch jobs: nothing in", vpc_id=network.vpc_id
        )
        group.override_logical_id("StepOperatorSecurityGroup")
        environment = batch.CfnComputeEnvironment(
            self,
            "Environment",
            type="MANAGED",
            compute_resources=batch.CfnComputeEnvironment.ComputeResourcesProperty(
                type=site.options["capacity"].value_as_string,
                maxv_cpus=site.options["max_vcpus"].value_as_number,
                security_group_ids=[group.attr_group_id],
                subnets=network.subnets,
            ),
        )
        environment.override_logical_id("StepOperatorEnvironment")
        for resource in network.ready:
            environment.add_dependency(resource)
        return environment
