"""`stackwright serve`."""

import json
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from provisioner.callback import sts_endpoint
from provisioner.cli.options import json_option, now, profile_option, registry_place, story
from provisioner.errors import RefusedError, SpecError

if TYPE_CHECKING:
    from provisioner.enrolling import Answer, Doors

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PUBLIC = re.compile(r"https://[a-z0-9.-]{1,253}(:\d{1,5})?|http://(127\.0\.0\.1|localhost)(:\d{1,5})?")


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on.", show_envvar=True
)
@click.option(
    "--port",
    default=8421,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port; 0 takes a free one.",
    show_envvar=True,
)
@click.option(
    "--public-url",
    default="",
    help="https address under which stacks reach this server, exactly as in register.server.",
    show_envvar=True,
)
@click.option(
    "--prove/--no-prove",
    default=False,
    help="Prove what calls back with this server's own AWS credentials, where they may.",
    show_envvar=True,
)
@profile_option
@json_option
def command(host: str, port: int, public_url: str, prove: bool, profile: str, as_json: bool) -> None:
    """Serve the endpoint that stacks with `register: {how: callback}` call back to. Ends with Ctrl-C.

    Put a proxy with TLS in front of it, and say the proxy's address with --public-url: callbacks are made out
    to that host and to no other.

    \b
    Example:
      stackwright serve --public-url https://mlops.example.com
    """
    from socket import create_server

    public = _public(host, public_url)
    try:
        listening = create_server((host, port))
    except OSError as error:
        raise RefusedError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another --port", field="port"
        ) from None
    here = f"http://{host}:{listening.getsockname()[1]}"
    _serve(listening, urlsplit(public or here).netloc, prove=prove, profile=profile)(
        lambda: _say(here, public, as_json=as_json)
    )


def _public(host: str, given: str) -> str:
    """The address that stacks are given; raises SpecError where strangers would get in without TLS."""
    address = given.rstrip("/").lower()
    if address and not _PUBLIC.fullmatch(address):
        raise SpecError(
            f"{given!r} is no address that a stack could call back to",
            hint="https://HOST[:PORT] without a path; http only for 127.0.0.1",
            field="public_url",
        )
    if host not in _LOOPBACK and not address.startswith("https://"):
        raise SpecError(
            f"--host {host} lets strangers in, and there is no TLS here",
            hint="put a proxy with TLS in front of it and name it: --public-url https://HOST",
            field="public_url",
        )
    return address


def _serve(listening: Any, host: str, *, prove: bool, profile: str) -> Callable[[Callable[[], None]], None]:
    """Everything is opened and checked before anybody hears that we serve."""
    try:
        from provisioner.web import patience
        from provisioner.web.app import make_app
    except ImportError:
        raise RefusedError(
            "the server's libraries are not installed", hint="pip install 'stackwright[web]'"
        ) from None
    from provisioner import enrolling
    from provisioner.cli.proving import Prover

    doors = _doors(host)
    prover = Prover(profile) if prove else None

    def take(body: bytes, enrolment_id: str) -> "Answer":
        return enrolling.take(body, enrolment_id, doors=doors, now=now())

    app = make_app(take=take, prove=prover.add if prover else None)
    server = patience.server(app)

    def run(say: Callable[[], None]) -> None:
        say()
        server.run(sockets=[listening])

    return run


def _doors(host: str) -> "Doors":
    from provisioner.aws.caller import ask
    from provisioner.cli.removing import Remover
    from provisioner.cli.zenml_target import gone
    from provisioner.enrolling import Doors
    from provisioner.registry import Registry
    from provisioner.registry.ledger import Ledger
    from provisioner.sharing import Seat

    # Nobody's seat: the server's own user would become the owner of everybody's stacks.
    registry = Registry(registry_place(), seat=Seat())
    return Doors(
        registry=registry,
        ledger=Ledger(registry.database),
        host=host,
        endpoint=_endpoint,
        ask=ask,
        on_deleted=Remover(registry, gone).add,
    )


def _endpoint(region: str) -> str:
    """The one STS that counts; of an emulator, what every AWS client here is told."""
    given = os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL")
    return given.rstrip("/") if given else sts_endpoint(region)


def _say(here: str, public: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"url": here, "public_url": public or here, "pid": os.getpid()}))
    else:
        story(f"Serving at {here}" + (f" for {public}" if public else "") + ". Ctrl-C ends it.")
