"""The JSON API of `stackwright serve`: for now the one endpoint that callbacks of stacks are posted to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.requests import ClientDisconnect

from provisioner import __version__
from provisioner.callback import MAX_BYTES
from provisioner.enrolling import Answer, UnknownError
from provisioner.errors import CheckError, RefusedError, SpecError, StackwrightError
from provisioner.web import page

Next = Callable[[Request], Awaitable[JSONResponse]]
EnrolmentId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
# The last that fits counts: what a stranger may know of an error, in HTTP's words.
_STATUS = {
    StackwrightError: 500,
    SpecError: 400,
    CheckError: 403,
    UnknownError: 404,
    RefusedError: 503,
}


class TooLargeError(SpecError):
    """More than anybody has to say."""


class TooSlowError(SpecError):
    """Longer than anybody needs to say it."""


# What is wrong with a body before anybody reads it, and HTTP's number for it.
_OF_BODIES = ((TooLargeError, 413), (TooSlowError, 408))
# A body comes in one piece or two.
BODY_SECONDS = 10.0


def make_app(
    *,
    take: Callable[[bytes, str], Answer],
    prove: Callable[[Answer], None] | None = None,
    body_seconds: float = BODY_SECONDS,
) -> FastAPI:
    """`take` proves a callback and does what it says; `prove` goes on with it after the answer."""
    app = FastAPI(title="stackwright", version=__version__, openapi_url=None)
    app.add_exception_handler(StackwrightError, _refusal)
    app.add_exception_handler(RequestValidationError, _nothing_here)
    for status in (404, 405):
        app.add_exception_handler(status, _nothing_here)

    @app.middleware("http")
    async def say_nothing_to_caches(request: Request, go_on: Next) -> JSONResponse:
        answer = await go_on(request)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/finish", response_model=None)
    def finish(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            status, words = page.finish(request.url.query)
            return HTMLResponse(words, status, page.HEADERS)
        refusal = CheckError(
            "a GET closes nothing",
            hint="paste this address: `stackwright finish 'ADDRESS'`, or finish by name with "
            "credentials of the stack's account",
        )
        return JSONResponse(refusal.as_dict(), 405, {"Allow": "POST"})

    @app.post("/api/v1/enrolments/{enrolment_id}/callback")
    async def callback(request: Request, enrolment_id: EnrolmentId, later: BackgroundTasks) -> JSONResponse:
        body = await _read(request.stream(), body_seconds)
        answer = await run_in_threadpool(take, body, enrolment_id)
        if prove and answer.status == "unverified":
            later.add_task(prove, answer)
        return JSONResponse(answer.as_dict(), background=later)

    return app


async def _read(parts: AsyncIterator[bytes], seconds: float) -> bytes:
    """A body that ends soon enough; raises SpecError for one that is longer, or does not come."""
    try:
        return await asyncio.wait_for(_read_all(parts), seconds)
    except (TimeoutError, ClientDisconnect):
        raise TooSlowError("the body of this callback did not come", field="body") from None


async def _read_all(parts: AsyncIterator[bytes]) -> bytes:
    body = b""
    async for part in parts:
        body += part
        if len(body) > MAX_BYTES:
            raise TooLargeError(f"a callback of more than {MAX_BYTES:,} bytes", field="body")
    return body


def _nothing_here(request: Request, error: Exception) -> JSONResponse:
    """An address that leads nowhere, in the form of every other error, and without what was asked."""
    status = getattr(error, "status_code", 404)
    return JSONResponse(SpecError("there is nothing at this address").as_dict(), status)


def _refusal(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, StackwrightError):
        raise error
    for kind, code in _OF_BODIES:
        if isinstance(error, kind):
            # The rest of the body is not waited for.
            return JSONResponse(error.as_dict(), code, {"Connection": "close"})
    status = [code for kind, code in _STATUS.items() if isinstance(error, kind)][-1]
    return JSONResponse(error.as_dict(), status)
