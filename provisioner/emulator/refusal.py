"""How AWS says no: one exception, and its form on the wire in each protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4
from xml.sax.saxutils import escape

Protocol = Literal["query", "ec2", "rest-xml", "json", "rest-json"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    content_type: str
    body: str
    error_type: str = ""


class AwsError(Exception):
    """An AWS error with its code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def render(self, protocol: Protocol) -> Answer:
        """The error as a client of that protocol expects it."""
        if protocol in ("json", "rest-json"):
            return self._json()
        return Answer(status=self.status, content_type="text/xml", body=self._xml(protocol))

    def _json(self) -> Answer:
        body = json.dumps({"__type": self.code, "message": self.message})
        return Answer(
            status=self.status, content_type="application/x-amz-json-1.1", body=body, error_type=self.code
        )

    def _xml(self, protocol: Protocol) -> str:
        said = f"<Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message>"
        number = uuid4()
        if protocol == "rest-xml":
            return f"<Error>{said}<RequestId>{number}</RequestId></Error>"
        if protocol == "ec2":
            errors = f"<Errors><Error>{said}</Error></Errors>"
            return f"<Response>{errors}<RequestID>{number}</RequestID></Response>"
        error = f"<Error><Type>Sender</Type>{said}</Error>"
        return f"<ErrorResponse>{error}<RequestId>{number}</RequestId></ErrorResponse>"


def invalid(message: str) -> AwsError:
    """CloudFormation's word for nearly everything that is wrong with a request."""
    return AwsError("ValidationError", message)
