"""The Kubernetes API behind a cluster: who gets in, what they may do, and what it keeps."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import boto3
import pytest

ACCOUNT, REGION = "123456789012", "eu-central-1"
POLICIES = "arn:aws:eks::aws:cluster-access-policy"
APPLY = "application/apply-patch+yaml"
NAMESPACES = "/api/v1/namespaces"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def trust(principal: dict[str, str], *actions: str) -> str:
    row = {"Effect": "Allow", "Principal": principal, "Action": list(actions) or ["sts:AssumeRole"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [row]})


@dataclass
class Ship:
    """One cluster, and callers with what their access entries give."""

    client: Callable[..., Any]
    endpoint: str
    context: ssl.SSLContext

    def enter(self, name: str, policy: str = "", *namespaces: str, groups: tuple[str, ...] = ()) -> str:
        """A role with an access entry; answers a token of a session of it."""
        token, arn = self.stranger(name)
        eks = self.client("eks")
        eks.create_access_entry(clusterName="ship", principalArn=arn, kubernetesGroups=list(groups))
        if policy:
            scope: dict[str, Any] = {"type": "cluster"}
            if namespaces:
                scope = {"type": "namespace", "namespaces": list(namespaces)}
            eks.associate_access_policy(
                clusterName="ship", principalArn=arn, policyArn=f"{POLICIES}/{policy}", accessScope=scope
            )
        return token

    def stranger(self, name: str) -> tuple[str, str]:
        """A role without an access entry: a token of it, and its ARN."""
        iam, sts = self.client("iam"), self.client("sts")
        made = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
        )
        arn = made["Role"]["Arn"]
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
        session = boto3.client(
            "sts",
            region_name=REGION,
            endpoint_url=sts.meta.endpoint_url,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        return token(session), arn

    def ask(
        self,
        by: str,
        method: str,
        path: str,
        body: Any = None,
        kind: str = "application/json",
        **headers: str,
    ) -> tuple[int, Any]:
        """Status and body of one request."""
        data = json.dumps(body).encode() if body is not None else None
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        request = Request(
            f"{self.endpoint}{path}",
            data=data,
            method=method,
            headers={"Authorization": f"Bearer {by}", "Content-Type": kind, **named},
        )
        try:
            with urlopen(request, context=self.context) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            return error.code, json.loads(error.read())

    def apply(
        self, by: str, path: str, body: Any, manager: str = "tests", force: str = ""
    ) -> tuple[int, Any]:
        """Server-side apply."""
        return self.ask(by, "PATCH", f"{path}?fieldManager={manager}{force}", body, APPLY)


def token(sts: Any, header: str = "x-k8s-aws-id", call: str = "get_caller_identity") -> str:
    def name_cluster(request: Any, **_: Any) -> None:
        request.headers[header] = "ship"

    sts.meta.events.register("before-sign.sts.*", name_cluster, unique_id="test")
    url = sts.generate_presigned_url(call, ExpiresIn=60, HttpMethod="GET")
    sts.meta.events.unregister("before-sign.sts.*", unique_id="test")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


@pytest.fixture
def make(client: Any) -> Callable[..., Ship]:
    def cluster(**more: Any) -> Ship:
        ec2, iam, eks = client("ec2"), client("iam"), client("eks")
        subnets = [row["SubnetId"] for row in ec2.describe_subnets()["Subnets"]][:2]
        pilot = trust({"Service": "eks.amazonaws.com"}, "sts:AssumeRole", "sts:TagSession")
        role = iam.create_role(RoleName="pilot", AssumeRolePolicyDocument=pilot)["Role"]["Arn"]
        access = {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
        wanted = {"accessConfig": access, **more}
        eks.create_cluster(name="ship", roleArn=role, resourcesVpcConfig={"subnetIds": subnets}, **wanted)
        found = eks.describe_cluster(name="ship")["cluster"]
        ca = base64.b64decode(found["certificateAuthority"]["data"]).decode()
        return Ship(client, found["endpoint"], ssl.create_default_context(cadata=ca))

    return cluster


@pytest.fixture
def ship(make: Callable[..., Ship]) -> Ship:
    return make()


@pytest.fixture
def admin(ship: Ship) -> str:
    return ship.enter("captain", "AmazonEKSClusterAdminPolicy")


def obj(api: str, kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **where}, **more}


def namespace(name: str) -> dict[str, Any]:
    return obj("v1", "Namespace", name)


def account(name: str, space: str) -> dict[str, Any]:
    return obj("v1", "ServiceAccount", name, space)


def role(name: str, space: str, *verbs: str) -> dict[str, Any]:
    rules = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": list(verbs)}]
    return obj("rbac.authorization.k8s.io/v1", "Role", name, space, rules=rules)


def binding(name: str, space: str, target: str, *subjects: dict[str, str]) -> dict[str, Any]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": target}
    if target in ("edit", "admin", "view"):
        reference["kind"] = "ClusterRole"
    return obj(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        name,
        space,
        roleRef=reference,
        subjects=list(subjects),
    )


UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}


# --- who gets in -----------------------------------------------------------------------------------


def test_whoever_has_no_access_entry_is_unknown(ship: Ship) -> None:
    assert ship.ask(ship.stranger("nobody")[0], "GET", NAMESPACES) == (401, UNAUTHORIZED)


def test_a_token_is_a_fresh_presigned_get_caller_identity_for_a_cluster(
    ship: Ship, client: Any, admin: str
) -> None:
    sts = client("sts")
    arn = f"arn:aws:iam::{ACCOUNT}:user/moto"
    client("eks").create_access_entry(clusterName="ship", principalArn=arn)
    me = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

    def status(by: str) -> int:
        return ship.ask(by, "POST", me, {"spec": {}})[0]

    good = token(sts)
    old = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(good[11:] + "==").replace(b"X-Amz-Date=20", b"X-Amz-Date=19")
    ).decode()
    assert status(good) == 201
    assert status(f"k8s-aws-v1.{old}") == 401
    assert status(token(sts, header="x-other")) == 401
    assert status(token(sts, call="get_session_token")) == 401
    assert status(good.removeprefix("k8s-aws-v1.")) == 401
    assert status("k8s-aws-v1.%%%") == 401
    assert status("") == 401


def test_a_role_session_is_known_by_its_entrys_user_name(ship: Ship) -> None:
    by = ship.enter("sailor", groups=("crew",))
    _, answer = ship.ask(by, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {"spec": {}})
    assert answer["status"]["userInfo"] == {
        "username": f"arn:aws:sts::{ACCOUNT}:assumed-role/sailor/me",
        "groups": ["system:authenticated", "crew"],
    }


def test_the_creator_administers_unless_told_otherwise(make: Callable[..., Ship], client: Any) -> None:
    ship = make(accessConfig={"authenticationMode": "API"})
    assert ship.ask(token(client("sts")), "GET", NAMESPACES)[0] == 200


def test_another_authority_is_not_trusted(ship: Ship) -> None:
    ship.context = ssl.create_default_context()
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        ship.ask("x", "GET", "/version")


def test_a_deleted_cluster_answers_no_more(ship: Ship, admin: str, client: Any) -> None:
    client("eks").delete_cluster(name="ship")
    with pytest.raises(OSError, match=r"refused|reset|EOF|closed"):
        for _ in range(200):
            ship.ask(admin, "GET", "/version")


# --- what is kept ----------------------------------------------------------------------------------


def test_objects_are_applied_read_listed_and_deleted(ship: Ship, admin: str) -> None:
    path = f"{NAMESPACES}/zenml"
    assert ship.ask(admin, "GET", path)[0] == 404
    made, found = ship.apply(admin, path, namespace("zenml"))
    assert (made, found["status"]["phase"]) == (201, "Active")
    again, same = ship.apply(admin, path, namespace("zenml"))
    assert (again, same["metadata"]["resourceVersion"]) == (200, found["metadata"]["resourceVersion"])
    assert ship.ask(admin, "POST", f"{path}/serviceaccounts", account("jobs", "zenml"))[0] == 201
    _, accounts = ship.ask(admin, "GET", f"{path}/serviceaccounts")
    assert [row["metadata"]["name"] for row in accounts["items"]] == ["default", "jobs"]
    assert ship.ask(admin, "DELETE", path)[1]["status"] == "Success"
    assert ship.ask(admin, "GET", f"{path}/serviceaccounts/jobs")[0] == 404


def test_nothing_is_made_in_a_namespace_that_is_not_there(ship: Ship, admin: str) -> None:
    status, answer = ship.apply(admin, f"{NAMESPACES}/zenml/serviceaccounts/jobs", account("jobs", "zenml"))
    assert (status, answer["reason"], answer["message"]) == (404, "NotFound", 'namespaces "zenml" not found')


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (f"{NAMESPACES}/Bad_Name", namespace("Bad_Name"), 422, "lowercase RFC 1123"),
        (f"{NAMESPACES}/one", namespace("two"), 400, "does not match the name on the URL"),
        (f"{NAMESPACES}/one", account("one", "default"), 400, "does not match the expected"),
        (
            f"{NAMESPACES}/default/serviceaccounts/x",
            account("x", "kube-system"),
            400,
            "namespace of the provided object",
        ),
        (
            "/apis/karpenter.sh/v1/nodepools/gpu",
            obj("karpenter.sh/v1", "NodePool", "gpu"),
            404,
            "could not find",
        ),
        ("/apis/no.such/v1/things/x", {}, 404, "could not find the requested resource"),
    ],
)
def test_what_cannot_be_is_refused(
    ship: Ship, admin: str, path: str, body: Any, status: int, words: str
) -> None:
    got, answer = ship.apply(admin, path, body)
    assert (got, answer["kind"]) == (status, "Status")
    assert words in answer["message"]


def test_apply_needs_a_manager(ship: Ship, admin: str) -> None:
    status, answer = ship.ask(admin, "PATCH", f"{NAMESPACES}/zenml", namespace("zenml"), APPLY)
    assert (status, "fieldManager" in answer["message"]) == (422, True)


def test_two_who_set_the_same_field_are_in_conflict(ship: Ship, admin: str) -> None:
    path = f"{NAMESPACES}/zenml"

    def labelled(value: str) -> dict[str, Any]:
        made = namespace("zenml")
        made["metadata"]["labels"] = {"level": value}
        return made

    ship.apply(admin, path, labelled("high"))
    status, answer = ship.apply(admin, path, labelled("low"), "others")
    assert (status, answer["reason"], answer["details"]["causes"]) == (
        409,
        "Conflict",
        [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "tests"',
                "field": ".metadata.labels.level",
            }
        ],
    )
    assert ship.apply(admin, path, labelled("high"), "others")[0] == 200
    _, forced = ship.apply(admin, path, labelled("low"), "others", "&force=true")
    assert forced["metadata"]["labels"]["level"] == "low"
    # What its last owner no longer wants is gone.
    _, left = ship.apply(admin, path, namespace("zenml"), "others")
    assert "level" not in left["metadata"]["labels"]


def test_a_merge_patch_takes_fields_away(ship: Ship, admin: str) -> None:
    path = f"{NAMESPACES}/zenml"
    ship.apply(admin, path, namespace("zenml"))
    kind = "application/merge-patch+json"
    _, more = ship.ask(admin, "PATCH", path, {"metadata": {"labels": {"a": "b"}}}, kind)
    assert more["metadata"]["labels"]["a"] == "b"
    _, less = ship.ask(admin, "PATCH", path, {"metadata": {"labels": {"a": None}}}, kind)
    assert "a" not in less["metadata"]["labels"]


def test_clients_find_out_what_there_is(ship: Ship, admin: str) -> None:
    assert ship.ask(admin, "GET", "/api")[1]["versions"] == ["v1"]
    groups = {row["name"] for row in ship.ask(admin, "GET", "/apis")[1]["groups"]}
    assert {"batch", "rbac.authorization.k8s.io"} <= groups
    assert "karpenter.sh" not in groups
    kinds = {row["name"] for row in ship.ask(admin, "GET", RBAC)[1]["resources"]}
    assert kinds == {"roles", "rolebindings", "clusterroles", "clusterrolebindings"}


def test_auto_mode_has_node_pools(make: Callable[..., Ship], client: Any) -> None:
    nodes = client("iam").create_role(
        RoleName="crew", AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"})
    )
    ship = make(
        computeConfig={"enabled": True, "nodePools": ["system"], "nodeRoleArn": nodes["Role"]["Arn"]},
        kubernetesNetworkConfig={"elasticLoadBalancing": {"enabled": True}},
        storageConfig={"blockStorage": {"enabled": True}},
    )
    admin = ship.enter("captain", "AmazonEKSClusterAdminPolicy")
    path = "/apis/karpenter.sh/v1/nodepools/gpu"
    node_class = {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"}
    inside = {"template": {"spec": {"nodeClassRef": node_class, "requirements": []}}}
    pool = obj("karpenter.sh/v1", "NodePool", "gpu", spec=inside)
    assert ship.apply(admin, path, pool)[0] == 201
    assert ship.apply(admin, path, obj("karpenter.sh/v1", "NodePool", "gpu"))[0] == 422
    (found,) = ship.ask(admin, "GET", "/apis/eks.amazonaws.com/v1/nodeclasses")[1]["items"]
    assert found["metadata"]["name"] == "default"
    assert ship.ask(admin, "DELETE", path)[0] == 200


# --- what they may do ------------------------------------------------------------------------------


def test_an_editor_works_in_its_namespaces_only(ship: Ship, admin: str) -> None:
    for name in ("zenml", "other"):
        ship.apply(admin, f"{NAMESPACES}/{name}", namespace(name))
    by = ship.enter("editor", "AmazonEKSEditPolicy", "zenml")
    inside = f"{NAMESPACES}/zenml/serviceaccounts"
    assert ship.apply(by, f"{inside}/jobs", account("jobs", "zenml"))[0] == 201
    assert ship.ask(by, "GET", f"{NAMESPACES}/zenml")[0] == 200
    status, answer = ship.ask(by, "GET", f"{NAMESPACES}/other/serviceaccounts")
    assert (status, answer["message"]) == (
        403,
        f'serviceaccounts is forbidden: User "arn:aws:sts::{ACCOUNT}:assumed-role/editor/me" cannot list '
        'resource "serviceaccounts" in API group "" in the namespace "other"',
    )
    assert ship.apply(by, f"{NAMESPACES}/third", namespace("third"))[0] == 403
    bound = binding("b", "zenml", "edit", {"kind": "Group", "name": "x"})
    assert ship.apply(by, f"{RBAC}/namespaces/zenml/rolebindings/b", bound)[0] == 403


def test_an_admin_by_policy_reads_roles_but_gives_none_away(ship: Ship, admin: str) -> None:
    ship.apply(admin, f"{NAMESPACES}/zenml", namespace("zenml"))
    by = ship.enter("mate", "AmazonEKSAdminPolicy", "zenml")
    bindings = f"{RBAC}/namespaces/zenml/rolebindings"
    assert ship.ask(by, "GET", bindings)[0] == 200
    wanted = binding("b", "zenml", "edit", {"kind": "Group", "name": "x"})
    status, answer = ship.apply(by, f"{bindings}/b", wanted)
    assert (status, answer["reason"]) == (403, "Forbidden")
    assert "is attempting to grant RBAC permissions not currently held" in answer["message"]
    assert ship.apply(admin, f"{bindings}/b", wanted)[0] == 201


def test_a_viewer_changes_nothing_and_sees_no_secrets(ship: Ship) -> None:
    by = ship.enter("guest", "AmazonEKSViewPolicy")
    assert ship.ask(by, "GET", f"{NAMESPACES}/default/configmaps")[0] == 200
    assert ship.ask(by, "GET", f"{NAMESPACES}/default/secrets")[0] == 403
    assert ship.apply(by, f"{NAMESPACES}/zenml", namespace("zenml"))[0] == 403


def test_groups_and_service_accounts_have_what_their_roles_give(ship: Ship, admin: str) -> None:
    ship.apply(admin, f"{NAMESPACES}/zenml", namespace("zenml"))
    inside = f"{RBAC}/namespaces/zenml"
    who = (
        {"kind": "ServiceAccount", "name": "jobs", "namespace": "zenml"},
        {"kind": "Group", "name": "crew"},
    )
    ship.apply(admin, f"{inside}/roles/jobs", role("jobs", "zenml", "create", "get"))
    ship.apply(admin, f"{inside}/rolebindings/jobs", binding("jobs", "zenml", "jobs", *who))
    review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    def may(by: str, verb: str, **headers: str) -> bool:
        asked = {"group": "batch", "resource": "jobs", "verb": verb, "namespace": "zenml"}
        body = {"spec": {"resourceAttributes": asked}}
        return bool(ship.ask(by, "POST", review, body, **headers)[1]["status"]["allowed"])

    sailor = ship.enter("sailor", groups=("crew",))
    jobs = {"Impersonate_User": "system:serviceaccount:zenml:jobs"}
    other = {"Impersonate_User": "system:serviceaccount:zenml:other"}
    assert (may(sailor, "create"), may(sailor, "delete")) == (True, False)
    assert (may(admin, "create", **jobs), may(admin, "delete", **jobs)) == (True, False)
    assert may(admin, "create", **other) is False
    # Only who may impersonate does.
    assert ship.ask(sailor, "GET", NAMESPACES, Impersonate_User="system:serviceaccount:zenml:jobs")[0] == 403


def test_a_binding_keeps_its_role(ship: Ship, admin: str) -> None:
    path = f"{RBAC}/namespaces/default/rolebindings/b"
    ship.apply(admin, path, binding("b", "default", "view"))
    status, answer = ship.apply(admin, path, binding("b", "default", "edit"))
    assert (status, "cannot change roleRef" in answer["message"]) == (422, True)


def test_an_entry_that_is_taken_away_counts_at_once(ship: Ship, client: Any) -> None:
    by = ship.enter("guest", "AmazonEKSViewPolicy")
    eks, arn = client("eks"), f"arn:aws:iam::{ACCOUNT}:role/guest"
    assert ship.ask(by, "GET", NAMESPACES)[0] == 200
    eks.disassociate_access_policy(
        clusterName="ship", principalArn=arn, policyArn=f"{POLICIES}/AmazonEKSViewPolicy"
    )
    assert ship.ask(by, "GET", NAMESPACES)[0] == 403
    eks.delete_access_entry(clusterName="ship", principalArn=quote(arn, safe=":/"))
    assert ship.ask(by, "GET", NAMESPACES)[0] == 401
