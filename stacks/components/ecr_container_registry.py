"""ECR container registry: construct."""

import json

from aws_cdk import CfnParameter
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from provisioner.component import Outputs
from stacks.documents import fragment, token
from stacks.site import Site

# ZenML 0.98 pushes PIPELINE[-STEP]-KEY anew at every build (build_utils.py), people push `latest`; every
# other tag stays what it was. ECR takes five such patterns.
MOVING_TAGS = ("*orchestrator", "*step_operator", "*deployer", "*-intermediate-build", "latest")
# What scanners find here, and why it stays.
_NO_KEY = "a key is the user's choice; without one AWS's own key encrypts the images"
ACCEPTED = {
    "CKV_AWS_51": "it knows only tags of which none moves; those that must are named one by one",
    "CKV_AWS_136": _NO_KEY,
    "ecr-own-key": _NO_KEY,
}


class EcrContainerRegistry(Construct):
    """A repository that is scanned on push, forgets images without a tag, and keeps what a tag means."""

    def __init__(self, scope: Construct, id_: str, *, site: Site) -> None:
        super().__init__(scope, id_)
        self.repository = ecr.CfnRepository(
            self,
            "Repository",
            image_scanning_configuration=ecr.CfnRepository.ImageScanningConfigurationProperty(
                scan_on_push=True
            ),
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            image_tag_mutability_exclusion_filters=[_may_move(tag) for tag in MOVING_TAGS],
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


def _may_move(tag: str) -> ecr.CfnRepository.ImageTagMutabilityExclusionFilterProperty:
    return ecr.CfnRepository.ImageTagMutabilityExclusionFilterProperty(
        image_tag_mutability_exclusion_filter_type="WILDCARD",
        image_tag_mutability_exclusion_filter_value=tag,
    )


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
