"""What `serve` does with a claim once it has answered: prove it with its own credentials, where they may."""

import traceback
from queue import Queue
from threading import Thread, Timer
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
    """One claim at a time, in a thread of its own; what cannot be proved stays unverified."""

    def __init__(self, profile: str, *, pause: float = _PAUSE) -> None:
        self._profile = profile
        self._pause = pause
        self._waiting: Queue[tuple[str, int]] = Queue()
        Thread(target=self._work, daemon=True).start()

    def add(self, answer: "Answer") -> None:
        self._waiting.put((answer.stack, _TRIES))

    def _work(self) -> None:
        from provisioner.finish import BusyError

        while True:
            name, tries = self._waiting.get()
            try:
                self._prove(name)
            except BusyError as error:
                self._later(name, tries - 1, error)
            except StackwrightError as error:
                story(f"{name} stays unproved: {error.message}")
            except Exception:  # a bug in one proof keeps no other from being tried
                traceback.print_exc()

    def _later(self, name: str, tries: int, error: StackwrightError) -> None:
        if not tries:
            story(f"{name} stays unproved: {error.message}")
            return
        again = Timer(self._pause, self._waiting.put, [(name, tries)])
        again.daemon = True
        again.start()

    def _prove(self, name: str) -> None:
        from provisioner import finish
        from provisioner.cli.cloud import open_cloud_of

        cloud = open_cloud_of(name, "", self._profile, foreign=True)
        opened = open_registry().enrolments_of(name)
        stack = finish.with_credentials(
            name,
            doors=cloud.for_proof(),
            registry=cloud.registry,
            now=now(),
            random_id=random_id,
            # Where the link named no account, a stranger's may have used it: only our own will do.
            account=opened[0].expected_account if opened else "",
        )
        story(f"{name} is {stack.status}.")
        zenml_target.put_where_asked(stack, cloud.registry, profile=self._profile)
