"""What CloudFormation will call a template's resources: names and ARNs as patterns, before they exist."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.template import Template

ANY = "*"
_REFERENCE = re.compile(r"\$\{([^}!]+)\}")
# CloudFormation ends a name that it makes with a dash and 12 or 13 random letters and digits.
_RANDOM = 14


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How resources of a type are named: by a property, else by CloudFormation out of stack and logical id.

    `bare`: some handlers leave the stack out of the name, and no document says which. `ref`: what Ref gives.
    """

    type: str
    kind: str
    property: str
    limit: int = 64
    lower: bool = False
    bare: bool = False
    ref: str = "name"
    endings: tuple[str, ...] = ("",)


NAMED = (
    Naming(type="AWS::S3::Bucket", kind="s3:bucket", property="BucketName", limit=63, lower=True),
    Naming(
        type="AWS::ECR::Repository", kind="ecr:repository", property="RepositoryName", limit=256, lower=True
    ),
    Naming(type="AWS::IAM::Role", kind="iam:role", property="RoleName"),
    Naming(type="AWS::IAM::User", kind="iam:user", property="UserName"),
    Naming(
        type="AWS::IAM::InstanceProfile",
        kind="iam:instance-profile",
        property="InstanceProfileName",
        limit=128,
    ),
    Naming(type="AWS::IAM::OIDCProvider", kind="iam:oidc-provider", property="Url", ref="arn"),
    Naming(type="AWS::EKS::Cluster", kind="eks:cluster", property="Name", limit=100, bare=True),
    Naming(type="AWS::CodeBuild::Project", kind="codebuild:project", property="Name", limit=255, bare=True),
    Naming(
        type="AWS::Logs::LogGroup",
        kind="logs:log-group",
        property="LogGroupName",
        limit=512,
        endings=("", ":*"),
    ),
    Naming(type="AWS::Budgets::Budget", kind="budgets:budget", property="Budget.BudgetName", bare=True),
    Naming(
        type="AWS::SageMaker::MlflowTrackingServer",
        kind="sagemaker:mlflow-tracking-server",
        property="TrackingServerName",
    ),
    Naming(
        type="AWS::SageMaker::ModelPackageGroup",
        kind="sagemaker:model-package-group",
        property="ModelPackageGroupName",
        ref="arn",
    ),
    Naming(
        type="AWS::SecretsManager::Secret",
        kind="secretsmanager:secret",
        property="Name",
        limit=512,
        bare=True,
        ref="arn",
        endings=("-*",),
    ),
    Naming(type="AWS::Scheduler::ScheduleGroup", kind="scheduler:schedule-group", property="Name", bare=True),
    Naming(type="AWS::SNS::Topic", kind="sns:topic", property="TopicName", limit=256, ref="arn"),
    Naming(
        type="AWS::Batch::ComputeEnvironment",
        kind="batch:compute-environment",
        property="ComputeEnvironmentName",
        limit=128,
        bare=True,
        ref="arn",
    ),
    Naming(
        type="AWS::Batch::JobQueue",
        kind="batch:job-queue",
        property="JobQueueName",
        limit=128,
        bare=True,
        ref="arn",
    ),
    Naming(
        type="AWS::Batch::JobDefinition",
        kind="batch:job-definition",
        property="JobDefinitionName",
        limit=128,
        bare=True,
        ref="arn",
        endings=("", ":*"),
    ),
    Naming(type="AWS::Lambda::Function", kind="lambda:function", property="FunctionName"),
)
_BY_TYPE = {row.type: row for row in NAMED}
_BY_KIND = {row.kind: row for row in NAMED}
# What lies under another thing's name, as `nodegroup/CLUSTER/…`: whose, and what stands around that name.
_UNDER = {
    "batch:job-definition-revision": ("batch:job-definition", "job-definition/", ":*"),
    "eks:access-entry": ("eks:cluster", "", "/*"),
    "eks:addon": ("eks:cluster", "", "/*"),
    "eks:nodegroup": ("eks:cluster", "", "/*"),
    "eks:podidentityassociation": ("eks:cluster", "", "/*"),
    "scheduler:schedule": ("scheduler:schedule-group", "", "/*"),
}
# The property by which a resource names one that the template does not make.
_NAMED_BY = {"eks:cluster": "ClusterName", "s3:bucket": "Bucket"}
_GONE = object()


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A template in its place; an empty account is any account. `formats` is the ARN of each IAM kind."""

    template: Template
    name: str
    region: str
    partition: str
    formats: Mapping[str, str]
    account: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def properties(self, logical_id: str) -> Mapping[str, Any]:
        """The properties with every intrinsic resolved; what only AWS knows is `*`."""
        found = self.value(self.template.resources[logical_id].get("Properties", {}))
        return found if isinstance(found, Mapping) else {}

    def of_type(self, type_: str) -> list[str]:
        """The logical ids of a type whose condition holds."""
        return [
            logical_id
            for logical_id, resource in self.template.resources.items()
            if resource["Type"] == type_ and self._holds(resource.get("Condition"))
        ]

    def arns(self, kind: str) -> tuple[str, ...]:
        """The ARNs of a kind of resource in this stack."""
        return tuple(sorted({self._start(kind) + name for name in self._names(kind)}))

    def _start(self, kind: str) -> str:
        places = {"Partition": self.partition, "Region": self.region, "Account": self.account or ANY}
        return _REFERENCE.sub(lambda match: places[match[1]], self.formats[kind]).removesuffix(ANY)

    def _names(self, kind: str) -> Iterator[str]:
        if kind in _UNDER:
            parent, before, behind = _UNDER[kind]
            yield from (f"{before}{name.removesuffix(':*')}{behind}" for name in self._names(parent))
            return
        row = _BY_KIND.get(kind)
        built = self.of_type(row.type) if row else []
        if row is None or not (built or kind in _NAMED_BY):
            yield ANY
            return
        own = [name for logical_id in built for name in self.names(logical_id)]
        for name in dict.fromkeys([*own, *self._mentioned(kind)]):
            yield from (name if name.endswith(ANY) else name + end for end in row.endings)

    def _mentioned(self, kind: str) -> Iterator[str]:
        key = _NAMED_BY.get(kind, "")
        service = kind.partition(":")[0]
        for logical_id, resource in self.template.resources.items():
            if key and resource["Type"].lower().startswith(f"aws::{service}::"):
                found = self.properties(logical_id).get(key)
                yield from [found] if isinstance(found, str) else []

    def names(self, logical_id: str) -> list[str]:
        """The name that a resource will have, as one pattern or more."""
        resource = self.template.resources[logical_id]
        row = _BY_TYPE[str(resource["Type"])]
        # Only the name: a resource's other properties may lead back to itself.
        chosen = self.value(pick(resource.get("Properties", {}), row.property))
        if isinstance(chosen, str) and chosen:
            return [chosen.removeprefix("https://")]
        made = [_made(self.name, logical_id, row.limit), *([f"{logical_id}-*"] if row.bare else [])]
        return [name.lower() if row.lower else name for name in made]

    def arn(self, logical_id: str) -> str:
        """The ARN of one resource, as far as it can be told."""
        row = _BY_TYPE.get(str(self.template.resources[logical_id]["Type"]))
        return self._start(row.kind) + self.names(logical_id)[0] if row else ANY

    # Intrinsics

    def value(self, given: Any) -> Any:
        found = self._value(given)
        return None if found is _GONE else found

    def text(self, given: str) -> str:
        """A text of Fn::Sub with its references replaced."""
        return _REFERENCE.sub(lambda match: str(self._reference(match[1])), given)

    def _value(self, given: Any) -> Any:
        if isinstance(given, list):
            return [v for v in map(self._value, given) if v is not _GONE]
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            ((name, argument),) = given.items()
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._intrinsic(name, argument)
        return {k: v for k, v in ((k, self._value(v)) for k, v in given.items()) if v is not _GONE}

    def _intrinsic(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._reference(str(argument))
        if name == "Fn::GetAtt":
            return self._reference(argument if isinstance(argument, str) else ".".join(map(str, argument)))
        if name == "Fn::Sub":
            return self._sub(argument)
        if name == "Fn::If":
            return self._value(argument[1] if self._holds(argument[0]) else argument[2])
        if name == "Fn::Join":
            parts = self._value(argument[1])
            return str(argument[0]).join(map(str, parts)) if isinstance(parts, list) else ANY
        return ANY

    def _sub(self, argument: Any) -> str:
        if isinstance(argument, str):
            return self.text(argument)
        own = {k: str(self._value(v)) for k, v in argument[1].items()}
        return self.text(_REFERENCE.sub(lambda m: own.get(m[1], m[0]), argument[0]))

    def _reference(self, name: str) -> Any:
        fixed = self._pseudo(name)
        if fixed is not None:
            return fixed
        if name in self.template.parameters:
            given = self.parameters.get(name, self.template.parameters[name].get("Default", ""))
            return given if given != "" else ANY
        logical_id, _, attribute = name.partition(".")
        if logical_id not in self.template.resources:
            return ANY
        row = _BY_TYPE.get(str(self.template.resources[logical_id]["Type"]))
        if attribute == "Arn" or (not attribute and row and row.ref == "arn"):
            return self.arn(logical_id)
        return self.names(logical_id)[0] if row and not attribute else ANY

    def _pseudo(self, name: str) -> Any:
        account = self.account or ANY
        return {
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::AccountId": account,
            "AWS::StackName": self.name,
            "AWS::StackId": f"arn:{self.partition}:cloudformation:{self.region}:{account}:"
            f"stack/{self.name}/*",
            "AWS::NoValue": _GONE,
        }.get(name)

    def _holds(self, condition: Any) -> bool:
        """Whether a condition is true; one that cannot be told is."""
        if condition is None:
            return True
        if isinstance(condition, str):
            return self._holds(self.template.body.get("Conditions", {}).get(condition))
        ((name, argument),) = condition.items()
        if name == "Fn::Equals":
            return self._plain(argument[0]) == self._plain(argument[1])
        if name == "Fn::Not":
            return not self._holds(argument[0])
        if name == "Condition":
            return self._holds(argument)
        answers = [self._holds(one) for one in argument]
        return all(answers) if name == "Fn::And" else any(answers)

    def _plain(self, given: Any) -> str:
        """A value of Fn::Equals: an empty parameter is empty here, not anything."""
        if isinstance(given, dict) and given.get("Ref") in self.template.parameters:
            name = given["Ref"]
            return str(self.parameters.get(name, self.template.parameters[name].get("Default", "")))
        return str(self._value(given))


def is_named(kind: str) -> bool:
    """Whether a kind of resource has a name, its own or that of what it lies under; else AWS makes an id."""
    return kind in _BY_KIND or kind in _UNDER


def pick(value: Any, path: str) -> Any:
    """What stands under a dotted path, through lists, or None."""
    for key in path.split("."):
        if isinstance(value, list):
            value = next(iter(value), None)
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _made(stack: str, logical_id: str, limit: int) -> str:
    """`stack-logicalid-*`; where that is too long for the service, CloudFormation cuts both."""
    if len(stack) + 1 + len(logical_id) + _RANDOM <= limit:
        return f"{stack}-{logical_id}-*"
    half = (limit - _RANDOM - 1) // 2
    return f"{stack}-{logical_id[:half]}*" if len(stack) <= half else f"{stack[:half]}*"
