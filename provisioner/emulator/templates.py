"""Where a template comes from: the request's body, or an object in the emulator's S3."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import ClientError

from provisioner import regions
from provisioner.emulator import template
from provisioner.emulator.clients import error_code
from provisioner.emulator.refusal import invalid
from provisioner.emulator.stack import Home
from provisioner.emulator.types import TYPES, TypeTable

MAX_URL_LENGTH = 1024
ATTRIBUTES = {name: kind.attribute_names for name, kind in TYPES.items()}
VIRTUAL_HOST = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]+)\.s3[.-]?(dualstack\.)?([a-z0-9-]+\.)?amazonaws\.com"
)
PATH_HOST = re.compile(r"s3[.-]?(dualstack\.)?([a-z0-9-]+\.)?amazonaws\.com")


@dataclass(frozen=True, kw_only=True)
class Source:
    """TemplateBody and TemplateURL of a request."""

    body: str | None
    url: str | None


@dataclass(frozen=True, kw_only=True)
class Location:
    """One object in S3."""

    bucket: str
    key: str
    version: str = ""


def read(source: Source, home: Home, call: Callable[..., Any], endpoint: str) -> template.Template:
    """The checked template of a request; raises ValidationError in AWS's words."""
    if bool(source.body) == bool(source.url):
        raise invalid("Either Template URL or Template Body must be specified.")
    if source.body:
        return template.parse(_checked_body(source.body), _known(home.region))
    return template.parse(_fetched(source.url or "", home, call, endpoint), _known(home.region))


def _known(region: str) -> TypeTable[frozenset[str]]:
    """The types that the region has, as far as our tables tell."""
    missing = regions.missing_types(region) if region in regions.names() else None
    return TypeTable((name, found) for name, found in ATTRIBUTES.items() if name not in (missing or ()))


def locate(url: str, endpoint: str) -> Location:
    """A template URL as bucket, key and version; refuses what is no S3 address."""
    if len(url) > MAX_URL_LENGTH:
        raise invalid(
            f"1 validation error detected: Value '{url}' at 'templateURL' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_URL_LENGTH}"
        )
    parts = urlsplit(url)
    path, version = unquote(parts.path).lstrip("/"), parse_qs(parts.query).get("versionId", [""])[0]
    bucket, _, key = path.partition("/")
    if parts.scheme == "https" and (found := VIRTUAL_HOST.fullmatch(parts.netloc)):
        bucket, key = found["bucket"], path
    elif not _is_path_style(url, endpoint):
        raise invalid("TemplateURL must be a supported URL.")
    if not bucket or not key:
        raise invalid("TemplateURL must reference a valid S3 object to which you have access.")
    return Location(bucket=bucket, key=key, version=version)


def _is_path_style(url: str, endpoint: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return PATH_HOST.fullmatch(parts.netloc) is not None
    own = urlsplit(endpoint).port
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1") and parts.port == own


def _checked_body(body: str) -> str:
    if len(body.encode()) > template.MAX_BODY_BYTES:
        raise invalid(
            f"1 validation error detected: Value '{body[:100]}...' at 'templateBody' failed to satisfy "
            f"constraint: Member must have length less than or equal to {template.MAX_BODY_BYTES}"
        )
    return body


def _fetched(url: str, home: Home, call: Callable[..., Any], endpoint: str) -> str:
    where = locate(url, endpoint)
    version = {"VersionId": where.version} if where.version else {}
    try:
        found = call(
            home.account, home.region, "s3", "GetObject", Bucket=where.bucket, Key=where.key, **version
        )
    except ClientError as error:
        message = error.response["Error"].get("Message", error_code(error))
        raise invalid(f"S3 error: {message}") from None
    body = found["Body"].read()
    if len(body) > template.MAX_URL_BYTES:
        raise invalid(f"Template may not exceed {template.MAX_URL_BYTES} bytes in size.")
    return str(body.decode())
