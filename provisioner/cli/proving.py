"""What `serve` does with a claim once it has answered: prove it with its own credentials, where they may."""

import time
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

from provisioner.cli import zenml_target
from provisioner.cli.options import now, open_registry, random_id, story
from provisioner.errors import StackwrightError

if TYPE_CHECKING:
    from provisioner.enrolling import Answer

# A stack says that it is made while CloudFormation still works on it.
_TRIES = 60
_PAUSE = 10.0


class Prover:
    """One claim after the other, in a thread of its own; what cannot be proved stays unverified."""

    def __init__(self, profile: str, *, pause: float = _PAUSE) -> None:
        self._profile = profile
        self._pause = pause
        self._names: Queue[str] = Queue()
        Thread(target=self._work, daemon=True).start()

    def add(self, answer: "Answer") -> None:
        self._names.put(answer.stack)

    def _work(self) -> None:
        while True:
            name = self._names.get()
            try:
                self._prove(name)
            except StackwrightError as error:
                story(f"{name} stays unproved: {error.message}")

    def _prove(self, name: str) -> None:
        from provisioner import finish
        from provisioner.cli.cloud import open_cloud_of

        for _ in range(_TRIES):
            cloud = open_cloud_of(name, "", self._profile, foreign=True)
            opened = open_registry().enrolments_of(name)
            try:
                stack = finish.with_credentials(
                    name,
                    doors=cloud.for_proof(),
                    registry=cloud.registry,
                    now=now(),
                    random_id=random_id,
                    account=opened[0].expected_account if opened else "",
                )
            except finish.BusyError:
                time.sleep(self._pause)
                continue
            story(f"{name} is {stack.status}.")
            zenml_target.put_where_asked(stack, cloud.registry, profile=self._profile)
            return
