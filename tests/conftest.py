"""One embedded AWS for all tests, emptied before each; a home and dummy credentials for every test."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from provisioner import deploy, enrolments, finish, synth
from provisioner import plan as plans
from provisioner import spec as specs
from provisioner.cli.options import places, random_id
from provisioner.deploy import Clock
from provisioner.enrolments import Enrolment
from provisioner.plan import Plan
from provisioner.template import Template

REGION = "eu-central-1"
ACCOUNT = "123456789012"
OTHER_ACCOUNT = "444455556666"
NAME = "churn-dev"
ESTIMATE = {"total": {"idle": 0, "low": 1, "typical": 2, "high": 3}}
# A secret that must never come out of anything: tests plant it in the environment.
SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYPLANTED000"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "STACKWRIGHT_POLL_SECONDS": "0.05",
    "NO_COLOR": "1",
    # Nobody's own keyring, and none of this machine's.
    "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
}


@pytest.fixture(scope="session")
def emulator() -> Iterator[Any]:
    from provisioner.emulator.server import Emulator

    with Emulator() as aws:
        yield aws


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's own AWS and stackwright settings are out of sight; what a test writes is in `home`."""
    for key in [k for k in os.environ if k.startswith(("AWS_", "STACKWRIGHT_", "ZENML_"))]:
        monkeypatch.delenv(key)
    folder = tmp_path / "home"
    for key, value in {
        **ENVIRONMENT,
        "STACKWRIGHT_HOME": str(folder),
        "AWS_CONFIG_FILE": str(folder / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws-credentials"),
    }.items():
        monkeypatch.setenv(key, value)
    places.cache_clear()
    yield folder
    places.cache_clear()


@pytest.fixture
def aws(emulator: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty AWS that boto3 and the command line reach by the environment alone."""
    emulator.reset()
    emulator.set_delay(0.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
    return emulator


@cache
def session_of(access_key: str, region: str, endpoint: str) -> Any:
    """Clients are dear to make: all tests share those of an account and region."""
    from provisioner.aws.session import Session

    key = {"AccessKeyId": access_key, "SecretAccessKey": SECRET}
    return Session(region, credentials=key)


def cloud_of(aws: Any, account: str, region: str) -> Any:
    """The doors of an account."""
    from provisioner.cli.cloud import Cloud

    return Cloud(session=session_of(aws.access_key(account), region, aws.endpoint))


@dataclass
class World:
    """The engines at work on one account and region, as the verbs drive them; `now` is the test's."""

    aws: Any
    home: Path
    account: str = ACCOUNT
    region: str = REGION
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    events: list[Any] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    cloud: Any = None

    def __post_init__(self) -> None:
        from provisioner.cli.options import open_registry

        self.cloud = self.cloud or cloud_of(self.aws, self.account, self.region)
        self.registry = vars(self.cloud)["registry"] = open_registry()

    def spec(self, preset: str = "minimal", **more: Any) -> specs.Spec:
        """A preset's spec with other top-level keys of stack.yaml."""
        given = {"version": 1, "name": NAME, "region": self.region, "components": specs.PRESETS[preset]}
        return specs.parse(given | more)

    def as_account(self, account: str) -> "World":
        """The same home and time with another account's credentials."""
        return World(aws=self.aws, home=self.home, account=account, region=self.region, now=self.now)

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now, sleep=time.sleep, random_id=random_id, interval=0.05)

    def drafted(self, spec: specs.Spec | None = None) -> tuple[Plan, Template]:
        plan = plans.make(spec or self.spec())
        return plan, synth.template(plan, cache_dir=self.home / "cache")

    def deploy(self, spec: specs.Spec | None = None, **wishes: bool) -> Any:
        plan, template = self.drafted(spec)
        return deploy.run(
            plan,
            template,
            stacks=self.cloud.stacks,
            registry=self.registry,
            account=self.account,
            estimate=ESTIMATE,
            clock=self.clock,
            on_event=self.events.append,
            wishes=deploy.Wishes(**wishes),
            tell=self.told.append,
        )

    def link(self, spec: specs.Spec | None = None, *, expected_account: str = "") -> Enrolment:
        """Opens an enrolment as `link` does."""
        plan, template = self.drafted(spec)
        enrolment = enrolments.make(
            plan=plan,
            template_sha256=template.sha256,
            estimate=ESTIMATE,
            now=self.now,
            random_id=random_id,
            expected_account=expected_account,
        )
        self.registry.open_enrolment(enrolment)
        return enrolment

    def click(
        self,
        enrolment: Enrolment,
        *,
        name: str = "",
        parameters: Mapping[str, str] | None = None,
        template: Template | None = None,
    ) -> Any:
        """What the console does with a link, whatever its user changes; the finished stack."""
        text = (template or self.drafted(specs.parse(dict(enrolment.spec)))[1]).text
        url = self.publish(text)
        stack_id = self.cloud.stacks.create_from_url(
            name=name or enrolment.name,
            template_url=url,
            parameters={**enrolment.parameters, **(parameters or {})},
        )
        return deploy.follow(self.cloud.stacks, stack_id, clock=self.clock, on_event=self.events.append)

    def publish(self, text: str) -> str:
        from provisioner import link as links

        bucket = f"templates-{self.account}"
        self.cloud.buckets.create_private(bucket)
        self.s3.put_object(Bucket=bucket, Key="t.json", Body=text.encode())
        return links.object_url(bucket=bucket, key="t.json", region=self.region)

    def finish(self, name: str = NAME, *, account: str = "") -> Any:
        return finish.with_credentials(
            name,
            doors=self.cloud.for_proof(),
            registry=self.registry,
            now=self.now,
            random_id=random_id,
            account=account,
        )

    def paste(self, text: str) -> Any:
        """Finishes by a pasted FinishCommand, without credentials."""
        from provisioner import finish_address

        return finish.with_address(finish_address.parse(text), registry=self.registry, now=self.now)

    def later(self, **words: float) -> None:
        self.now += timedelta(**words)

    @property
    def s3(self) -> Any:
        return self.cloud.session.client("s3").raw

    @property
    def iam(self) -> Any:
        return self.cloud.session.client("iam").raw

    def held(self) -> dict[str, str]:
        """The registry in short: stacks by status, and the enrolments' statuses, newest first."""
        return {s.name: s.status for s in self.registry.stacks()}

    def statuses(self, name: str = NAME) -> list[str]:
        return [e.status for e in self.registry.enrolments_of(name)]


@pytest.fixture
def world(aws: Any, home: Path) -> World:
    return World(aws=aws, home=home)


@pytest.fixture
def other(world: World) -> World:
    """The same registry, with credentials of another account."""
    return world.as_account(OTHER_ACCOUNT)


Refusal = tuple[str, int]


@pytest.fixture
def refusal() -> Callable[[Callable[[], object]], Refusal]:
    """The message and exit code with which something is refused."""
    from provisioner.errors import StackwrightError

    def ask(act: Callable[[], object]) -> Refusal:
        with pytest.raises(StackwrightError) as caught:
            act()
        return caught.value.message, caught.value.exit_code

    return ask
