"""ECR's image tags: which may move is told by wildcards on AWS; moto reads regular expressions."""

from __future__ import annotations

from fnmatch import fnmatchcase

from moto.core.exceptions import ServiceException
from moto.ecr.models import ECRBackend, Image, Repository


class ImageTagAlreadyExists(ServiceException):
    """ECR's refusal to move a tag."""

    code = "ImageTagAlreadyExistsException"


def teach() -> None:
    """Let every repository of moto decide as AWS does."""
    ECRBackend._resolve_image_tag_mutability = holders  # type: ignore[assignment, method-assign]  # no seam


def holders(backend: ECRBackend, repository: Repository, proposed_image_tag: str) -> list[Image]:
    """The images that the tag moves away from; refused where it may not move."""
    found = [image for image in repository.images if proposed_image_tag in image.image_tags]
    filters = [row["filter"] for row in repository.image_tag_mutability_exclusion_filters or ()]
    excluded = any(fnmatchcase(proposed_image_tag, pattern) for pattern in filters)
    if found and repository.image_tag_mutability.startswith("IMMUTABLE") != excluded:
        raise ImageTagAlreadyExists(
            f"The image tag '{proposed_image_tag}' already exists in the '{repository.name}' repository "
            "and cannot be overwritten because the tag is immutable."
        )
    return found
