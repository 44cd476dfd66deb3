"""The callback: a function that tells a stackwright server when its stack is made, changed or deleted."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from aws_cdk import CfnResource
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_logs as logs
from constructs import Construct

from provisioner import callback, runtimes
from provisioner.component import Outputs
from stacks.documents import fragment, token, value
from stacks.service_role import ServiceRole, trust

# Lambda sends neither aws:SourceAccount nor aws:SourceArn, and takes roles of its own account only.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
TRUST = trust("LambdaOfThisAccount", "lambda.amazonaws.com", condition=None)
# What scanners find here, and why it stays.
_LOGS = "CloudWatch encrypts logs itself; a user's key that does not name the log service would lose them"
ACCEPTED = {
    "log-own-key": _LOGS,
    "CKV_AWS_158": _LOGS,
    "CKV_AWS_115": "it runs once per change of its stack; a young account's quota takes no reservation",
    "CKV_AWS_116": "CloudFormation waits for its answer and tells if none comes; a queue tells nobody",
    "CKV_AWS_117": "it needs the internet to reach the server and no network of the user's",
    "I3011": "its logs tell of this stack's own changes and end with it: deleting them is meant",
}
# CloudFormation's bound for code inside a template.
MAX_CODE = 4_096
# CloudFormation waits so long for an answer, seconds; the function itself gives up well before.
SERVICE_TIMEOUT = 300
_TIMEOUT = 90
_LOG_DAYS = 30


class Callback(Construct):
    """`address` is what finishing needs to know, as it stands in the outputs."""

    def __init__(self, scope: Construct, id_: str, *, address: str) -> None:
        super().__init__(scope, id_)
        self.log_group = logs.CfnLogGroup(self, "Logs", retention_in_days=_LOG_DAYS)
        self.log_group.override_logical_id(callback.LOGS)
        self.role = ServiceRole(
            self,
            "Role",
            logical_id=callback.ROLE,
            trust=TRUST,
            words="Assumed by the callback of this MLOps stack, to prove the account and write its log",
            statements=callback.STATEMENTS,
            scopes={"callback": {"log_group_arn": fragment(self.log_group, "Arn")}},
        )
        self.function = functions.CfnFunction(
            self,
            "Function",
            description="Tells a stackwright server when this stack is made, changed or deleted",
            role=token(self.role.arn),
            runtime=runtimes.python(),
            handler="index.handler",
            code=functions.CfnFunction.CodeProperty(zip_file=code()),
            timeout=_TIMEOUT,
            logging_config=functions.CfnFunction.LoggingConfigProperty(
                log_group=token(fragment(self.log_group))
            ),
        )
        self.function.override_logical_id(callback.FUNCTION)
        self.told = CfnResource(
            self,
            "Told",
            type=callback.TYPE,
            properties={
                "ServiceToken": value(fragment(self.function, "Arn")),
                "ServiceTimeout": str(SERVICE_TIMEOUT),
                "Server": value("${FinishBase}"),
                "Enrolment": value("${EnrolmentId}"),
                "Suffix": value("${AWS::URLSuffix}"),
                "Address": value(address),
            },
        )
        self.told.override_logical_id(callback.RESOURCE)
        self.outputs: Outputs = {"ticket": fragment(self.told, "Ticket")}


def code() -> str:
    """What the function runs: `stacks/enrol/index.py` without what only people read."""
    return stripped((Path(__file__).parent / "enrol" / "index.py").read_text(encoding="utf-8"))


def stripped(source: str) -> str:
    """Python without comments, docstrings, annotations' imports and empty lines, indented by one blank.

    Word for word otherwise: the same template on every Python.
    """
    lines = source.splitlines(keepends=True)
    for start, end in reversed([*_unread(source)]):
        rows = range(start[0] - 1, end[0])
        kept = lines[rows[0]][: start[1]] + lines[rows[-1]][end[1] :]
        lines[rows[0] : rows[-1] + 1] = [kept]
    full = (line.rstrip() for line in lines if line.strip())
    return "\n".join(re.sub(r"^( {4})+", lambda m: " " * (len(m[0]) // 4), line) for line in full) + "\n"


def _unread(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where comments and docstrings are."""
    before = tokenize.NEWLINE
    for part in tokenize.generate_tokens(io.StringIO(source).readline):
        is_docstring = part.type == tokenize.STRING and before in (tokenize.NEWLINE, tokenize.INDENT)
        if part.type == tokenize.COMMENT or is_docstring:
            yield part.start, part.end
        if part.type not in (tokenize.NL, tokenize.COMMENT):
            before = part.type
