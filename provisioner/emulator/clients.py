"""The resource handlers' way into the emulator: AWS calls over HTTP, like every other client."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from threading import Lock
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

_CONFIG = Config(
    proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, max_pool_connections=4
)


# The end of the keys with which the stack engine itself calls.
INTERNAL = "CFN0"


def access_key(account: str, suffix: str = "ROOT") -> str:
    """An access key id that the emulator takes for the root-like principal of the account."""
    return f"AKIA{account}{suffix}"


class Clients:
    """botocore clients against one endpoint, one per (service, region, account)."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = botocore.session.Session()
        # botocore sessions are not safe for concurrent client creation.
        self._lock = Lock()
        self._client = lru_cache(maxsize=256)(self._make)

    def call(self, account: str, region: str, service: str, operation: str, **parameters: Any) -> Any:
        """One AWS call; texts are made the numbers and booleans that the API wants."""
        with self._lock:
            client = self._client(account, region, service)
        shape = client.meta.service_model.operation_model(operation).input_shape
        fitted = fit(parameters, shape) if shape else {}
        try:
            return getattr(client, xform_name(operation))(**fitted)
        except ClientError as error:
            error.response["Service"] = client.meta.service_model.service_id
            raise

    def _make(self, account: str, region: str, service: str) -> Any:
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            aws_access_key_id=access_key(account, INTERNAL),
            aws_secret_access_key="emulator",  # noqa: S106 - the emulator checks no signature
            config=_CONFIG,
        )


def error_code(error: ClientError) -> str:
    """The AWS error code of a failed call."""
    return str(error.response["Error"]["Code"])


def fit(value: Any, shape: Shape) -> Any:
    """A template value in the types of an API shape: CloudFormation passes `"true"` and `"7"` as text."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = shape.members
        return {key: fit(item, members[key]) if key in members else item for key, item in value.items()}
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: fit(item, shape.value) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [fit(item, shape.member) for item in value]
    return _fit_scalar(value, shape.type_name)


def _fit_scalar(value: Any, kind: str) -> Any:
    if kind == "boolean" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind in ("integer", "long") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    return value
