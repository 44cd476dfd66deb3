"""What `serve` does once it has answered that a stack is deleted: take its copies out of ZenML servers."""

import traceback
from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

from provisioner.cli.options import story
from provisioner.errors import StackwrightError

if TYPE_CHECKING:
    from provisioner.registry import Registry


class Remover:
    """One stack at a time, in a thread of its own: a server that hangs keeps CloudFormation from nothing.

    What a killed server left undone is begun anew by the next.
    """

    def __init__(self, registry: "Registry", remove: "Callable[[str, Registry], object]") -> None:
        self._registry = registry
        self._remove = remove
        self._waiting: Queue[str] = Queue()
        for name in dict.fromkeys(r.stack for r in registry.registrations() if r.status == "removing"):
            self.add(name)
        Thread(target=self._work, daemon=True).start()

    def add(self, name: str) -> None:
        self._waiting.put(name)

    def _work(self) -> None:
        while True:
            name = self._waiting.get()
            try:
                self._take(name)
            except StackwrightError as error:
                story(f"Copies of {name} stay: {error.message}")
            except Exception:  # a bug with one stack keeps no other's copies
                traceback.print_exc()

    def _take(self, name: str) -> None:
        # A name that was taken again meanwhile is another stack's.
        stack = self._registry.stack(name)
        if stack and stack.status == "deleted":
            self._remove(name, self._registry)
