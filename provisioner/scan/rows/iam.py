"""IAM roles that SageMaker may assume."""

from provisioner.scan import trust
from provisioner.scan.row import Found, Item, Place, Row, paged

_SAGEMAKER = "sagemaker.amazonaws.com"
_SERVICE_LINKED = "/aws-service-role/"


def _role(item: Item, place: Place) -> Found | None:
    document = trust.parse(item["AssumeRolePolicyDocument"])
    if item["Path"].startswith(_SERVICE_LINKED) or not trust.trusts(document, _SAGEMAKER):
        return None
    return Found(
        arn=item["Arn"],
        account=place.account,
        region=place.region,
        kind="role",
        name=item["RoleName"],
        attributes={
            "trusts_sagemaker": True,
            "guarded_trust": trust.guarded(document, _SAGEMAKER, place.account),
            "no_full_access": not any(map(_is_full_access, item["AttachedManagedPolicies"])),
        },
        tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", ())},
    )


def _is_full_access(policy: Item) -> bool:
    name = policy["PolicyName"]
    return bool(name.endswith("FullAccess") or name == "AdministratorAccess")


ROW = Row(
    service="iam",
    kind="role",
    scope="global",
    # One pass gives trust, attached policies and tags; ListRoles gives the first, and needs two calls a role.
    call="get_account_authorization_details",
    key="RoleDetailList",
    permission="iam:GetAccountAuthorizationDetails",
    shape=_role,
    # It cannot be asked for one role; an account has five pages of them at most.
    arguments={"Filter": ["Role"], **paged(1000)},
)
