"""The embedded AWS: moto's server on a loopback port, with its taught services in front."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from threading import Thread
from types import TracebackType
from typing import Any, Self

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.core.responses import BaseResponse
from moto.moto_server.werkzeug_app import (
    BackendRequest,
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Response

from provisioner.emulator import calls, custom, ecr, iam, listings, s3, serializing, signature
from provisioner.emulator.account import RegionsResponse
from provisioner.emulator.batch import StrictBatchResponse
from provisioner.emulator.budgets import StrictBudgetsResponse
from provisioner.emulator.calls import Call, Environ
from provisioner.emulator.clients import Clients, access_key
from provisioner.emulator.cloudformation import CloudFormationResponse
from provisioner.emulator.codebuild import StrictCodeBuildResponse
from provisioner.emulator.ec2 import StrictEc2Response
from provisioner.emulator.eks import EksResponse
from provisioner.emulator.engine import Engine
from provisioner.emulator.functions import PROCESSES, StrictLambdaResponse
from provisioner.emulator.identity import caller_of
from provisioner.emulator.quotas import Quota, QuotaResponse, set_limit
from provisioner.emulator.refusal import AwsError
from provisioner.emulator.rules import Rules, iam_action
from provisioner.emulator.run import Verb
from provisioner.emulator.sagemaker import StrictSageMakerResponse
from provisioner.emulator.sts import StrictTokenResponse
from provisioner.emulator.tagging import TaggingResponse

StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
CONTROL = "/_stackwright/"
_JSON = {"Content-Type": "application/x-amz-json-1.1"}


class Gate:
    """The WSGI application: control paths, refusals, taught services, and moto for all the rest."""

    def __init__(self, aws: Emulator) -> None:
        self._aws = aws
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("PATH_INFO", "").startswith(CONTROL):
            return control(self._aws, BackendRequest(environ))(environ, start_response)
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            return self._moto(environ, start_response)  # type: ignore[no-any-return]  # moto is untyped
        call = calls.read(environ)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
        try:
            return self._answer(call, environ)(environ, start_response)
        except AwsError as refusal:
            return refused(refusal, call)(environ, start_response)

    def _answer(self, call: Call, environ: Environ) -> Application:
        operation = self._operation(call, environ)
        if not call.is_internal:
            time.sleep(self._aws.latency)
        self._refuse(call, operation, environ)
        taught = self._aws.taught.get(call.service)
        if (call.service, operation) == ("s3", "ListBuckets"):
            taught = s3.BucketListing
        if taught is None:
            empty = listings.answer(call.service, call.target)
            return Response(empty, 200, _JSON) if empty else self._moto
        status, headers, body = taught.dispatch(BackendRequest(environ))
        return Response(body, status, _plain(headers))

    def _refuse(self, call: Call, operation: str, environ: Environ) -> None:
        """Raise what moto would forgive."""
        if self._aws.rules.concerns(call.access_key):
            principal = caller_of(call.access_key, call.account).session
            self._aws.rules.check(call, principal, iam_action(call.service, operation))
        if call.service == "iam":
            iam.check_trust(call.form)
        if call.service == "sts":
            signature.check(environ, call.access_key, call.account, lambda: datetime.now(UTC))
        if call.service == "s3":
            caller = caller_of(call.access_key, call.account)
            expected = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", "")
            s3.check_ownership(calls.bucket_of(environ), caller, operation, expected)

    def _operation(self, call: Call, environ: Environ) -> str:
        if call.service == "s3" or self._aws.rules.concerns(call.access_key):
            return calls.operation(call, environ)
        return call.form.get("Action", "")


class Emulator:
    """An AWS of its own on a loopback port; any AWS client reaches it at `endpoint`.

    One per process: moto keeps what it makes in the process, so two would share it.
    """

    def __init__(self, event_delay: float = 0.0, port: int = 0) -> None:
        """`event_delay` is in seconds per resource; port 0 takes a free one."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        # Making 1,300 machine images takes a third of a second per account and region; nothing asks for one.
        os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        ecr.teach()
        serializing.teach()
        self.rules = Rules()
        self.latency = 0.0
        self.opted_in: dict[str, set[str]] = {}
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, Gate(self), threaded=True, request_handler=MotoRequestHandler
        )
        self.endpoint = f"http://localhost:{self._server.server_port}"
        self._clients = Clients(f"http://127.0.0.1:{self._server.server_port}")
        self.engine = Engine(self._clients.call, event_delay)
        custom.CustomResource.endpoint = self.endpoint
        self.taught = self._taught()
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def _taught(self) -> Mapping[str, type[BaseResponse]]:
        """Signing name to the response class that answers in place of moto's."""
        here = {"engine": self.engine, "endpoint": self.endpoint}
        return {
            "cloudformation": type("CloudFormation", (CloudFormationResponse,), here),
            "ec2": type("Ec2", (StrictEc2Response,), {"opted_in": self.opted_in}),
            "account": type("Account", (RegionsResponse,), {"opted_in": self.opted_in}),
            "batch": StrictBatchResponse,
            "budgets": StrictBudgetsResponse,
            "sagemaker": StrictSageMakerResponse,
            "codebuild": StrictCodeBuildResponse,
            "eks": EksResponse,
            "lambda": type("Lambda", (StrictLambdaResponse,), {"endpoint": self.endpoint}),
            "iam": iam.StrictIamResponse,
            "servicequotas": QuotaResponse,
            "sts": StrictTokenResponse,
            "tagging": TaggingResponse,
        }

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Serve from now on, in a thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Forget everything and free the port."""
        self.reset()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def fail(self, target: str, reason: str, on: Verb = "create") -> None:
        """Make every create, update or delete of a logical id or resource type fail from now on."""
        self.engine.fail(target, reason, on)

    def deny(self, action: str) -> None:
        """Deny an IAM action (`iam:ListRoles`, `s3:*`) to everybody from now on."""
        self.rules.deny(action)

    def throttle(self, action: str, times: int = 1) -> None:
        """Answer the next calls of an IAM action with the service's throttling error."""
        self.rules.throttle(action, times)

    def slow(self, seconds: float) -> None:
        """Let every request from outside take that much longer, as a distant AWS does."""
        self.latency = seconds

    def set_delay(self, seconds: float) -> None:
        """Let every resource of a stack take that long."""
        self.engine.event_delay = seconds

    def set_quota(
        self, account: str, region: str, service: str, code: str, value: float, name: str = ""
    ) -> None:
        """Put a service quota in force, e.g. `("vpc", "L-F678F1CE", 10)`."""
        set_limit(account, region, Quota(service=service, code=code, name=name, value=value))

    def opt_in(self, account: str, region: str) -> None:
        """Switch a region on for an account."""
        self.opted_in.setdefault(account, set()).add(region)

    def access_key(self, account: str) -> str:
        """An access key id that speaks for the account; any secret goes with it."""
        return access_key(account)

    def reset(self) -> None:
        """Back to an empty AWS without denials, failures or latency; the delay of resources stays."""
        self.rules.clear()
        self.latency = 0.0
        self.opted_in.clear()
        # Whoever waits for a function would keep the engine from stopping.
        custom.ANSWERS.close()
        PROCESSES.stop()
        self.engine.reset()
        custom.ANSWERS.open()
        BackendDict.reset()
        reset_model_data()


def control(aws: Emulator, request: BackendRequest) -> Response:
    """The controls over HTTP: GET health; POST fail, deny, throttle, slow, delay, quota, opt-in,
    reset. What custom resources put comes in here, too."""
    if request.method == "PUT" and request.path.startswith(custom.PATH):
        taken = custom.ANSWERS.give(request.path.removeprefix(custom.PATH), request.get_data())
        return Response("", 200 if taken else 403)
    name = request.path.removeprefix(CONTROL)
    given = json.loads(request.get_data() or b"{}") if request.method == "POST" else {}
    if (request.method, name) == ("GET", "health"):
        return _json({"endpoint": aws.endpoint, "status": "ok"})
    actions: dict[str, Callable[[], None]] = {
        "fail": lambda: aws.fail(given["target"], given["reason"], given.get("on", "create")),
        "deny": lambda: aws.deny(given["action"]),
        "throttle": lambda: aws.throttle(given["action"], int(given.get("times", 1))),
        "slow": lambda: aws.slow(float(given["seconds"])),
        "delay": lambda: aws.set_delay(float(given["seconds"])),
        "quota": lambda: aws.set_quota(**given),
        "opt-in": lambda: aws.opt_in(given["account"], given["region"]),
        "reset": aws.reset,
    }
    if request.method != "POST" or name not in actions:
        return _json({"error": f"no control {request.method} {name}"}, 404)
    try:
        actions[name]()
    except (KeyError, TypeError, ValueError) as error:
        return _json({"error": f"bad request: {error}"}, 400)
    return _json({"status": "ok"})


def refused(refusal: AwsError, call: Call) -> Response:
    """A refusal as the service's protocol writes it."""
    answer = refusal.render(call.protocol)
    headers = {"Content-Type": answer.content_type}
    if answer.error_type:
        headers["x-amzn-ErrorType"] = answer.error_type
    return Response(answer.body, answer.status, headers)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, {"Content-Type": "application/json"})


def _plain(headers: Any) -> list[tuple[str, str]]:
    return [(str(key), str(value)) for key, value in headers.items() if key.lower() != "content-length"]
