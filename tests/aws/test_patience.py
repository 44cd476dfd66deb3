"""A throttle slows down its own place, a dead region is given up, and a deadline ends both."""

from dataclasses import dataclass, field

import pytest

from provisioner.aws.patience import Limits, Patience, Place, Trouble
from provisioner.errors import RefusedError

HERE: Place = ("1", "ecr", "eu-west-1")
NEVER = float("inf")


@dataclass
class Time:
    """A clock that only sleeping moves."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def patience(time: Time) -> Patience:
    # No chance: each pause is as long as it may be.
    return Patience(clock=lambda: time.at, sleep=time.sleep, random=lambda: 1.0, limits=Limits(dead_after=6))


def pauses(patience: Patience, trouble: Trouble, attempts: int) -> list[float | None]:
    return [patience.after(HERE, trouble, None, n, NEVER) for n in range(1, attempts + 1)]


def fail(patience: Patience, *services: str, region: str = "eu-west-1", account: str = "1") -> None:
    for service in services:
        patience.after((account, service, region), "unreachable", OSError("no answer"), 1, NEVER)


def test_each_attempt_waits_twice_as_long_until_there_are_enough(patience: Patience) -> None:
    assert pauses(patience, "passing", 5) == [0.2, 0.4, 0.8, 1.6, None]


def test_no_pause_is_longer_than_the_longest(patience: Patience) -> None:
    assert pauses(patience, "throttled", 12)[6:] == [10.0, 10.0, 10.0, 10.0, 10.0, None]


def test_what_is_no_trouble_is_taken_as_it_is(patience: Patience) -> None:
    assert patience.after(HERE, None, None, 1, NEVER) is None


def test_a_throttle_slows_down_the_next_call_of_its_place_only(patience: Patience, time: Time) -> None:
    patience.after(HERE, "throttled", None, 1, NEVER)
    patience.before(("2", "ecr", "eu-west-1"), NEVER)
    patience.before(("1", "ecr", "us-east-1"), NEVER)
    assert time.slept == []
    patience.before(HERE, NEVER)
    assert time.slept == [0.1]


def test_a_place_that_answers_again_is_soon_at_its_old_pace(patience: Patience, time: Time) -> None:
    patience.after(HERE, "throttled", None, 1, NEVER)
    for _ in range(3):
        patience.after(HERE, None, None, 1, NEVER)
    patience.before(HERE, NEVER)
    assert time.slept == []


def test_no_attempt_is_made_that_would_come_too_late(patience: Patience) -> None:
    assert patience.after(HERE, "throttled", None, 1, 0.15) is None


def test_after_its_deadline_a_cell_asks_nothing(patience: Patience, time: Time) -> None:
    time.at = 11.0
    with pytest.raises(RefusedError) as refused:
        patience.before(HERE, 10.0)
    assert refused.value.code == "Deadline"


def test_a_region_that_never_answers_is_given_up_for_every_account_and_service(patience: Patience) -> None:
    fail(patience, "ecr", "ecr", "ecr", "eks", "eks", "eks")
    with pytest.raises(RefusedError) as refused:
        patience.before(("2", "batch", "eu-west-1"), NEVER)
    assert refused.value.message == "eu-west-1 does not answer: given up after 6 failures in a row"
    assert (refused.value.code, type(refused.value.__cause__)) == ("Unreachable", OSError)
    patience.before(("1", "ecr", "us-east-1"), NEVER)


def test_one_service_that_never_answers_is_not_its_region(patience: Patience) -> None:
    fail(patience, *["ecr"] * 6)
    patience.before(("1", "eks", "eu-west-1"), NEVER)
    with pytest.raises(RefusedError, match="ecr in eu-west-1 does not answer"):
        patience.before(HERE, NEVER)


def test_one_stray_failure_beside_a_dead_service_kills_no_region(patience: Patience) -> None:
    fail(patience, *["ecr"] * 6, "eks")
    patience.before(("1", "batch", "eu-west-1"), NEVER)


def test_an_answer_begins_the_count_anew(patience: Patience) -> None:
    fail(patience, "ecr", "ecr", "eks", "eks", "ecr")
    patience.after(("9", "batch", "eu-west-1"), None, None, 1, NEVER)
    fail(patience, "ecr", "eks")
    patience.before(("1", "batch", "eu-west-1"), NEVER)


def test_a_dead_place_gets_no_second_attempt(patience: Patience) -> None:
    fail(patience, "ecr", "ecr", "ecr", "eks", "eks")
    assert patience.after(("1", "eks", "eu-west-1"), "unreachable", None, 1, NEVER) is None


def test_an_account_that_is_done_is_forgotten(patience: Patience, time: Time) -> None:
    patience.after(HERE, "throttled", None, 1, NEVER)
    patience.forget("1")
    patience.before(HERE, NEVER)
    assert time.slept == []


def test_a_scan_that_is_stopped_asks_nothing_and_waits_for_nothing(patience: Patience) -> None:
    patience.stop()
    assert patience.after(HERE, "throttled", None, 1, NEVER) is None
    with pytest.raises(RefusedError, match="stopped"):
        patience.before(HERE, NEVER)
