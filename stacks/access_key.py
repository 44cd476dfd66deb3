"""The last resort: one user who may assume the access role, and whose key nobody sees in an output."""

import json

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from provisioner.access import USER_STATEMENT
from provisioner.component import Outputs
from stacks.documents import boundary, fragment, policy, statement, token


class AccessUser(Construct):
    """Made before the access role, which names it."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        self.user = iam.CfnUser(self, "User", permissions_boundary=boundary())
        self.user.override_logical_id("AccessUser")
        self.arn = fragment(self.user, "Arn")


class AccessKey(Construct):
    """The key goes from IAM straight into Secrets Manager; a new key means a new stack."""

    def __init__(self, scope: Construct, id_: str, *, user: AccessUser, role: Outputs) -> None:
        super().__init__(scope, id_)
        may_assume = iam.CfnUserPolicy(
            self,
            "Policy",
            user_name=token(fragment(user.user)),
            policy_name="assume",
            policy_document=policy([statement(USER_STATEMENT, {"access": role})]),
        )
        may_assume.override_logical_id("AccessUserAssume")
        self.key = iam.CfnAccessKey(self, "Key", user_name=token(fragment(user.user)))
        self.key.override_logical_id("AccessUserKey")
        self.secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            description="Access key of an MLOps stack: aws_access_key_id and aws_secret_access_key",
            secret_string=token(_secret(fragment(self.key), fragment(self.key, "SecretAccessKey"))),
        )
        self.secret.override_logical_id("AccessUserSecret")
        # It holds nothing but the key, which goes with the user.
        self.secret.apply_removal_policy(RemovalPolicy.DESTROY)
        self.outputs: Outputs = {"secret_arn": fragment(self.secret)}


def _secret(key_id: str, secret_key: str) -> str:
    return json.dumps({"aws_access_key_id": key_id, "aws_secret_access_key": secret_key})
