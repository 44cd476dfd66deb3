"""Joins the constructs of a shape: parameters in, grants between, tags on, outputs out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from aws_cdk import BootstraplessSynthesizer, CfnOutput, CfnResource, RemovalPolicy, Stack, TagManager
from constructs import Construct

from provisioner import access
from provisioner.component import Component, Outputs, parameter_name, pascal
from provisioner.components import find
from provisioner.plan import Shape, Slot, promised
from provisioner.spec import PARAMETER_TAGS
from stacks import network as networks
from stacks.access import AccessRole
from stacks.access_key import AccessKey, AccessUser
from stacks.budget import StackBudget
from stacks.callback import Callback
from stacks.components.batch_step_operator import BatchStepOperator
from stacks.components.codebuild_image_builder import CodeBuildImageBuilder
from stacks.components.ec2_orchestrator import Ec2Orchestrator
from stacks.components.ecr_container_registry import EcrContainerRegistry
from stacks.components.eks_orchestrator import EksOrchestrator, EksOrchestratorAccess
from stacks.components.eks_step_operator import EksStepOperator, EksStepOperatorAccess
from stacks.components.kaniko_image_builder import KanikoImageBuilder
from stacks.components.mlflow_experiment_tracker import MlflowExperimentTracker
from stacks.components.s3_artifact_store import S3ArtifactStore
from stacks.components.sagemaker_model_deployer import EndpointPrefix, SageMakerModelDeployer
from stacks.components.sagemaker_orchestrator import SageMakerOrchestrator
from stacks.components.sagemaker_step_operator import SageMakerStepOperator
from stacks.documents import AWS_SCOPE, own_tags, token, value
from stacks.oidc_provider import OidcProvider
from stacks.parameters import Parameters
from stacks.sagemaker_scheduler import SageMakerScheduler
from stacks.site import Site

_GRANTS = "-grants"
_LONGEST_DESCRIPTION = 512
_REMOVAL = {"retain": RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, "delete": RemovalPolicy.DESTROY}


class Built(Protocol):
    """What every construct of a component promises to the rest of the stack."""

    outputs: Outputs


# What a component builds, in catalogue order.
CONSTRUCTS: dict[str, Callable[..., Built]] = {
    "s3_artifact_store": S3ArtifactStore,
    "ecr_container_registry": EcrContainerRegistry,
    "sagemaker_orchestrator": SageMakerOrchestrator,
    "sagemaker_step_operator": SageMakerStepOperator,
    "eks_orchestrator": EksOrchestrator,
    "ec2_orchestrator": Ec2Orchestrator,
    "eks_step_operator": EksStepOperator,
    "batch_step_operator": BatchStepOperator,
    "kaniko_image_builder": KanikoImageBuilder,
    "codebuild_image_builder": CodeBuildImageBuilder,
    "mlflow_experiment_tracker": MlflowExperimentTracker,
    "sagemaker_model_deployer": SageMakerModelDeployer,
}
# What the access role hands on or goes by, built or reused: a role for schedules, a prefix of names.
COMPANIONS: dict[str, Callable[..., Built]] = {
    "sagemaker_orchestrator": SageMakerScheduler,
    "sagemaker_model_deployer": EndpointPrefix,
}
# What it needs beside the access role, built or reused: a scheduler's role, an access entry of a cluster.
GRANTS: dict[str, Callable[..., Built]] = {
    "eks_orchestrator": EksOrchestratorAccess,
    "eks_step_operator": EksStepOperatorAccess,
}


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
        self.scopes: dict[str, Outputs] = {"aws": AWS_SCOPE, "data": {"key_arn": "${DataKeyArn}"}}
        self.network = networks.make(self, shape.network) if shape.network else None
        self.scopes["network"] = self.network.scope if self.network else {}
        slots = [(slot, c) for slot in shape.slots if (c := find(slot.type, slot.flavor))]
        for slot, component in slots:
            self.scopes[slot.type] = self._outputs_of(slot, component)
            self._add(COMPANIONS, slot, component)
        self.access = self._access()
        self.scopes["access"] = self.access.outputs
        if shape.budget:
            StackBudget(self, "budget", shape=shape)
        for slot, component in slots:
            self._add(GRANTS, slot, component)
        address = self._address(slots)
        if shape.callback:
            told = Callback(self, "callback", address=address).outputs
            self._output("CallbackTicket", "What the server said, or what is left to do.", told["ticket"])
        self._tag_everything(tags or {})
        self._promise(slots, address)

    def _access(self) -> AccessRole:
        """The access role, and what its trust needs: nothing, a provider, or a user with a key."""
        who: dict[str, str] = {}
        user = AccessUser(self, "access-user") if self.shape.trust == "access_key" else None
        if user:
            who["user_arn"] = user.arn
        elif self.shape.oidc_provider == "reuse":
            who["provider_arn"] = "${OidcProviderArn}"
        elif self.shape.oidc_provider == "build":
            who["provider_arn"] = OidcProvider(self, "access-oidc", shape=self.shape).arn
        made = AccessRole(self, "access", shape=self.shape, scopes=self.scopes, who=who)
        if user:
            key = AccessKey(self, "access-key", user=user, role=made.outputs)
            self._output("AccessUserArn", "User that may assume the access role.", user.arn)
            self._output(
                "AccessKeySecretArn",
                "Secret with the user's key; read it with secretsmanager:GetSecretValue.",
                key.outputs["secret_arn"],
            )
        return made

    def _outputs_of(self, slot: Slot, component: Component) -> Outputs:
        """Built or reused: from here on only the promised values count."""
        if slot.action == "reuse":
            given = [n for n in promised(component, slot) if n not in component.made_outputs]
            return {name: f"${{{parameter_name(slot.type, name)}}}" for name in given}
        make = CONSTRUCTS.get(component.name)
        return make(self, slot.type, site=self._site(slot, component)).outputs if make else {}

    def _add(self, table: Mapping[str, Callable[..., Built]], slot: Slot, component: Component) -> None:
        if make := table.get(component.name):
            made = make(self, f"{slot.type}{_GRANTS}", site=self._site(slot, component))
            self.scopes[slot.type] = {**self.scopes[slot.type], **made.outputs}

    def _site(self, slot: Slot, component: Component) -> Site:
        return Site(
            component=component,
            slot=slot,
            shape=self.shape,
            options=self.parameters.of(component, slot),
            scopes=self.scopes,
            removal=_REMOVAL[self.shape.retention],
            network=self.network,
        )

    def _tag_everything(self, tags: Mapping[str, str]) -> None:
        for construct in self.node.children:
            component = construct.node.id.removesuffix(_GRANTS)
            component = "access" if component.startswith("access-") else component
            for resource in construct.node.find_all():
                if isinstance(resource, CfnResource):
                    own = {**tags, **own_tags(resource)}
                    plain = resource.cfn_resource_type in _PLAIN and component != "access"
                    _tag(resource, _tags(component, own, plain=plain))

    def _promise(self, slots: Sequence[tuple[Slot, Component]], address: str) -> None:
        self._output(
            "AccessRoleArn", "Role that clients of this stack assume.", self.access.outputs["role_arn"]
        )
        for slot, component in slots:
            for name in promised(component, slot):
                words = component.outputs[name]
                self._output(parameter_name(slot.type, name), words, self.scopes[slot.type][name])
        finish = self._output(
            "FinishCommand", "Run this to register the stack.", f"stackwright finish '{address}'"
        )
        finish.condition = self.parameters.no_finish_base
        url = self._output(
            "FinishUrl", "Run `stackwright finish 'URL'`.", f"${{FinishBase}}/finish?{address}"
        )
        url.condition = self.parameters.has_finish_base

    def _address(self, slots: Sequence[tuple[Slot, Component]]) -> str:
        """What finishing needs, in URL-safe characters only: ids, and names that CloudFormation generates."""
        fixed = {
            "enrolment": "${EnrolmentId}",
            "stack": "${AWS::StackId}",
            "access.role_arn": self.access.outputs["role_arn"],
        }
        values = {f"{s.type}.{n}": self.scopes[s.type][n] for s, c in slots for n in promised(c, s)}
        return "&".join(["v=1", *(f"{key}={text}" for key, text in {**fixed, **values}.items())])

    def _output(self, name: str, words: str, text: str) -> CfnOutput:
        # A reused value goes in and out under one name, which two constructs of a stack cannot share.
        output = CfnOutput(self, f"{name}Output", description=words, value=token(text))
        output.override_logical_id(name)
        return output


def _description(shape: Shape) -> str:
    """Whole sentences, as many as there is room for: the CDK takes half of CloudFormation's 1,024 bytes."""
    built = [c.words for s in shape.slots if s.action == "build" and (c := find(s.type, s.flavor))]
    text = "MLOps stack by stackwright."
    for words in built:
        longer = f"{text} {words[0].upper()}{words[1:]}."
        if len(longer) > _LONGEST_DESCRIPTION:
            break
        text = longer
    return text


def _tag(resource: CfnResource, tags: list[Any]) -> None:
    """Put the tags where the resource's type keeps them; some types keep none."""
    type_ = resource.cfn_resource_type
    if type_ in _MAP_TAGGED:
        resource.add_property_override("Tags", dict(map(_pair, tags)))
    elif type_ == "AWS::Budgets::Budget":
        resource.add_property_override("ResourceTags", tags)
    elif type_ == "AWS::EC2::LaunchTemplate":
        # What it launches would have no tags: neither budget nor bill would count it.
        launched = [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")]
        resource.add_property_override("LaunchTemplateData.TagSpecifications", launched)
        itself = [{"ResourceType": "launch-template", "Tags": [t for t in tags if "Key" in t]}]
        resource.add_property_override("TagSpecifications", itself)
    elif TagManager.of(resource):
        resource.add_property_override("Tags", tags)


# Free parts, which no bill and no budget counts: the tags of team and project stand on what costs. A template
# must stay small, and each of these would be 450 bytes longer. The access role is known by its enrolment.
_PLAIN = {
    "AWS::EC2::InternetGateway",
    "AWS::EC2::RouteTable",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::EKS::AccessEntry",
    "AWS::EKS::Addon",
    "AWS::EKS::PodIdentityAssociation",
    "AWS::IAM::Role",
}
_MAP_TAGGED = {
    "AWS::EKS::Nodegroup",
    "AWS::Batch::ComputeEnvironment",
    "AWS::Batch::JobQueue",
    "AWS::Batch::JobDefinition",
}


def _pair(tag: Any) -> tuple[str, Any]:
    """A tag as a map spells it: an optional one keeps its condition."""
    if "Fn::If" not in tag:
        return tag["Key"], tag["Value"]
    condition, given, absent = tag["Fn::If"]
    return given["Key"], {"Fn::If": [condition, given["Value"], absent]}


def _tags(component: str, stamped: Mapping[str, str], *, plain: bool) -> list[Any]:
    ours = {
        access.TAG_STACK: value("${AWS::StackName}"),
        access.TAG_COMPONENT: component,
    }
    tags: list[Any] = [{"Key": k, "Value": v} for k, v in ours.items()]
    optional = {access.TAG_ENROLMENT: "EnrolmentId", **{tag: pascal(tag) for tag in PARAMETER_TAGS}}
    for key, name in optional.items() if not plain else ():
        tag = {"Key": key, "Value": {"Ref": name}}
        tags.append({"Fn::If": [f"Has{name}", tag, {"Ref": "AWS::NoValue"}]})
    return tags + [{"Key": k, "Value": value(v)} for k, v in sorted(stamped.items())]
