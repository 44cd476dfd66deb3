"""What a cluster is given: templates/manifests with a stack's values, as Kubernetes checks them."""

import json
from pathlib import Path

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator

from provisioner import kubernetes
from provisioner.errors import CheckError
from provisioner.kubernetes import Finding, Step

ALL = ("namespace", "service_account", "role_binding", "gpu_node_pool")
OUTPUTS = {
    "cluster_name": "churn-dev",
    "namespace": "zenml",
    "service_account": "zenml-pipelines",
    "gpu_instance_type": "g5.12xlarge",
    "gpu_max_nodes": "2",
}
OURS = {"app.kubernetes.io/managed-by": "stackwright"}


def steps(*manifests: str, **other: str) -> tuple[Step, ...]:
    return kubernetes.make_target(manifests or ALL, {**OUTPUTS, **other}).steps


def without_gpu() -> dict[str, str]:
    return {k: v for k, v in OUTPUTS.items() if not k.startswith("gpu_")}


def test_the_steps_come_in_the_order_in_which_each_finds_what_it_needs() -> None:
    assert [(s.method, s.path) for s in steps()] == [
        ("PATCH", "/api/v1/namespaces/zenml"),
        ("PATCH", "/api/v1/namespaces/zenml/serviceaccounts/zenml-pipelines"),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/namespaces/zenml/roles/zenml-pipelines"),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/namespaces/zenml/rolebindings/zenml-pipelines"),
        ("PATCH", "/apis/karpenter.sh/v1/nodepools/zenml-gpu"),
    ]


def test_every_step_says_in_words_what_it_makes() -> None:
    assert [s.words for s in steps()] == [
        "namespace zenml: pipelines run in it; privileged pods, and pods that reach for the node's network "
        "or files, are refused there",
        "service account zenml/zenml-pipelines: pods of the stack run as it",
        "role zenml/zenml-pipelines: may start, watch and delete jobs, list pods, read their logs and delete "
        "secrets (not read them), in this namespace only",
        "role binding zenml/zenml-pipelines: gives that role to that service account",
        "node pool zenml-gpu: at most 2 × g5.12xlarge, on demand, for pods that ask for nvidia.com/gpu; "
        "costs nothing without one, gone 5 minutes after the last",
    ]


@pytest.mark.parametrize("version", ["1.30", "1.32", "1.34", "1.37"])
@pytest.mark.parametrize("step", steps("namespace", "service_account", "role_binding"), ids=lambda s: s.kind)
def test_the_published_schema_takes_every_object(step: Step, version: str) -> None:
    assert kubernetes_validate.validate(dict(step.body), version, strict=True) == version


def test_the_schema_would_refuse_a_field_that_kubernetes_does_not_know() -> None:
    body = {**steps()[1].body, "spec": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(body, "1.34", strict=True)


def test_the_namespace_refuses_privileged_pods() -> None:
    assert steps("namespace")[0].body["metadata"] == {
        "name": "zenml",
        "labels": {
            **OURS,
            "pod-security.kubernetes.io/enforce": "baseline",
            "pod-security.kubernetes.io/warn": "baseline",
        },
    }


def test_pipelines_get_what_zenml_calls_and_nothing_else() -> None:
    role, binding = steps("role_binding")
    assert {(r, v) for rule in role.body["rules"] for r in rule["resources"] for v in rule["verbs"]} == {
        *(("jobs", verb) for verb in ("create", "get", "list", "patch", "delete")),
        *(("pods", verb) for verb in ("get", "list")),
        ("pods/log", "get"),
        ("secrets", "delete"),
    }
    assert (binding.body["roleRef"]["name"], binding.body["subjects"]) == (
        "zenml-pipelines",
        [{"kind": "ServiceAccount", "name": "zenml-pipelines", "namespace": "zenml"}],
    )


def test_the_node_pool_is_one_that_karpenter_takes() -> None:
    schema = json.loads((Path(__file__).parent / "node_pool.schema.json").read_text())
    Draft202012Validator(schema).validate(dict(steps("gpu_node_pool")[0].body))


def test_the_node_pool_is_bound_to_the_wanted_machines_and_goes_to_zero() -> None:
    spec = steps("gpu_node_pool")[0].body["spec"]
    assert spec["limits"] == {"nodes": "2", "nvidia.com/gpu": "8"}
    assert spec["template"]["spec"]["requirements"][0]["values"] == ["g5.12xlarge"]
    assert spec["template"]["spec"]["taints"] == [
        {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
    ]
    assert (spec["disruption"]["consolidationPolicy"], spec["disruption"]["consolidateAfter"]) == (
        "WhenEmpty",
        "5m",
    )


def test_a_machine_whose_gpus_nobody_has_counted_is_limited_by_nodes_alone() -> None:
    step = steps("gpu_node_pool", gpu_instance_type="g9z.xlarge")[0]
    assert step.body["spec"]["limits"] == {"nodes": "2"}


@pytest.mark.parametrize(
    ("instance_type", "count"),
    [("g5.xlarge", 1), ("g6e.48xlarge", 8), ("p4d.24xlarge", 8), ("m7i.large", None), ("", None)],
)
def test_gpus_are_counted_by_family_and_size(instance_type: str, count: int | None) -> None:
    assert kubernetes.gpus(instance_type) == count


def test_a_stack_without_gpu_takes_its_earlier_node_pool_away() -> None:
    found = kubernetes.make_target(ALL, without_gpu()).steps[-1]
    assert found == Step(
        method="DELETE",
        path="/apis/karpenter.sh/v1/nodepools/zenml-gpu",
        kind="NodePool",
        body={"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "zenml-gpu"}},
        words="node pool zenml-gpu: the stack has no GPU",
    )
    assert kubernetes.compare(found, None).state == "same"
    assert kubernetes.compare(found, {"kind": "NodePool"}).words == f"remove {found.words}"


def test_a_value_can_neither_add_a_field_nor_leave_its_path() -> None:
    evil = "a\n  labels: {x: y}/../b"
    step = steps("namespace", namespace=evil)[0]
    assert step.body["metadata"]["name"] == evil
    assert set(step.body["metadata"]["labels"]) == {
        *OURS,
        "pod-security.kubernetes.io/enforce",
        "pod-security.kubernetes.io/warn",
    }
    assert step.path == "/api/v1/namespaces/a%0A%20%20labels%3A%20%7Bx%3A%20y%7D%2F..%2Fb"


@pytest.mark.parametrize("key", ["cluster_name", "namespace", "service_account"])
def test_a_missing_output_is_named(key: str) -> None:
    with pytest.raises(CheckError) as caught:
        kubernetes.make_target(ALL, {**OUTPUTS, key: ""})
    assert (caught.value.message, caught.value.field) == (f"the stack has no output {key}", key)


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "default"])
def test_a_namespace_of_kubernetes_itself_is_never_prepared(namespace: str) -> None:
    with pytest.raises(CheckError) as caught:
        steps(namespace=namespace)
    assert (caught.value.message, caught.value.field) == (
        f"namespace {namespace} is Kubernetes' own: pipelines get none of its rights",
        "namespace",
    )


# What is there, compared


def test_nothing_there_is_made() -> None:
    step = steps("namespace")[0]
    assert kubernetes.compare(step, None) == Finding(step=step, state="absent")
    assert kubernetes.compare(step, None).words == f"make {step.words}"


def test_what_the_cluster_adds_of_its_own_is_no_difference() -> None:
    step = steps("gpu_node_pool")[0]
    found = {
        **step.body,
        "metadata": {**step.body["metadata"], "uid": "1", "generation": 4},
        "spec": {**step.body["spec"], "weight": 10, "limits": {"nodes": 2, "nvidia.com/gpu": "8"}},
        "status": {"resources": {}},
    }
    assert kubernetes.compare(step, found).state == "same"


def test_drift_names_each_field() -> None:
    role = steps("role_binding")[0]
    found = {
        **role.body,
        "metadata": {"name": "zenml-pipelines", "namespace": "zenml", "labels": {}},
        "rules": [{**role.body["rules"][0], "verbs": ["*"]}, *role.body["rules"][1:]],
    }
    compared = kubernetes.compare(role, found)
    assert compared.paths == ("metadata.labels.app.kubernetes.io/managed-by", "rules[0].verbs")
    assert compared.words.endswith(
        "(now other: metadata.labels.app.kubernetes.io/managed-by, rules[0].verbs)"
    )


def test_what_is_being_deleted_is_waited_for() -> None:
    step = steps("namespace")[0]
    going = {**step.body, "metadata": {**step.body["metadata"], "deletionTimestamp": "2026-11-21T00:00:00Z"}}
    assert kubernetes.compare(step, going).state == "leaving"


def test_the_rights_that_a_step_needs_are_those_of_its_object() -> None:
    assert [r for s in steps("namespace", "role_binding") for r in kubernetes.reviews(s)][:4] == [
        {"group": "", "resource": "namespaces", "verb": "create"},
        {"group": "", "resource": "namespaces", "verb": "patch"},
        {
            "group": "rbac.authorization.k8s.io",
            "resource": "roles",
            "namespace": "zenml",
            "verb": "create",
        },
        {
            "group": "rbac.authorization.k8s.io",
            "resource": "roles",
            "namespace": "zenml",
            "verb": "patch",
        },
    ]
    gone = kubernetes.make_target(("gpu_node_pool",), without_gpu()).steps[0]
    assert kubernetes.reviews(gone) == [{"group": "karpenter.sh", "resource": "nodepools", "verb": "delete"}]


# Several components on one cluster


def test_components_that_share_a_cluster_prepare_it_once() -> None:
    builder = {**without_gpu(), "service_account": "builder"}
    components = {
        "artifact_store": ("s3", {}),
        "image_builder": ("kaniko", builder),
        "orchestrator": ("eks", OUTPUTS),
        "step_operator": ("eks", without_gpu()),
    }
    (target,) = kubernetes.targets(components)
    assert target.cluster == "churn-dev"
    assert [s.path.rpartition("/")[2] for s in target.steps] == [
        "zenml",
        "builder",
        "zenml-pipelines",
        "zenml-pipelines",
        "zenml-pipelines",
        "zenml-gpu",
    ]


def test_each_cluster_of_a_stack_is_prepared() -> None:
    other = {**without_gpu(), "cluster_name": "other"}
    found = kubernetes.targets({"orchestrator": ("eks", OUTPUTS), "step_operator": ("eks", other)})
    assert [t.cluster for t in found] == ["churn-dev", "other"]


def test_a_stack_without_a_cluster_needs_none() -> None:
    assert kubernetes.targets({"artifact_store": ("s3", {}), "orchestrator": ("local", {})}) == []
