"""How long a scan waits: a throttle slows down its own place only, a dead region is given up."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from provisioner.errors import RefusedError

# throttled: too fast here. passing: a fault of the service. unreachable: no answer at all.
Trouble = Literal["throttled", "passing", "unreachable"]
# Account, service, region: AWS counts calls by these three.
Place = tuple[str, str, str]
Host = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Attempts per call, seconds of pauses, and failures in a row until a host or a region is given up."""

    throttled: int = 12
    passing: int = 5
    unreachable: int = 3
    shortest: float = 0.1
    longest: float = 10.0
    dead_after: int = 6

    def attempts(self, trouble: Trouble) -> int:
        return {"throttled": self.throttled, "passing": self.passing, "unreachable": self.unreachable}[
            trouble
        ]


@dataclass(kw_only=True)
class _Tempo:
    """How long a throttled place pauses, and until when it does."""

    pause: float
    until: float


class Patience:
    """Pauses and failures of every place of a scan; safe for threads."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        random: Callable[[], float],
        limits: Limits | None = None,
    ) -> None:
        self._clock, self._sleep, self._random = clock, sleep, random
        self.limits = limits or Limits()
        self._tempos: dict[Place, _Tempo] = {}
        # Failures in a row: of a host since it last answered, of a region's hosts since any of them did.
        self._hosts: Counter[Host] = Counter()
        self._regions: dict[str, Counter[str]] = {}
        self._last: dict[str, BaseException | None] = {}
        self._lock = Lock()
        self._stopped = False

    def stop(self) -> None:
        """Nobody waits for answers any more: calls on their way end, and none is made."""
        self._stopped = True

    def before(self, place: Place, deadline: float) -> None:
        """Wait for the place's turn; raises RefusedError where nothing answers any more, or too late."""
        if self._stopped:
            raise RefusedError("the scan was stopped", code="Stopped")
        self._check_alive(place)
        tempo = self._tempos.get(place)
        if tempo:
            self._sleep(max(0.0, min(tempo.until, deadline) - self._clock()))
        if self._clock() > deadline:
            raise RefusedError(
                "the cell took longer than it may", hint="raise --cell-deadline", code="Deadline"
            )

    def after(
        self,
        place: Place,
        trouble: Trouble | None,
        cause: BaseException | None,
        attempts: int,
        deadline: float,
    ) -> float | None:
        """Seconds until the next attempt, or None to take the outcome as it is."""
        self._note(place, trouble, cause)
        if self._stopped or trouble is None or attempts >= self.limits.attempts(trouble) or self._gap(place):
            return None
        pause = self._pause(place, trouble, attempts)
        return pause if self._clock() + pause < deadline else None

    def forget(self, account: str) -> None:
        """Let go of an account that is done."""
        with self._lock:
            for place in [place for place in self._tempos if place[0] == account]:
                del self._tempos[place]

    def _note(self, place: Place, trouble: Trouble | None, cause: BaseException | None) -> None:
        _, service, region = place
        if trouble == "unreachable":
            with self._lock:
                self._hosts[service, region] += 1
                self._regions.setdefault(region, Counter())[service] += 1
                self._last[region] = cause
        elif region in self._regions:
            with self._lock:
                self._hosts.pop((service, region), None)
                self._regions.pop(region, None)
        if trouble is None and place in self._tempos:
            self._ease(place)

    def _pause(self, place: Place, trouble: Trouble, attempts: int) -> float:
        limits = self.limits
        longest = min(limits.longest, limits.shortest * 2.0**attempts)
        # Half of it for certain, half by chance: calls that were refused together do not come back together.
        pause = longest * (0.5 + self._random() / 2)
        if trouble == "throttled":
            with self._lock:
                known = self._tempos.get(place)
                step = min(limits.longest, 2 * known.pause) if known else limits.shortest
                self._tempos[place] = _Tempo(pause=step, until=self._clock() + step)
        return pause

    def _ease(self, place: Place) -> None:
        with self._lock:
            tempo = self._tempos.get(place)
            if tempo:
                tempo.pause /= 2
                if tempo.pause < self.limits.shortest / 4:
                    del self._tempos[place]

    def _check_alive(self, place: Place) -> None:
        what = self._gap(place)
        if what:
            error = RefusedError(
                f"{what} does not answer: given up after {self.limits.dead_after} failures in a row",
                hint="`stackwright scan --resume` asks again",
                code="Unreachable",
            )
            raise error from self._last.get(place[2])

    def _gap(self, place: Place) -> str:
        """The region or host that was given up, else nothing.

        One host that fails is a service that is down; when a second joins it, it is the region.
        """
        _, service, region = place
        failures = self._regions.get(region)
        if failures and failures.total() >= self.limits.dead_after:
            with self._lock:
                twice = [number for number in failures.values() if number > 1]
            if len(twice) > 1:
                return region or "AWS"
        if self._hosts[service, region] >= self.limits.dead_after:
            return f"{service} in {region}" if region else service
        return ""
