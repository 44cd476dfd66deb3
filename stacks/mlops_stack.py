"""Joins the constructs of a shape: parameters in, grants between, tags on, outputs out."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import BootstraplessSynthesizer, CfnOutput, CfnResource, RemovalPolicy, Stack, TagManager
from constructs import Construct

from provisioner import access
from provisioner.component import Component, Outputs, parameter_name, pascal
from provisioner.components import find
from provisioner.plan import Shape, Slot
from provisioner.spec import PARAMETER_TAGS
from stacks.access import AccessRole
from stacks.components.ecr_container_registry import EcrContainerRegistry
from stacks.components.s3_artifact_store import S3ArtifactStore
from stacks.components.sagemaker_orchestrator import SageMakerOrchestrator
from stacks.components.sagemaker_step_operator import SageMakerStepOperator
from stacks.documents import AWS_SCOPE, token, value
from stacks.parameters import Parameters
from stacks.sagemaker_execution_role import SageMakerExecutionRole

_REMOVAL = {"retain": RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, "delete": RemovalPolicy.DESTROY}
_DATA: dict[str, type[S3ArtifactStore] | type[EcrContainerRegistry]] = {
    "s3_artifact_store": S3ArtifactStore,
    "ecr_container_registry": EcrContainerRegistry,
}
_ROLES: dict[str, type[SageMakerExecutionRole]] = {
    "sagemaker_orchestrator": SageMakerOrchestrator,
    "sagemaker_step_operator": SageMakerStepOperator,
}
CONSTRUCTS = {**_DATA, **_ROLES}


class MlopsStack(Stack):
    """One template for one shape; values arrive as parameters, whose defaults `cdk deploy` sets."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        shape: Shape,
        defaults: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, id_, synthesizer=BootstraplessSynthesizer(), description=_description(shape))
        self.shape = shape
        self.parameters = Parameters(self, shape=shape, defaults=defaults or {})
        self.scopes: dict[str, Outputs] = {"aws": AWS_SCOPE}
        components = [c for s in shape.slots if (c := find(s.type, s.flavor))]
        for slot, component in zip(shape.slots, components, strict=True):
            self.scopes[slot.type] = self._outputs_of(slot, component)
        self.access = AccessRole(self, "access", shape=shape, components=components, scopes=self.scopes)
        self._tag_everything(tags or {})
        self._promise(components)

    def _outputs_of(self, slot: Slot, component: Component) -> Outputs:
        """Built or reused: from here on only the promised values count."""
        if slot.action == "reuse":
            return {name: f"${{{parameter_name(slot.type, name)}}}" for name in component.outputs}
        if component.name in _DATA:
            built = _DATA[component.name](
                self,
                slot.type,
                options=self.parameters.of(component),
                removal=_REMOVAL[self.shape.retention],
            )
            return built.outputs
        if component.name in _ROLES:
            role: SageMakerExecutionRole = _ROLES[component.name](
                self, slot.type, component=component, scopes=self.scopes
            )
            return role.outputs
        return {}

    def _tag_everything(self, tags: Mapping[str, str]) -> None:
        for construct in self.node.children:
            for resource in construct.node.find_all():
                if isinstance(resource, CfnResource) and TagManager.is_taggable(resource):
                    resource.add_property_override("Tags", _tags(construct.node.id, tags))

    def _promise(self, components: list[Component]) -> None:
        self._output(
            "AccessRoleArn", "Role that clients of this stack assume.", self.access.outputs["role_arn"]
        )
        for component in components:
            for name, words in component.outputs.items():
                self._output(parameter_name(component.type, name), words, self.scopes[component.type][name])
        address = "&".join(["v=1", *self._address(components)])
        finish = self._output(
            "FinishCommand", "Run this to register the stack.", f"stackwright finish '{address}'"
        )
        finish.condition = self.parameters.no_finish_base
        url = self._output(
            "FinishUrl", "Open this to register the stack.", f"${{FinishBase}}/finish?{address}"
        )
        url.condition = self.parameters.has_finish_base

    def _address(self, components: list[Component]) -> list[str]:
        """What finishing needs, in URL-safe characters only: ids, and names that CloudFormation generates."""
        fixed = {
            "enrolment": "${EnrolmentId}",
            "stack": "${AWS::StackId}",
            "access.role_arn": self.access.outputs["role_arn"],
        }
        promised = {f"{c.type}.{n}": self.scopes[c.type][n] for c in components for n in c.outputs}
        return [f"{key}={text}" for key, text in {**fixed, **promised}.items()]

    def _output(self, name: str, words: str, text: str) -> CfnOutput:
        # A reused value goes in and out under one name, which two constructs of a stack cannot share.
        output = CfnOutput(self, f"{name}Output", description=words, value=token(text))
        output.override_logical_id(name)
        return output


def _description(shape: Shape) -> str:
    built = [c.words for s in shape.slots if s.action == "build" and (c := find(s.type, s.flavor))]
    return ("MLOps stack by stackwright. " + ". ".join(w[0].upper() + w[1:] for w in built) + ".")[:1024]


def _tags(component: str, stamped: Mapping[str, str]) -> list[Any]:
    ours = {
        access.TAG_STACK: value("${AWS::StackName}"),
        access.TAG_COMPONENT: component,
    }
    tags: list[Any] = [{"Key": k, "Value": v} for k, v in ours.items()]
    optional = {access.TAG_ENROLMENT: "EnrolmentId", **{tag: pascal(tag) for tag in PARAMETER_TAGS}}
    for key, name in optional.items():
        tag = {"Key": key, "Value": {"Ref": name}}
        tags.append({"Fn::If": [f"Has{name}", tag, {"Ref": "AWS::NoValue"}]})
    return tags + [{"Key": k, "Value": v} for k, v in sorted(stamped.items())]
