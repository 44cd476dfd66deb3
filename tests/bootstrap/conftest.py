"""A cluster to bootstrap: an https Kubernetes API that checks requests as Kubernetes does, and its EKS."""

import base64
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jsonschema import Draft202012Validator, ValidationError
from kubernetes_validate import utils

from provisioner.aws.clusters import Cluster, Entry
from provisioner.aws.kubernetes import Api
from provisioner.bootstrap import Doors
from provisioner.kubernetes import Target, make_target

VERSION = "1.34"
NAME = "churn-dev"
CALLER = "arn:aws:sts::123456789012:assumed-role/Admin/me"
ROLE = "arn:aws:iam::123456789012:role/ops/Admin"
CLUSTER_ARN = f"arn:aws:eks:eu-central-1:123456789012:cluster/{NAME}"
OUTPUTS = {
    "cluster_name": NAME,
    "namespace": "zenml",
    "service_account": "zenml",
    "gpu_instance_type": "g5.xlarge",
    "gpu_max_nodes": "2",
}
# Megabytes that are read and parsed anew for each object that somebody applies.
utils.schema_contents = cache(utils.schema_contents)
NODE_POOL = Draft202012Validator(json.loads((Path(__file__).parent / "node_pool.schema.json").read_text()))
COLLECTIONS = {
    "namespaces": "Namespace",
    "serviceaccounts": "ServiceAccount",
    "roles": "Role",
    "rolebindings": "RoleBinding",
    "nodepools": "NodePool",
}


def authority(name: str) -> tuple[Any, Any]:
    """A self-signed authority as EKS makes it: without key identifiers."""
    return _certificate(name, None)


def _certificate(name: str, issuer: tuple[Any, Any] | None) -> tuple[Any, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer, signed_by = (issuer[1], issuer[0].subject) if issuer else (key, subject)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    return made.sign(signer, hashes.SHA256()), key


def pem(certificate: Any) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Server:
    """The API server's memory: objects by path, who set them, and what it was asked."""

    entries: dict[str, dict[str, Any]]
    objects: dict[str, Any] = field(default_factory=dict)
    managers: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    # (method, what the path ends in) -> status and message, or raw text, instead of an answer.
    broken: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    webhook: Callable[[Any], None] = lambda body: None
    endpoint: str = ""

    def answer(self, method: str, url: str, headers: Any, raw: bytes) -> tuple[int, Any]:
        parts = urlsplit(url)
        for (verb, end), answer in self.broken.items():
            if verb == method and parts.path.endswith(end):
                return answer
        who = headers.get("Authorization", "").removeprefix("Bearer ")
        if who not in self.entries:
            return 401, "Unauthorized"
        body = json.loads(raw) if raw else None
        if parts.path.endswith("/selfsubjectaccessreviews"):
            return self._review(who, body, headers.get("Impersonate-User", ""))
        if not self._is_admin(who):
            return 403, f'User "{who}" cannot {method.lower()} {parts.path}'
        if method == "PATCH":
            return self._apply(parts.path, parse_qs(parts.query), headers.get("Content-Type"), body)
        if parts.path not in self.objects:
            return 404, f"{parts.path} not found"
        found = self.objects.pop(parts.path) if method == "DELETE" else self.objects[parts.path]
        return 200, found

    def _is_admin(self, who: str) -> bool:
        return bool(self.entries[who]["admin"])

    def _review(self, who: str, body: Any, impersonated: str) -> tuple[int, Any]:
        kubernetes_validate.validate(body, VERSION, strict=True)
        allowed = f"system:serviceaccount:zenml:{impersonated.rpartition(':')[2]}" == impersonated
        bound = any(path.endswith("/rolebindings/zenml") for path in self.objects)
        return 201, body | {"status": {"allowed": bound if allowed else self._is_admin(who)}}

    def _apply(self, path: str, query: Any, content: str, body: Any) -> tuple[int, Any]:
        if content != "application/apply-patch+yaml" or not query.get("fieldManager"):
            return 415, "not a server-side apply"
        collection, name = path.split("/")[-2:]
        if (body["kind"], body["metadata"]["name"]) != (COLLECTIONS[collection], name):
            return 400, "the object is not the one of the path"
        try:
            check(body)
        except (ValidationError, kubernetes_validate.ValidationError) as error:
            return 400, error.message
        namespace = body["metadata"].get("namespace")
        if namespace and f"/api/v1/namespaces/{namespace}" not in self.objects:
            return 404, f'namespaces "{namespace}" not found'
        found = self.objects.get(path, {})
        if found.get("roleRef", body.get("roleRef")) != body.get("roleRef"):
            return 422, "roleRef: cannot change roleRef"
        if path in self.managers and "force" not in query:
            return 409, self._conflict(name, self.managers[path])
        self.webhook(body)
        self.objects[path] = body
        return (200 if found else 201), body

    def _conflict(self, name: str, managers: dict[str, str]) -> Any:
        causes = [
            {"reason": "FieldManagerConflict", "field": key, "message": f'conflict with "{manager}" using v1'}
            for key, manager in managers.items()
        ]
        return {"message": "Apply failed", "details": {"name": name, "causes": causes}}


def check(body: Any) -> None:
    if body["kind"] == "NodePool":
        NODE_POOL.validate(body)
    else:
        kubernetes_validate.validate(body, VERSION, strict=True)


class Handler(BaseHTTPRequestHandler):
    server_memory: Server
    protocol_version = "HTTP/1.1"
    # Headers and body go out apart: without this the body waits 40 ms for the headers' receipt.
    disable_nagle_algorithm = True

    def _do(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, value = self.server_memory.answer(self.command, self.path, self.headers, raw)
        if not self.path.endswith("reviews"):
            self.server_memory.asked.append((self.command, urlsplit(self.path).path, status))
        if isinstance(value, bytes):
            sent = value
        elif status >= 400:
            more = value if isinstance(value, dict) else {"message": value}
            sent = json.dumps({"kind": "Status", "status": "Failure", "code": status, **more}).encode()
        else:
            sent = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_PATCH = do_POST = do_DELETE = _do  # noqa: N815 - names of http.server

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """The cluster's authority, another one of the same name, and the server's own certificate."""
    own, other = authority("kubernetes"), authority("kubernetes")
    leaf, key = _certificate("kube-apiserver", own)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = tmp_path_factory.mktemp("tls") / "server.pem"
    chain.write_bytes(private + pem(leaf).encode())
    return pem(own[0]), pem(other[0]), chain


@dataclass
class Eks:
    """EKS's part: one cluster and its access entries, which the API server believes at once."""

    server: Server
    ca: str
    authentication: str = "API"
    public: bool = True
    status: str = "ACTIVE"
    called: list[str] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    # How many more times a new right is not known to the cluster yet.
    late: int = 0

    def describe(self, name: str) -> Cluster:
        self._call("describe")
        return Cluster(
            name=name,
            arn=CLUSTER_ARN,
            status=self.status,
            endpoint=self.server.endpoint,
            ca=self.ca,
            public=self.public,
            public_cidrs=("198.51.100.7/32",),
            authentication=self.authentication,
        )

    def principal(self, caller_arn: str) -> str:
        return ROLE

    def entry(self, cluster: str, principal: str) -> Entry | None:
        self._call("entry")
        held = self.server.entries.get(principal)
        return Entry(arn=principal, is_admin=held["granted"], tags=held["tags"]) if held else None

    def enter(self, cluster: str, principal: str) -> None:
        self._call("enter")
        tags = {"stackwright:bootstrap": "entry"}
        self.server.entries.setdefault(principal, {"admin": False, "granted": False, "tags": tags})

    def mark(self, entry: Entry) -> None:
        self._call("mark")
        self.server.entries[entry.arn]["tags"] = {"stackwright:bootstrap": "policy"}

    def unmark(self, entry: Entry) -> None:
        self._call("unmark")
        self.server.entries[entry.arn]["tags"] = {}

    def grant(self, cluster: str, principal: str) -> None:
        self._call("grant")
        self.server.entries[principal].update(granted=True, admin=self.late == 0)

    def revoke(self, cluster: str, principal: str) -> None:
        self._call("revoke")
        self.server.entries[principal].update(granted=False, admin=False)

    def remove(self, cluster: str, principal: str) -> None:
        self._call("remove")
        self.server.entries.pop(principal, None)

    def token(self, cluster: str) -> str:
        return ROLE

    def pause(self) -> None:
        """Time passes: rights come into force."""
        self.late = max(0, self.late - 1)
        if not self.late:
            for held in self.server.entries.values():
                held["admin"] = held["granted"]

    def _call(self, name: str) -> None:
        from provisioner.errors import RefusedError

        self.called.append(name)
        if name in self.denied:
            raise RefusedError(f"{name} was denied", code="AccessDeniedException")


@dataclass
class Bed:
    """A cluster, its EKS, and the doors to both."""

    server: Server
    eks: Eks

    @property
    def doors(self) -> Doors:
        return Doors(
            caller_arn=CALLER,
            clusters=self.eks,  # type: ignore[arg-type]  # a stand-in
            open_api=self.open_api,
            pauses=(self.eks.pause, self.eks.pause),
        )

    def open_api(self, cluster: Cluster) -> Api:
        return Api(cluster, lambda: ROLE)

    def api(self) -> Api:
        return self.open_api(self.eks.describe(NAME))

    def let_in(self, *, admin: bool = True, tags: dict[str, str] | None = None) -> None:
        self.server.entries[ROLE] = {"admin": admin, "granted": admin, "tags": tags or {}}

    def target(self, **other: str) -> Target:
        manifests = ("namespace", "service_account", "role_binding", "gpu_node_pool")
        return make_target(manifests, {k: v for k, v in {**OUTPUTS, **other}.items() if v})

    def wrote(self) -> list[tuple[str, str]]:
        return [(m, p.rpartition("/")[2]) for m, p, s in self.server.asked if m != "GET" and s < 300]


@pytest.fixture
def bed(authorities: tuple[str, str, Path]) -> Iterator[Bed]:
    memory = Server(entries={})
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"server_memory": memory}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authorities[2])
    http.socket = context.wrap_socket(http.socket, server_side=True)
    memory.endpoint = f"https://127.0.0.1:{http.server_address[1]}"
    Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield Bed(server=memory, eks=Eks(server=memory, ca=authorities[0]))
    http.shutdown()
    http.server_close()


def decoded(token: str) -> str:
    """The URL in a token of EKS's form."""
    text = token.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
