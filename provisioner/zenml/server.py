"""Door to a ZenML server: login, what it has, single writes, and errors that hold no secret."""

import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from provisioner import __version__
from provisioner.errors import RefusedError, SpecError
from provisioner.zenml import capabilities
from provisioner.zenml.steps import Found, FoundComponent, FoundConnector, FoundStack, Kind, World
from provisioner.zenml.wanted import Flavor, Flavors

if TYPE_CHECKING:
    import httpx

CredentialKind = Literal["api_key", "token", "password"]
_CONNECT_SECONDS, _READ_SECONDS, _VERIFY_SECONDS = 5.0, 30.0, 90.0
_PAGE = 200
_LONGEST = 800
# What of a connector's configuration no message may repeat.
SECRETS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_PATHS: Mapping[Kind, str] = {
    "connector": "/service_connectors",
    "component": "/components",
    "stack": "/stacks",
}
# What a gateway says of a server that is away for a moment.
_AWAY = (502, 503, 504)
IMPLICIT_OFF = "ZENML_ENABLE_IMPLICIT_AUTH_METHODS"

_HOW_TO_LOG_IN = (
    "`stackwright zenml login URL` keeps one in the keyring, or STACKWRIGHT_ZENML_API_KEY holds it, with "
    "STACKWRIGHT_ZENML_URL beside it"
)
# Status -> our code, and what to do.
_REFUSALS: Mapping[int, tuple[str, str]] = {
    400: ("Invalid", "the server does not take this: please report it with the server's version"),
    401: ("Unauthorized", f"a new one: {_HOW_TO_LOG_IN}"),
    403: ("Forbidden", "somebody else uses it, or the account of this login may not change it"),
    404: ("NotFound", "it may have been deleted meanwhile: run the same command again"),
    405: ("NotFound", "is it a ZenML server, and the address that of its API?"),
    409: ("Exists", "choose another stack name; nothing of others is overwritten"),
    422: ("Invalid", "the server does not take this: please report it with the server's version"),
    429: ("Throttled", "run the same command again"),
    501: ("NotInstalled", 'the server lacks the AWS connector: `pip install "zenml[connectors-aws]"` there'),
}
_LATER = ("Unavailable", "run the same command again; it goes on where it stopped")


@dataclass(frozen=True, kw_only=True)
class Credential:
    """How this caller logs in. An API key goes to /login only: older servers take it nowhere else."""

    kind: CredentialKind
    secret: str = field(repr=False)
    username: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a server found when it tried a connector; no error means that it works."""

    resource_type: str
    resource_ids: tuple[str, ...]
    error: str = ""


def is_credential(text: str) -> bool:
    """Whether a header can hold it: visible ASCII and inner spaces, as in all keys and tokens there are."""
    return text.isascii() and text.isprintable() and text == text.strip() != ""


class Server:
    """One ZenML server as one caller; raises RefusedError, and SpecError for a certificate file."""

    def __init__(
        self,
        url: str,
        credential: Credential | None,
        *,
        new_id: Callable[[], str],
        ca_file: str = "",
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        import httpx

        self.url = url
        self._credential = credential
        self._new_id = new_id
        self._confided = {credential.secret} if credential else set()
        self._client = httpx.Client(
            base_url=f"{url}/api/v1",
            verify=_trusting(ca_file),
            transport=transport,
            timeout=httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
            headers={"Accept": "application/json", "User-Agent": f"stackwright/{__version__}"},
        )

    # What it is

    @cached_property
    def info(self) -> Mapping[str, Any]:
        """What anybody may know: version and id."""
        answer = self._send("GET", "/info")
        if not isinstance(answer, Mapping) or "version" not in answer:
            raise self._no_zenml()
        return answer

    @property
    def version(self) -> str:
        return str(self.info["version"])

    def flavors(self) -> Flavors:
        """(type, name) -> flavor, of all that the server has."""
        found = [_flavor(item) for item in self._pages("/flavors", hydrate="true")]
        return {(f.type, f.name): f for f in found}

    def has_aws(self) -> bool:
        """Whether the server itself can log in to AWS; only then are keys kept as secrets there."""
        try:
            return bool(self._ask("GET", "/service_connector_types/aws").get("local"))
        except RefusedError as error:
            if error.code == "NotFound":
                return False
            raise

    def allows_implicit(self, region: str) -> bool:
        """Whether connectors may use the server's own identity: asked without making one."""
        body = {
            "name": "stackwright-probe",
            "connector_type": "aws",
            "auth_method": "implicit",
            "resource_types": ["aws-generic"],
            "configuration": {"region": region},
        }
        params = {"list_resources": "false"}
        answer = self._ask(
            "POST", "/service_connectors/verify", body | self._scope, params=params, seconds=_VERIFY_SECONDS
        )
        return IMPLICIT_OFF not in str(answer.get("error"))

    def log_in(self) -> str:
        """The name of who is logged in; raises RefusedError where nobody is."""
        return str(self._ask("GET", "/current-user")["name"])

    # What it has

    def world(self, name: str, ids: Iterable[str] = ()) -> World:
        """All that is called like the stack or a part of it, and all that has one of the ids."""
        prefix = f"startswith:{name}."
        raw: dict[Kind, list[Mapping[str, Any]]] = {
            "connector": self._pages(
                "/service_connectors", name=prefix, hydrate="true", expand_secrets="false"
            ),
            "component": self._pages("/components", name=prefix, hydrate="true"),
            "stack": self._pages("/stacks", name=name, hydrate="true"),
        }
        known = {str(item["id"]) for items in raw.values() for item in items}
        for kind, id_ in self._remembered(sorted(set(ids) - known)):
            raw[kind].append(id_)
        return World(
            connectors=tuple(_connector(c) for c in raw["connector"]),
            components=tuple(_component(c) for c in raw["component"]),
            stacks=tuple(_stack(s) for s in raw["stack"]),
        )

    def _remembered(self, ids: Iterable[str]) -> Iterable[tuple[Kind, Mapping[str, Any]]]:
        """Things that were renamed; an id says not of what kind it is."""
        for id_ in ids:
            for kind, path in _PATHS.items():
                try:
                    params = {"expand_secrets": "false"} if kind == "connector" else {}
                    yield kind, self._ask("GET", f"{path}/{id_}", params=params)
                    break
                except RefusedError as error:
                    if error.code != "NotFound":
                        raise

    # Writes

    def create(self, kind: Kind, body: Mapping[str, Any]) -> str:
        """The new thing's id. The same request, sent again after a broken connection, makes no second one."""
        self._confide(body)
        path = self._collection + _PATHS[kind]
        answer = self._ask("POST", path, {**body, **self._scope}, once=self._new_id())
        return str(answer["id"])

    def update(self, kind: Kind, id_: str, body: Mapping[str, Any]) -> None:
        self._confide(body)
        self._ask("PUT", f"{_PATHS[kind]}/{id_}", body)

    def _confide(self, body: Mapping[str, Any]) -> None:
        given = body.get("configuration") or {}
        self._confided |= {str(given[key]) for key in SECRETS if given.get(key)}

    def delete(self, kind: Kind, id_: str) -> None:
        """One that is gone already is the same."""
        try:
            self._ask("DELETE", f"{_PATHS[kind]}/{id_}")
        except RefusedError as error:
            if error.code != "NotFound":
                raise

    def verify(self, connector_id: str) -> list[Verdict]:
        """Has the server log in by a connector and look for what it is for."""
        answer = self._ask("PUT", f"/service_connectors/{connector_id}/verify", seconds=_VERIFY_SECONDS)
        said = [
            Verdict(
                resource_type=str(r.get("resource_type", "")),
                resource_ids=tuple(r.get("resource_ids") or ()),
                error=self._clean(str(r.get("error") or "")),
            )
            for r in answer.get("resources") or ()
        ]
        return said or [
            Verdict(resource_type="", resource_ids=(), error=self._clean(str(answer.get("error") or "")))
        ]

    # How it is asked

    @cached_property
    def _token(self) -> str:
        known = self._credential
        if known is None:
            raise RefusedError(
                f"there is no login for the ZenML server {self.url}", hint=_HOW_TO_LOG_IN, code="NoLogin"
            )
        if known.kind == "token":
            return known.secret
        form = {"password": known.secret}
        if known.kind == "password":
            form |= {"grant_type": "password", "username": known.username}
        answer = self._send("POST", "/login", form=form)
        token = str(answer.get("access_token") or "") if isinstance(answer, Mapping) else ""
        if not is_credential(token):
            raise self._no_zenml()
        self._confided.add(token)
        return token

    @cached_property
    def _in_workspaces(self) -> bool:
        return not capabilities.has(self.version, "projects")

    @property
    def _collection(self) -> str:
        return "/workspaces/default" if self._in_workspaces else ""

    @cached_property
    def _scope(self) -> dict[str, str]:
        """Old servers want to be told by whom and where."""
        if not self._in_workspaces:
            return {}
        workspace = self._ask("GET", "/workspaces/default")
        return {"user": str(self._ask("GET", "/current-user")["id"]), "workspace": str(workspace["id"])}

    def _pages(self, path: str, **params: str) -> list[Mapping[str, Any]]:
        items: list[Mapping[str, Any]] = []
        for number in range(1, 1000):
            page = self._ask("GET", path, params={**params, "page": str(number), "size": str(_PAGE)})
            items += page["items"]
            if number >= int(page["total_pages"]):
                break
        return items

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **how: Any) -> Any:
        return self._send(method, path, body, token=self._token, **how)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str = "",
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        once: str = "",
        seconds: float = _READ_SECONDS,
    ) -> Any:
        """One request, sent a second time where the first went unheard: each of ours may come twice."""
        import httpx

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": once} if once else {}
        timeout = httpx.Timeout(seconds, connect=_CONNECT_SECONDS)
        for last in (False, True):
            try:
                answer = self._client.request(
                    method, path, json=body, data=form, params=params, headers=headers, timeout=timeout
                )
            except httpx.HTTPError as error:
                # Who was silent for so long is silent the second time, too.
                if last or isinstance(
                    error, httpx.ConnectError | httpx.TimeoutException | httpx.TooManyRedirects
                ):
                    raise self._unheard(error) from None
                continue
            if last or answer.status_code not in _AWAY:
                return self._read(answer, path)
        raise AssertionError("the second try returns or raises")

    def _read(self, answer: "httpx.Response", path: str) -> Any:
        try:
            value = answer.json()
        except ValueError:
            value = None
            if answer.is_success:
                raise self._no_zenml() from None
        if not answer.is_success:
            raise self._refused(answer.status_code, value, path)
        return value

    # What went wrong

    @property
    def _host(self) -> str:
        return urlsplit(self.url).netloc

    def _refused(self, status: int, body: object, path: str) -> RefusedError:
        if status in (301, 302, 303, 307, 308):
            return RefusedError(
                f"{self._host} sends elsewhere", hint="give the address it sends to", code="Moved"
            )
        if status == 401:
            return self._unauthorized()
        code, hint = _REFUSALS.get(status, _LATER if status >= 500 else _REFUSALS[400])
        said = _fields(body) if status == 422 else _said(body)
        # A failed login or a broken body may be echoed, so what a 422 says is never passed on whole.
        return RefusedError(
            f"ZenML server {self._host}: {self._clean(said) or f'HTTP {status}'}", hint=hint, code=code
        )

    def _unauthorized(self) -> RefusedError:
        words = {
            "token": "takes this token no longer: it has expired, or is of another server",
            "api_key": "does not take this API key: it was rotated, deleted, or is of another server",
            "password": "does not take this user name and password",
        }
        said = words[self._credential.kind] if self._credential else "wants a login"
        return RefusedError(f"ZenML server {self._host} {said}", hint=_REFUSALS[401][1], code="Unauthorized")

    def _unheard(self, error: "httpx.HTTPError") -> RefusedError:
        import httpx

        if _is_distrust(error):
            return RefusedError(
                f"the certificate of {self._host} is not trusted here: {_reason(error)}",
                hint="where it is signed by yourselves: --zenml-ca-file FILE (STACKWRIGHT_ZENML_CA_FILE) "
                "names the certificate that signed it",
                code="Distrusted",
            )
        if isinstance(error, httpx.LocalProtocolError):
            # Its text repeats the header that holds the login, in a spelling that no search finds.
            return RefusedError(
                f"no request to {self._host} can be made with this login",
                hint=f"a new one: {_HOW_TO_LOG_IN}",
                code="Unsendable",
            )
        if isinstance(error, httpx.ProxyError):
            return RefusedError(
                f"the proxy refuses to pass {self._host} on: {self._clean(str(error))}",
                hint="check HTTPS_PROXY, and NO_PROXY for a server that is reached directly",
                code="Proxy",
            )
        what = "does not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        return RefusedError(
            f"ZenML server {self._host} {what}: {self._clean(str(error)) or type(error).__name__}",
            hint="check its address, and HTTPS_PROXY where this network needs one",
            code="Unreachable",
        )

    def _no_zenml(self) -> RefusedError:
        return RefusedError(
            f"what answers at {self._host} is no ZenML server",
            hint="give the server's own address, without /api; a proxy may answer in its place: NO_PROXY",
            code="Unreadable",
        )

    def _clean(self, text: str) -> str:
        """Nothing that this door was given in confidence."""
        for secret in self._confided:
            text = text.replace(secret, "***")
        return _cut(_ECHO.sub("***", " ".join(text.split())))


def _cut(text: str) -> str:
    """At the end of a word: half an ARN helps nobody."""
    if len(text) <= _LONGEST:
        return text
    return text[: _LONGEST + 1].rpartition(" ")[0] + " …"


# A server repeats what it was sent, and some of that is known by its shape alone.
_ECHO = re.compile(
    r"(?<=input_value=).*|(?<='input': ).*|ZENKEY_\S+|\bA[KS]IA[A-Z0-9]{12,}|\beyJ[\w-]{10,}[\w.-]*"
)
_PLACE = re.compile(r"'loc': \(([^)]*)\), 'msg': '([^']*)'")


def _said(body: object) -> str:
    """`{"detail": ["Class", "words"]}`, in all its forms."""
    detail = body.get("detail") if isinstance(body, Mapping) else body
    if isinstance(detail, list) and detail:
        detail = detail[-1]
    return detail if isinstance(detail, str) else ""


def _fields(body: object) -> str:
    """Of a body that was not understood: which fields, and what is wrong with them; never their values."""
    text = _said(body)
    places = [place.replace("'", "") + ": " + words for place, words in _PLACE.findall(text)]
    lines = [line.split("[type=")[0].strip() for line in text.splitlines() if "[type=" in line]
    return "; ".join(places or lines)


def _trusting(ca_file: str) -> ssl.SSLContext:
    """The system's certificates, and one of the user's; raises SpecError for a file that is none."""
    import httpx

    context = httpx.create_ssl_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:
            reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise SpecError(
                f"{ca_file} cannot be used: {reason}",
                hint="name a PEM file that begins with -----BEGIN CERTIFICATE-----",
                field="zenml-ca-file",
            ) from None
    return context


def _is_distrust(error: BaseException | None) -> bool:
    return _certificate_error(error) is not None


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _reason(error: BaseException) -> str:
    found = _certificate_error(error)
    return str(found.verify_message) if found else ""


# Bodies to values: where a server of some version keeps a thing.


def _labels(item: Mapping[str, Any]) -> dict[str, str]:
    return dict((item.get("metadata") or {}).get("labels") or {})


def _owner(item: Mapping[str, Any]) -> str:
    user = (item.get("resources") or {}).get("user") or item["body"].get("user") or {}
    return str(user.get("name") or "")


def _found(item: Mapping[str, Any]) -> dict[str, Any]:
    found = Found(id=str(item["id"]), name=item["name"], labels=_labels(item), owner=_owner(item))
    return vars(found)


def _flavor(item: Mapping[str, Any]) -> Flavor:
    metadata = item["metadata"]
    aws = metadata.get("connector_type") in (None, "aws")
    return Flavor(
        type=item["body"]["type"],
        name=item["name"],
        schema=metadata["config_schema"],
        resource_type=str(metadata.get("connector_resource_type") or "") if aws else "",
    )


def _connector(item: Mapping[str, Any]) -> FoundConnector:
    body, metadata = item["body"], item["metadata"]
    type_ = body["connector_type"]
    return FoundConnector(
        **_found(item),
        connector_type=type_["connector_type"] if isinstance(type_, Mapping) else type_,
        method=body["auth_method"],
        resource_types=tuple(body["resource_types"]),
        resource_id=body.get("resource_id") or "",
        configuration=metadata.get("configuration") or {},
    )


def _component(item: Mapping[str, Any]) -> FoundComponent:
    metadata = item["metadata"]
    flavor = item["body"].get("flavor_name") or item["body"].get("flavor")
    return FoundComponent(
        **_found(item),
        type=item["body"]["type"],
        flavor=str(flavor),
        configuration=metadata.get("configuration") or {},
        connector_id=str((metadata.get("connector") or {}).get("id") or ""),
        resource_id=metadata.get("connector_resource_id") or "",
    )


def _stack(item: Mapping[str, Any]) -> FoundStack:
    components = (item.get("metadata") or {}).get("components") or {}
    return FoundStack(
        **_found(item),
        components={t: tuple(str(c["id"]) for c in found) for t, found in components.items() if found},
    )
