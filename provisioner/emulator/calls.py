"""What an HTTP request to AWS asks: service, operation, region, account and access key."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from provisioner.emulator.clients import INTERNAL, access_key
from provisioner.emulator.identity import account_of
from provisioner.emulator.refusal import Protocol

Environ = dict[str, Any]
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d+/([^/]+)/([^/]+)/aws4_request")
# Unsigned actions of the query protocol.
_UNSIGNED = {"AssumeRoleWithWebIdentity": "sts", "AssumeRoleWithSAML": "sts"}
# Signing name -> botocore's service name, where they differ.
_MODELS = {
    "tagging": "resourcegroupstaggingapi",
    "monitoring": "cloudwatch",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One AWS call as far as its headers and its form say."""

    service: str
    region: str
    access_key: str
    account: str
    # The form of the query protocol, else empty.
    form: Mapping[str, str]
    target: str

    @property
    def is_internal(self) -> bool:
        """Does the stack engine itself call?"""
        return self.access_key == access_key(self.account, INTERNAL)

    @property
    def protocol(self) -> Protocol:
        """How answers must look."""
        if self.form.get("Action"):
            return "ec2" if self.service == "ec2" else "query"
        if self.target:
            return "json"
        return "rest-xml" if self.service in ("s3", "route53", "cloudfront") else "rest-json"


def read(environ: Environ) -> Call:
    """The call in a request; a form body is read and put back."""
    _use_path_style(environ)
    header = environ.get("HTTP_AUTHORIZATION", "")
    query = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    presigned = f"Credential={query.get('X-Amz-Credential', '')}"
    found = _CREDENTIAL.search(header) or _CREDENTIAL.search(presigned)
    if found and not header and found[3] != "s3":
        # moto looks for the access key of presigned requests in the header alone (S3 excepted).
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 {presigned}, SignedHeaders=host, Signature=none"
    form = {**_form(environ), **({"Action": query["Action"]} if "Action" in query else {})}
    key, region, service = found.groups() if found else ("", "us-east-1", "")
    return Call(
        service=service.lower() or _UNSIGNED.get(form.get("Action", ""), "s3"),
        region=region,
        access_key=key,
        account=environ.get("HTTP_X_MOTO_ACCOUNT_ID") or account_of(key),
        form=form,
        target=environ.get("HTTP_X_AMZ_TARGET", ""),
    )


def operation(call: Call, environ: Environ) -> str:
    """The API operation, e.g. `ListBuckets`; empty when no route fits."""
    if call.form.get("Action"):
        return call.form["Action"]
    if call.target:
        return call.target.rsplit(".", 1)[-1]
    try:
        router = get_service_router(_MODELS.get(call.service, call.service))
        matched, _ = router.match(Request(environ))
    except (NotFound, NotImplementedError, LookupError):
        return ""
    return str(matched.name)


def bucket_of(environ: Environ) -> str:
    """The bucket of a path-style S3 request, empty for the service itself."""
    return unquote(environ.get("PATH_INFO", "/").lstrip("/").split("/", 1)[0])


def service_model(service: str) -> Any:
    """botocore's model of a service, by signing name."""
    return get_service_model(_MODELS.get(service, service))


def _use_path_style(environ: Environ) -> None:
    """`bucket.localhost/key` (JavaScript's default) as `localhost/bucket/key`."""
    host = environ.get("HTTP_HOST", "")
    bucket, dot, rest = host.partition(".localhost")
    if dot and bucket:
        environ["HTTP_HOST"] = f"localhost{rest}"
        for name in ("PATH_INFO", "RAW_URI", "REQUEST_URI"):
            if name in environ:
                environ[name] = f"/{bucket}{environ[name]}"


def _form(environ: Environ) -> dict[str, str]:
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return {}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    pairs = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {key: values[0] for key, values in pairs.items()}
