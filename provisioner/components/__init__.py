"""The catalogue: every component, in the order in which plans and templates list them."""

from functools import lru_cache

from provisioner.component import Component, ComponentType
from provisioner.components import (
    batch_step_operator,
    codebuild_image_builder,
    ec2_orchestrator,
    ecr_container_registry,
    eks_orchestrator,
    eks_step_operator,
    kaniko_image_builder,
    local_image_builder,
    local_orchestrator,
    mlflow_experiment_tracker,
    s3_artifact_store,
    sagemaker_model_deployer,
    sagemaker_orchestrator,
    sagemaker_step_operator,
)

# What others read from or write to comes before them.
CATALOGUE: tuple[Component, ...] = (
    s3_artifact_store.COMPONENT,
    ecr_container_registry.COMPONENT,
    mlflow_experiment_tracker.COMPONENT,
    local_orchestrator.COMPONENT,
    sagemaker_orchestrator.COMPONENT,
    eks_orchestrator.COMPONENT,
    ec2_orchestrator.COMPONENT,
    sagemaker_step_operator.COMPONENT,
    eks_step_operator.COMPONENT,
    batch_step_operator.COMPONENT,
    local_image_builder.COMPONENT,
    codebuild_image_builder.COMPONENT,
    kaniko_image_builder.COMPONENT,
    sagemaker_model_deployer.COMPONENT,
)


def find(type_: str, flavor: str) -> Component | None:
    return next((c for c in CATALOGUE if (c.type, c.flavor) == (type_, flavor)), None)


def flavors(type_: ComponentType) -> list[str]:
    return [c.flavor for c in CATALOGUE if c.type == type_]


def known_types() -> list[ComponentType]:
    """The component types that have a flavor, in catalogue order."""
    return list(dict.fromkeys(c.type for c in CATALOGUE))


@lru_cache(maxsize=1024)
def for_arn(arn: str) -> tuple[Component, ...]:
    """The components whose slot a resource with this ARN could take."""
    return tuple(c for c in CATALOGUE if c.fits_arn(arn))
