"""Signatures of presigned requests to STS: whoever vouches for an identity must not believe a forged one."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from provisioner.emulator.refusal import AwsError

# https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
_SIGNATURE = "&X-Amz-Signature="
_SKEW = timedelta(minutes=15)


def check(environ: Mapping[str, Any], access_key: str, account: str, now: Callable[[], datetime]) -> None:
    """Raise what STS answers to a presigned request that was altered, late, or of a key that is nobody's."""
    query = str(environ.get("QUERY_STRING", ""))
    if _SIGNATURE not in query or environ.get("REQUEST_METHOD") != "GET":
        return
    given = dict(parse_qsl(query))
    secret, token = _secret(access_key, account)
    if secret is None and not access_key.startswith("ASIA"):
        # The keys that stand for an account go with any secret.
        return
    if secret is None or given.get("X-Amz-Security-Token", "") != token:
        raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    _check_time(given, now())
    if not hmac.compare_digest(_signature(environ, query, given, secret), given["X-Amz-Signature"]):
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS "
            "Secret Access Key and signing method. Consult the service documentation for details.",
            403,
        )


def _secret(access_key: str, account: str) -> tuple[str | None, str]:
    """Secret and session token of a key that we issued."""
    session = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
    if session:
        return session.secret_access_key, session.session_token
    keys = iam_backends[account]["aws"].access_keys
    return (keys[access_key].secret_access_key, "") if access_key in keys else (None, "")


def _check_time(given: Mapping[str, str], now: datetime) -> None:
    signed = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    end = signed + timedelta(seconds=int(given.get("X-Amz-Expires", "900")))
    if now > end or signed - now > _SKEW:
        late = f"{now:%Y%m%dT%H%M%SZ}"
        raise AwsError(
            "SignatureDoesNotMatch",
            f"Signature expired: {end:%Y%m%dT%H%M%SZ} is now earlier than {late}",
            403,
        )


def _signature(environ: Mapping[str, Any], query: str, given: Mapping[str, str], secret: str) -> str:
    names = given["X-Amz-SignedHeaders"].split(";")
    headers = [f"{name}:{_header(environ, name)}" for name in names]
    asked = "&".join(sorted(part for part in query.split("&") if not part.startswith("X-Amz-Signature=")))
    nothing = hashlib.sha256(b"").hexdigest()
    request = "\n".join(["GET", "/", asked, *headers, "", ";".join(names), nothing])
    scope = given["X-Amz-Credential"].partition("/")[2]
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{given['X-Amz-Date']}\n{scope}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _header(environ: Mapping[str, Any], name: str) -> str:
    key = name.upper().replace("-", "_")
    return " ".join(str(environ.get("HTTP_" + key, environ.get(key, ""))).split())
