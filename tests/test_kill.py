"""kill -9 at every step of deploy, finish and destroy: run again, it ends as if nothing had happened."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from provisioner.aws.kubernetes import Api
from provisioner.aws.session import Client, Session
from provisioner.cli.cloud import Cloud
from provisioner.cli.options import places
from provisioner.registry import Registry

NAME = "churn-dev"
REGION = "eu-central-1"
Act = Callable[[Any], object]


def deploy(preset: str) -> Act:
    """What the verb does: create or update, then register."""

    def act(world: Any) -> None:
        world.deploy(world.spec(preset))
        world.finish()

    return act


def clicked(world: Any) -> None:
    """A stack that somebody made from a link, and that nobody registered yet."""
    world.click(world.link(world.spec("sagemaker")), name="renamed-in-the-console")


def finish(world: Any) -> None:
    world.finish()


def filled(world: Any) -> None:
    """A registered stack with objects, old versions and an image in it."""
    deploy("minimal")(world)
    outputs = world.registry.components_of(world.registry.stack(NAME))
    bucket = outputs["artifact_store"].outputs["bucket_name"]
    for body in (b"1", b"2"):
        world.s3.put_object(Bucket=bucket, Key="model", Body=body)
    world.s3.delete_object(Bucket=bucket, Key="model")
    uri = outputs["container_registry"].outputs["repository_uri"]
    media_type = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": {}, "layers": []})
    world.cloud.session.client("ecr").raw.put_image(
        repositoryName=uri.partition("/")[2], imageManifest=manifest, imageTag="one"
    )


def deploy_cluster(world: Any) -> None:
    """What the verb does with a cluster: once registered, it needs to be prepared."""
    from provisioner.cli.preparing import prepared

    cidrs = {"public_access_cidrs": ["198.51.100.7/32"]}
    orchestrator = {"flavor": "eks", "options": cidrs}
    components = {"artifact_store": "s3", "container_registry": "ecr", "orchestrator": orchestrator}
    world.deploy(world.spec(components=components))
    prepared(world.finish(), world.cloud, yes=True, wanted=None)


def destroy(world: Any) -> None:
    """What the verb does after its plan was confirmed."""
    from provisioner import destroy as engine
    from provisioner import teardown

    doors = world.cloud.for_destroy()
    found = engine.look(NAME, doors=doors, account=world.account, region=world.region)
    found = engine.begin(found, doors=doors, now=world.now)
    for step in teardown.plan(found):
        engine.apply(step, doors=doors, clock=world.clock, on_event=world.events.append)


def nothing(world: Any) -> None:
    """An empty account."""


def updated(world: Any) -> None:
    """A registered stack whose wish changes next."""
    deploy("minimal")(world)


def update(world: Any) -> None:
    components = {
        "artifact_store": {"flavor": "s3", "options": {"noncurrent_days": 90}},
        "container_registry": "ecr",
        "orchestrator": "sagemaker",
    }
    world.deploy(world.spec(components=components))
    world.finish()


# What is there before, what is killed, and the writes that the kills fall around.
SCENES: dict[str, tuple[Act, Act, list[str]]] = {
    "deploy": (
        nothing,
        deploy("sagemaker"),
        [
            "registry.open_enrolment",
            "create_change_set",
            "execute_change_set",
            "registry.register",
            "registry.set_active",
        ],
    ),
    "deploy an update": (
        updated,
        update,
        ["create_change_set", "registry.update_enrolment", "execute_change_set", "registry.register"],
    ),
    "deploy a cluster": (
        nothing,
        deploy_cluster,
        [
            "registry.open_enrolment",
            "create_change_set",
            "execute_change_set",
            "registry.register",
            "create_access_entry",
            "associate_access_policy",
            *["kubernetes.apply"] * 4,
            "delete_access_entry",
            "registry.set_bootstrapped",
        ],
    ),
    "finish": (clicked, finish, ["registry.register", "registry.set_active"]),
    "destroy": (
        filled,
        destroy,
        [
            "registry.set_status",
            "delete_stack",
            "delete_objects",
            "delete_repository",
            "delete_bucket",
            "registry.unregister",
        ],
    ),
}


@pytest.mark.parametrize("scene", SCENES)
def test_killed_at_any_step_and_run_again_ends_as_the_undisturbed_run(scene: str, stage: "Stage") -> None:
    before, act, writes = SCENES[scene]
    stage.rise("undisturbed")
    before(stage.world)
    assert stage.run(act) == (writes, "ended")
    undisturbed = stage.picture()
    # Between two writes nothing changes, however many reads there are: step 2n is right before the write n,
    # with everything read that leads to it, step 2n + 1 right after.
    # A cluster is dear: there only what comes right after a write, before anything is read again.
    first, every = (1, 2) if scene == "deploy a cluster" else (0, 1)
    for step in range(first, 2 * len(writes), every):
        stage.rise(f"step-{step}")
        before(stage.world)
        assert stage.run(act, dies_at=step) == (writes[: (step + 1) // 2], "killed")
        # Nobody runs destroy again once it has said that the stack is gone.
        if (scene, step) != ("destroy", 2 * len(writes) - 1):
            act(stage.world)
        assert stage.picture() == undisturbed, f"killed at step {step}"


class Stage:
    """Sets up an empty account and home for each kill, and pictures what is left at the end."""

    def __init__(self, aws: Any, home: Path, make: Callable[..., Any], monkeypatch: Any) -> None:
        self._aws, self._home, self._make, self._set = aws, home, make, monkeypatch.setenv
        # Made once, before any fork: the victim's connections must be its own.
        self._survivor, self._victim = make(aws=aws, home=home).cloud, Cloud(session=Session(REGION))
        vars(self._victim)["identity"] = dict(self._survivor.identity)
        for service in ("cloudformation", "iam", "sts", "s3", "ecr", "eks"):
            self._victim.session.client(service)
        self.world: Any = None

    def rise(self, name: str) -> None:
        """An empty account and an empty home."""
        self._aws.reset()
        self._set("STACKWRIGHT_HOME", str(self._home / name))
        places.cache_clear()
        self.world = self._make(aws=self._aws, home=self._home, cloud=self._survivor)

    def run(self, act: Act, *, dies_at: int = -1) -> tuple[list[str], str]:
        """Acts in a child that is killed at a step; the writes it came to, and how it ended."""
        report = self._home / "writes"
        report.write_text("")
        child = os.fork()
        if child == 0:
            try:
                make_mortal(dies_at, report)
                act(self._make(aws=self._aws, home=self._home, cloud=self._victim))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        words = {0: "ended", -signal.SIGKILL: "killed"}.get(ended, "failed")
        return report.read_text().split(), words

    def picture(self) -> Any:
        self._aws.engine.settle()
        return picture(self._survivor, places().registry)


_READS = re.compile(
    r"(describe_|get_|list_|head_).*|registry\.(active|stacks?|components?(_of)?|enrolments?(_of)?)"
)


def make_mortal(dies_at: int, report: Path) -> None:
    """From now on this process is killed, truly, right before or after a write to AWS or the registry."""
    step = 0

    def reach() -> None:
        nonlocal step
        if step == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        step += 1

    def mortal(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def run(*arguments: Any, **named: Any) -> Any:
            reach()
            result = call(*arguments, **named)
            with report.open("a") as file:
                file.write(f"{name}\n")
            reach()
            return result

        return call if _READS.fullmatch(name) else run

    attribute = Client.__getattr__
    Client.__getattr__ = lambda self, name: mortal(name, attribute(self, name))
    for name, method in list(vars(Registry).items()):
        if callable(method) and not name.startswith("_"):
            setattr(Registry, name, mortal(f"registry.{name}", method))
    Api.apply = mortal("kubernetes.apply", Api.apply)


@pytest.fixture
def stage(aws: Any, home: Path, world: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    home.mkdir(parents=True, exist_ok=True)
    return Stage(aws, home, type(world), monkeypatch)


# Times, and ids made by chance: what two equal runs may differ in.
_TIMES = ("created_at", "opened_at", "published_at")
_CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"
    r"|(?<=-)[A-Za-z0-9]{12,13}(?![A-Za-z0-9])|(?<=-)[0-9a-f]{8}(?![A-Za-z0-9-])"
)


def picture(cloud: Any, registry: Path) -> Any:
    """Everything in the registry and in the account, with ids of chance numbered as they appear."""
    text = json.dumps(
        {"registry": read_registry(registry), **read_account(cloud)}, indent=1, sort_keys=True, default=str
    )
    seen: dict[str, str] = {}
    return json.loads(_CHANCE.sub(lambda m: seen.setdefault(m[0].lower(), f"<{len(seen)}>"), text))


def read_registry(path: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(path) as database:
        database.row_factory = sqlite3.Row
        names = [r[0] for r in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {n: [dict(r) for r in database.execute(f"SELECT * FROM {n}")] for n in sorted(names)}
    return {
        name: by_shape([{k: v for k, v in row.items() if k not in _TIMES} for row in table])
        for name, table in rows.items()
    }


def read_account(cloud: Any) -> dict[str, Any]:
    def client(service: str) -> Any:
        return cloud.session.client(service).raw

    stacks = [{k: v for k, v in vars(s).items() if k not in _TIMES} for s in cloud.stacks.all()]
    waiting = [
        row
        for stack in stacks
        for row in client("cloudformation").list_change_sets(StackName=stack["id"])["Summaries"]
        if row["ExecutionStatus"] != "EXECUTE_COMPLETE"
    ]
    s3, ecr, iam = client("s3"), client("ecr"), client("iam")
    buckets = [
        {
            "name": name,
            "tags": s3.get_bucket_tagging(Bucket=name)["TagSet"],
            "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"],
            "policy": s3.get_bucket_policy(Bucket=name)["Policy"],
            "versions": cloud.buckets.count(name),
        }
        for bucket in s3.list_buckets()["Buckets"]
        if not (name := bucket["Name"]).startswith("templates-")
    ]
    repositories = [
        {
            "name": row["repositoryName"],
            "tags": ecr.list_tags_for_resource(resourceArn=row["repositoryArn"])["tags"],
            "images": cloud.images.count(row["repositoryName"]),
        }
        for row in ecr.describe_repositories()["repositories"]
    ]
    roles = [
        {
            "name": role["RoleName"],
            "trust": role["AssumeRolePolicyDocument"],
            "tags": iam.list_role_tags(RoleName=role["RoleName"])["Tags"],
            "policies": {
                policy: iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
                for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
            },
        }
        for role in iam.list_roles()["Roles"]
    ]
    eks = client("eks")
    clusters = [
        {
            "name": name,
            "entries": {
                arn: {
                    "tags": eks.describe_access_entry(**at)["accessEntry"]["tags"],
                    "policies": [
                        row["policyArn"]
                        for row in eks.list_associated_access_policies(**at)["associatedAccessPolicies"]
                    ],
                }
                for arn in eks.list_access_entries(clusterName=name)["accessEntries"]
                for at in [{"clusterName": name, "principalArn": arn}]
            },
        }
        for name in eks.list_clusters()["clusters"]
    ]
    return {
        "clusters": by_shape(clusters),
        "stacks": by_shape(stacks),
        "waiting change sets": waiting,
        "buckets": by_shape(buckets),
        "repositories": by_shape(repositories),
        "roles": by_shape(roles),
    }


def by_shape(rows: list[Any]) -> list[Any]:
    """In an order that ids of chance have no part in."""
    return sorted(rows, key=lambda row: _CHANCE.sub("", json.dumps(row, sort_keys=True, default=str)))


def test_the_command_itself_killed_while_resources_appear_goes_on_where_it_was(
    aws: Any, world: Any, home: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "provisioner.cli", "deploy", "--preset", "minimal", "--name", NAME]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, "--yes"], cwd=tmp_path, text=True, capture_output=True)

    assert run().returncode == 0
    undisturbed = picture(world.cloud, home / "registry.db")
    aws.reset()
    (home / "registry.db").unlink()
    aws.set_delay(0.2)
    with subprocess.Popen([*command, "--yes"], cwd=tmp_path, text=True, stderr=subprocess.PIPE) as victim:
        assert victim.stderr is not None
        seen = next(line for line in victim.stderr if "CREATE_COMPLETE" in line)
        victim.kill()
    assert victim.returncode == -signal.SIGKILL, seen
    aws.set_delay(0.0)
    assert run().returncode == 0
    assert picture(world.cloud, home / "registry.db") == undisturbed
