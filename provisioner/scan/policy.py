"""What a scan must be allowed, generated from its rows: IAM policies, and a role to roll out by StackSet."""

import json
from collections.abc import Iterable, Mapping, Sequence

from provisioner.scan.index import BY_CALLER, IN_ACCOUNTS, Engine
from provisioner.scan.row import Row

# As IAM counts a managed policy: without white space.
MAX_CHARACTERS = 6_144
# Whoever scans assumes the role by its name in accounts that nobody has looked into: it cannot be generated.
ROLE_NAME = "stackwright-scan"
# Which regions an account has switched on; EC2 is asked for them only where this is refused.
REGIONS = "account:ListRegions"

Document = dict[str, object]


def policy(rows: Iterable[Row], engine: Engine = "direct") -> Document:
    """The read-only IAM policy that scanning these rows needs where whoever scans is of the account."""
    return _document("StackwrightScan", sorted({*_actions(rows, engine), *BY_CALLER[engine]}))


def _actions(rows: Iterable[Row], engine: Engine) -> list[str]:
    """What is asked in every account."""
    return sorted({a for row in rows for a in row.permissions} | {REGIONS, *IN_ACCOUNTS[engine]})


def pieces(rows: Iterable[Row], most: int = MAX_CHARACTERS, engine: Engine = "direct") -> list[Document]:
    """What is asked in every account, in as many policies as IAM's limit asks for."""
    actions = _actions(rows, engine)
    parts: list[list[str]] = [[]]
    for action in actions:
        if size(_document("StackwrightScan99", [*parts[-1], action])) > most:
            parts.append([])
        parts[-1].append(action)
    if len(parts) == 1:
        return [_document("StackwrightScan", parts[0])]
    return [_document(f"StackwrightScan{n}", part) for n, part in enumerate(parts, 1)]


def size(document: Mapping[str, object]) -> int:
    """Characters as IAM counts them."""
    return len(json.dumps(document, separators=(",", ":")))


def caller_policy(partition: str = "aws", role_name: str = ROLE_NAME, engine: Engine = "direct") -> Document:
    """What whoever scans an organization needs besides: its list of accounts, and the role in each."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "StackwrightAccounts",
                "Effect": "Allow",
                "Action": "organizations:ListAccounts",
                # It knows no resources.
                "Resource": "*",
            },
            {
                "Sid": "StackwrightScanRoles",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": f"arn:{partition}:iam::*:role/{role_name}",
            },
            *_index_statements(engine),
        ],
    }


def _index_statements(engine: Engine) -> list[Document]:
    """The index is chosen when a scan is run."""
    if not BY_CALLER[engine]:
        return []
    actions = list(BY_CALLER[engine])
    return [{"Sid": "StackwrightIndex", "Effect": "Allow", "Action": actions, "Resource": "*"}]


def role_template(rows: Iterable[Row], engine: Engine = "direct") -> Document:
    """A CloudFormation template of the role that a scan assumes: one file, no macro, for any account."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": (
            "A read-only role for `stackwright scan`. Its name is fixed, because the scan assumes it by its"
            " name in every account: deploy it with CAPABILITY_NAMED_IAM."
        ),
        "Parameters": _PARAMETERS,
        "Conditions": {"HasExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {"ScanRole": _role(pieces(rows, engine=engine))},
        "Outputs": {
            "RoleArn": {
                "Description": "For `stackwright scan --role-arn`; in all accounts, `--role-name` finds it.",
                "Value": {"Fn::GetAtt": ["ScanRole", "Arn"]},
            }
        },
    }


def _document(sid: str, actions: Sequence[str]) -> Document:
    # A scan looks for what nobody has named yet.
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


_PARAMETERS: Document = {
    "TrustedPrincipal": {
        "Type": "String",
        "Description": "WHO MAY LOOK INTO THIS ACCOUNT: ARN of the IAM role or user that runs the scan.",
        "AllowedPattern": r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]{1,512}",
        "ConstraintDescription": "The ARN of one role or user, no wildcard; of a session, its role.",
    },
    "ExternalId": {
        "Type": "String",
        "Default": "",
        "Description": "Asked of whoever assumes the role, where it is given; an identifier, not a secret.",
        "AllowedPattern": r"|[\w+=,.@:/-]{2,1224}",
        "ConstraintDescription": "2 to 1224 letters, digits and +=,.@:/-, or empty.",
    },
    "RoleName": {
        "Type": "String",
        "Default": ROLE_NAME,
        "Description": "The same in every account; `stackwright scan --role-name` says another one.",
        "AllowedPattern": r"[\w+=,.@-]{1,64}",
        "ConstraintDescription": "1 to 64 letters, digits and +=,.@-.",
    },
}


def _role(documents: Sequence[Document]) -> Document:
    account = {"Fn::Select": [4, {"Fn::Split": [":", {"Ref": "TrustedPrincipal"}]}]}
    root = {"Fn::Sub": ["arn:${AWS::Partition}:iam::${Account}:root", {"Account": account}]}
    asked = {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    principal = {"ArnEquals": {"aws:PrincipalArn": {"Ref": "TrustedPrincipal"}}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": {"Ref": "RoleName"},
            "Description": "Read-only; assumed by `stackwright scan`.",
            "MaxSessionDuration": 3600,
            "Policies": [
                {"PolicyName": f"scan-{n}", "PolicyDocument": document}
                for n, document in enumerate(documents, 1)
            ],
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "WhoScans",
                        "Effect": "Allow",
                        # The account and a condition: a principal that is named but absent fails the stack.
                        "Principal": {"AWS": root},
                        "Action": "sts:AssumeRole",
                        "Condition": {"Fn::If": ["HasExternalId", {**principal, **asked}, principal]},
                    }
                ],
            },
        },
    }
