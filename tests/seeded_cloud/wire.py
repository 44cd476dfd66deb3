"""AWS's wire formats, both ways, from botocore's models: what a request asks, and an answer's bytes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

_CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_ACCOUNT = re.compile(r"A[KS]IA(\d{12})")
# Signing name -> botocore's name, where they differ.
_MODELS = {
    "tagging": "resourcegroupstaggingapi",
    "elasticfilesystem": "efs",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
}
_LOADER = Loader()


@dataclass(frozen=True, kw_only=True)
class Request:
    """An HTTP request as it came; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Response:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Call:
    """Who asks what, where; `attempt` counts from 1, as the SDK says."""

    service: str
    region: str
    account: str
    key: str
    operation: str
    given: Mapping[str, Any]
    attempt: int = 1

    def text(self, name: str) -> str:
        return str(self.given.get(name, ""))


class AwsError(Exception):
    """A refusal, by its code."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(message or code)
        self.code, self.status = code, status


@cache
def model(service: str) -> ServiceModel:
    name = _MODELS.get(service, service)
    return ServiceModel(_LOADER.load_service_model(name, "service-2"), name)


def read(request: Request) -> Call:
    """The call that a request makes."""
    found = _CREDENTIAL.search(request.headers.get("authorization", ""))
    key, region, service = found.groups() if found else ("", "us-east-1", "s3")
    account = _ACCOUNT.match(key)
    path, _, query = request.target.partition("?")
    if service == "s3" and "x-amz-account-id" in request.headers:
        service = "s3control"
    operation, given = _asked(request, service, unquote(path), dict(parse_qsl(query, keep_blank_values=True)))
    return Call(
        service=service,
        region=region,
        account=account[1] if account else "",
        key=key,
        operation=operation,
        given=given,
        attempt=_attempt(request.headers.get("amz-sdk-request", "")),
    )


def _attempt(header: str) -> int:
    found = re.search(r"attempt=(\d+)", header)
    return int(found[1]) if found else 1


def _asked(request: Request, service: str, path: str, query: dict[str, str]) -> tuple[str, Mapping[str, Any]]:
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2], json.loads(request.body or b"{}")
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        return form.pop("Action", ""), form
    body = json.loads(request.body) if request.body[:1] == b"{" else {}
    if service == "s3":
        return _s3(request.method, path, query)
    for method, pattern, operation in _routes(service):
        matched = pattern.fullmatch(path) if method == request.method else None
        if matched:
            return operation, {**query, **body, **matched.groupdict()}
    return "", {}


# S3 tells its operations apart by a word in the query, which botocore's templates carry as well.
_S3 = {
    "publicAccessBlock": "GetPublicAccessBlock",
    "encryption": "GetBucketEncryption",
    "versioning": "GetBucketVersioning",
    "object-lock": "GetObjectLockConfiguration",
    "requestPayment": "GetBucketRequestPayment",
    "ownershipControls": "GetBucketOwnershipControls",
    "policyStatus": "GetBucketPolicyStatus",
}


def _s3(method: str, path: str, query: dict[str, str]) -> tuple[str, Mapping[str, Any]]:
    bucket = path.strip("/")
    if not bucket:
        return "ListBuckets", query
    named = next((operation for word, operation in _S3.items() if word in query), "")
    return named or ("HeadBucket" if method == "HEAD" else ""), {"Bucket": bucket}


@cache
def _routes(service: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path and operation of a REST service; paths with the fewest parameters first."""
    routes = []
    for name in model(service).operation_names:
        http = model(service).operation_model(name).http
        path = http["requestUri"].partition("?")[0]
        pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", _parameter, re.escape(path))
        routes.append((path.count("{"), http["method"], re.compile(pattern), name))
    return tuple(row[1:] for row in sorted(routes, key=lambda row: row[0]))


def _parameter(found: re.Match[str]) -> str:
    return f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"


# Answers


def protocol(service: str) -> str:
    return str(model(service).resolved_protocol)


def answer(call: Call, value: Mapping[str, Any]) -> Response:
    """A value as the service writes it. In JSON the names are the wire's own."""
    kind = protocol(call.service)
    if kind in ("json", "rest-json"):
        return Response(
            body=json.dumps(value).encode(), headers={"Content-Type": "application/x-amz-json-1.1"}
        )
    operation = model(call.service).operation_model(call.operation)
    return Response(body=_WRITERS[kind](operation, value).encode(), headers={"Content-Type": "text/xml"})


def _query(operation: OperationModel, value: Mapping[str, Any]) -> str:
    name = operation.name
    inner = _members(operation.output_shape, value) if operation.output_shape else ""
    xmlns = operation.service_model.metadata.get("xmlNamespace", "")
    return (
        f'<{name}Response xmlns="{xmlns}"><{name}Result>{inner}</{name}Result>'
        f"<ResponseMetadata><RequestId>seeded</RequestId></ResponseMetadata></{name}Response>"
    )


def _ec2(operation: OperationModel, value: Mapping[str, Any]) -> str:
    inner = _members(operation.output_shape, value) if operation.output_shape else ""
    return f"<{operation.name}Response><requestId>seeded</requestId>{inner}</{operation.name}Response>"


def _rest_xml(operation: OperationModel, value: Mapping[str, Any]) -> str:
    shape = operation.output_shape
    payload = shape.serialization.get("payload")
    if payload:
        return _element(_wire_name(payload, shape.members[payload]), shape.members[payload], value[payload])
    name = shape.serialization.get("locationName") or shape.name
    return f"<{name}>{_members(shape, value)}</{name}>"


_WRITERS: dict[str, Callable[[OperationModel, Mapping[str, Any]], str]] = {
    "query": _query,
    "ec2": _ec2,
    "rest-xml": _rest_xml,
}


def _members(shape: Any, value: Mapping[str, Any]) -> str:
    return "".join(
        _element(_wire_name(name, shape.members[name]), shape.members[name], inner)
        for name, inner in value.items()
        if inner is not None
    )


def _wire_name(name: str, shape: Any) -> str:
    return str(shape.serialization.get("name", name))


def _element(name: str, shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        return f"<{name}>{_members(shape, value)}</{name}>"
    if shape.type_name == "list":
        inner = shape.member.serialization.get("name", "member")
        if shape.serialization.get("flattened"):
            return "".join(_element(name, shape.member, item) for item in value)
        return f"<{name}>{''.join(_element(inner, shape.member, item) for item in value)}</{name}>"
    if isinstance(value, bool):
        return f"<{name}>{'true' if value else 'false'}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


def refusal(call: Call, error: AwsError) -> Response:
    """An error as the service writes it."""
    kind = protocol(call.service)
    code, message = error.code, escape(str(error))
    if kind in ("json", "rest-json"):
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
        body = json.dumps({"__type": code, "message": str(error), "Message": str(error)})
        return Response(body=body.encode(), status=error.status, headers=headers)
    inner = f"<Code>{code}</Code><Message>{message}</Message>"
    texts = {
        "ec2": f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>seeded</RequestID></Response>",
        "query": f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error></ErrorResponse>",
        "rest-xml": f"<Error>{inner}</Error>",
    }
    return Response(body=texts[kind].encode(), status=error.status, headers={"Content-Type": "text/xml"})
