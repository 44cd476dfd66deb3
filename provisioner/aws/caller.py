"""Door to STS for a stranger's presigned identity: one request, nowhere else, and never more than a page."""

import re

from provisioner.callback import Caller, Question
from provisioner.errors import CheckError, RefusedError

_SECONDS = 5
_MAX_BYTES = 16 * 1024
_AGAIN = "the same callback may come again in a while; `stackwright finish NAME` needs none"


def ask(question: Question) -> Caller:
    """Who signed; raises CheckError where STS knows no such signature, RefusedError where it cannot say."""
    import httpx

    try:
        status, text = _asked(question)
    except httpx.HTTPError as error:
        raise RefusedError(f"STS cannot be asked: {type(error).__name__}", hint=_AGAIN) from None
    if status in (400, 403):
        code = re.search(r"<Code>(\w{1,60})</Code>", text)
        raise CheckError(
            f"the callback proves nothing: STS refuses its signature ({code[1] if code else status})",
            hint="it was altered, is late, or was made out to another server, enrolment or claim",
            field="identity",
        )
    account = re.search(r"<Account>(\d{12})</Account>", text)
    arn = re.search(r"<Arn>(arn:[a-z-]+:[^<\s]{1,600})</Arn>", text)
    if status != 200 or not account or not arn:
        raise RefusedError(f"STS answered {status}, which is no identity", hint=_AGAIN)
    return Caller(account=account[1], arn=arn[1])


def _asked(question: Question) -> tuple[int, str]:
    """Status and the first bytes of the answer; a redirection is an answer like any other."""
    import httpx

    with (
        httpx.Client(timeout=_SECONDS, follow_redirects=False) as client,
        client.stream("GET", question.url, headers=dict(question.headers)) as answer,
    ):
        read = b""
        for part in answer.iter_bytes():
            read += part
            if len(read) > _MAX_BYTES:
                break
        return answer.status_code, read[:_MAX_BYTES].decode("utf-8", "replace")
