"""The HTTP face of the embedded Kubernetes: tokens, paths, verbs and Status answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from werkzeug.wrappers import Request, Response

from provisioner.emulator import kubernetes_access as access
from provisioner.emulator import kubernetes_apply as apply
from provisioner.emulator.identity import DENIED_KEY, EXPIRED_KEY, account_of, caller_of
from provisioner.emulator.kubernetes_access import Attributes, Identity
from provisioner.emulator.kubernetes_kinds import Kind
from provisioner.emulator.kubernetes_state import Object, State, StatusError, bad_request

TOKEN_PREFIX = "k8s-aws-v1."  # noqa: S105 - the form of every token, no secret
CLUSTER_HEADER = "x-k8s-aws-id"
# EKS takes a token for this long, whatever its URL says.
LONGEST = timedelta(minutes=15)
PUBLIC = ("/version", "/healthz", "/livez", "/readyz")


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a path names; without a name it is the whole collection."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> tuple[Kind, str, str]:
        """The place in the state."""
        return self.kind, self.namespace, self.name


class KubernetesApi:
    """A WSGI application over one cluster's state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        try:
            with self._state.lock:
                status, body = self._answer(request)
        except StatusError as error:
            status, body = error.code, error.body()
        text = body if isinstance(body, str) else json.dumps(body)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        return Response(text, status, content_type=kind)(environ, start_response)

    def _answer(self, request: Request) -> tuple[int, Object | str]:
        path = request.path.rstrip("/") or "/"
        if path in PUBLIC:
            return 200, self._public(path)
        who = self._caller(request)
        found = self._discovered(path)
        if found is not None:
            return 200, found
        if path.startswith(("/apis/authorization.k8s.io/v1/", "/apis/authentication.k8s.io/v1/")):
            return self._reviewed(who, path.rsplit("/", 1)[-1], request)
        return self._act(who, self._place(path), request)

    def _public(self, path: str) -> Object | str:
        if path != "/version":
            return "ok"
        major, minor = self._state.version.split(".")
        return {
            "major": major,
            "minor": minor,
            "gitVersion": f"v{major}.{minor}.0-eks-emulator",
            "platform": "linux",
        }

    # --- who ---------------------------------------------------------------------------------------

    def _caller(self, request: Request) -> Identity:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        who = self._identity(token)
        if who is None:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        wanted = request.headers.get("Impersonate-User", "")
        if not wanted:
            return who
        if wanted.startswith("system:serviceaccount:") and len(wanted.split(":")) == 4:
            _, _, namespace, name = wanted.split(":")
            asked = Attributes(
                verb="impersonate", group="", resource="serviceaccounts", namespace=namespace, name=name
            )
            self._state.check(who, asked)
            return access.service_account(wanted)
        self._state.check(who, Attributes(verb="impersonate", group="", resource="users", name=wanted))
        groups = tuple(request.headers.getlist("Impersonate-Group"))
        return Identity(user=wanted, groups=(*groups, "system:authenticated"))

    def _identity(self, token: str) -> Identity | None:
        """A token is a presigned GetCallerIdentity; the emulator checks all of it but the signature."""
        query = _presigned(token)
        if query is None or not _is_fresh(query):
            return None
        if CLUSTER_HEADER not in query.get("X-Amz-SignedHeaders", "").split(";"):
            return None
        key = query.get("X-Amz-Credential", "").split("/")[0]
        if key in ("", EXPIRED_KEY, DENIED_KEY):
            return None
        return self._state.identify(caller_of(key, account_of(key)))

    # --- where -------------------------------------------------------------------------------------

    def _discovered(self, path: str) -> Object | None:
        known = list(self._state.known())
        groups = sorted({(kind.group, kind.version) for kind in known if kind.group})
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        if path == "/apis":
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*row) for row in groups]}
        parts = path.strip("/").split("/")
        if len(parts) == 2 and parts[0] == "apis" and parts[1] in dict(groups):
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], dict(groups)[parts[1]])}
        group, version = _group_of(parts)
        if len(parts) == (3 if parts[0] == "apis" else 2):
            rows = [_resource(kind) for kind in known if (kind.group, kind.version) == (group, version)]
            if rows:
                api = f"{group}/{version}" if group else version
                return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api, "resources": rows}
        return None

    def _place(self, path: str) -> Place:
        parts = path.strip("/").split("/")
        group, version = _group_of(parts)
        rest = parts[3:] if parts[0] == "apis" else parts[2:]
        if not version or not rest:
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
            namespace, rest = rest[1], rest[2:]
        kind = self._state.kind(group, version, rest[0])
        if bool(namespace) and not kind.namespaced:
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        names = [*rest[1:], "", ""]
        return Place(kind=kind, namespace=namespace, name=names[0], subresource=names[1])

    # --- what --------------------------------------------------------------------------------------

    def _act(self, who: Identity, place: Place, request: Request) -> tuple[int, Object]:
        if (
            request.method in ("POST", "PUT", "PATCH", "DELETE")
            and place.kind.namespaced
            and not place.namespace
        ):
            raise StatusError(
                405, "MethodNotAllowed", "the server does not allow this method on the resource"
            )
        verbs: Mapping[str, Callable[..., tuple[int, Object]]] = {
            "GET": self._get,
            "POST": self._post,
            "PUT": self._put,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        if request.method not in verbs or place.subresource:
            raise StatusError(
                405, "MethodNotAllowed", "the server does not allow this method on the resource"
            )
        return verbs[request.method](who, place, request)

    def _check(self, who: Identity, verb: str, place: Place, name: str | None = None) -> None:
        self._state.check(
            who,
            Attributes(
                verb=verb,
                group=place.kind.group,
                resource=place.kind.resource,
                namespace=place.namespace,
                name=place.name if name is None else name,
            ),
        )

    def _get(self, who: Identity, place: Place, request: Request) -> tuple[int, Object]:
        self._check(who, "get" if place.name else "list", place)
        if place.name:
            return 200, self._state.get(place.key)
        return 200, self._state.list(place.kind, place.namespace)

    def _post(self, who: Identity, place: Place, request: Request) -> tuple[int, Object]:
        body = _body(request)
        name = str(body.get("metadata", {}).get("name", ""))
        self._check(who, "create", place, "")
        if place.name or not name:
            raise bad_request("name is required" if not name else "POST goes to the collection")
        key = (place.kind, place.namespace, name)
        return 201, self._state.create(who, key, body, _manager(request))

    def _put(self, who: Identity, place: Place, request: Request) -> tuple[int, Object]:
        self._check(who, "update", place)
        return 200, self._state.replace(who, place.key, _body(request), _manager(request))

    def _patch(self, who: Identity, place: Place, request: Request) -> tuple[int, Object]:
        self._check(who, "patch", place)
        kind = request.mimetype
        if kind == "application/apply-patch+yaml":
            return self._apply(who, place, request)
        if kind not in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            raise StatusError(
                415, "UnsupportedMediaType", f"the body of the request was in an unknown format - {kind}"
            )
        merged = apply.merged(self._state.get(place.key), _body(request))
        return 200, self._state.replace(who, place.key, merged, _manager(request))

    def _apply(self, who: Identity, place: Place, request: Request) -> tuple[int, Object]:
        manager = request.args.get("fieldManager", "")
        if not manager:
            words = "fieldManager: Required value: is required for apply patch"
            raise StatusError(422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: {words}')
        if not self._state.exists(place.key):
            self._check(who, "create", place)
        force = request.args.get("force", "false") == "true"
        made, new = self._state.apply(who, place.key, _body(request), manager, force=force)
        return 201 if new else 200, made

    def _delete(self, who: Identity, place: Place, request: Request) -> tuple[int, Object]:
        self._check(who, "delete", place)
        gone = self._state.delete(place.key)
        details = {"name": place.name, "kind": place.kind.resource, "uid": gone["metadata"]["uid"]}
        return 200, {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }

    def _reviewed(self, who: Identity, resource: str, request: Request) -> tuple[int, Object]:
        body = _body(request)
        if resource == "selfsubjectreviews":
            return 201, {**body, "status": {"userInfo": {"username": who.user, "groups": list(who.groups)}}}
        if resource != "selfsubjectaccessreviews":
            raise StatusError(404, "NotFound", "the server could not find the requested resource")
        asked = body.get("spec", {}).get("resourceAttributes", {})
        wanted = Attributes(
            verb=asked.get("verb", ""),
            group=asked.get("group", ""),
            resource="/".join(asked[key] for key in ("resource", "subresource") if asked.get(key)),
            namespace=asked.get("namespace", ""),
            name=asked.get("name", ""),
        )
        allowed = access.allows(who, wanted, self._state.find)
        return 201, {**body, "status": {"allowed": allowed}}


def _presigned(token: str) -> dict[str, str] | None:
    """The query of the URL inside a token, if it is GetCallerIdentity."""
    if not token.startswith(TOKEN_PREFIX):
        return None
    text = token.removeprefix(TOKEN_PREFIX)
    try:
        url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return None
    query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
    return query if query.get("Action") == "GetCallerIdentity" else None


def _is_fresh(query: Mapping[str, str]) -> bool:
    try:
        signed = datetime.strptime(query.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(datetime.now(UTC) - signed) <= LONGEST


def _group_of(parts: list[str]) -> tuple[str, str]:
    if parts[0] == "api" and len(parts) > 1:
        return "", parts[1]
    return (parts[1], parts[2]) if parts[0] == "apis" and len(parts) > 2 else ("", "")


def _group(name: str, version: str) -> Object:
    row = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [row], "preferredVersion": row}


def _resource(kind: Kind) -> Object:
    return {
        "name": kind.resource,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": ["create", "delete", "get", "list", "patch", "update"],
    }


def _body(request: Request) -> Object:
    text = request.get_data(as_text=True)
    try:
        # YAML holds JSON, and apply patches may be either.
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding the body: {error}") from None
    if not isinstance(found, dict):
        raise bad_request("the body of the request is no object")
    return found


def _manager(request: Request) -> str:
    given = request.args.get("fieldManager")
    return given or request.headers.get("User-Agent", "unknown").split("/")[0]
