"""CloudFormation types of Batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.emulator.handler import (
    HandlerError,
    Properties,
    ResourceType,
    Site,
    api_chosen,
    changed,
    physical_name,
)
from provisioner.emulator.template import words


class BatchType(ResourceType):
    """A Batch resource: its tags are a map, changed by its ARN, which is also its physical id."""

    # AWS adds its own tags to queues and definitions; moto's Batch lets nobody write those.
    tagging = "stack"

    def retag(self, site: Site, arn: str, new: Properties) -> None:
        """Bring the tags to what the template and its stack say."""
        site.call("batch", "TagResource", resourceArn=arn, tags=self.tags(site, new))

    def tags(self, site: Site, properties: Properties) -> dict[str, str]:
        own = {str(key): str(value) for key, value in properties.get("Tags", {}).items()}
        return {**site.stack_tags, **self.system(site), **own}


class ComputeEnvironment(BatchType):
    """AWS::Batch::ComputeEnvironment; Ref answers the ARN."""

    name = "AWS::Batch::ComputeEnvironment"
    allowed = words(
        "ComputeEnvironmentName ComputeResources Context EcsSettings EksConfiguration "
        "ReplaceComputeEnvironment ServiceRole State Tags Type UnmanagedvCpus UpdatePolicy"
    )
    required = words("Type")
    beyond = words("Context EcsSettings EksConfiguration UnmanagedvCpus UpdatePolicy")
    create_only = words("ComputeEnvironmentName ComputeResources Tags Type")
    name_property = "ComputeEnvironmentName"
    attribute_names = words("ComputeEnvironmentArn")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("ComputeEnvironmentName") or physical_name(site, 128))
        wanted = api_chosen(properties, "ComputeResources ServiceRole State Type")
        tags = self.tags(site, properties)
        made = site.call(
            "batch", "CreateComputeEnvironment", computeEnvironmentName=name, tags=tags, **wanted
        )
        return str(made["computeEnvironmentArn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old and any(changed(name, new, old) for name in ("State", "ServiceRole")):
            wanted = api_chosen(new, "State ServiceRole")
            site.call("batch", "UpdateComputeEnvironment", computeEnvironment=physical_id, **wanted)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"ComputeEnvironmentArn": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        asked = site.call("batch", "DescribeComputeEnvironments", computeEnvironments=[physical_id])
        if not asked["computeEnvironments"]:
            return
        queues = site.call("batch", "DescribeJobQueues")["jobQueues"]
        order = (row for queue in queues for row in queue["computeEnvironmentOrder"])
        if any(row["computeEnvironment"] == physical_id for row in order):
            raise HandlerError("Cannot delete, found existing JobQueue relationship")
        # CloudFormation switches it off first: AWS deletes only what is disabled.
        site.call("batch", "UpdateComputeEnvironment", computeEnvironment=physical_id, state="DISABLED")
        site.call("batch", "DeleteComputeEnvironment", computeEnvironment=physical_id)


class JobQueue(BatchType):
    """AWS::Batch::JobQueue; Ref answers the ARN."""

    name = "AWS::Batch::JobQueue"
    allowed = words(
        "ComputeEnvironmentOrder JobQueueName JobQueueType JobStateTimeLimitActions Priority "
        "SchedulingPolicyArn ServiceEnvironmentOrder State Tags"
    )
    required = words("Priority")
    beyond = words("JobQueueType JobStateTimeLimitActions ServiceEnvironmentOrder")
    create_only = words("JobQueueName")
    name_property = "JobQueueName"
    attribute_names = words("JobQueueArn")

    def create(self, site: Site, properties: Properties) -> str:
        name = str(properties.get("JobQueueName") or physical_name(site, 128))
        wanted = api_chosen(properties, "ComputeEnvironmentOrder Priority SchedulingPolicyArn")
        state = properties.get("State", "ENABLED")
        made = site.call(
            "batch",
            "CreateJobQueue",
            jobQueueName=name,
            state=state,
            tags=self.tags(site, properties),
            **wanted,
        )
        return str(made["jobQueueArn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if not old:
            return
        wanted = api_chosen(new, "ComputeEnvironmentOrder Priority SchedulingPolicyArn State")
        site.call("batch", "UpdateJobQueue", jobQueue=physical_id, **wanted)
        self.retag(site, physical_id, new)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"JobQueueArn": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        if site.call("batch", "DescribeJobQueues", jobQueues=[physical_id])["jobQueues"]:
            site.call("batch", "UpdateJobQueue", jobQueue=physical_id, state="DISABLED")
            site.call("batch", "DeleteJobQueue", jobQueue=physical_id)


class JobDefinition(BatchType):
    """AWS::Batch::JobDefinition; an update registers a new revision."""

    name = "AWS::Batch::JobDefinition"
    allowed = words(
        "ConsumableResourceProperties ContainerProperties EcsProperties EksProperties JobDefinitionName "
        "NodeProperties Parameters PlatformCapabilities PropagateTags ResourceRetentionPolicy RetryStrategy "
        "SchedulingPriority Tags Timeout Type"
    )
    required = words("Type")
    beyond = words(
        "ConsumableResourceProperties EcsProperties EksProperties NodeProperties ResourceRetentionPolicy "
        "SchedulingPriority"
    )
    create_only = words(
        "ContainerProperties JobDefinitionName Parameters PlatformCapabilities PropagateTags RetryStrategy "
        "Timeout Type"
    )
    attribute_names = words("JobDefinitionArn")

    def create(self, site: Site, properties: Properties) -> str:
        # No name_property: a new revision under the same name is what an update makes.
        name = str(properties.get("JobDefinitionName") or physical_name(site, 128))
        wanted = api_chosen(
            properties, "ContainerProperties PlatformCapabilities PropagateTags RetryStrategy Timeout Type"
        )
        if "Parameters" in properties:
            wanted["parameters"] = dict(properties["Parameters"])
        tags = self.tags(site, properties)
        made = site.call("batch", "RegisterJobDefinition", jobDefinitionName=name, tags=tags, **wanted)
        return str(made["jobDefinitionArn"])

    def configure(self, site: Site, physical_id: str, new: Properties, old: Properties) -> None:
        if old:
            self.retag(site, physical_id, new)

    def attributes(self, site: Site, physical_id: str, properties: Properties) -> Mapping[str, Any]:
        return {"JobDefinitionArn": physical_id}

    def delete(self, site: Site, physical_id: str, properties: Properties) -> None:
        site.call("batch", "DeregisterJobDefinition", jobDefinition=physical_id)


BATCH_TYPES = (ComputeEnvironment(), JobQueue(), JobDefinition())
