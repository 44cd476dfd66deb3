"""An eks stack from deploy to doctor by the command line, on the emulator's EKS and its Kubernetes APIs."""

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

NAME = "churn-dev"
GPU = {"instance_type": "g5.xlarge", "max_nodes": 2}
Make = Callable[..., Any]
DIES_WHILE_APPLYING = f"""
import os, signal
from provisioner.aws.kubernetes import Api
from provisioner.cli import run
Api.apply = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run(["finish", "{NAME}", "--yes"])
"""


@pytest.fixture
def deploy(world: Any) -> Make:
    """An eks stack, made but not finished."""

    def make(**options: Any) -> Any:
        wanted = {"flavor": "eks", "options": {"public_access_cidrs": ["198.51.100.7/32"], **options}}
        components = {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": wanted}
        return world.deploy(world.spec(components=components))

    return make


def entries(world: Any, state: Any) -> list[str]:
    """Who has an access entry, by the last part of the ARN."""
    eks = world.cloud.session.client("eks").raw
    name = state.outputs["OrchestratorClusterName"]
    return sorted(a.rpartition("/")[2] for a in eks.list_access_entries(clusterName=name)["accessEntries"])


def statuses(world: Any) -> tuple[str, list[str], str]:
    return world.registry.stack(NAME).status, world.statuses(), world.registry.active()


def checks(ran: Any) -> dict[str, bool | None]:
    return {c["id"]: c["ok"] for c in ran.json["checks"]}


def test_a_stack_needs_bootstrap_until_finish_has_prepared_its_cluster(
    world: Any, cli: Any, deploy: Make
) -> None:
    state = deploy(gpu=GPU)
    before = entries(world, state)
    left = cli("finish", NAME, "--no-bootstrap", "--json")
    assert (left.code, left.json["status"]) == (0, "needs_bootstrap")
    assert left.err == f"Pipelines cannot run yet. Next: `stackwright finish {NAME}`.\n"
    assert statuses(world) == ("needs_bootstrap", ["needs_bootstrap"], "")
    refused = cli("stack", "set", NAME)
    assert (refused.code, f"`stackwright finish {NAME}`" in refused.err) == (3, True)

    asked = cli("finish", NAME)
    assert (asked.code, statuses(world)[0], entries(world, state)) == (2, "needs_bootstrap", before)
    planned = [line for line in asked.err.splitlines() if line.startswith("  ")]
    assert [line.split(".")[0].strip() for line in planned[:7]] == ["1", "2", "3", "4", "5", "6", "7"]

    done = cli("finish", NAME, "--yes", "--json")
    assert (done.code, done.json["status"], done.json["active"]) == (0, "registered", True)
    assert (statuses(world), entries(world, state)) == (("registered", ["registered"], NAME), before)
    again = cli("finish", NAME, "--json")
    assert (again.code, again.json["status"], again.err) == (0, "registered", "")


def test_doctor_sees_what_pipelines_may_do_and_what_is_missing(world: Any, cli: Any, deploy: Make) -> None:
    deploy()
    world.finish()
    bare = cli("doctor", NAME, "--json")
    assert bare.code == 3
    assert {k: v for k, v in checks(bare).items() if k in ("cluster", "namespace", "service-account")} == {
        "cluster": True,
        "namespace": False,
        "service-account": False,
    }
    assert cli("doctor", NAME, "--yes", "--json").code == 0
    well = cli("doctor", NAME, "--json")
    assert checks(well) == {
        "registered": True,
        "assume-role": True,
        "object": True,
        "image-login": True,
        "image-push": None,
        "cluster": True,
        "namespace": True,
        "service-account": True,
        "start-jobs": True,
        "run-pipelines": True,
        "bootstrap": None,
    }
    assert well.code == 0


def test_what_somebody_removed_is_seen_and_made_again(world: Any, cli: Any, deploy: Make) -> None:
    state = deploy()
    cli("finish", NAME, "--yes")
    admin = world.cloud.clusters
    cluster = state.outputs["OrchestratorClusterName"]
    caller = admin.principal(world.cloud.identity["arn"])
    admin._eks.create_access_entry(clusterName=cluster, principalArn=caller)
    admin.grant(cluster, caller)
    api = world.cloud.open_api(admin.describe(cluster))
    api.delete("/apis/rbac.authorization.k8s.io/v1/namespaces/zenml/rolebindings/zenml")
    sick = cli("doctor", NAME, "--json")
    assert (sick.code, checks(sick)["run-pipelines"], checks(sick)["bootstrap"]) == (3, False, False)
    told = next(c["message"] for c in sick.json["checks"] if c["id"] == "bootstrap")
    assert told.startswith(f"`stackwright finish {NAME} --bootstrap` would make role binding zenml/zenml")
    assert cli("finish", NAME, "--bootstrap", "--yes").code == 0
    assert checks(cli("doctor", NAME, "--json"))["bootstrap"] is True
    # The entry is the administrator's own: nothing of it was taken away.
    assert admin.entry(cluster, caller).is_admin


def test_an_update_that_asks_for_a_gpu_needs_bootstrap_again(world: Any, cli: Any, deploy: Make) -> None:
    deploy()
    cli("finish", NAME, "--yes")
    deploy(gpu=GPU)
    world.finish()
    assert statuses(world)[0] == "needs_bootstrap"
    done = cli("finish", NAME, "--yes")
    assert (done.code, "make node pool zenml-gpu: at most 2 × g5.xlarge" in done.err) == (0, True)
    assert statuses(world)[0] == "registered"


def test_who_may_neither_administer_nor_lend_learns_who_can(world: Any, cli: Any, deploy: Make) -> None:
    state = deploy()
    before = entries(world, state)
    world.aws.deny("eks:AssociateAccessPolicy")
    refused = cli("finish", NAME, "--yes", "--json")
    assert (refused.code, refused.error["message"].partition(": ")[0]) == (
        4,
        "arn:aws:iam::123456789012:user/moto does not administer cluster "
        f"{state.outputs['OrchestratorClusterName']} and cannot give itself the right",
    )
    assert "admin_principal" in refused.error["hint"]
    assert (entries(world, state), statuses(world)[0]) == (before, "needs_bootstrap")


def test_a_session_is_admitted_by_its_role_and_its_path(world: Any) -> None:
    trust = '{"Version":"2012-10-17","Statement":[]}'
    world.iam.create_role(RoleName="Ops", Path="/teams/", AssumeRolePolicyDocument=trust)
    principal = world.cloud.clusters.principal
    session = "arn:aws:sts::123456789012:assumed-role/"
    assert principal(f"{session}Ops/me") == "arn:aws:iam::123456789012:role/teams/Ops"
    assert principal(f"{session}Gone/me") == "arn:aws:iam::123456789012:role/Gone"


def test_the_root_user_has_no_access_entry(world: Any, refusal: Any) -> None:
    root = "arn:aws:iam::123456789012:root"
    assert refusal(lambda: world.cloud.clusters.principal(root)) == (
        f"{root} cannot be given access to a cluster",
        3,
    )


def test_a_token_names_its_cluster_and_its_minute_in_what_is_signed(world: Any) -> None:
    from base64 import urlsafe_b64decode
    from urllib.parse import parse_qs, urlsplit

    token = world.cloud.clusters.token("churn")
    url = urlsafe_b64decode(token.removeprefix("k8s-aws-v1.") + "==").decode()
    query = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
    assert (query["Action"], query["X-Amz-Expires"], query["X-Amz-SignedHeaders"]) == (
        "GetCallerIdentity",
        "60",
        "host;x-k8s-aws-id",
    )
    assert token != world.cloud.clusters.token("other")


def test_killed_while_its_rights_are_lent_the_same_command_goes_on_and_gives_them_back(
    world: Any, cli: Any, deploy: Make
) -> None:
    state = deploy()
    before = entries(world, state)
    killed = subprocess.run([sys.executable, "-c", DIES_WHILE_APPLYING], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (entries(world, state), statuses(world)[0]) == (sorted([*before, "moto"]), "needs_bootstrap")
    assert cli("finish", NAME, "--yes").code == 0
    assert (entries(world, state), statuses(world)[0]) == (before, "registered")
