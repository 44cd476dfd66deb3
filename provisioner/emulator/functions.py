"""Lambda whose functions run as local processes, with the credentials of their role; moto needs Docker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Lock, Thread
from typing import Any, ClassVar
from urllib.parse import unquote
from uuid import uuid4
from zipfile import ZipFile

from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.sts.models import sts_backends

from provisioner.emulator.refusal import AwsError
from provisioner.emulator.responses import TaughtResponse
from provisioner.emulator.trust import names_service

# What the runtime of AWS does around a function: the event on stdin, its answer on the last line of stdout.
_RUNTIME = """
import importlib, json, os, sys, time
sys.path.insert(0, os.getcwd())
module, _, name = sys.argv[1].rpartition(".")
end = time.monotonic() + float(sys.argv[2])
class Context:
    function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
    log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
    invoked_function_arn = sys.argv[3]
    aws_request_id = sys.argv[4]
    function_version = "$LATEST"
    def get_remaining_time_in_millis(self):
        return int(max(0, end - time.monotonic()) * 1000)
answer = getattr(importlib.import_module(module.replace("/", ".")), name)(json.load(sys.stdin), Context())
sys.stdout.write("\\n" + json.dumps(answer))
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One run: what it returned, or why it did not, and what it printed."""

    payload: str
    error: str
    log: str


class Processes:
    """Every function that runs, so that a reset can end them."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = Lock()

    def run(self, command: list[str], event: str, seconds: float, **how: Any) -> tuple[int | None, str, str]:
        """Exit code, stdout and stderr; no exit code after a timeout."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, **how)  # noqa: S603 - ours
        with self._lock:
            self._running.add(process)
        try:
            out, told = process.communicate(event, timeout=seconds)
            return process.returncode, out, told
        except subprocess.TimeoutExpired:
            process.kill()
            out, told = process.communicate()
            return None, out, told
        finally:
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        """End whatever runs."""
        with self._lock:
            for process in self._running:
                process.kill()


PROCESSES = Processes()


class StrictLambdaResponse(TaughtResponse, LambdaResponse):
    """One request to Lambda."""

    error_protocol = "rest-json"
    # Where functions reach AWS; set by the server.
    endpoint: ClassVar[str] = ""

    def create_function(self) -> Any:
        """CreateFunction: the role must be there, and Lambda's to assume."""
        given = json.loads(self.body)
        _check_role(given["Role"])
        if not str(given.get("Runtime", "")).startswith("python"):
            raise AwsError("InvalidParameterValueException", "The emulator runs Python functions only.")
        made = super().create_function()
        group = given.get("LoggingConfig", {}).get("LogGroup")
        if group:
            self.backend.get_function(given["FunctionName"]).logs_group_name = group
        return made

    def invoke(self) -> Any:
        """Invoke: with `Event` it answers at once, and the function runs on."""
        found = self.backend.get_function(unquote(self.path.rsplit("/", 2)[-2]), self._get_param("qualifier"))
        event = self.body if isinstance(self.body, str) else self.body.decode()
        if self.headers.get("X-Amz-Invocation-Type") == "Event":
            Thread(target=run, args=(found, event, self.endpoint), daemon=True).start()
            return 202, {"status": 202}, ""
        ran = run(found, event, self.endpoint)
        failed = {"x-amz-function-error": "Unhandled"} if ran.error else {}
        return 200, {"status": 200, **failed}, ran.payload


def run(function: LambdaFunction, event: str, endpoint: str) -> Ran:
    """Run a function once, as a process of its own; what it prints goes to its log group."""
    request, stream = str(uuid4()), f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid4().hex}"
    with tempfile.TemporaryDirectory(prefix="stackwright-function-") as folder:
        ZipFile(BytesIO(function.code_bytes)).extractall(folder)
        code, out, told = PROCESSES.run(
            [
                *(sys.executable, "-I", "-c", _RUNTIME),
                *(str(function.handler), str(function.timeout), function.function_arn, request),
            ],
            event or "{}",
            float(function.timeout),
            cwd=Path(folder),
            env=_environment(function, stream, endpoint),
        )
    printed, _, answer = out.rpartition("\n")
    last = (told.strip().splitlines() or [f"Runtime exited with {code}"])[-1]
    error = "" if code == 0 else "Task timed out" if code is None else last
    log = (printed if code == 0 else out) + told
    _keep(function, stream, f"START RequestId: {request}\n{log}\nEND RequestId: {request}")
    return Ran(payload=json.dumps({"errorMessage": error}) if error else answer, error=error, log=log)


def _environment(function: LambdaFunction, stream: str, endpoint: str) -> dict[str, str]:
    """What AWS sets, and nothing of whoever started the emulator."""
    session = sts_backends[function.account_id]["aws"].assume_role(
        region_name=function.region,
        role_session_name=function.function_name,
        role_arn=function.role,
        policy="",
        duration=3600,
        external_id="",
    )
    return {
        **{key: str(value) for key, value in function.environment_vars.items()},
        "PATH": os.environ.get("PATH", ""),
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
    }


def _keep(function: LambdaFunction, stream: str, text: str) -> None:
    """A group that nobody made stays unmade: the role may not make one."""
    backend = logs_backends[function.account_id][function.region]
    if function.logs_group_name not in backend.groups:
        return
    moment = int(time.time() * 1000)
    lines = [{"timestamp": moment, "message": line} for line in text.splitlines() if line]
    backend.create_log_stream(function.logs_group_name, stream)
    backend.put_log_events(function.logs_group_name, stream, lines)


def _check_role(arn: str) -> None:
    account = arn.split(":")[4] if arn.count(":") > 4 else ""
    roles = iam_backends[account]["aws"].get_roles() if account else []
    role = next((row for row in roles if row.arn == arn), None)
    trust = json.loads(role.assume_role_policy_document) if role else {}
    if not names_service(trust, "lambda.amazonaws.com", "sts:AssumeRole"):
        raise AwsError(
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        )
