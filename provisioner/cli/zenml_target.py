"""A ZenML server as a stack's second home: the options that verbs share, and what they call."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from provisioner import regions
from provisioner import spec as specs
from provisioner.cli.options import now, open_registry, open_session, story
from provisioner.components import find
from provisioner.errors import RefusedError, SpecError, StackwrightError
from provisioner.moment import stamp
from provisioner.spec import Register

if TYPE_CHECKING:
    from provisioner.registry import RegisteredStack, Registration, Registry, Snapshot
    from provisioner.spec import Spec
    from provisioner.zenml.engine import Key, Outcome
    from provisioner.zenml.server import Credential, Server
    from provisioner.zenml.wanted import Login, Stack

Command = TypeVar("Command", bound=Callable[..., Any])
_META = "stackwright.zenml"
_KEY = ("STACKWRIGHT_ZENML_AWS_ACCESS_KEY_ID", "STACKWRIGHT_ZENML_AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the options say, and where there are none, the environment."""

    to: str = ""
    url: str = ""
    auth: str = ""
    role: str = ""
    ca_file: str = ""
    # Whether the address is an option of this command. In the environment it says whose the login is.
    named: bool = False

    @property
    def asks(self) -> bool:
        return self.to == "zenml" or (self.named and self.to != "local")


# Option -> its field, its variable, and what it says. Verbs need not know them: they reach us by the context.
_OPTIONS = (
    (
        "--zenml-url",
        "url",
        "STACKWRIGHT_ZENML_URL",
        "Register into the ZenML server of this address, too; set in the environment it only says which.",
    ),
    (
        "--zenml-auth",
        "auth",
        "STACKWRIGHT_ZENML_AUTH",
        "How the ZenML server logs in to AWS: implicit, iam-role, session-token or secret-key; "
        "without: the best that works.",
    ),
    (
        "--zenml-role",
        "role",
        "STACKWRIGHT_ZENML_ROLE",
        "Role that the ZenML server assumes for a stack without an access role.",
    ),
    (
        "--zenml-ca-file",
        "ca_file",
        "STACKWRIGHT_ZENML_CA_FILE",
        "PEM file of the certificate that signed the ZenML server's own.",
    ),
)


def zenml_options(command: Command) -> Command:
    """Whether and how the stack goes into a ZenML server as well."""
    for row in reversed(_OPTIONS):
        command = _option(*row)(command)
    return click.option(
        "--to",
        type=click.Choice(specs.REGISTERS),
        help="Only into our own registry, or into a ZenML server besides; without: what stack.yaml says.",
        show_envvar=True,
        expose_value=False,
        callback=partial(_remember, "to"),
    )(command)


def ca_file_option(command: Command) -> Command:
    """For verbs that only talk to a server."""
    return _option(*next(row for row in _OPTIONS if row[1] == "ca_file"))(command)


def _option(flag: str, field: str, variable: str, words: str) -> Callable[[Command], Command]:
    return click.option(
        flag,
        f"zenml_{field}",
        default="",
        envvar=variable,
        show_envvar=True,
        help=words,
        expose_value=False,
        callback=partial(_remember, field),
    )


def _remember(field: str, context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    held = context.meta.setdefault(_META, {})
    held[field] = value or ""
    if field == "url" and value:
        held["named"] = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE


def choices() -> Choices:
    """Of the verb that runs; of the environment where it has no such options, or no verb runs."""
    context = click.get_current_context(silent=True)
    given = {field: os.environ.get(variable, "") for _, field, variable, _ in _OPTIONS}
    chosen = Choices(**given | (context.meta.get(_META, {}) if context else {}))
    return replace(chosen, url=checked_url(chosen.url) if chosen.url else "")


def checked_url(text: str) -> str:
    url = specs.address(text, "zenml-url")
    own = re.sub(r"/api(/v1)?$", "", url)
    if own != url:
        raise SpecError(
            f"{url} is the address of the server's API", hint=f"leave that out: {own}", field="zenml-url"
        )
    return url


def wish_of(stack: "RegisteredStack", registry: "Registry") -> Register:
    """What the stack.yaml of a registered stack said."""
    return specs.register(_spec(stack, registry).get("register", {}))


def urls(stack: "RegisteredStack", registry: "Registry", wish: Register) -> list[str]:
    """The servers that hold the stack, or should; raises SpecError where one is asked for and none named."""
    held = [r.server for r in registry.registrations_of(stack.name)]
    asked = asked_url(wish)
    return list(dict.fromkeys([*([asked] if asked else []), *held]))


def named_urls(stack: "RegisteredStack", registry: "Registry") -> list[str]:
    """The same for a verb that means it: the server that is named anywhere, and those that hold the stack."""
    held = [r.server for r in registry.registrations_of(stack.name)]
    named = _named(wish_of(stack, registry))
    return list(dict.fromkeys([*([named] if named else []), *held]))


def asked_url(wish: Register) -> str:
    """The server that options or stack.yaml ask for; empty where neither does."""
    chosen = choices()
    if not chosen.asks and (wish.to != "zenml" or chosen.to == "local"):
        return ""
    url = _named(wish)
    if not url:
        raise SpecError(
            "no ZenML server is named",
            hint="`register: {to: zenml, url: https://…}` in stack.yaml, --zenml-url, "
            "STACKWRIGHT_ZENML_URL or ZENML_STORE_URL",
            field="register.url",
        )
    return url


def _named(wish: Register) -> str:
    from provisioner.cli.zenml_login import environment_url

    chosen = choices()
    url = chosen.url if chosen.named else wish.url or chosen.url or environment_url()
    return checked_url(url) if url else ""


def lacking(stacks: "Iterable[RegisteredStack]", registry: "Registry") -> list[str]:
    """Names of registered stacks whose stack.yaml says ZenML, and that no server holds."""
    held = {r.stack for r in registry.registrations()}
    loose = [s for s in stacks if s.status == "registered" and s.stack_id and s.name not in held]
    wishes = {e.stack_id: e.spec for e in registry.enrolments()} if loose else {}
    said = {s.name: specs.register(wishes.get(s.stack_id, {}).get("register", {})) for s in loose}
    return [name for name, wish in said.items() if wish.to == "zenml"]


def ready(wish: Register, *, spec: "Spec | None" = None, stack_id: str = "") -> None:
    """Raises what would stop the registration later, before anything is built; silent where none is asked.

    `stack_id` is that of the CloudFormation stack that is updated: what bears it on the server is ours.
    """
    url = asked_url(wish)
    if not url:
        return
    from provisioner.zenml import capabilities

    server = opened(url)
    story(f"Waiting for ZenML {url}")
    capabilities.check(server.version)
    server.log_in()
    if spec is not None and spec.access.trust != "access_key":
        _check_way_in(server, spec)
    if spec is not None:
        _check_names(server, spec, stack_id)


def _check_names(server: "Server", spec: "Spec", stack_id: str) -> None:
    from provisioner.zenml import engine
    from provisioner.zenml.steps import Own
    from provisioner.zenml.wanted import LABEL, STACK_LABEL, Part

    held = engine.known(open_registry(), spec.name, server.url) if stack_id else None
    ids = frozenset(i for i in (held.remote_id, *held.ids.values()) if i) if held else frozenset()
    own = Own(labels={LABEL: spec.name, STACK_LABEL: stack_id} if stack_id else {}, ids=ids)
    parts = [Part(type=w.component.type, flavor=w.component.flavor, config={}) for w in spec.components]
    engine.check_free(spec.name, parts, own, server=server)


def _check_way_in(server: "Server", spec: "Spec") -> None:
    """Whether the server will get in by the role that is about to be made."""
    from provisioner.zenml import engine, login

    engine.check_aws(server)
    key = _key({}, spec.region, "")
    login.choose(
        connector={
            "role_arn": f"the access role of {spec.name}",
            "trust": spec.access.trust,
            "external_id": "yes" if spec.access.external_id else "",
        },
        implicit=server.allows_implicit(spec.region),
        key_mark=key.mark("") if key else "",
        wish=choices().auth,
    )


def registered(
    stack: "RegisteredStack",
    registry: "Registry",
    *,
    wish: Register | None = None,
    servers: list[str] | None = None,
    profile: str = "",
) -> None:
    """Puts a registered stack into the ZenML servers that should hold it; tells what is done."""
    if servers is None:
        servers = urls(stack, registry, wish or wish_of(stack, registry))
    if servers and stack.status != "registered":
        again = f"`stackwright finish {stack.name}`"
        story(f"Not put into ZenML yet: {stack.name} is {stack.status}. Next: {again}.")
        return
    for url in servers:
        with _advice(f"`stackwright zenml add {stack.name}`"):
            _tell(stack, _register(stack, registry, url, profile))


def put_where_asked(stack: "RegisteredStack", registry: "Registry", *, profile: str) -> None:
    """The same for a process that serves many: what a server refuses is told, and stops nothing."""
    try:
        registered(stack, registry, profile=profile)
    except StackwrightError as error:
        story(f"{stack.name} is not in ZenML: {error.message}. Next: `stackwright zenml add {stack.name}`.")


def _register(stack: "RegisteredStack", registry: "Registry", url: str, profile: str) -> "Outcome":
    from provisioner.zenml import engine

    target = plain(stack, registry)
    doors = engine.Doors(
        server=opened(url),
        registry=registry,
        login=partial(_login, stack, target.mark, profile),
        now=now,
        on_step=lambda step: story(f"  {step.words}"),
    )
    story(f"ZenML {url}:")
    return engine.register(target, doors=doors)


def _tell(stack: "RegisteredStack", outcome: "Outcome") -> None:
    for out in outcome.left_out:
        story(f"  left out: {out.type} {out.flavor}: {out.reason}", color="yellow")
    for note in outcome.notes:
        story(f"  {note}", color="yellow")
    if not outcome.steps:
        story("  all as it should be")
    story(f"Use it: `zenml stack set {stack.name}`.")


def unregistered(name: str, registry: "Registry") -> None:
    """Takes a stack out of every ZenML server that holds it; raises what the server says."""
    for registration in registry.registrations_of(name):
        _unregister(registration, registry)


def gone(name: str, registry: "Registry") -> list[str]:
    """The same for a stack that CloudFormation has no more; the servers that hold it still, marked so."""
    stays = []
    for registration in registry.registrations_of(name):
        try:
            _unregister(registration, registry)
        except StackwrightError as error:
            registry.record_registration(replace(registration, status="stale", updated_at=now()))
            stays.append(registration.server)
            story(f"ZenML {registration.server} still has {name}: {error.message}.", color="yellow")
            if error.hint:
                story(f"  {error.hint}")
    return stays


def _unregister(registration: "Registration", registry: "Registry") -> None:
    from provisioner.zenml import engine

    stack = registry.stack(registration.stack)
    doors = engine.Doors(
        server=opened(registration.server),
        registry=registry,
        login=_no_login,
        now=now,
        on_step=lambda step: story(f"  {step.words}"),
    )
    story(f"ZenML {registration.server}:")
    labels = plain(stack, registry).labels if stack else {}
    engine.unregister(registration, labels=labels, doors=doors)


def words(name: str, registry: "Registry") -> list[str]:
    """What `unregistered` is going to do, to be printed before it is agreed to."""
    return [f"take {name} out of ZenML {r.server}" for r in registry.registrations_of(name)]


def as_answer(stack: "RegisteredStack", registry: "Registry | Snapshot") -> list[dict[str, Any]]:
    """`registrations` of the JSON contract; a component that a server lacks is not among its ids."""
    return [_as_answer(stack, r) for r in registry.registrations_of(stack.name)]


def _as_answer(stack: "RegisteredStack", registration: "Registration") -> dict[str, Any]:
    return {
        "server": registration.server,
        "status": registration.status,
        "remote_id": registration.remote_id,
        "components": {t: i for t, i in registration.ids.items() if not t.startswith("connector:")},
        "left_out": [t for t in stack.components if t not in registration.ids],
        "updated_at": stamp(registration.updated_at),
    }


def plain(stack: "RegisteredStack", registry: "Registry") -> "Stack":
    """The registered stack in the words of the ZenML engine."""
    from provisioner.zenml.wanted import Part, Stack

    parts = [
        Part(type=c.type, flavor=c.flavor, config=c.config, outputs=c.outputs)
        for c in registry.components_of(stack).values()
        if find(c.type, c.flavor)
    ]
    return Stack(
        name=stack.name,
        id=stack.stack_id,
        account=stack.account,
        region=stack.region,
        partition=regions.partition(stack.region).name,
        parts=tuple(parts),
    )


def opened(url: str, credential: "Credential | None" = None) -> "Server":
    """The door of a server, with the login that belongs to it."""
    from uuid import uuid4

    from provisioner.cli import zenml_login
    from provisioner.zenml.server import Server

    known = credential or zenml_login.find(url)
    return Server(url, known, new_id=lambda: str(uuid4()), ca_file=choices().ca_file)


def _login(stack: "RegisteredStack", mark: str, profile: str, implicit: bool) -> "tuple[Login, Key | None]":
    """How the server gets into the stack's account; a key is read only where it may be used."""
    from provisioner.zenml import login

    chosen = choices()
    key = _key(stack.connector, stack.region, profile)
    found = login.choose(
        connector=stack.connector,
        implicit=implicit,
        key_mark=key.mark(mark) if key else "",
        wish=chosen.auth,
        role_arn=chosen.role,
    )
    return found, key


def _spec(stack: "RegisteredStack", registry: "Registry") -> Mapping[str, Any]:
    """The stack.yaml that the stack was made from; nothing where nobody knows."""
    opened = registry.enrolments_of(stack.name)
    return next((e.spec for e in opened if stack.stack_id and e.stack_id == stack.stack_id), {})


def _key(connector: Mapping[str, str], region: str, profile: str) -> "Key | None":
    """The user's, given for this one purpose, else the stack's own. Never the caller's own credentials."""
    from provisioner.cli import zenml_login
    from provisioner.zenml.engine import Key

    id_, secret = (zenml_login.checked(os.environ.get(v, ""), v) for v in _KEY)
    if id_ and secret:
        return Key(id=id_, secret=secret)
    if connector.get("secret_arn"):
        from provisioner.aws import secrets

        client = open_session(region, profile).client("secretsmanager")
        id_, secret = secrets.access_key(client, connector["secret_arn"])
        return Key(id=id_, secret=secret)
    return None


def _no_login(implicit: bool) -> "tuple[Login, Key | None]":
    raise AssertionError("nothing is registered here")


@contextmanager
def _advice(again: str) -> Iterator[None]:
    """Our own registry has the stack already, whatever the server said."""
    try:
        yield
    except RefusedError as error:
        error.hint = f"{error.hint}; then {again}" if error.hint else again
        raise
