"""The Kubernetes door: what is sent, whom it trusts, and what each refusal tells the user to do."""

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from provisioner.aws.kubernetes import Api
from provisioner.errors import RefusedError

ROLE = "arn:aws:iam::123456789012:role/ops/Admin"
NAMESPACE = "/api/v1/namespaces/zenml"


def refused(act: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(RefusedError) as caught:
        act()
    return caught.value.code, caught.value.message, caught.value.hint


def test_what_is_absent_is_none_and_what_is_there_is_read(bed: Any) -> None:
    bed.let_in()
    api = bed.api()
    assert api.get(NAMESPACE) is None
    bed.server.objects[NAMESPACE] = {"kind": "Namespace"}
    assert api.get(NAMESPACE) == {"kind": "Namespace"}


def test_deleting_twice_is_the_same(bed: Any) -> None:
    bed.let_in()
    bed.server.objects[NAMESPACE] = {"kind": "Namespace"}
    api = bed.api()
    api.delete(NAMESPACE)
    api.delete(NAMESPACE)
    assert bed.server.objects == {}


def test_rights_are_asked_for_as_the_caller_and_as_a_service_account(bed: Any) -> None:
    bed.let_in(admin=False)
    api = bed.api()
    right = {"group": "batch", "resource": "jobs", "verb": "create", "namespace": "zenml"}
    assert (api.allows(right), api.allows(right, as_account="zenml:zenml")) == (False, False)
    bed.server.objects["/x/rolebindings/zenml"] = {}
    assert api.allows(right, as_account="zenml:zenml") is True


def test_nobody_without_an_access_entry_is_known(bed: Any) -> None:
    code, message, hint = refused(lambda: bed.api().get(NAMESPACE))
    assert (code, message) == ("Unauthorized", "cluster churn-dev: Unauthorized")
    assert "its administrator must make one" in hint


def test_an_entry_that_allows_too_little_is_told_in_kubernetes_words(bed: Any) -> None:
    bed.let_in(admin=False)
    code, message, _ = refused(lambda: bed.api().delete(NAMESPACE))
    assert (code, message) == (
        "Forbidden",
        f'cluster churn-dev: User "{ROLE}" cannot delete /api/v1/namespaces/zenml',
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "Refused"),
        (404, "NotFound"),
        (422, "Invalid"),
        (429, "Throttled"),
        (500, "Unavailable"),
        (503, "Unavailable"),
    ],
)
def test_other_refusals_have_their_own_code(bed: Any, status: int, code: str) -> None:
    bed.server.broken["PATCH", "/zenml"] = (status, "no")
    assert refused(lambda: bed.api().apply(NAMESPACE, {}))[:2] == (code, "cluster churn-dev: no")


def test_a_node_pool_without_auto_mode_says_so(bed: Any) -> None:
    bed.server.broken["PATCH", "/zenml-gpu"] = (404, "the server could not find the requested resource")
    hint = refused(lambda: bed.api().apply("/apis/karpenter.sh/v1/nodepools/zenml-gpu", {}))[2]
    assert "GPU node pools need EKS Auto Mode" in hint


def test_an_object_that_kubernetes_does_not_know_is_refused_by_the_published_schema(bed: Any) -> None:
    bed.let_in()
    step = bed.target().steps[0]
    wrong = {**step.body, "metadata": {**step.body["metadata"], "label": {}}}
    assert refused(lambda: bed.api().apply(step.path, wrong))[0] == "Refused"
    assert bed.server.objects == {}


def test_a_cluster_that_answers_nobody_here_names_who_it_answers(bed: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = replace(bed.eks.describe("churn-dev"), endpoint=f"https://127.0.0.1:{port}")
    code, message, hint = refused(lambda: Api(cluster, lambda: ROLE).get(NAMESPACE))
    assert (code, message.partition(": ")[0]) == (
        "Unreachable",
        "cluster churn-dev cannot be reached from here",
    )
    assert hint.startswith("it answers 198.51.100.7/32 only: is your address among them?")
    private = replace(cluster, public=False)
    assert refused(lambda: Api(private, lambda: ROLE).get(NAMESPACE))[2] == (
        "its endpoint is private: run the same command inside its VPC"
    )


def test_a_certificate_of_another_authority_is_not_the_cluster(bed: Any, authorities: Any) -> None:
    bed.let_in()
    cluster = replace(bed.eks.describe("churn-dev"), ca=authorities[1])
    code, message, hint = refused(lambda: Api(cluster, lambda: ROLE).get(NAMESPACE))
    assert (code, bed.server.asked) == ("Untrusted", [])
    assert message == (
        "what answers at 127.0.0.1 is not cluster churn-dev: its certificate is not of the cluster's own "
        "authority"
    )
    assert "NO_PROXY" in hint


def test_a_certificate_for_another_host_is_not_the_cluster(bed: Any) -> None:
    bed.let_in()
    port = bed.server.endpoint.rpartition(":")[2]
    cluster = replace(bed.eks.describe("churn-dev"), endpoint=f"https://localhost:{port}")
    assert refused(lambda: Api(cluster, lambda: ROLE).get(NAMESPACE))[0] == "Untrusted"


def test_an_unreadable_authority_is_told_before_anything_is_sent(bed: Any) -> None:
    cluster = replace(bed.eks.describe("churn-dev"), ca="nothing")
    assert refused(lambda: Api(cluster, lambda: ROLE))[:2] == (
        "Untrusted",
        "the certificate authority of cluster churn-dev cannot be read",
    )


def test_a_proxys_page_is_not_an_answer(bed: Any) -> None:
    bed.server.broken["GET", "/zenml"] = (200, b"<html>sign in</html>")
    assert refused(lambda: bed.api().get(NAMESPACE))[0] == "Unreadable"


def test_the_token_goes_only_where_the_cluster_is(bed: Any) -> None:
    bed.let_in()
    bed.server.broken["GET", "/zenml"] = (302, {"message": "moved"})
    assert refused(lambda: bed.api().get(NAMESPACE))[0] == "Refused"


def test_no_error_shows_the_token(bed: Any) -> None:
    secret = "k8s-aws-v1.c2VjcmV0"
    cluster = bed.eks.describe("churn-dev")
    for status in (401, 403, 409, 500):
        bed.server.broken["GET", "/zenml"] = (status, "no")
        assert secret not in " ".join(refused(lambda: Api(cluster, lambda: secret).get(NAMESPACE)))
