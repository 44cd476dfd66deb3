"""The tagging API over everything that carries tags here: moto's services, and those that moto leaves out.

IAM roles are left out on purpose: "The GetResources operation does not currently support IAM users and
roles." https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from moto.codebuild.models import codebuild_backends
from moto.core.resource_tagging import (
    TaggedResource,
    iter_taggable_backends,
    make_tag_matcher,
    match_resource_type,
)
from moto.core.responses import ActionResult
from moto.ecr.models import ecr_backends
from moto.resourcegroupstaggingapi.responses import ResourceGroupsTaggingAPIResponse
from moto.s3.models import s3_backends

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse


class TaggingResponse(TaughtResponse, ResourceGroupsTaggingAPIResponse):
    """One request to the tagging API."""

    error_protocol = "json"

    def get_resources(self) -> ActionResult:
        """GetResources."""
        size = self._get_int_param("ResourcesPerPage", 100)
        if not 1 <= size <= 100:
            raise AwsError("InvalidParameterException", "ResourcesPerPage must be between 1 and 100")
        start = _position(self._get_param("PaginationToken") or "")
        rows = list(self._matching())
        more = start + size < len(rows)
        shown = [
            {"ResourceARN": row.arn, "Tags": [{"Key": k, "Value": v} for k, v in row.tags.items()]}
            for row in rows[start : start + size]
        ]
        return ActionResult(
            {"ResourceTagMappingList": shown, "PaginationToken": _token(start + size) if more else ""}
        )

    def get_tag_keys(self) -> ActionResult:
        """GetTagKeys."""
        keys = {key for row in tagged(self.current_account, self.region) for key in row.tags}
        return ActionResult({"TagKeys": sorted(keys), "PaginationToken": ""})

    def get_tag_values(self) -> ActionResult:
        """GetTagValues."""
        key = self._get_param("Key")
        values = {row.tags[key] for row in tagged(self.current_account, self.region) if key in row.tags}
        return ActionResult({"TagValues": sorted(values), "PaginationToken": ""})

    def _matching(self) -> Iterator[TaggedResource]:
        fits = make_tag_matcher(self._get_param("TagFilters") or [])
        types, arns = self._get_param("ResourceTypeFilters") or [], self._get_param("ResourceARNList") or []
        for row in tagged(self.current_account, self.region):
            if (
                fits(row.tags)
                and match_resource_type(row.resource_type, types)
                and (not arns or row.arn in arns)
            ):
                yield row


def tagged(account: str, region: str) -> Iterator[TaggedResource]:
    """Everything with tags in one account and region, in a stable order."""
    rows = [*_moto_rows(account, region), *_ecr_rows(account, region), *_project_rows(account, region)]
    return (row for row in sorted(rows, key=lambda row: row.arn) if row.tags)


def _moto_rows(account: str, region: str) -> Iterator[TaggedResource]:
    buckets = s3_backends[account]["aws"].buckets
    for backend in iter_taggable_backends(account, region):
        for row in backend.iter_tagged_resources():
            # moto keeps the ARNs of a few kinds as a list of one.
            if not isinstance(row.arn, str):
                continue
            # moto knows one S3 for all regions; the tagging API answers for its own only.
            bucket = buckets.get(row.arn.rsplit(":", 1)[-1]) if row.resource_type == "s3:bucket" else None
            if bucket is None or bucket.region_name == region:
                yield row


def _ecr_rows(account: str, region: str) -> Iterator[TaggedResource]:
    backend = ecr_backends[account][region]
    for repository in backend.repositories.values():
        tags = backend.tagger.get_tag_dict_for_resource(repository.arn)
        yield TaggedResource(arn=repository.arn, tags=tags, resource_type="ecr:repository")


def _project_rows(account: str, region: str) -> Iterator[TaggedResource]:
    for project in codebuild_backends[account][region].codebuild_projects.values():
        described = project.project_metadata
        tags = {tag["key"]: tag["value"] for tag in described.get("tags") or ()}
        yield TaggedResource(arn=described["arn"], tags=tags, resource_type="codebuild:project")


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def _position(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token)) if token else 0
    except ValueError:
        raise AwsError("PaginationTokenExpiredException", "The pagination token is invalid.") from None
