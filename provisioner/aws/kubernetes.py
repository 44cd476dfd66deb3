"""Door to a cluster's Kubernetes API: few requests by httpx, and errors that say what to do."""

import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from provisioner import __version__
from provisioner.aws.clusters import Cluster
from provisioner.errors import RefusedError
from provisioner.kubernetes import FIELD_MANAGER

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS, _READ_SECONDS = 5.0, 30.0
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

# Status -> our code, and what to do. The message is Kubernetes' own.
_REFUSALS = {
    401: (
        "Unauthorized",
        "the cluster knows no access entry for this caller: its administrator must make one",
    ),
    403: ("Forbidden", "the caller's access entry does not allow this: somebody who administers it must"),
    404: ("NotFound", "the cluster does not know this kind of object; GPU node pools need EKS Auto Mode"),
    409: (
        "Conflict",
        "put the field back, or leave it and make stack.yaml say the same; nothing is overwritten",
    ),
    422: (
        "Invalid",
        "an object of this name is there and cannot be changed so: delete it, then run this again",
    ),
    429: ("Throttled", "run the same command again"),
}
_REFUSED = ("Refused", "Kubernetes does not take this; `aws eks describe-cluster` says its version")
_LATER = ("Unavailable", "run the same command again; `aws eks describe-cluster` says how the cluster is")


class Api:
    """One cluster's API as one caller; raises only RefusedError."""

    def __init__(self, cluster: Cluster, token: Callable[[], str]) -> None:
        import httpx

        self._cluster = cluster
        self._token = token
        self._client = httpx.Client(
            base_url=cluster.endpoint,
            verify=_trusting(cluster),
            timeout=httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS),
            headers={"Accept": "application/json", "User-Agent": f"stackwright/{__version__}"},
        )

    def get(self, path: str) -> Mapping[str, Any] | None:
        """An object, or None where there is none."""
        try:
            return self._answer("GET", path)
        except RefusedError as error:
            if error.code == "NotFound":
                return None
            raise

    def apply(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Server-side apply: makes or changes an object, and overwrites no field that somebody else set."""
        return self._answer(
            "PATCH",
            path,
            body,
            params={"fieldManager": FIELD_MANAGER},
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    def delete(self, path: str) -> None:
        """One that is gone already is the same."""
        try:
            self._answer("DELETE", path)
        except RefusedError as error:
            if error.code != "NotFound":
                raise

    def allows(self, attributes: Mapping[str, str], *, as_account: str = "") -> bool:
        """Whether the caller, or a service account in its place (NAMESPACE:NAME), may do this."""
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": dict(attributes)},
        }
        headers = {"Impersonate-User": f"system:serviceaccount:{as_account}"} if as_account else {}
        return bool(self._answer("POST", _REVIEW, review, headers=headers)["status"]["allowed"])

    def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        import httpx

        signed = {**(headers or {}), "Authorization": f"Bearer {self._token()}"}
        try:
            answer = self._client.request(method, path, json=body, params=params, headers=signed)
        except httpx.HTTPError as error:
            raise self._unheard(error) from error
        try:
            value = answer.json()
        except ValueError:
            value = None
        if not answer.is_success:
            raise self._refused(answer, value if isinstance(value, Mapping) else {})
        if not isinstance(value, Mapping):
            raise RefusedError(
                f"what answers at {self._host} does not speak Kubernetes",
                hint="a proxy may answer in its place: check NO_PROXY",
                code="Unreadable",
            )
        return value

    @property
    def _host(self) -> str:
        return urlsplit(self._cluster.endpoint).hostname or self._cluster.endpoint

    def _refused(self, answer: "httpx.Response", status: Mapping[str, Any]) -> RefusedError:
        code, hint = _REFUSALS.get(answer.status_code, _LATER if answer.status_code >= 500 else _REFUSED)
        said = str(status.get("message") or f"HTTP {answer.status_code}")[:400]
        conflicts = _conflicts(status) if code == "Conflict" else ""
        return RefusedError(
            f"cluster {self._cluster.name}: {conflicts or said}",
            hint=hint,
            code=code,
        )

    def _unheard(self, error: "httpx.HTTPError") -> RefusedError:
        if _is_distrust(error):
            return RefusedError(
                f"what answers at {self._host} is not cluster {self._cluster.name}: "
                "its certificate is not of the cluster's own authority",
                hint="a proxy may answer in its place: add the host to NO_PROXY",
                code="Untrusted",
            )
        why = str(error) or "no answer"
        return RefusedError(
            f"cluster {self._cluster.name} cannot be reached from here: {self._host}: {why}",
            hint=_way_in(self._cluster),
            code="Unreachable",
        )


def _trusting(cluster: Cluster) -> ssl.SSLContext:
    """Trusts the cluster's own authority and nobody else."""
    try:
        context = ssl.create_default_context(cadata=cluster.ca)
    except ssl.SSLError as error:
        raise RefusedError(
            f"the certificate authority of cluster {cluster.name} cannot be read", code="Untrusted"
        ) from error
    # Python 3.13 asks for a key identifier, which EKS's authority lacks:
    # https://github.com/kubernetes-client/python/issues/2394
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _is_distrust(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _way_in(cluster: Cluster) -> str:
    if not cluster.public:
        return "its endpoint is private: run the same command inside its VPC"
    allowed = ", ".join(cluster.public_cidrs)
    return (
        f"it answers {allowed} only: is your address among them? If not, add it to public_access_cidrs in "
        "stack.yaml and `stackwright deploy`, or run the same command from there"
    )


def _conflicts(status: Mapping[str, Any]) -> str:
    """Kubernetes' conflict in words: which field, and who set it."""
    causes = [
        f"{cause.get('field', '')} ({cause.get('message', '')})"
        for cause in status.get("details", {}).get("causes", [])
        if cause.get("reason") == "FieldManagerConflict"
    ]
    name = status.get("details", {}).get("name", "")
    return f"{name}: somebody else set {', '.join(causes)}" if causes else ""
