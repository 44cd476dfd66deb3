"""The callback of a stack: tells a stackwright server that CloudFormation made, changed or deleted it.

It stands inside the template, so it uses the standard library alone; comments and docstrings stay here.
A server that is away never fails a stack: the answer is always SUCCESS, its Ticket says what is left to do.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

# Seconds before each try; with ten seconds a try it ends long before the function's 90.
PAUSES = (0, 2, 4, 8)


class Direct(HTTPRedirectHandler):
    """Nobody sends us elsewhere with what was made out to one server."""

    def redirect_request(self, *_: Any) -> None:
        return None


def handler(event: Mapping[str, Any], context: Any) -> None:
    stack = event["StackId"]
    wish = event["ResourceProperties"]
    try:
        ticket = tell(event, wish)
    except Exception as error:
        ticket = f"retry: stackwright finish {stack.split('/')[1]} ({error})"
    ticket = ticket.encode("ascii", "replace").decode()[:900]
    print(ticket)  # noqa: T201 - the log of a function is what it prints
    answer = {
        "Status": "SUCCESS",
        # Stable, or CloudFormation would see another resource and delete this one.
        "PhysicalResourceId": "stackwright-" + stack.split("/")[2],
        "StackId": stack,
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Ticket": ticket},
    }
    send(event["ResponseURL"], json.dumps(answer), "PUT", "")


def tell(event: Mapping[str, Any], wish: Mapping[str, str]) -> str:
    server = wish["Server"]
    enrolment = wish["Enrolment"]
    if not server or not enrolment:
        raise ValueError("there is no server or no enrolment to tell")
    claim = json.dumps(
        {
            "request": event["RequestType"],
            "request_id": event["RequestId"],
            "stack": event["StackId"],
            "address": wish["Address"],
        }
    )
    why = ""
    for pause in PAUSES:
        time.sleep(pause)
        proof = identity(urlsplit(server).netloc.lower(), enrolment, claim, wish["Suffix"])
        body = json.dumps({"version": 1, "claim": claim, "identity": proof})
        try:
            said = send(f"{server}/api/v1/enrolments/{enrolment}/callback", body, "POST", "application/json")
            return str(json.loads(said)["message"])
        except HTTPError as error:
            why = f"{error.code} {reason(error)}"
            if error.code < 500 and error.code != 429:
                break
        except (OSError, ValueError) as error:
            why = str(error)
    raise RuntimeError(why)


def reason(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read(4096))["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "without a reason"


def send(url: str, body: str, method: str, kind: str) -> bytes:
    request = Request(url, body.encode(), {"Content-Type": kind}, method=method)  # noqa: S310 - from the template
    with build_opener(Direct).open(request, timeout=10) as answer:
        return bytes(answer.read(4096))


def identity(server: str, enrolment: str, claim: str, suffix: str) -> str:
    """A presigned GetCallerIdentity: whoever asks STS with it learns who we are, and can do nothing else.

    It is made out to one server, one enrolment and one claim: their headers are signed, and not sent.
    """
    environ = os.environ
    region = environ["AWS_REGION"]
    base = environ.get("AWS_ENDPOINT_URL") or f"https://sts.{region}.{suffix}"
    headers = {
        "host": urlsplit(base).netloc,
        "x-stackwright-claim": digest(claim),
        "x-stackwright-enrolment": enrolment,
        "x-stackwright-server": server,
    }
    names = ";".join(headers)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{stamp[:8]}/{region}/sts/aws4_request"
    asked = {
        "Action": "GetCallerIdentity",
        "Version": "2011-06-15",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": environ["AWS_ACCESS_KEY_ID"] + "/" + scope,
        "X-Amz-Date": stamp,
        "X-Amz-Expires": "300",
        "X-Amz-Security-Token": environ["AWS_SESSION_TOKEN"],
        "X-Amz-SignedHeaders": names,
    }
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in asked.items())
    lines = [f"{key}:{value}" for key, value in headers.items()]
    request = "\n".join(["GET", "/", query, *lines, "", names, digest("")])
    key = ("AWS4" + environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest(request)}"):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{base}/?{query}&X-Amz-Signature={key.hex()}"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
