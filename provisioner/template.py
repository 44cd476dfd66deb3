"""A CloudFormation template as a value: canonical bytes, address by hash, stamped tags, link-safety."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from provisioner.access import TAG_COMPONENT, TAG_STACK
from provisioner.component import Severity

# A CreateStack body, a StackSet's template: CloudFormation's own limit where no bucket helps.
MAX_BYTES = 51_200
# Minified so much and no more, the CDK CLI's YAML of it stays within that limit too.
CDK_BYTES = 38_000
METADATA = "Stackwright"


@dataclass(frozen=True, kw_only=True)
class Template:
    """One CloudFormation file; equal content has equal bytes and one address."""

    body: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        return json.dumps(self.body, separators=(",", ":"), sort_keys=True, ensure_ascii=True)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of the minified file."""
        return len(self.text)

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        return dict(self.body.get("Resources", {}))

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        return dict(self.body.get("Parameters", {}))

    @property
    def shape(self) -> Mapping[str, Any]:
        """The shape it was made from, as `Shape.as_dict` wrote it; empty for a template of somebody else."""
        found: Any = self.body
        for key in ("Metadata", METADATA, "shape"):
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
        return dict(found) if isinstance(found, Mapping) else {}

    @property
    def types(self) -> set[str]:
        return {str(r["Type"]) for r in self.resources.values()}

    def component_of(self, logical_id: str) -> str:
        """The component that a resource is tagged with; what has no tags belongs to what it names."""
        properties = self.resources[logical_id].get("Properties", {})
        for tags in _tags_of(properties):
            if TAG_COMPONENT in (found := _as_map(tags)):
                return str(found[TAG_COMPONENT])
        carrier = next((properties[key] for key in _CARRIERS if key in properties), None)
        carrier = next(iter(carrier), None) if isinstance(carrier, list) else carrier
        named = carrier.get("Ref") or _owner_of(carrier) if isinstance(carrier, dict) else None
        is_ours = isinstance(named, str) and named != logical_id and named in self.resources
        return self.component_of(str(named)) if is_ours else "other"


def parse(text: str) -> Template:
    """A template from its JSON text; raises ValueError."""
    try:
        body = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(body, dict):
        raise ValueError("a template is a JSON object")
    resources = body.get("Resources", {})
    if not isinstance(resources, dict) or not all(
        isinstance(r, dict) and isinstance(r.get("Type"), str) for r in resources.values()
    ):
        raise ValueError("every resource of a template has a Type")
    if not _objects(body.get("Parameters", {})):
        raise ValueError("every parameter of a template is an object")
    _inner(_inner(_inner(body, "Metadata"), METADATA), "shape")
    return Template(body=body)


def _objects(section: object) -> bool:
    return isinstance(section, dict) and all(isinstance(value, dict) for value in section.values())


def _inner(outer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = outer.get(key, {})
    if not isinstance(found, dict):
        raise ValueError(f"{key} of a template is an object")
    return found


def stamped(template: Template, tags: Mapping[str, str]) -> Template:
    """The same template with fixed tags on every resource that carries ours: its own hash, no synthesis."""
    if not tags:
        return template
    body = json.loads(template.text)
    for resource in body["Resources"].values():
        for carried in _tags_of(resource.get("Properties", {})):
            if TAG_STACK not in _as_map(carried):
                continue
            if isinstance(carried, dict):
                carried.update(sorted(tags.items()))
            else:
                carried.extend({"Key": k, "Value": v} for k, v in sorted(tags.items()))
    return Template(body=body)


# Where a resource without tags of its own says what it belongs to.
_CARRIERS = ("RoleName", "Roles", "Bucket", "GroupId", "RouteTableId", "VpcId", "ServiceToken")


def _tags_of(properties: Mapping[str, Any]) -> Iterator[list[Any] | dict[str, Any]]:
    """Every set of tags that a resource carries: a list, a map, or those of what a launch template starts."""
    data = properties.get("LaunchTemplateData", {})
    specified = [s for holder in (properties, data) if isinstance(holder, dict) for s in _many(holder)]
    own = [properties.get("Tags"), properties.get("ResourceTags")]
    for tags in [*own, *(s.get("Tags") for s in specified if isinstance(s, dict))]:
        if isinstance(tags, list | dict):
            yield tags


def _many(holder: Mapping[str, Any]) -> list[Any]:
    found = holder.get("TagSpecifications", [])
    return found if isinstance(found, list) else []


def _as_map(tags: list[Any] | dict[str, Any]) -> dict[str, Any]:
    if isinstance(tags, dict):
        return tags
    return {t["Key"]: t.get("Value") for t in tags if isinstance(t, dict) and isinstance(t.get("Key"), str)}


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """Why a template does not go through a link."""

    id: str
    severity: Severity
    subject: str
    message: str
    fix: str


def link_flaws(template: Template) -> list[Flaw]:
    """Everything that would break the link path: one file, no macros, no bootstrap, no custom names."""
    return [*_size(template), *_sections(template), *_resources(template)]


def _flaw(id_: str, subject: str, message: str, fix: str) -> Flaw:
    return Flaw(id=id_, severity="error", subject=subject, message=message, fix=fix)


def _size(template: Template) -> Iterator[Flaw]:
    if template.size > MAX_BYTES:
        yield _flaw(
            "template-too-large",
            "template",
            f"{template.size:,} bytes minified, allowed are {MAX_BYTES:,}",
            "build fewer components in one stack",
        )
    elif template.size > CDK_BYTES:
        yield Flaw(
            id="template-large-for-cdk",
            severity="warning",
            subject="template",
            message=f"{template.size:,} bytes minified; without the CDK's bucket `cdk deploy` takes "
            f"{CDK_BYTES:,}",
            fix="links and `stackwright deploy` take it as it is; `cdk bootstrap` makes that bucket",
        )


def _sections(template: Template) -> Iterator[Flaw]:
    if "Transform" in template.body or '"Fn::Transform"' in template.text:
        yield _flaw(
            "transform",
            "Transform",
            "a macro needs CAPABILITY_AUTO_EXPAND, which StackSets refuse",
            "write the resources out",
        )
    if "BootstrapVersion" in template.parameters or "CheckBootstrapVersion" in template.body.get("Rules", {}):
        yield _flaw(
            "bootstrap",
            "BootstrapVersion",
            "a link would ask its user for an SSM path",
            "synthesize with BootstraplessSynthesizer",
        )


_NAMED = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
}
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")


def _resources(template: Template) -> Iterator[Flaw]:
    for logical_id, resource in template.resources.items():
        type_ = str(resource["Type"])
        properties = resource.get("Properties", {})
        if _NAMED.get(type_, "") in properties:
            yield _flaw(
                "named-iam",
                logical_id,
                f"{_NAMED[type_]} needs CAPABILITY_NAMED_IAM and blocks a second stack",
                "let CloudFormation choose the name",
            )
        if any(not isinstance(resource.get(p, ""), str) for p in _POLICIES):
            yield _flaw(
                "policy-intrinsic",
                logical_id,
                "DeletionPolicy takes no intrinsic: CloudFormation refuses the template",
                "make one shape per policy",
            )
        if type_ == "AWS::CloudFormation::Stack" or (
            _is_code(type_) and not _is_inline(template, properties)
        ):
            yield _flaw(
                "not-one-file",
                logical_id,
                f"{type_} needs code or a second template beside this one",
                "leave it out of the link path",
            )


def _is_code(type_: str) -> bool:
    return type_ == "AWS::Lambda::Function" or type_.startswith("Custom::")


def _owner_of(reference: Mapping[str, Any]) -> str:
    """The logical id of a `Fn::GetAtt`; empty for anything else."""
    target = reference.get("Fn::GetAtt")
    return str(target[0]) if isinstance(target, list) and target else ""


def _is_inline(template: Template, properties: Mapping[str, Any]) -> bool:
    """Whether a function carries its code within the template, or is called by a resource that does so."""
    token = properties.get("ServiceToken")
    if isinstance(token, dict) and (owner := _owner_of(token)):
        properties = template.resources.get(owner, {}).get("Properties", {})
    code = properties.get("Code")
    return isinstance(code, dict) and set(code) == {"ZipFile"}
