"""The account's OpenID Connect provider, where the stack is the first to need it."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

from provisioner.plan import Shape
from stacks.documents import fragment, token


class OidcProvider(Construct):
    """One per issuer and account: it outlives the stack, because others may have come to rely on it."""

    def __init__(self, scope: Construct, id_: str, *, shape: Shape) -> None:
        super().__init__(scope, id_)
        self.provider = iam.CfnOIDCProvider(
            self,
            "Provider",
            url=f"https://{shape.oidc_issuer}",
            client_id_list=[token("${OidcAudience}")],
        )
        self.provider.override_logical_id("OidcProvider")
        self.provider.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        self.arn = fragment(self.provider, "Arn")
