"""IAM where moto forgives or forgets: trust policies that name nobody, and AWS's own managed policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, iam_backends
from moto.iam.responses import IamResponse

from provisioner.emulator import simulation
from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse

# Action -> the form field with the trust policy.
TRUST_FIELDS: Mapping[str, str] = {
    "CreateRole": "AssumeRolePolicyDocument",
    "UpdateAssumeRolePolicy": "PolicyDocument",
}
_ENTITY = re.compile(r"arn:aws:iam::(\d{12}):(role|user)/(.+)")


def check_trust(form: Mapping[str, str]) -> None:
    """Refuse a trust policy with a role or user that does not exist, as IAM does."""
    field = TRUST_FIELDS.get(form.get("Action", ""))
    if field is None or field not in form:
        return
    for arn in _principals(form[field]):
        if not _exists(arn):
            raise AwsError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"')


def _principals(text: str) -> Iterator[str]:
    try:
        statements = json.loads(text).get("Statement", [])
    except (ValueError, AttributeError):
        return  # moto says what is wrong with the document.
    for statement in statements if isinstance(statements, list) else [statements]:
        yield from _aws_principals(statement.get("Principal", {}))


def _aws_principals(principal: Any) -> list[str]:
    if not isinstance(principal, Mapping):
        return []
    named = principal.get("AWS", [])
    return [named] if isinstance(named, str) else list(named)


def _exists(arn: str) -> bool:
    found = _ENTITY.fullmatch(arn)
    if not found:
        return "*" not in arn or arn == "*"
    account, kind, path = found.groups()
    if (kind, path) == ("user", "moto"):
        return True
    backend = iam_backends[account]["aws"]
    rows = backend.get_roles() if kind == "role" else backend.users.values()
    return any(row.arn == arn for row in rows)


# --- policies of AWS -------------------------------------------------------------------------------

AWS_POLICY = "arn:aws:iam::aws:policy/"


class StrictIamResponse(TaughtResponse, IamResponse):
    """One request to IAM; policies of AWS are there as soon as somebody names them."""

    def call_action(self) -> Any:
        """Run the action."""
        for values in self.querystring.values():
            for value in values:
                if isinstance(value, str) and value.startswith(AWS_POLICY):
                    load_aws_policy(iam_backends[self.current_account]["aws"], value)
        return super().call_action()

    # --- boundaries --------------------------------------------------------------------------------

    def create_role(self) -> Any:
        """CreateRole: a boundary must be there."""
        self._check_boundary()
        return super().create_role()

    def put_role_permissions_boundary(self) -> Any:
        """PutRolePermissionsBoundary: a boundary must be there."""
        self._check_boundary()
        return super().put_role_permissions_boundary()

    def create_user(self) -> Any:
        """CreateUser, with a boundary, which moto forgets."""
        self._check_boundary()
        answer = super().create_user()
        if self._get_param("PermissionsBoundary"):
            self._bound_user()
        return answer

    def put_user_permissions_boundary(self) -> ActionResult:
        """PutUserPermissionsBoundary."""
        self._check_boundary()
        self._bound_user()
        return ActionResult({})

    def delete_user_permissions_boundary(self) -> ActionResult:
        """DeleteUserPermissionsBoundary."""
        user = self.backend.get_user(self._get_param("UserName"))
        vars(user).pop("permissions_boundary", None)
        return ActionResult({})

    def _bound_user(self) -> None:
        arn = self._get_param("PermissionsBoundary")
        shown = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
        # moto's users have no such field; its serializer shows what it finds.
        vars(self.backend.get_user(self._get_param("UserName")))["permissions_boundary"] = shown

    def _check_boundary(self) -> None:
        arn = self._get_param("PermissionsBoundary")
        # moto refuses what is no ARN of a policy.
        is_policy = arn and re.fullmatch(r"arn:aws:iam::(aws|\d{12}):policy/.+", arn)
        if is_policy and arn not in self.backend.managed_policies:
            raise AwsError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)

    # --- what there is already ---------------------------------------------------------------------

    def create_open_id_connect_provider(self) -> Any:
        """CreateOpenIDConnectProvider: one per URL, and only https."""
        url = str(self._get_param("Url"))
        if not url.startswith("https://"):
            raise AwsError("ValidationError", "Invalid Open ID Connect Provider URL")
        known = {row.url for row in self.backend.open_id_providers.values()}
        if url.removeprefix("https://") in known:
            raise AwsError("EntityAlreadyExists", f"Provider with url {url} already exists.", 409)
        return super().create_open_id_connect_provider()

    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        """AddClientIDToOpenIDConnectProvider, which moto lacks."""
        clients, wanted = self._audiences()
        if wanted not in clients:
            clients.append(wanted)
        return ActionResult({})

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        """RemoveClientIDFromOpenIDConnectProvider, which moto lacks."""
        clients, wanted = self._audiences()
        if wanted in clients:
            clients.remove(wanted)
        return ActionResult({})

    def _audiences(self) -> tuple[list[str], str]:
        arn = self._get_param("OpenIDConnectProviderArn")
        provider = self.backend.get_open_id_connect_provider(arn)
        return provider.client_id_list, str(self._get_param("ClientID"))

    def create_service_linked_role(self) -> Any:
        """CreateServiceLinkedRole: one per service and suffix."""
        service, suffix = self._get_param("AWSServiceName"), self._get_param("CustomSuffix") or ""
        for role in self.backend.get_roles():
            taken = role.path == f"/aws-service-role/{service}/"
            if taken and (role.name.endswith(f"_{suffix}") if suffix else "_" not in role.name):
                raise AwsError(
                    "InvalidInput",
                    f"Service role name {role.name} has been taken in this account, please try a different "
                    "suffix.",
                )
        return super().create_service_linked_role()

    def create_access_key(self) -> Any:
        """CreateAccessKey: two per user."""
        name = self._get_param("UserName")
        if name and len(self.backend.get_user(name).access_keys) >= 2:
            raise AwsError("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409)
        return super().create_access_key()

    def delete_user(self) -> Any:
        """DeleteUser: not while access keys are left."""
        if self.backend.get_user(self._get_param("UserName")).access_keys:
            words = "Cannot delete entity, must delete access keys first."
            raise AwsError("DeleteConflict", words, 409)
        return super().delete_user()

    # --- the simulator -----------------------------------------------------------------------------

    def simulate_principal_policy(self) -> ActionResult:
        """SimulatePrincipalPolicy."""
        source = str(self._get_param("PolicySourceArn"))
        extra = tuple(json.loads(text) for text in self._get_param("PolicyInputList", []))
        return self._simulated(simulation.policies_of(self.backend, source, extra))

    def simulate_custom_policy(self) -> ActionResult:
        """SimulateCustomPolicy."""
        identity = tuple(json.loads(text) for text in self._get_param("PolicyInputList", []))
        return self._simulated(simulation.Policies(identity=identity))

    def _simulated(self, policies: simulation.Policies) -> ActionResult:
        edge = self._get_param("PermissionsBoundaryPolicyInputList", [])
        if edge:
            policies = replace(policies, boundary=tuple(json.loads(text) for text in edge))
        context = {
            row["ContextKeyName"]: row["ContextKeyValues"][0]
            for row in self._get_param("ContextEntries", [])
            if row.get("ContextKeyValues")
        }
        requests = [
            simulation.Request(action=action, resource=resource, context=context)
            for action in self._get_param("ActionNames", [])
            for resource in self._get_param("ResourceArns", ["*"])
        ]
        rows = simulation.simulate(policies, requests)
        return ActionResult({"EvaluationResults": rows, "IsTruncated": False})


def load_aws_policy(backend: IAMBackend, arn: str) -> None:
    """Put one policy of AWS into an account; one that AWS does not have stays unknown."""
    found = _aws_policies().get(arn)
    if found is None or arn in backend.managed_policies:
        return
    name, facts = found
    policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, facts)
    backend.managed_policies[arn] = policy
    backend.aws_managed_policies.append(policy)


@cache
def _aws_policies() -> dict[str, tuple[str, dict[str, Any]]]:
    # moto would make objects of all 1,400 for every account: slow, and here few are ever named.
    rows: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return {f"arn:aws:iam::aws:policy{facts['Path']}{name}": (name, facts) for name, facts in rows.items()}
