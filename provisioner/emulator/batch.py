"""Batch with its own service-linked role, which AWS makes on first use and moto demands by name."""

from __future__ import annotations

import json
from typing import Any

from moto.batch.responses import BatchResponse
from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, iam_backends

from provisioner.emulator.responses import TaughtResponse

SERVICE = "batch.amazonaws.com"
# moto would name the role AWSServiceRoleForbatch.
SERVICE_NAME_CONVERSION.setdefault("batch", "Batch")


class StrictBatchResponse(TaughtResponse, BatchResponse):
    """One request to Batch."""

    error_protocol = "rest-json"

    def createcomputeenvironment(self) -> Any:
        """CreateComputeEnvironment: without a role, Batch's own."""
        given = json.loads(self.body)
        if not given.get("serviceRole"):
            iam = iam_backends[self.current_account][self.partition]
            self.body = json.dumps({**given, "serviceRole": linked_role(iam)})
        return super().createcomputeenvironment()


def linked_role(iam: IAMBackend) -> str:
    """The ARN of Batch's role in the account; like AWS, nothing takes it away again but its owner."""
    path = f"/aws-service-role/{SERVICE}/"
    there = [str(role.arn) for role in iam.get_roles() if role.path == path]
    return there[0] if there else str(iam.create_service_linked_role(SERVICE, "", "").arn)
