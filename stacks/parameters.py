"""The parameters of a template: names, limits, groups and labels as the CloudFormation console shows them."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import CfnCondition, CfnParameter, Fn, Stack

from provisioner import guards
from provisioner.component import Component, Option, parameter_name, pascal
from provisioner.components import find
from provisioner.plan import Shape, Slot, promised, text
from provisioner.spec import (
    CIDR,
    CIDR_WORDS,
    KMS_KEY,
    NOTIFY,
    OIDC_AUDIENCE,
    OIDC_PROVIDER,
    PARAMETER_TAGS,
    subject_pattern,
)
from provisioner.template import METADATA

_PRINCIPAL = r"arn:[a-z-]+:iam::\d{12}:(role|user)/[\w+=,.@/-]{1,512}"
TRUST_GROUP = "WHO MAY USE THIS STACK - anyone who passed this link on could have changed it"
DATA, COMPUTE, EXISTING = "Data", "Compute and tools", "Existing resources"
NETWORK, BUDGET, TAGS, OURS = "Network", "Budget", "Tags", "Set by stackwright - leave as it is"
_GROUPS = (TRUST_GROUP, DATA, COMPUTE, NETWORK, EXISTING, BUDGET, TAGS, OURS)
# The form shows the description beside the field; twice everywhere would make a template a tenth longer.
_EXPLAINED = ("TrustedPrincipal", "OidcSubject", "OidcAudience", "OidcProviderArn", "PermissionsBoundaryArn")
_DATA_TYPES = ("artifact_store", "container_registry")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One parameter: what the console form shows and what CloudFormation checks."""

    name: str
    group: str
    label: str
    doc: str
    # None: whoever fills in the form must give it.
    default: str | None = ""
    type: str = "String"
    pattern: str = ""
    allowed: tuple[str, ...] = ()
    limits: tuple[int, int] | None = None


class Parameters:
    """Every parameter and condition of a shape, by name."""

    def __init__(self, stack: Stack, *, shape: Shape, defaults: Mapping[str, str]) -> None:
        rows = [
            *(*_trust_rows(shape), *_data_rows(shape), *_component_rows(shape), *_network_rows(shape)),
            *(*_budget_rows(shape), *_tag_rows(), *_own_rows(shape)),
        ]
        self._by_name = {row.name: _parameter(stack, row, defaults.get(row.name)) for row in rows}
        stack.template_options.metadata = {
            "AWS::CloudFormation::Interface": _interface(rows),
            # Whoever meets the stack later, without our registry, can still tell what it promises.
            METADATA: {"shape": shape.as_dict()},
        }
        optional = [row.name for row in rows if row.default == "" and row.group != EXISTING]
        conditions = {name: _given(stack, name) for name in optional if name != "ExternalId"}
        self.has_finish_base = conditions["FinishBase"]
        self.no_finish_base = CfnCondition(
            stack, "NoFinishBase", expression=Fn.condition_equals({"Ref": "FinishBase"}, "")
        )

    def of(self, component: Component, slot: Slot) -> Mapping[str, CfnParameter]:
        """A component's options, by their names in `stack.yaml`; none where it is reused."""
        options = component.parameters(slot.options) if slot.action == "build" else []
        return {o.name: self._by_name[parameter_name(component.type, o.name)] for o in options}


def _given(stack: Stack, name: str) -> CfnCondition:
    key = "HasBoundary" if name == "PermissionsBoundaryArn" else f"Has{name}"
    return CfnCondition(stack, key, expression=Fn.condition_not(Fn.condition_equals({"Ref": name}, "")))


def _parameter(stack: Stack, row: Row, default: str | None) -> CfnParameter:
    wanted = row.default if default is None else default
    return CfnParameter(
        stack,
        row.name,
        type="Number" if row.limits else row.type,
        description=row.doc,
        default=wanted,
        allowed_pattern=row.pattern or None,
        constraint_description=row.doc if row.pattern and row.name in _EXPLAINED else None,
        allowed_values=list(row.allowed) or None,
        min_value=row.limits[0] if row.limits else None,
        max_value=row.limits[1] if row.limits else None,
    )


def _trust_rows(shape: Shape) -> list[Row]:
    boundary = Row(
        name="PermissionsBoundaryArn",
        group=TRUST_GROUP,
        label="Permissions boundary of every role (optional)",
        doc="ARN of an IAM policy that caps every role of this stack, or empty.",
        pattern=r"^(arn:[a-z-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]{1,512})?$",
    )
    if shape.trust == "access_key":
        return [boundary]
    return [*(_oidc_rows(shape) if shape.trust == "oidc" else _principal_rows(shape)), boundary]


def _principal_rows(shape: Shape) -> list[Row]:
    required = shape.trust == "principal"
    rows = [
        Row(
            name="TrustedPrincipal",
            group=TRUST_GROUP,
            label="The one role or user that may assume the access role",
            doc=_TRUST_DOC[shape.trust],
            default=None if required else "",
            pattern=f"^{_PRINCIPAL}$" if required else f"^({_PRINCIPAL})?$",
        )
    ]
    if shape.external_id:
        rows.append(
            Row(
                name="ExternalId",
                group=TRUST_GROUP,
                label="External id that the trusted principal must send",
                doc="Made anew for every link; an identifier, not a password.",
                default=None,
                pattern=r"^[\w+=,.@:/-]{22,1224}$",
            )
        )
    return rows


def _oidc_rows(shape: Shape) -> list[Row]:
    rows = [
        Row(
            name="OidcSubject",
            group=TRUST_GROUP,
            label=f"Whom {shape.oidc_issuer} must vouch for",
            doc="Subject of the token; * stands for any text, only after what names one party of the issuer.",
            default=None,
            pattern=f"^{subject_pattern(shape.oidc_issuer)}$",
        ),
        Row(
            name="OidcAudience",
            group=TRUST_GROUP,
            label="Audience of the token",
            doc="Whom the token is made out to.",
            default="sts.amazonaws.com",
            pattern=f"^{OIDC_AUDIENCE}$",
        ),
    ]
    provider = Row(
        name="OidcProviderArn",
        group=TRUST_GROUP,
        label="The account's provider for this issuer",
        doc="ARN of the OpenID Connect provider that the account has already.",
        default=None,
        pattern=f"^{OIDC_PROVIDER}$",
    )
    return [*rows, provider] if shape.oidc_provider == "reuse" else rows


def _data_rows(shape: Shape) -> list[Row]:
    if not shape.kms:
        return []
    key = Row(
        name="DataKeyArn",
        group=DATA,
        label="KMS key of the data",
        doc="ARN of the KMS key that encrypts what is stored; its policy must let the account use it.",
        default=None,
        pattern=f"^{KMS_KEY}$",
    )
    return [key]


def _budget_rows(shape: Shape) -> list[Row]:
    if not shape.budget:
        return []
    to = {"email": "E-mail address", "sns": "ARN of the SNS topic"}[shape.budget]
    return [
        Row(
            name="BudgetMonthlyUsd",
            group=BUDGET,
            label="Budget: USD per month",
            doc="Alerts are sent at 50, 80 and 100 percent of it, and when the forecast exceeds it.",
            default=None,
            limits=(1, 10_000_000),
        ),
        Row(
            name="BudgetNotify",
            group=BUDGET,
            label=f"Budget: {to.lower() if shape.budget == 'email' else to}",
            doc=f"{to} that hears of it.",
            default=None,
            pattern=f"^{NOTIFY[shape.budget]}$",
        ),
    ]


_TRUST_DOC = {
    "account": "ARN of the only role or user that may assume the access role. Empty: every principal of this "
    "account that has sts:AssumeRole on it.",
    "principal": "ARN of the only role or user that may assume the access role, of any account.",
}


def _component_rows(shape: Shape) -> list[Row]:
    rows: list[Row] = []
    for slot in shape.slots:
        component = find(slot.type, slot.flavor)
        if component and slot.action == "reuse":
            given = [n for n in promised(component, slot) if n not in component.made_outputs]
            rows += [_reused_row(component, name) for name in given]
        elif component:
            rows += [_option_row(component, option) for option in component.parameters(slot.options)]
    return rows


def _option_row(component: Component, option: Option) -> Row:
    default = option.default
    is_flag, is_number = isinstance(default, bool), isinstance(default, int)
    choices = ("true", "false") if is_flag else tuple(str(c) for c in option.choices)
    return Row(
        name=parameter_name(component.type, option.name),
        group=DATA if component.type in _DATA_TYPES else COMPUTE,
        label=f"{_spaced(component.type)}: {_spaced(option.name).lower()}",
        doc=option.doc,
        default=_default(option),
        type="CommaDelimitedList" if isinstance(default, tuple) else "String",
        pattern="" if is_number or choices else _option_pattern(option),
        allowed=choices,
        limits=(option.minimum, option.maximum) if is_number and not choices else None,
    )


def _option_pattern(option: Option) -> str:
    may_be_empty = option.default == "" and not option.shapes and not option.placeholder
    return f"^({option.pattern}){'?' if may_be_empty else ''}$"


def _default(option: Option) -> str | None:
    """Nothing where the user must choose: there is no sensible answer, or the shape is for those who did."""
    if option.placeholder or option.shapes == "presence" or option.default == ():
        return None
    return text(option.default)


def _reused_row(component: Component, output: str) -> Row:
    return Row(
        name=parameter_name(component.type, output),
        group=EXISTING,
        label=f"{_spaced(component.type)}: {_spaced(output).lower()}",
        doc=component.outputs[output],
        default=None,
        # These values stand in the FinishCommand: no quote, no ampersand, nothing that a shell reads.
        pattern=f"^{component.arn_pattern}$" if output.endswith("_arn") else r"^[\w.:/-]+$",
    )


def _network_rows(shape: Shape) -> list[Row]:
    if shape.network is None:
        return []
    if shape.network.vpc == "new":
        cidr = Row(
            name="VpcCidr",
            group=NETWORK,
            label="Addresses of the new VPC",
            doc=CIDR_WORDS,
            default="10.42.0.0/16",
            pattern=f"^{CIDR}$",
        )
        return [cidr]
    subnets = "At least two subnets of that VPC in two zones, with a way to the internet and free addresses."
    return [
        Row(
            name="VpcId",
            group=NETWORK,
            label="VPC",
            doc="The existing VPC that machines go into; DNS host names must be on.",
            default=None,
            type="AWS::EC2::VPC::Id",
        ),
        Row(
            name="SubnetIds",
            group=NETWORK,
            label="Subnets",
            doc=subnets,
            default=None,
            type="List<AWS::EC2::Subnet::Id>",
        ),
    ]


def _tag_rows() -> list[Row]:
    return [
        Row(
            name=pascal(tag),
            group=TAGS,
            label=_spaced(tag),
            doc=f"Value of the tag {tag} on every resource, or empty.",
            pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$",
        )
        for tag in PARAMETER_TAGS
    ]


def _own_rows(shape: Shape) -> list[Row]:
    """A callback may go to a server on the same machine, for whoever tries it out on the emulator."""
    server = r"https://[A-Za-z0-9.-]{1,253}(:\d{1,5})?"
    tried = r"|http://(127\.0\.0\.1|localhost)(:\d{1,5})?" if shape.callback else ""
    return [
        Row(
            name="EnrolmentId",
            group=OURS,
            label="Enrolment",
            doc="Ties the stack to the link it came from; an identifier, not a password.",
            pattern="^([0-9a-f]{32})?$",
        ),
        Row(
            name="FinishBase",
            group=OURS,
            label="Server that finishes the registration",
            doc="https address of a stackwright server, or empty.",
            pattern=f"^({server}{tried})?$",
        ),
    ]


def _interface(rows: list[Row]) -> dict[str, object]:
    shown = {r.name: TRUST_GROUP if r.name in guards.PARAMETERS else r.group for r in rows}
    groups = [
        {"Label": {"default": label}, "Parameters": [name for name, group in shown.items() if group == label]}
        for label in _GROUPS
    ]
    return {
        "ParameterGroups": [g for g in groups if g["Parameters"]],
        "ParameterLabels": {r.name: {"default": r.label} for r in rows},
    }


def _spaced(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").capitalize()
