"""ECR container registry: construct."""

import json

from aws_cdk import CfnParameter
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from provisioner.component import Outputs
from stacks.documents import fragment, token
from stacks.site import Site

# What scanners find here, and why it stays.
_MUTABLE = "ZenML pushes the tag of a pipeline anew at every build, which a fixed tag would refuse"
_NO_KEY = "a key is the user's choice; without one AWS's own key encrypts the images"
ACCEPTED = {
    "CKV_AWS_51": _MUTABLE,
    "ecr-immutable": _MUTABLE,
    "CKV_AWS_136": _NO_KEY,
    "ecr-own-key": _NO_KEY,
}


class EcrContainerRegistry(Construct):
    """A repository that is scanned on push and forgets images without a tag.

    Tags stay mutable: ZenML pushes the tag of a pipeline anew at every build.
    """

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.repository = ecr.CfnRepository(
            self,
            "Repository",
            image_scanning_configuration=ecr.CfnRepository.ImageScanningConfigurationProperty(
                scan_on_push=True
            ),
            image_tag_mutability="MUTABLE",
            encryption_configuration=_encryption(site),
            lifecycle_policy=ecr.CfnRepository.LifecyclePolicyProperty(
                lifecycle_policy_text=token(_untagged_rule(site.options["untagged_days"]))
            ),
        )
        self.repository.add_property_override("EmptyOnDelete", site.option("empty_on_delete"))
        self.repository.override_logical_id("ContainerRegistryRepository")
        self.repository.apply_removal_policy(site.removal)
        self.outputs: Outputs = {
            "repository_arn": fragment(self.repository, "Arn"),
            "repository_uri": fragment(self.repository, "RepositoryUri"),
        }


def _encryption(site: Site) -> ecr.CfnRepository.EncryptionConfigurationProperty | None:
    if not site.shape.kms:
        return None
    return ecr.CfnRepository.EncryptionConfigurationProperty(
        encryption_type="KMS", kms_key=token("${DataKeyArn}")
    )


def _untagged_rule(days: CfnParameter) -> str:
    rule = {
        "rulePriority": 1,
        "description": "images without a tag",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": "DAYS",
        },
        "action": {"type": "expire"},
    }
    text = json.dumps({"rules": [rule]}, separators=(",", ":"))
    return text.replace('"DAYS"', f"${{{days.node.id}}}")
